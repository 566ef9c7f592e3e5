//! What the author of a definition should know although it is valid.
//!
//! Go: apiextensions-apiserver/pkg/registry/customresourcedefinition/strategy.go getUnrecognizedFormatsInCRD;
//! apiextensions-apiserver/pkg/apiserver/validation/formats.go

use apimachinery::runtime::object::Object;
use serde_json::Value;

use crate::schema::formats;

/// Returns the warnings about a new definition.
pub fn of_new(object: &Object) -> Vec<String> {
    formats_of(object).iter().map(|format| unrecognized(format)).collect()
}

/// Returns the warnings about what a change brings.
pub fn of_change(object: &Object, old: &Object) -> Vec<String> {
    let (found, before) = (formats_of(object), formats_of(old));
    found.iter().filter(|format| !before.contains(format)).map(|format| unrecognized(format)).collect()
}

fn unrecognized(format: &str) -> String {
    format!("unrecognized format \"{format}\"")
}

/// Returns the formats that nobody knows, in the order in which they stand.
fn formats_of(object: &Object) -> Vec<String> {
    let mut found = Vec::new();
    let versions = object.get(&["spec", "versions"]).and_then(Value::as_array);
    versions.into_iter().flatten().for_each(|version| visit(&version["schema"]["openAPIV3Schema"], &mut found));
    found
}

fn visit(schema: &Value, found: &mut Vec<String>) {
    let Some(fields) = schema.as_object() else { return };
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    if !text("format").is_empty() && !formats::is_recognized(text("type"), text("format")) {
        found.push(text("format").to_owned());
    }
    for name in ["items", "additionalProperties", "not"] {
        fields.get(name).into_iter().for_each(|schema| visit(schema, found));
    }
    for name in ["allOf", "anyOf", "oneOf"] {
        let list = fields.get(name).and_then(Value::as_array);
        list.into_iter().flatten().for_each(|schema| visit(schema, found));
    }
    let properties = fields.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().for_each(|(_, schema)| visit(schema, found));
}
