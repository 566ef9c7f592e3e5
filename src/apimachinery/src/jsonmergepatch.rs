//! JSON merge patches (RFC 7386), as the library that kube-apiserver uses reads them.
//!
//! An object in the patch is merged field by field, `null` removes, everything else replaces. Unlike the
//! RFC, `null`s are also taken out of objects inside lists that the patch brings.
//!
//! Go: gopkg.in/evanphx/json-patch.v4/merge.go

use serde_json::{Map, Value};

use crate::{api::errors::StatusError, schema::decode};

/// A merge patch with what strict decoding found in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MergePatch {
    /// The patch.
    pub fields: Map<String, Value>,
    /// `duplicate field "data.k"`.
    pub strict: Vec<String>,
}

/// Reads the body of a request.
pub fn parse(body: &[u8]) -> Result<MergePatch, StatusError> {
    let decoded = decode::untyped(body)
        .map_err(|error| StatusError::new_bad_request(format!("error decoding patch: {error}")))?;
    let fields = match decoded.value {
        Value::Object(fields) => fields,
        // A body of `null` is a patch without fields to Go.
        _ => Map::new(),
    };
    Ok(MergePatch { fields, strict: decoded.strict })
}

/// Applies the fields of a patch. Go: mergeDocs
pub fn merge(target: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (name, value) in patch {
        match (value, target.get_mut(&name)) {
            (Value::Null, _) => {
                target.remove(&name);
            }
            (Value::Object(fields), Some(Value::Object(current))) => merge(current, fields),
            (mut value, _) => {
                prune_nulls(&mut value);
                target.insert(name, value);
            }
        }
    }
}

/// Removes `null` fields from objects, also from those in lists. Go: pruneNils
fn prune_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(prune_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(prune_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_merged_replaced_and_removed() {
        let mut target = json!({"a": {"b": 1, "c": 2}, "list": [1], "gone": 1});
        let patch =
            json!({"a": {"b": null, "d": {"e": null, "f": 1}}, "list": [{"x": null, "y": 2}, null], "gone": null});
        let (Value::Object(target), Value::Object(patch)) = (&mut target, patch) else { unreachable!() };
        merge(target, patch);
        assert_eq!(Value::Object(target.clone()), json!({"a": {"c": 2, "d": {"f": 1}}, "list": [{"y": 2}, null]}));
    }

    #[test]
    fn bodies_that_are_no_patch_are_refused_in_go_words() {
        let refusal = |body: &str| parse(body.as_bytes()).expect_err("refused").message;
        assert_eq!(
            refusal("[]"),
            "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"
        );
        assert_eq!(refusal(""), "error decoding patch: unexpected end of JSON input");
        assert_eq!(parse(br#"{"a": 1, "a": 2}"#).expect("a patch").strict, [r#"duplicate field "a""#]);
    }
}
