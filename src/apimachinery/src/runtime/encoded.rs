//! An object at one revision with its encodings, each made once.
//!
//! A value is brought into its canonical encoding when it enters memory; get, list and watch copy
//! those bytes. What selectors look at is extracted at the same moment. Every other form (another
//! version or media type) is made on first demand and kept here.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Map, Value};

use crate::runtime::{
    object::{Object, TYPE_META},
    raw::RawTexts,
};

/// An object as it is served. Immutable; shared by the cache, lists and watchers through `Arc`.
#[derive(Debug)]
pub struct Encoded {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`; empty for cluster-scoped objects.
    pub namespace: String,
    /// The revision at which this state was written; `metadata.resourceVersion` as a number.
    pub revision: u64,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// The fields that this kind's field selectors may name, `metadata.name` and `metadata.namespace` among them.
    pub fields: BTreeMap<String, String>,
    /// The canonical encoding: JSON of the storage version, defaulted, with `resourceVersion` set.
    pub json: Bytes,
    /// The texts of raw parts, which JSON shows without their spaces.
    pub texts: RawTexts,
    /// Where the fields after `kind` and `apiVersion` begin in `json`.
    after_type: usize,
    /// Other forms by name (`apps/v1 application/vnd.kubernetes.protobuf`), made on first demand.
    forms: Mutex<Vec<(Arc<str>, Bytes)>>,
    /// The form that was made last of those that are true for a moment only.
    fleeting: Mutex<Option<(String, Bytes)>>,
}

impl Encoded {
    /// Encodes an object. `fields` extracts what this kind's field selectors may name.
    pub fn new(object: &Object, fields: impl FnOnce(&Object) -> BTreeMap<String, String>) -> Self {
        let json = object.to_json();
        Self {
            after_type: type_length(object, &json),
            name: object.name().to_owned(),
            namespace: object.namespace().to_owned(),
            revision: object.resource_version().parse().unwrap_or_default(),
            labels: object.labels(),
            fields: fields(object),
            json: json.into(),
            texts: object.1.clone(),
            forms: Mutex::new(Vec::new()),
            fleeting: Mutex::new(None),
        }
    }

    /// Returns the object, decoded anew: for those who are going to change it.
    pub fn object(&self) -> Object {
        let mut object: Object =
            serde_json::from_slice(&self.json).expect("the canonical encoding was made from an object");
        object.1.clone_from(&self.texts);
        object
    }

    /// Says whether this is how an object would be encoded.
    pub fn is_encoding_of(&self, object: &Object) -> bool {
        self.texts == object.1 && self.json == object.to_json()
    }

    /// Returns the fields after `kind` and `apiVersion`, with the closing brace: after an opening brace, this is the
    /// object as it stands among the items of a typed list.
    pub fn fields_after_type(&self) -> &[u8] {
        &self.json[self.after_type..]
    }

    /// Returns a form that was made before.
    pub fn made_form(&self, name: &str) -> Option<Bytes> {
        self.forms.lock().iter().find(|(key, _)| **key == *name).map(|(_, bytes)| bytes.clone())
    }

    /// Returns a form, making it if this is the first time it is asked for. `make` may run twice when two ask at once.
    pub fn form(&self, name: &str, make: impl FnOnce() -> Bytes) -> Bytes {
        self.made_form(name).unwrap_or_else(|| {
            let bytes = make();
            self.forms.lock().push((name.into(), bytes.clone()));
            bytes
        })
    }

    /// Returns a form that holds for a moment, which its name tells, if it is the last that was made.
    pub fn made_fleeting(&self, name: &str) -> Option<Bytes> {
        self.fleeting.lock().as_ref().filter(|(made, _)| made == name).map(|(_, bytes)| bytes.clone())
    }

    /// Keeps a form that holds for a moment in place of the one before.
    pub fn keep_fleeting(&self, name: String, bytes: Bytes) {
        *self.fleeting.lock() = Some((name, bytes));
    }
}

/// Returns how long the beginning of an encoding is: the brace, the type and the comma after it.
fn type_length(object: &Object, json: &[u8]) -> usize {
    let alone: Map<String, Value> =
        TYPE_META.iter().filter_map(|key| Some(((*key).to_owned(), object.0.get(*key)?.clone()))).collect();
    match Object::from(alone).to_json().len() {
        // No type: only the brace.
        2 => 1,
        // The type without its closing brace, and the comma where something follows.
        length => length.min(json.len() - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn raw_parts_keep_their_text() {
        let mut object = Object::from_value(json!({"kind": "X", "data": {"a": 1, "b": 2}})).expect("object");
        object.1.note("/data".to_owned(), r#"{"b": 2, "a": 1}"#, &object.0["data"]);
        let encoded = Encoded::new(&object, |_| BTreeMap::new());
        assert_eq!(encoded.json, r#"{"kind":"X","data":{"b":2,"a":1}}"#);
        assert_eq!(encoded.object(), object);
        assert!(encoded.is_encoding_of(&object));
        object.1 = object.1.through_json(&object.0);
        assert!(!encoded.is_encoding_of(&object), "spaces count");
    }

    #[test]
    fn items_are_the_end_of_the_same_bytes() {
        let encode = |value| Encoded::new(&Object::from_value(value).expect("object"), |_| BTreeMap::new());
        let full = encode(json!({"kind": "ConfigMap", "apiVersion": "v1", "data": {}, "metadata": {"name": "a"}}));
        assert_eq!(full.fields_after_type(), br#""data":{},"metadata":{"name":"a"}}"#);
        assert_eq!(encode(json!({"kind": "ConfigMap", "apiVersion": "v1"})).fields_after_type(), b"}");
        assert_eq!(encode(json!({"data": {}})).fields_after_type(), br#""data":{}}"#);
    }
}
