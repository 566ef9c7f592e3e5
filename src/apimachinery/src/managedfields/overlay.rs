//! Puts what a policy applies over an object, without keeping books about it.
//!
//! It merges as an apply does, but what is owned as a whole may not be touched: a policy that adds one toleration would
//! replace all others.
//!
//! Go: apiserver/pkg/admission/plugin/policy/mutating/patch/smd.go ApplyStructuredMergeDiff

use serde_json::Value;

use super::{
    merge,
    typed::{self, Type},
};
use crate::schema::model::Schema;

/// Merges `applied` over `live`, both of the type that a schema describes.
pub fn overlay(schema: &Schema, live: &Value, applied: &Value) -> Result<Value, String> {
    typed::validate(schema, applied)
        .map_err(|error| format!("failed to convert patch object to typed object: {error}"))?;
    let mut atomics = Vec::new();
    find_atomics(Type::new(schema), applied, &mut String::new(), &mut atomics);
    if !atomics.is_empty() {
        let paths = atomics.join(", ");
        return Err(format!("invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: {paths}"));
    }
    let merged = merge::merge(Type::new(schema), Some(live), Some(applied));
    let merged = merged.map_err(|error| format!("failed to merge patch: {error}"))?;
    Ok(merged.unwrap_or_default())
}

/// Collects the paths of everything in a value that is owned as a whole. Go: findAtomics
fn find_atomics(ty: Type<'_>, value: &Value, path: &mut String, found: &mut Vec<String>) {
    if (value.is_object() || value.is_array()) && typed::is_atomic(ty) {
        found.push(path.clone());
    }
    let length = path.len();
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if let Some(ty) = typed::named_field(ty, name) {
                    path.push('.');
                    path.push_str(name);
                    find_atomics(ty, value, path, found);
                    path.truncate(length);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                if let Some(ty) = typed::items(ty) {
                    path.push_str(&format!("[{index}]"));
                    find_atomics(ty, item, path, found);
                    path.truncate(length);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::openapi;

    fn schema() -> Schema {
        let item = json!({"type": "object", "properties": {"name": {"type": "string"}, "image": {"type": "string"}}});
        openapi::schema(
            &json!({"type": "object", "properties": {
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "containers": {"type": "array", "items": item, "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"]},
                "tolerations": {"type": "array", "items": {"type": "object", "properties": {"key": {"type": "string"}}}}}}),
            None,
        )
    }

    #[test]
    fn lists_of_named_items_are_merged() {
        let live = json!({"labels": {"a": "1"}, "containers": [{"name": "x", "image": "old"}, {"name": "y"}]});
        let applied = json!({"labels": {"b": "2"}, "containers": [{"name": "x", "image": "new"}]});
        let merged = overlay(&schema(), &live, &applied).expect("merged");
        assert_eq!(merged["labels"], json!({"a": "1", "b": "2"}));
        assert_eq!(merged["containers"], json!([{"name": "x", "image": "new"}, {"name": "y"}]));
    }

    #[test]
    fn what_is_owned_as_a_whole_may_not_be_touched() {
        let error = overlay(&schema(), &json!({}), &json!({"tolerations": [{"key": "a"}]})).expect_err("atomic");
        assert_eq!(error, "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .tolerations");
        let error = overlay(&schema(), &json!({}), &json!({"none": 1})).expect_err("unknown");
        assert_eq!(error, "failed to convert patch object to typed object: .none: field not declared in schema");
    }
}
