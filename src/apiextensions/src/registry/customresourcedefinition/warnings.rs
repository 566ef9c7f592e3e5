//! What the author of a definition should know although it is valid.
//!
//! Go: apiextensions-apiserver/pkg/registry/customresourcedefinition/strategy.go getUnrecognizedFormatsInCRD,
//! getNonScalarListTypeSetWarnings; apiextensions-apiserver/pkg/apiserver/validation/formats.go

use std::collections::BTreeSet;

use apimachinery::runtime::object::Object;
use serde_json::Value;

use crate::schema::formats;

/// Returns the warnings about a new definition.
pub fn of_new(object: &Object) -> Vec<String> {
    let found = Findings::of(object);
    let formats = found.formats.iter().map(|format| unrecognized(format));
    formats.chain(found.sets.iter().cloned()).collect()
}

/// Returns the warnings about what a change brings.
pub fn of_change(object: &Object, old: &Object) -> Vec<String> {
    let (found, before) = (Findings::of(object), Findings::of(old));
    let formats = found.formats.iter().filter(|format| !before.formats.contains(format));
    let sets = found.sets.difference(&before.sets).cloned();
    formats.map(|format| unrecognized(format)).chain(sets).collect()
}

fn unrecognized(format: &str) -> String {
    format!("unrecognized format \"{format}\"")
}

#[derive(Default)]
struct Findings {
    /// In the order in which they stand.
    formats: Vec<String>,
    /// Whole sentences.
    sets: BTreeSet<String>,
}

impl Findings {
    fn of(object: &Object) -> Self {
        let mut findings = Self::default();
        let versions = object.get(&["spec", "versions"]).and_then(Value::as_array);
        for version in versions.into_iter().flatten() {
            findings.visit(&version["schema"]["openAPIV3Schema"]);
        }
        findings
    }

    fn visit(&mut self, schema: &Value) {
        let Some(fields) = schema.as_object() else { return };
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        if !text("format").is_empty() && !formats::is_recognized(text("type"), text("format")) {
            self.formats.push(text("format").to_owned());
        }
        let items = fields.get("items").and_then(|items| items.get("type")).and_then(Value::as_str);
        if let (Some(kind @ ("object" | "array")), "set") = (items, text("x-kubernetes-list-type")) {
            self.sets.insert(format!(
                "x-kubernetes-list-type: set for items of type \"{kind}\" is not supported by server-side apply or CEL \
                 validation rules"
            ));
        }
        for name in ["items", "additionalProperties", "not"] {
            fields.get(name).into_iter().for_each(|schema| self.visit(schema));
        }
        for name in ["allOf", "anyOf", "oneOf"] {
            let list = fields.get(name).and_then(Value::as_array);
            list.into_iter().flatten().for_each(|schema| self.visit(schema));
        }
        let properties = fields.get("properties").and_then(Value::as_object);
        properties.into_iter().flatten().for_each(|(_, schema)| self.visit(schema));
    }
}
