//! How lists and maps merge: `x-kubernetes-list-type`, its keys, and `x-kubernetes-map-type`.
//!
//! Go: ValidateCustomResourceDefinitionOpenAPISchema, validateMapListKeysMapSet

use api::node::Node;
use apimachinery::validation::field::{Error, ErrorList};
use serde_json::Value;

use super::ratchet::Strictness;

/// Checks one node.
pub fn validate(errors: &mut ErrorList, schema: &Node<'_>, strictness: &Strictness) {
    let preserve = schema.child("x-kubernetes-preserve-unknown-fields");
    if preserve.value == Some(&Value::Bool(false)) {
        errors.push(preserve.invalid("must be true or undefined"));
    }
    has_type(errors, schema, "x-kubernetes-map-type", "object");
    is_one_of(errors, schema, "x-kubernetes-map-type", &["atomic", "granular"]);
    let of_array = has_type(errors, schema, "x-kubernetes-list-type", "array");
    if of_array
        && strictness.atomic_sets
        && let Some((field, value)) = schema.value.and_then(atomic_set_error)
    {
        let path = schema.path.child("items").child(field);
        errors.push(Error::invalid(&path, value, "must be atomic as item of a list with x-kubernetes-list-type=set"));
    }
    is_one_of(errors, schema, "x-kubernetes-list-type", &["atomic", "set", "map"]);
    let (list_type, keys) = (schema.child("x-kubernetes-list-type"), schema.child("x-kubernetes-list-map-keys"));
    if schema.len("x-kubernetes-list-map-keys") > 0 && list_type.as_str() != "map" {
        let detail = "must be map if x-kubernetes-list-map-keys is non-empty";
        errors.push(if list_type.is_set() { list_type.invalid(detail) } else { list_type.required(detail) });
    }
    if list_type.as_str() == "map" {
        list_map(errors, schema, &keys);
    }
    if strictness.list_map_keys {
        list_map_items(errors, schema);
    }
}

/// Requires a type where an extension stands; says whether all is well.
fn has_type(errors: &mut ErrorList, schema: &Node<'_>, extension: &str, wanted: &str) -> bool {
    let kind = schema.child("type");
    if !schema.has(extension) || kind.as_str() == wanted {
        return true;
    }
    let detail = format!("must be {wanted} if {extension} is specified");
    errors.push(if kind.as_str().is_empty() { kind.required(detail) } else { kind.invalid(detail) });
    false
}

fn is_one_of(errors: &mut ErrorList, schema: &Node<'_>, extension: &str, supported: &[&str]) {
    let node = schema.child(extension);
    if node.is_set() && !supported.contains(&node.as_str()) {
        errors.push(node.not_supported(supported));
    }
}

/// Returns what is wrong with the items of a set: they must be replaced as a whole. The value shown is the list type of
/// the items in both cases, as in kube-apiserver.
pub fn atomic_set_error(schema: &Value) -> Option<(&'static str, Value)> {
    let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
    if text(schema, "x-kubernetes-list-type")? != "set" {
        return None;
    }
    let items = schema.get("items").filter(|items| items.is_object())?;
    let list_type = text(items, "x-kubernetes-list-type");
    let shown = list_type.clone().map_or(Value::Null, Value::from);
    match text(items, "type")?.as_str() {
        "array" if list_type.is_some_and(|kind| kind != "atomic") => Some(("x-kubernetes-list-type", shown)),
        "object" if text(items, "x-kubernetes-map-type").as_deref() != Some("atomic") => {
            Some(("x-kubernetes-map-type", shown))
        }
        _ => None,
    }
}

fn list_map(errors: &mut ErrorList, schema: &Node<'_>, keys: &Node<'_>) {
    if keys.items_here().is_empty() {
        errors.push(keys.required("must not be empty if x-kubernetes-list-type is map"));
    }
    let items = schema.child("items");
    let Some(value) = items.value else {
        return errors.push(items.required("must have a schema if x-kubernetes-list-type is map"));
    };
    if value.is_array() {
        return errors.push(items.invalid("must only have a single schema if x-kubernetes-list-type is map"));
    }
    let kind = items.child("type").or_empty();
    if kind.as_str() != "object" {
        return errors.push(kind.invalid("must be object if parent array's x-kubernetes-list-type is map"));
    }
    let mut seen: Vec<&str> = Vec::new();
    for key in keys.items_here() {
        let key = key.as_str();
        let property = items.child("properties").key(key);
        if !property.is_set() {
            errors.push(keys.invalid("entries must all be names of item properties"));
        } else if matches!(property.text("type"), "array" | "object") {
            let detail = "must be a scalar type if parent array's x-kubernetes-list-type is map";
            errors.push(Error::invalid(&property.child("type").path, kind.as_str(), detail));
        }
        if seen.contains(&key) {
            errors.push(keys.invalid("must not contain duplicate entries"));
        }
        seen.push(key);
    }
}

/// Requires that the keys of a list-map are always there, and that items of a set or list-map are never null.
pub fn list_map_items(errors: &mut ErrorList, schema: &Node<'_>) {
    let (list_type, items) = (schema.text("x-kubernetes-list-type"), schema.child("items"));
    if !matches!(list_type, "set" | "map") || !items.value.is_some_and(Value::is_object) {
        return;
    }
    if items.flag("nullable") {
        let detail = format!("cannot be nullable when x-kubernetes-list-type is {list_type}");
        errors.push(items.child("nullable").forbidden(detail));
    }
    if list_type != "map" {
        return;
    }
    let required = items.texts("required");
    for key in schema.texts("x-kubernetes-list-map-keys") {
        let property = items.child("properties").key(key);
        if !property.is_set() {
            continue;
        }
        if !required.contains(&key) && !property.has("default") {
            errors.push(property.child("default").required(
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
            ));
        }
        if property.flag("nullable") {
            let detail = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
            errors.push(property.child("nullable").forbidden(detail));
        }
    }
}
