//! One object of any kind, as a sorted JSON value.
//!
//! Go: apimachinery/pkg/apis/meta/v1/unstructured/unstructured.go

use std::{collections::BTreeMap, sync::Arc};

use phase::snapshot::{Snapshot, Subject};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::runtime::{
    raw::RawTexts,
    schema::{GroupVersion, GroupVersionKind},
};

/// An object: its fields by name, sorted, and the texts of its raw parts. Code that reasons about a kind reads it through
/// small views of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Object(pub Map<String, Value>, #[serde(skip)] pub RawTexts);

impl Object {
    /// Returns an object with nothing but its kind.
    pub fn new(gvk: &GroupVersionKind) -> Self {
        let mut object = Self::default();
        object.set_gvk(gvk);
        object
    }

    /// Takes a value that must be a JSON object.
    pub fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Object(fields) => Some(fields.into()),
            _ => None,
        }
    }

    /// Changes the fields as a value.
    pub fn with_value(&mut self, change: impl FnOnce(&mut Value)) {
        let mut value = Value::Object(std::mem::take(&mut self.0));
        change(&mut value);
        if let Value::Object(fields) = value {
            self.0 = fields;
        }
    }

    /// Gives the fields back as a value.
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    /// Returns the canonical encoding: JSON with `kind` and `apiVersion` in front, as Go writes them, and all other
    /// keys sorted. So the items of a list, which do not repeat their kind, are the end of the same bytes.
    pub fn to_json(&self) -> Vec<u8> {
        if self.1.is_empty() {
            return serde_json::to_vec(&TypeMetaFirst(&self.0)).expect("a JSON value always encodes");
        }
        let mut json = Vec::new();
        self.1.of(&self.0).write(&mut json, type_meta_first(&self.0));
        json
    }

    /// Returns `apiVersion`, or the empty string.
    pub fn api_version(&self) -> &str {
        self.0.get("apiVersion").and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns `kind`, or the empty string.
    pub fn kind(&self) -> &str {
        self.0.get("kind").and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns group, version and kind; an unreadable `apiVersion` counts as a version.
    pub fn gvk(&self) -> GroupVersionKind {
        let api_version = self.api_version();
        GroupVersion::parse(api_version).unwrap_or_else(|| GroupVersion::new("", api_version)).with_kind(self.kind())
    }

    /// Sets `apiVersion` and `kind`.
    pub fn set_gvk(&mut self, gvk: &GroupVersionKind) {
        self.0.insert("apiVersion".to_owned(), Value::String(gvk.group_version().to_string()));
        self.0.insert("kind".to_owned(), Value::String(gvk.kind.clone()));
    }

    /// Returns the value at a path of field names.
    pub fn get(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.0.get(*first)?, |value, name| value.get(name))
    }

    /// Returns the string at a path; empty if absent or of another type.
    pub fn str(&self, path: &[&str]) -> &str {
        self.get(path).and_then(Value::as_str).unwrap_or_default()
    }

    /// Sets the value at a path, making the objects on the way. Something else in the way is replaced.
    pub fn set(&mut self, path: &[&str], value: impl Into<Value>) {
        let Some((last, parents)) = path.split_last() else { return };
        let mut fields = &mut self.0;
        for name in parents {
            let child = fields.entry((*name).to_owned()).or_insert_with(|| Value::Object(Map::new()));
            if !child.is_object() {
                *child = Value::Object(Map::new());
            }
            fields = child.as_object_mut().expect("made an object above");
        }
        fields.insert((*last).to_owned(), value.into());
    }

    /// Removes and returns the value at a path.
    pub fn remove(&mut self, path: &[&str]) -> Option<Value> {
        let (last, parents) = path.split_last()?;
        let mut fields = &mut self.0;
        for name in parents {
            fields = fields.get_mut(*name)?.as_object_mut()?;
        }
        fields.remove(*last)
    }

    /// Returns `metadata.name`.
    pub fn name(&self) -> &str {
        self.str(&["metadata", "name"])
    }

    /// Returns `metadata.namespace`.
    pub fn namespace(&self) -> &str {
        self.str(&["metadata", "namespace"])
    }

    /// Returns `metadata.uid`.
    pub fn uid(&self) -> &str {
        self.str(&["metadata", "uid"])
    }

    /// Returns `metadata.resourceVersion`.
    pub fn resource_version(&self) -> &str {
        self.str(&["metadata", "resourceVersion"])
    }

    /// Sets or, with the empty string, removes `metadata.resourceVersion`.
    pub fn set_resource_version(&mut self, version: &str) {
        if version.is_empty() {
            self.remove(&["metadata", "resourceVersion"]);
        } else {
            self.set(&["metadata", "resourceVersion"], version);
        }
    }

    /// Returns `metadata.generation`, 0 if absent.
    pub fn generation(&self) -> i64 {
        self.get(&["metadata", "generation"]).and_then(Value::as_i64).unwrap_or_default()
    }

    /// Returns `metadata.deletionTimestamp`, if the object is being deleted.
    pub fn deletion_timestamp(&self) -> Option<&str> {
        self.get(&["metadata", "deletionTimestamp"]).and_then(Value::as_str)
    }

    /// Returns `metadata.finalizers`.
    pub fn finalizers(&self) -> Vec<&str> {
        strings(self.get(&["metadata", "finalizers"]))
    }

    /// Returns `metadata.labels`.
    pub fn labels(&self) -> BTreeMap<String, String> {
        string_map(self.get(&["metadata", "labels"]))
    }

    /// Returns `metadata.annotations`.
    pub fn annotations(&self) -> BTreeMap<String, String> {
        string_map(self.get(&["metadata", "annotations"]))
    }
}

/// The keys of an object's type, in the order in which they are written.
pub const TYPE_META: [&str; 2] = ["kind", "apiVersion"];

/// The fields of an object, to be written with its type in front.
struct TypeMetaFirst<'a>(&'a Map<String, Value>);

impl Serialize for TypeMetaFirst<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(type_meta_first(self.0))
    }
}

fn type_meta_first(fields: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    let first = TYPE_META.iter().filter_map(|key| fields.get_key_value(*key));
    first.chain(fields.iter().filter(|(key, _)| !TYPE_META.contains(&key.as_str())))
}

impl From<Map<String, Value>> for Object {
    fn from(fields: Map<String, Value>) -> Self {
        Self(fields, RawTexts::default())
    }
}

/// The strings of an array; everything else in it is left out.
pub fn strings(value: Option<&Value>) -> Vec<&str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The string values of an object; everything else in it is left out.
pub fn string_map(value: Option<&Value>) -> BTreeMap<String, String> {
    let fields = value.and_then(Value::as_object).into_iter().flatten();
    fields.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

impl Subject for Object {
    fn snapshot(&self) -> Arc<Snapshot> {
        Snapshot::value(self.kind(), self.redacted())
    }

    fn edit(&mut self, edited: &Value) -> Result<(), String> {
        let fields = edited.as_object().ok_or("an object must be a JSON object")?;
        self.0.clone_from(fields);
        Ok(())
    }
}

impl Object {
    /// Returns the value with what a Secret holds, and tokens, made unreadable.
    fn redacted(&self) -> Value {
        let mut fields = self.0.clone();
        if self.kind() == "Secret" {
            for part in ["data", "stringData"] {
                if let Some(Value::Object(entries)) = fields.get_mut(part) {
                    entries.values_mut().for_each(|value| *value = Value::String("(redacted)".to_owned()));
                }
            }
        }
        if let Some(token) = fields.get_mut("status").and_then(|status| status.get_mut("token")) {
            *token = Value::String("(redacted)".to_owned());
        }
        Value::Object(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_are_made_and_removed() {
        let mut object = Object::new(&GroupVersionKind::new("apps", "v1", "Deployment"));
        object.set(&["metadata", "labels", "app"], "web");
        assert_eq!(object.labels()["app"], "web");
        assert_eq!(object.remove(&["metadata", "labels", "app"]), Some(json!("web")));
        assert_eq!(object.gvk().to_string(), "apps/v1, Kind=Deployment");
    }

    #[test]
    fn the_type_comes_first() {
        let object = Object::from_value(json!({"data": {"b": "2", "a": "1"}, "kind": "ConfigMap", "apiVersion": "v1"}));
        let json = String::from_utf8(object.expect("object").to_json()).expect("UTF-8");
        assert_eq!(json, r#"{"kind":"ConfigMap","apiVersion":"v1","data":{"a":"1","b":"2"}}"#);
    }

    #[test]
    fn a_snapshot_never_shows_a_secret() {
        let secret =
            Object::from_value(json!({"kind": "Secret", "data": {"password": "aHVudGVyMg=="}})).expect("object");
        assert!(!format!("{:?}", secret.snapshot()).contains("aHVudGVyMg"));
    }
}
