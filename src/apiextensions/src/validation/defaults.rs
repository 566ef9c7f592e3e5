//! Defaults must fit their own schema.
//!
//! A default that the schema itself would refuse, or prune, would make every object that relies on it invalid.
//!
//! Go: apiextensions-apiserver/pkg/apiserver/schema/defaulting/validation.go

use api::node::Node;
use apimachinery::{
    schema::{custom, openapi},
    validation::field::{BadValue, Error, ErrorList, Path},
};
use serde_json::{Map, Value, json};

use super::ratchet::Strictness;
use crate::schema::{objectmeta, validation::Validator};

/// Checks all defaults of a structural schema.
pub fn validate(schema: &Node<'_>, strictness: &Strictness) -> ErrorList {
    let mut errors = ErrorList::new();
    below(&mut errors, schema, true, false, strictness);
    errors
}

/// `inside_metadata`: below `metadata`, `apiVersion` or `kind` of the object or of an embedded one.
fn below(errors: &mut ErrorList, schema: &Node<'_>, is_root: bool, inside_metadata: bool, strictness: &Strictness) {
    let is_resource = is_root || schema.flag("x-kubernetes-embedded-resource");
    let inside_metadata = inside_metadata && !is_resource;
    if let (Some(shape), Some(default)) = (schema.value, schema.get("default")) {
        one(errors, shape, default, &schema.path.child("default"), !inside_metadata && strictness.pruned_defaults);
    }
    // Defaults in additionalProperties are refused elsewhere, or apply to nothing.
    let items = schema.child("items");
    if items.is_set() {
        below(errors, &items, false, inside_metadata, strictness);
    }
    for (name, property) in schema.entries("properties") {
        let meta = is_resource && matches!(name, "metadata" | "apiVersion" | "kind");
        below(errors, &property, false, inside_metadata || meta, strictness);
    }
}

fn one(errors: &mut ErrorList, shape: &Value, default: &Value, path: &Path, must_be_pruned: bool) {
    if must_be_pruned && has_unknown_fields(shape, default) {
        errors.push(Error::invalid(path, BadValue::Value(default.clone()), "must not have unknown fields"));
    }
    let metadata = objectmeta::validate(&openapi::schema(shape, None), path, default);
    if metadata.is_empty() {
        errors.extend(Validator::new(shape).validate(path, default));
    } else {
        errors.extend(metadata);
    }
}

fn has_unknown_fields(shape: &Value, default: &Value) -> bool {
    // Pruning works on whole objects, so the default stands as a field of one.
    let holder = openapi::schema(&json!({"type": "object", "properties": {"default": shape}}), None);
    let mut wrapped = Map::from_iter([("default".to_owned(), default.clone())]);
    custom::prune(&holder, &mut wrapped);
    wrapped.get("default") != Some(default)
}
