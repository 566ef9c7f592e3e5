//! A view of an object's metadata: typed reading of a JSON value that somebody else owns.
//!
//! Values of a wrong type read as absent; the decoder has refused them long before.
//!
//! Go: apimachinery/pkg/apis/meta/v1/{types,meta}.go

use serde_json::{Map, Value};

use crate::runtime::object::{self, Object};

/// The finalizer that keeps an object until its dependents are orphaned.
pub const FINALIZER_ORPHAN_DEPENDENTS: &str = "orphan";
/// The finalizer that keeps an object until its dependents are gone.
pub const FINALIZER_DELETE_DEPENDENTS: &str = "foregroundDeletion";

/// `metadata` of an object, or of a template.
#[derive(Clone, Copy, Debug)]
pub struct ObjectMeta<'a>(Option<&'a Map<String, Value>>);

impl<'a> ObjectMeta<'a> {
    /// Views the metadata of an object.
    pub fn of(object: &'a Object) -> Self {
        Self::new(object.get(&["metadata"]))
    }

    /// Views a value; what is no JSON object reads as empty.
    pub fn new(metadata: Option<&'a Value>) -> Self {
        Self(metadata.and_then(Value::as_object))
    }

    /// Returns a field.
    pub fn get(self, field: &str) -> Option<&'a Value> {
        self.0?.get(field)
    }

    /// Returns a string; empty if absent.
    pub fn str(self, field: &str) -> &'a str {
        self.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns `name`.
    pub fn name(self) -> &'a str {
        self.str("name")
    }

    /// Returns `generateName`.
    pub fn generate_name(self) -> &'a str {
        self.str("generateName")
    }

    /// Returns `namespace`.
    pub fn namespace(self) -> &'a str {
        self.str("namespace")
    }

    /// Returns `generation`, 0 if absent.
    pub fn generation(self) -> i64 {
        self.get("generation").and_then(Value::as_i64).unwrap_or_default()
    }

    /// Returns the string entries of `labels` or `annotations`, in order.
    pub fn entries(self, field: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let fields = self.get(field).and_then(Value::as_object).into_iter().flatten();
        fields.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
    }

    /// Returns the labels, in order.
    pub fn labels(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.entries("labels")
    }

    /// Returns the annotations, in order.
    pub fn annotations(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.entries("annotations")
    }

    /// Returns `finalizers`.
    pub fn finalizers(self) -> Vec<&'a str> {
        object::strings(self.get("finalizers"))
    }

    /// Returns `ownerReferences`.
    pub fn owner_references(self) -> impl Iterator<Item = OwnerReference<'a>> {
        self.list("ownerReferences").iter().filter_map(Value::as_object).map(OwnerReference)
    }

    /// Returns the entries of `managedFields`.
    pub fn managed_fields(self) -> impl Iterator<Item = &'a Map<String, Value>> {
        self.list("managedFields").iter().filter_map(Value::as_object)
    }

    /// Returns the reference to the owner that controls the object, if one does.
    ///
    /// Go: apimachinery/pkg/apis/meta/v1/controller_ref.go GetControllerOf
    pub fn controller(self) -> Option<OwnerReference<'a>> {
        self.owner_references().find(|reference| reference.is_controller())
    }

    fn list(self, field: &str) -> &'a [Value] {
        self.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

/// One entry of `ownerReferences`.
#[derive(Clone, Copy, Debug)]
pub struct OwnerReference<'a>(pub &'a Map<String, Value>);

impl<'a> OwnerReference<'a> {
    /// The fields in the order in which Go prints them.
    pub const ORDER: [&'static str; 6] = ["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"];

    fn str(self, field: &str) -> &'a str {
        self.0.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns `apiVersion`.
    pub fn api_version(self) -> &'a str {
        self.str("apiVersion")
    }

    /// Returns `kind`.
    pub fn kind(self) -> &'a str {
        self.str("kind")
    }

    /// Returns `name`.
    pub fn name(self) -> &'a str {
        self.str("name")
    }

    /// Returns `uid`.
    pub fn uid(self) -> &'a str {
        self.str("uid")
    }

    /// Says whether this owner controls the object.
    pub fn is_controller(self) -> bool {
        self.0.get("controller").and_then(Value::as_bool).unwrap_or_default()
    }
}
