//! One document of version 2 out of two.
//!
//! Go: kube-openapi/pkg/aggregator/aggregator.go MergeSpecsIgnorePathConflict, FilterSpecByPaths
//!
//! A path that is there already stays. A definition of the same name but another meaning gets a name of its own, and
//! whatever refers to it is told.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// What every reference to a definition begins with.
const PREFIX: &str = "#/definitions/";

/// Leaves of a document the paths below a root, and the definitions that they lead to.
pub fn filter(mut document: Value, root: &str) -> Value {
    let below = |path: &str| path == root || path.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
    if let Some(paths) = document["paths"].as_object_mut() {
        paths.retain(|path, _| below(path));
    }
    let mut used = BTreeSet::new();
    references(&document["paths"], &mut used);
    let mut waiting: Vec<String> = used.iter().cloned().collect();
    while let Some(name) = waiting.pop() {
        let mut further = BTreeSet::new();
        references(&document["definitions"][name.as_str()], &mut further);
        waiting.extend(further.into_iter().filter(|name| used.insert(name.clone())));
    }
    if let Some(definitions) = document["definitions"].as_object_mut() {
        definitions.retain(|name, _| used.contains(name));
    }
    document
}

/// Adds a document to another.
pub fn merge(into: &mut Value, mut from: Value) {
    let known = into["definitions"].as_object().cloned().unwrap_or_default();
    let definitions = from["definitions"].as_object().cloned().unwrap_or_default();
    let names: BTreeMap<String, String> =
        definitions.iter().map(|(name, value)| (name.clone(), free_name(&known, name, value))).collect();
    rename(&mut from, &names);
    for (name, value) in from["definitions"].as_object_mut().map(std::mem::take).into_iter().flatten() {
        let name = names.get(&name).cloned().unwrap_or(name);
        add(into, "definitions", name, value);
    }
    for (path, value) in from["paths"].as_object_mut().map(std::mem::take).into_iter().flatten() {
        add(into, "paths", path, value);
    }
}

fn add(into: &mut Value, field: &str, name: String, value: Value) {
    if let Some(fields) = into[field].as_object_mut() {
        fields.entry(name).or_insert(value);
    }
}

/// Returns the name, or the first `NAME_v2`, `NAME_v3`... that is free or means the same.
fn free_name(known: &Map<String, Value>, name: &str, value: &Value) -> String {
    let mut candidate = name.to_owned();
    let mut number = 1;
    while known.get(&candidate).is_some_and(|other| other != value) {
        number += 1;
        candidate = format!("{name}_v{number}");
    }
    candidate
}

/// Collects the definitions that a part of a document refers to.
fn references(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(name) = fields.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix(PREFIX)) {
                names.insert(name.to_owned());
            }
            fields.values().for_each(|value| references(value, names));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn rename(value: &mut Value, names: &BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(text)) = fields.get_mut("$ref")
                && let Some(name) = text.strip_prefix(PREFIX).and_then(|name| names.get(name))
            {
                *text = format!("{PREFIX}{name}");
            }
            fields.values_mut().for_each(|value| rename(value, names));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| rename(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_below_a_root_comes_with_what_it_refers_to() {
        let document = json!({
            "paths": {"/apis/a.io/v1/things": {"$ref": "#/definitions/A"}, "/apis/a.io/v10": {}, "/version": {}},
            "definitions": {"A": {"items": {"$ref": "#/definitions/B"}}, "B": {}, "C": {}},
        });
        let filtered = filter(document, "/apis/a.io/v1");
        assert_eq!(filtered["paths"].as_object().expect("paths").len(), 1);
        assert_eq!(filtered["definitions"].as_object().expect("definitions").keys().collect::<Vec<_>>(), ["A", "B"]);
    }

    #[test]
    fn another_definition_of_the_same_name_gets_its_own() {
        let mut into = json!({"paths": {"/a": 1}, "definitions": {"A": {"type": "string"}, "B": {}}});
        let from = json!({
            "paths": {"/a": 2, "/b": {"$ref": "#/definitions/A"}},
            "definitions": {"A": {"type": "object"}, "B": {}},
        });
        merge(&mut into, from);
        assert_eq!(into["paths"], json!({"/a": 1, "/b": {"$ref": "#/definitions/A_v2"}}));
        assert_eq!(into["definitions"], json!({"A": {"type": "string"}, "A_v2": {"type": "object"}, "B": {}}));
    }
}
