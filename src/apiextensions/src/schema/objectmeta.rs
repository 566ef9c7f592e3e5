//! The metadata of objects that stand inside a custom resource.
//!
//! Go: apiextensions-apiserver/pkg/apiserver/schema/objectmeta/validation.go

use apimachinery::{
    api::validation::{
        name::validate_path_segment_name,
        object_meta::{Scope, validate_object_meta},
    },
    meta::object_meta::ObjectMeta,
    runtime::{object::Object, schema::GroupVersion},
    schema::model::{Kind, Schema},
    util::validation,
    validation::field::{Error, ErrorList, Path},
};
use serde_json::{Map, Value};

/// Checks every embedded object below a value.
///
/// Go: Validate
pub fn validate(schema: &Schema, path: &Path, value: &Value) -> ErrorList {
    let mut errors = ErrorList::new();
    visit(schema, path, value, &mut errors);
    errors
}

fn visit(schema: &Schema, path: &Path, value: &Value, errors: &mut ErrorList) {
    match (&schema.kind, value) {
        (Kind::Object(object), Value::Object(fields)) => {
            if object.embedded_resource {
                embedded(path, fields, errors);
            }
            for (name, value) in fields {
                if let Some(field) = object.properties.get(name.as_str()) {
                    visit(field.schema.get(), &path.child(name), value, errors);
                } else if let Some(link) = &object.additional {
                    visit(link.get(), &path.key(name), value, errors);
                }
            }
        }
        (Kind::Array(array), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                visit(array.items.get(), &path.index(index), item, errors);
            }
        }
        _ => {}
    }
}

/// Go: validateEmbeddedResource
fn embedded(path: &Path, fields: &Map<String, Value>, errors: &mut ErrorList) {
    for name in ["apiVersion", "kind"] {
        let field = path.child(name);
        match fields.get(name) {
            None => errors.push(Error::required(&field, "")),
            Some(Value::String(text)) if text.is_empty() => {
                errors.push(Error::invalid(&field, "", "must not be empty"));
            }
            Some(Value::String(text)) => {
                errors.extend(wrong_type_meta(name, text).map(|detail| Error::invalid(&field, text.as_str(), detail)));
            }
            Some(other) => errors.push(Error::invalid(&field, other.clone(), "must be a string")),
        }
    }
    if let Some(Value::Object(metadata)) = fields.get("metadata") {
        let mut object = Object::default();
        object.0.insert("metadata".to_owned(), Value::Object(metadata.clone()));
        if object.name().is_empty() {
            // A name is not wanted, and without one there would be a complaint.
            object.set(&["metadata", "name"], "fakename");
        }
        let scope = if object.namespace().is_empty() { Scope::Cluster } else { Scope::Namespaced };
        let (meta, path) = (ObjectMeta::of(&object), path.child("metadata"));
        errors.extend(validate_object_meta(meta, scope, validate_path_segment_name, &path));
    }
}

/// Says what is wrong with an `apiVersion` or a `kind`.
fn wrong_type_meta(name: &str, text: &str) -> Option<String> {
    if name == "apiVersion" {
        let parsed = GroupVersion::parse(text);
        return parsed.is_none().then(|| format!("unexpected GroupVersion string: {text}"));
    }
    let wrong = validation::is_dns1035_label(&text.to_lowercase());
    (!wrong.is_empty()).then(|| format!("may have mixed case, but should otherwise match: {}", wrong.join(",")))
}

#[cfg(test)]
mod tests {
    use apimachinery::schema::openapi;
    use serde_json::json;

    use super::*;

    #[test]
    fn embedded_objects_need_a_type_and_well_formed_names() {
        let schema = openapi::schema(
            &json!({"type": "object", "properties": {"pod": {"type": "object", "x-kubernetes-embedded-resource": true,
                "x-kubernetes-preserve-unknown-fields": true}}}),
            None,
        );
        let value = json!({"pod": {"kind": "P@d", "metadata": {"name": "a/b"}}});
        let fields: Vec<String> = validate(&schema, &Path::default(), &value).0.into_iter().map(|e| e.field).collect();
        assert_eq!(fields, ["pod.apiVersion", "pod.kind", "pod.metadata.name"]);
    }
}
