//! What a patch makes of an object.
//!
//! Go: apiserver/pkg/endpoints/handlers/patch.go jsonPatcher, smpPatcher, applyPatcher

use apimachinery::{
    api::errors::StatusError,
    jsonmergepatch, jsonpatch,
    meta::options::{FieldValidation, PatchType},
    runtime::{object::Object, schema::GroupKind, serializer::yaml},
    schema::decode,
    validation::field::{BadValue, Error, ErrorList, Path},
};
use serde_json::{Map, Value};

use crate::{endpoints::codec::Codec, registry::rest::Result};

/// The new state, and what the client should know about it.
pub(super) struct Patched {
    /// At the served version, without defaults for what the patch left out.
    pub object: Object,
    /// Unknown and repeated fields.
    pub warnings: Vec<String>,
}

/// Applies a patch of one of the three older kinds.
pub(super) fn patch(
    codec: &dyn Codec,
    patch_type: PatchType,
    current: Object,
    body: &[u8],
    validation: FieldValidation,
) -> Result<Patched> {
    let (patched, strict) = match patch_type {
        PatchType::Json => json_patch(current, body)?,
        PatchType::Merge => merge_patch(current, body)?,
        PatchType::StrategicMerge => return strategic_merge_patch(codec, &current, body, validation),
        PatchType::ApplyYaml => unreachable!("an apply is the field manager's work"),
    };
    // What the client is shown when the result is no object of the kind.
    let shown = |object: &Object| Value::Object(object.0.clone()).to_string();
    decode_patched(codec, patched, strict, validation, shown)
}

/// Reads the result of a patch as an object of the kind.
fn decode_patched(
    codec: &dyn Codec,
    patched: Object,
    mut strict: Vec<String>,
    validation: FieldValidation,
    shown: impl Fn(&Object) -> String,
) -> Result<Patched> {
    // The text is needed for a refusal only, and the object is gone by then: it is made first where it may be needed.
    let text = shown(&patched);
    let decoded = codec.decode_value(patched).map_err(|error| invalid_patch(text.clone(), error.message))?;
    strict.extend(decoded.strict);
    match validation {
        FieldValidation::Ignore => strict.clear(),
        FieldValidation::Warn => {}
        FieldValidation::Strict if strict.is_empty() => {}
        FieldValidation::Strict => {
            return Err(invalid_patch(text, format!("strict decoding error: {}", strict.join(", "))));
        }
    }
    Ok(Patched { object: decoded.object, warnings: strict })
}

fn invalid_patch(shown: String, detail: String) -> StatusError {
    let errors = ErrorList(vec![Error::invalid(&Path::new("patch"), BadValue::from(shown), detail)]);
    StatusError::new_invalid(&GroupKind::default(), "", errors)
}

/// RFC 6902.
fn json_patch(current: Object, body: &[u8]) -> Result<(Object, Vec<String>)> {
    let patch = jsonpatch::parse(body)?;
    let document = patch.apply(&current.into_value())?;
    // A patch may replace the whole document, and then by anything: what is no object is refused as one of no kind.
    Ok((Object::from_value(document).unwrap_or_default(), patch.strict))
}

/// RFC 7386.
fn merge_patch(mut current: Object, body: &[u8]) -> Result<(Object, Vec<String>)> {
    let patch = jsonmergepatch::parse(body)?;
    jsonmergepatch::merge(&mut current.0, patch.fields);
    Ok((current, patch.strict))
}

/// Kubernetes' own.
fn strategic_merge_patch(
    codec: &dyn Codec,
    current: &Object,
    body: &[u8],
    validation: FieldValidation,
) -> Result<Patched> {
    let decoded = decode::untyped(body).map_err(|error| StatusError::new_bad_request(error.0))?;
    let (patch, strict) = (Object::from_value(decoded.value).unwrap_or_default(), decoded.strict);
    let shown = go_map(&Value::Object(patch.0.clone()));
    let patched = codec.strategic_merge(current, patch)?;
    decode_patched(codec, patched, strict, validation, |_| shown.clone())
}

/// Reads the body of an apply.
pub(super) fn read_apply(body: &[u8], validation: FieldValidation) -> Result<Patched> {
    let document = yaml::decode(body)
        .map_err(|error| StatusError::new_bad_request(format!("error decoding YAML: {}", error.0)))?;
    let strict = document.strict_error();
    let object = match document.value {
        Value::Object(fields) => Object(fields),
        Value::Null => Object(Map::new()),
        _ => {
            let message = "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal \
                           into Go value of type map[string]interface {}";
            return Err(StatusError::new_bad_request(message));
        }
    };
    match strict {
        Some(error) if validation == FieldValidation::Strict => Err(StatusError::new_bad_request(format!(
            "error strict decoding YAML: error converting YAML to JSON: yaml: {}",
            error.0
        ))),
        Some(_) if validation == FieldValidation::Warn => Ok(Patched { object, warnings: document.duplicates }),
        _ => Ok(Patched { object, warnings: Vec::new() }),
    }
}

/// Shows a value as Go's `%+v` shows a map: `map[spec:map[replicas:2]]`.
fn go_map(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{key}:{}", go_map(value))).collect();
            format!("map[{}]", fields.join(" "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(go_map).collect::<Vec<_>>().join(" ")),
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}
