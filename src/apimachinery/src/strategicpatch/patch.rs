//! From a request's body to a patched object, with the answers to what is wrong on the way.
//!
//! Go: apiserver/pkg/endpoints/handlers/patch.go strategicPatchObject, interpretStrategicMergePatchError

use serde_json::{Map, Value};

use super::merge;
use crate::{
    api::errors::{Cause, StatusError},
    runtime::schema::GroupKind,
    schema::{decode, model::Schema},
    util::strconv,
};

/// A strategic merge patch with what strict decoding found in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StrategicMergePatch {
    /// The patch.
    pub fields: Map<String, Value>,
    /// `duplicate field "spec.replicas"`.
    pub strict: Vec<String>,
}

/// Why a patch cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The patch breaks the rules of a directive: the client is told so.
    #[error("invalid patch format of {0}")]
    BadFormat(&'static str),
    /// The patch holds lists within lists.
    #[error("lists of lists are not supported")]
    NoListOfLists,
    /// Anything else, which Kubernetes takes for its own mistake.
    #[error("{0}")]
    Other(String),
}

impl From<PatchError> for StatusError {
    fn from(error: PatchError) -> Self {
        match error {
            PatchError::BadFormat(_) => Self::new_bad_request(error.to_string()),
            PatchError::NoListOfLists => {
                let message = "the server rejected our request due to an error in our request";
                Self { details: Some(Box::default()), ..Self::new(422, "Invalid", message) }
            }
            PatchError::Other(message) => Self::new(500, "", message),
        }
    }
}

/// Reads the body of a request.
pub fn parse(body: &[u8]) -> Result<StrategicMergePatch, StatusError> {
    let decoded = decode::untyped(body).map_err(|error| StatusError::new_bad_request(error.to_string()))?;
    let fields = match decoded.value {
        Value::Object(fields) => fields,
        // A body of `null` is a patch without fields to Go.
        _ => Map::new(),
    };
    Ok(StrategicMergePatch { fields, strict: decoded.strict })
}

/// Merges a patch into an object of a type, as an untyped value.
///
/// Go: StrategicMergeMapPatchUsingLookupPatchMeta
pub fn merge(original: &mut Map<String, Value>, patch: Map<String, Value>, schema: &Schema) -> Result<(), PatchError> {
    merge::merge_map(original, patch, schema)
}

/// Applies a patch to an object and decodes the result; its strict findings are those of the patch and of the result.
pub fn apply(
    original: &Map<String, Value>,
    patch: StrategicMergePatch,
    schema: &Schema,
) -> Result<decode::Decoded, StatusError> {
    let mut merged = original.clone();
    merge(&mut merged, patch.fields.clone(), schema)?;
    let mut decoded = decode::from_unstructured(schema, Value::Object(merged))
        .map_err(|error| invalid(&strconv::sprint(&Value::Object(patch.fields)), &error.0))?;
    decoded.strict.sort();
    decoded.strict.splice(0..0, patch.strict);
    Ok(decoded)
}

/// The answer to a patch whose result cannot be read, or is refused by strict decoding.
///
/// Go: errors.NewInvalid(schema.GroupKind{}, "", field.Invalid(field.NewPath("patch"), ...))
pub fn invalid(patch: &str, error: &str) -> StatusError {
    let message = format!("Invalid value: {}: {error}", strconv::quote(patch));
    let cause = Cause { reason: "FieldValueInvalid".to_owned(), message, field: "patch".to_owned() };
    StatusError::new_invalid(&GroupKind::new("", ""), "", vec![cause])
}
