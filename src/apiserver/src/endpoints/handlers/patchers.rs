//! What a patch makes of an object.
//!
//! Go: apiserver/pkg/endpoints/handlers/patch.go jsonPatcher, smpPatcher, applyPatcher

use api::declared::TakenApart;
use apimachinery::{
    api::errors::StatusError,
    jsonmergepatch, jsonpatch,
    meta::options::{FieldValidation, PatchType},
    runtime::{
        object::Object,
        schema::{GroupKind, GroupVersionKind},
        serializer::yaml,
    },
    schema::decode,
    util::strconv,
    validation::field::{BadValue, Error, ErrorList, Path},
};
use serde_json::Value;

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
    let (kind, texts) = (current.gvk(), current.1.clone());
    let (patched, strict, apart) = match patch_type {
        PatchType::Json => json_patch(current, body)?,
        PatchType::Merge => merge_patch(current, body)?,
        PatchType::StrategicMerge => return strategic_merge_patch(codec, &current, body, validation),
        PatchType::ApplyYaml => unreachable!("an apply is the field manager's work"),
    };
    let mut patched = decode_patched(codec, &kind, patched, strict, validation, &apart)?;
    patched.object.1 = texts.through_json(&patched.object.0);
    Ok(patched)
}

/// Reads the result of a patch as an object of the kind.
fn decode_patched(
    codec: &dyn Codec,
    kind: &GroupVersionKind,
    mut patched: Object,
    mut strict: Vec<String>,
    validation: FieldValidation,
    apart: &TakenApart,
) -> Result<Patched> {
    // What the client is shown when the result is no object of the kind: it is gone by then.
    let document = Value::Object(patched.0.clone());
    let shown = || codec.show_patched(kind, &document, apart);
    default_type(&mut patched, kind);
    let decoded = codec.decode_value(patched).map_err(|error| invalid_patch(shown(), error.message))?;
    strict.extend(decoded.strict);
    check_strict(decoded.object, strict, validation, shown)
}

/// Gives an object the parts of its type that it lacks.
///
/// Go: apimachinery/pkg/runtime/serializer/json/json.go gvkWithDefaults
fn default_type(object: &mut Object, kind: &GroupVersionKind) {
    let mut own = object.gvk();
    if own.kind.is_empty() {
        own.kind.clone_from(&kind.kind);
    }
    if own.version.is_empty() && own.group.is_empty() {
        own.group.clone_from(&kind.group);
        own.version.clone_from(&kind.version);
    }
    object.set_gvk(&own);
}

/// Does with unknown and repeated fields what the client asked for.
fn check_strict(
    object: Object,
    mut strict: Vec<String>,
    validation: FieldValidation,
    shown: impl FnOnce() -> String,
) -> Result<Patched> {
    match validation {
        FieldValidation::Ignore => strict.clear(),
        FieldValidation::Warn => {}
        FieldValidation::Strict if strict.is_empty() => {}
        FieldValidation::Strict => {
            return Err(invalid_patch(shown(), format!("strict decoding error: {}", strict.join(", "))));
        }
    }
    Ok(Patched { object, warnings: strict })
}

fn invalid_patch(shown: String, detail: String) -> StatusError {
    let errors = ErrorList(vec![Error::invalid(&Path::new("patch"), BadValue::from(shown), detail)]);
    StatusError::new_invalid(&GroupKind::default(), "", errors)
}

/// RFC 6902.
fn json_patch(current: Object, body: &[u8]) -> Result<(Object, Vec<String>, TakenApart)> {
    let patch = jsonpatch::parse(body)?;
    let document = patch.apply(&current.into_value())?;
    // A patch may replace the whole document, and then by anything: what is no object is refused as one of no kind.
    let mut apart = TakenApart::default();
    patch.containers().for_each(|way| apart.note(way.iter().map(String::as_str)));
    Ok((Object::from_value(document).unwrap_or_default(), patch.strict, apart))
}

/// RFC 7386.
fn merge_patch(mut current: Object, body: &[u8]) -> Result<(Object, Vec<String>, TakenApart)> {
    let patch = jsonmergepatch::parse(body)?;
    let apart = TakenApart::by_merge(&patch.fields);
    jsonmergepatch::merge(&mut current.0, patch.fields);
    Ok((current, patch.strict, apart))
}

/// Kubernetes' own.
fn strategic_merge_patch(
    codec: &dyn Codec,
    current: &Object,
    body: &[u8],
    validation: FieldValidation,
) -> Result<Patched> {
    let decoded = decode::untyped(body).map_err(|error| StatusError::new_bad_request(error.0))?;
    let (patch, mut strict) = (Object::from_value(decoded.value).unwrap_or_default(), decoded.strict);
    let merged = codec.strategic_merge(current, patch.clone())?;
    strict.extend(merged.strict);
    check_strict(merged.object, strict, validation, || strconv::sprint(&patch.into_value()))
}

/// Reads the body of an apply.
pub(super) fn read_apply(body: &[u8], validation: FieldValidation) -> Result<Patched> {
    let document = yaml::decode(body).map_err(|error| {
        StatusError::new_bad_request(format!("error decoding YAML: error converting YAML to JSON: {error}"))
    })?;
    let strict = document.strict_error();
    let object = match document.value {
        Value::Object(fields) => fields.into(),
        Value::Null => Object::default(),
        other => {
            let message = format!(
                "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {} into Go \
                 value of type map[string]interface {{}}",
                match other {
                    Value::Array(_) => "array",
                    Value::Bool(_) => "bool",
                    Value::Number(_) => "number",
                    Value::Null | Value::Object(_) | Value::String(_) => "string",
                }
            );
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
