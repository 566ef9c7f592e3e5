//! An object at one revision with its encodings, each made once.
//!
//! A value is brought into its canonical encoding when it enters memory; get, list and watch copy
//! those bytes. What selectors look at is extracted at the same moment. Every other form (another
//! version or media type) is made on first demand and kept here.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::runtime::object::Object;

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
    /// Other forms by name (`apps/v1 application/vnd.kubernetes.protobuf`), made on first demand.
    forms: Mutex<Vec<(Arc<str>, Bytes)>>,
}

impl Encoded {
    /// Encodes an object. `fields` extracts what this kind's field selectors may name.
    pub fn new(object: &Object, fields: impl FnOnce(&Object) -> BTreeMap<String, String>) -> Self {
        Self {
            name: object.name().to_owned(),
            namespace: object.namespace().to_owned(),
            revision: object.resource_version().parse().unwrap_or_default(),
            labels: object.labels(),
            fields: fields(object),
            json: object.to_json().into(),
            forms: Mutex::new(Vec::new()),
        }
    }

    /// Returns the object, decoded anew: for those who are going to change it.
    pub fn object(&self) -> Object {
        serde_json::from_slice(&self.json).expect("the canonical encoding was made from an object")
    }

    /// Returns a form, making it if this is the first time it is asked for. `make` may run twice when two ask at once.
    pub fn form(&self, name: &str, make: impl FnOnce() -> Bytes) -> Bytes {
        let found = self.forms.lock().iter().find(|(key, _)| **key == *name).map(|(_, bytes)| bytes.clone());
        found.unwrap_or_else(|| {
            let bytes = make();
            self.forms.lock().push((name.into(), bytes.clone()));
            bytes
        })
    }
}
