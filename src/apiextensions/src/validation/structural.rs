//! Structural schemas: the shape stands apart from what values must satisfy.
//!
//! A schema is structural if every type, default and list kind can be read off without evaluating anything: `allOf`,
//! `anyOf`, `oneOf` and `not` may narrow values, but not say what exists. Pruning, defaulting, apply and publishing
//! walk the shape and need to trust it.
//!
//! Go: apiextensions-apiserver/pkg/apiserver/schema/{convert,validation}.go

use api::node::Node;
use apimachinery::validation::field::{Error, ErrorList, Path};
use serde_json::{Value, json};

/// What a structural schema has no place for.
const UNSUPPORTED: [(&str, &str); 7] = [
    ("id", "id"),
    ("$schema", "schema"),
    ("$ref", "$ref"),
    ("patternProperties", "patternProperties"),
    ("dependencies", "dependencies"),
    ("additionalItems", "additionalItems"),
    ("definitions", "definitions"),
];

/// Where in an object a schema stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// Says whether a schema is structural.
pub fn is_structural(schema: &Value, path: &Path) -> bool {
    can_be(schema).is_ok() && validate(&Node::new(Some(schema), path.clone())).is_empty()
}

/// Refuses what cannot even be written as a structural schema. The rules on single nodes refuse most of it, too, so this
/// is reported only if they found nothing. Go: NewStructural
pub fn can_be(schema: &Value) -> Result<(), String> {
    for (field, name) in UNSUPPORTED {
        let is_set = match schema.get(field) {
            None | Some(Value::Null) => false,
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Object(entries)) if field != "additionalItems" => !entries.is_empty(),
            Some(_) => true,
        };
        if is_set {
            return Err(format!("OpenAPIV3Schema '{name}' is not supported"));
        }
    }
    if schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(false)) {
        return Err("internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined".to_owned());
    }
    if schema.get("items").is_some_and(Value::is_array) {
        return Err("OpenAPIV3Schema 'items' must be a schema, but is an array".to_owned());
    }
    children(schema).into_iter().try_for_each(can_be)
}

/// The schemas right below one.
fn children(schema: &Value) -> Vec<&Value> {
    let single = ["items", "additionalProperties", "not"].into_iter().filter_map(|field| schema.get(field));
    let lists = ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|field| schema.get(field)?.as_array()).flatten();
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flat_map(|map| map.values());
    single.filter(|value| value.is_object()).chain(lists).chain(properties).collect()
}

/// Checks the shape. Go: ValidateStructural
pub fn validate(schema: &Node<'_>) -> ErrorList {
    let mut errors = ErrorList::new();
    invariants(&mut errors, schema, Level::Root);
    complete(&mut errors, schema, schema.value.expect("the caller has a schema"), &schema.path);
    errors
}

/// Go: validateStructuralInvariants
fn invariants(errors: &mut ErrorList, schema: &Node<'_>, level: Level) {
    let kind = schema.text("type");
    let items = schema.child("items");
    if kind == "array" && !items.is_set() {
        errors.push(items.required("must be specified"));
    }
    if items.is_set() {
        invariants(errors, &items, Level::Item);
    }
    for (_, property) in schema.entries("properties") {
        invariants(errors, &property, Level::Field);
    }
    let additional = schema.child("additionalProperties");
    if additional.is_set() && level == Level::Root {
        errors.push(additional.forbidden("must not be used at the root"));
    }
    if additional.value.is_some_and(Value::is_object) {
        invariants(errors, &additional, Level::Field);
    }
    extensions(errors, schema);
    values(errors, schema, is_int_or_string(schema.get("anyOf")), is_int_or_string(first_any_of(schema)), level);
    types(errors, schema, level);
    metadata(errors, schema, level);
    let embedded = schema.flag("x-kubernetes-embedded-resource");
    if embedded && !schema.flag("x-kubernetes-preserve-unknown-fields") && schema.len("properties") == 0 {
        errors.push(schema.child("properties").required(
            "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
        ));
    }
}

/// Go: validateExtensions
fn extensions(errors: &mut ErrorList, schema: &Node<'_>) {
    for field in ["x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"] {
        if schema.flag("x-kubernetes-int-or-string") && schema.flag(field) {
            errors.push(schema.child(field).invalid("must be false if x-kubernetes-int-or-string is true"));
        }
    }
}

fn types(errors: &mut ErrorList, schema: &Node<'_>, level: Level) {
    let kind = schema.child("type");
    let embedded = schema.flag("x-kubernetes-embedded-resource");
    let free = schema.flag("x-kubernetes-int-or-string") || schema.flag("x-kubernetes-preserve-unknown-fields");
    if embedded && kind.as_str() != "object" {
        let detail = "must be object if x-kubernetes-embedded-resource is true";
        errors.push(if kind.as_str().is_empty() { kind.required(detail) } else { kind.invalid(detail) });
    } else if kind.as_str().is_empty() && !free {
        errors.push(kind.required(match level {
            Level::Root => "must not be empty at the root",
            Level::Item => "must not be empty for specified array items",
            Level::Field => "must not be empty for specified object fields",
        }));
    }
    let additional = schema.child("additionalProperties");
    if embedded && additional.is_set() {
        errors.push(additional.forbidden("must not be used if x-kubernetes-embedded-resource is set"));
    }
    if level == Level::Root && !kind.as_str().is_empty() && kind.as_str() != "object" {
        errors.push(kind.invalid("must be object at the root"));
    }
}

/// `apiVersion`, `kind` and `metadata` of an object, and of those embedded in it, are what they always are.
fn metadata(errors: &mut ErrorList, schema: &Node<'_>, level: Level) {
    let is_resource = level == Level::Root || schema.flag("x-kubernetes-embedded-resource");
    let properties = schema.child("properties");
    for (name, kind) in [("kind", "string"), ("apiVersion", "string"), ("metadata", "object")] {
        let property = properties.key(name);
        let own = property.child("type").or_empty();
        if is_resource && property.is_set() && own.as_str() != kind {
            errors.push(own.invalid(format!("must be {kind}")));
        }
    }
    let metadata = properties.key("metadata");
    if level == Level::Root && metadata.is_set() && !only_restricts_names(&metadata) {
        errors.push(metadata.forbidden(
            "must not specify anything other than name and generateName, but metadata is implicitly specified",
        ));
    }
}

fn only_restricts_names(metadata: &Node<'_>) -> bool {
    let of_names = metadata.entries("properties").iter().all(|(name, _)| matches!(*name, "name" | "generateName"));
    let is_zero = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::Object(_) => false,
    };
    let fields = metadata.value.and_then(Value::as_object).into_iter().flatten();
    let other = fields.filter(|(name, _)| !matches!(name.as_str(), "type" | "default" | "properties"));
    of_names && other.into_iter().all(|(_, value)| is_zero(value))
}

/// `x-kubernetes-int-or-string` is the one shape that `anyOf` may spell out.
fn is_int_or_string(any_of: Option<&Value>) -> bool {
    any_of.is_some_and(|any_of| *any_of == json!([{"type": "integer"}, {"type": "string"}]))
}

fn first_any_of<'a>(schema: &Node<'a>) -> Option<&'a Value> {
    schema.get("allOf")?.get(0)?.get("anyOf")
}

/// What must hold of values. Go: validateValueValidation
fn values(errors: &mut ErrorList, schema: &Node<'_>, skip_any_of: bool, skip_first_all_of: bool, level: Level) {
    if !skip_any_of {
        for part in schema.items("anyOf") {
            nested(errors, &part, false, level);
        }
    }
    for (index, part) in schema.items("allOf").into_iter().enumerate() {
        nested(errors, &part, skip_first_all_of && index == 0, level);
    }
    for part in schema.items("oneOf") {
        nested(errors, &part, false, level);
    }
    let not = schema.child("not");
    if not.is_set() {
        nested(errors, &not, false, level);
    }
    if let Err(error) = cel::regexp::compile(schema.text("pattern")) {
        errors.push(schema.child("pattern").invalid(format!("must be a valid regular expression, but isn't: {error}")));
    }
}

/// What may stand under `allOf` and its like: nothing that shapes. Go: validateNestedValueValidation
fn nested(errors: &mut ErrorList, schema: &Node<'_>, skip_any_of: bool, level: Level) {
    values(errors, schema, skip_any_of, false, level);
    let items = schema.child("items");
    if items.is_set() {
        nested(errors, &items, false, level);
    }
    for (_, property) in schema.entries("properties") {
        nested(errors, &property, false, Level::Field);
    }
    let mut refuse = |field: &str, found: bool, state: &str| {
        if found {
            errors.push(Error::forbidden(&schema.path.child(field), format!("must be {state} to be structural")));
        }
    };
    let additional = schema.get("additionalProperties");
    refuse("additionalProperties", additional.is_some_and(|value| *value != Value::Bool(false)), "undefined");
    for field in ["type", "title", "description"] {
        refuse(field, !schema.text(field).is_empty(), "empty");
    }
    for field in ["default", "x-kubernetes-list-type", "x-kubernetes-map-type"] {
        refuse(
            field,
            schema.value.and_then(|value| value.get(field)).is_some_and(|value| !value.is_null()),
            "undefined",
        );
    }
    let flags = [
        "nullable",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
    ];
    for field in flags {
        refuse(field, schema.flag(field), "false");
    }
    for field in ["x-kubernetes-list-map-keys", "x-kubernetes-validations"] {
        refuse(field, schema.len(field) > 0, "empty");
    }
    let metadata = schema.child("properties").key("metadata");
    if schema.fields("properties").is_some_and(|fields| fields.contains_key("metadata")) {
        errors.push(metadata.forbidden("must not be specified in a nested context"));
    }
}

/// Whatever the root narrows must exist in its shape. Deeper nodes are not asked, in kube-apiserver neither.
///
/// Go: validateStructuralCompleteness
fn complete(errors: &mut ErrorList, part: &Node<'_>, shape: &Value, place: &Path) {
    for field in ["allOf", "anyOf", "oneOf"] {
        part.items(field).iter().for_each(|part| complete_nested(errors, part, shape, place));
    }
    let not = part.child("not");
    if not.is_set() {
        complete_nested(errors, &not, shape, place);
    }
}

fn complete_nested(errors: &mut ErrorList, part: &Node<'_>, shape: &Value, place: &Path) {
    complete(errors, part, shape, place);
    let mut below = |part: &Node<'_>, shape: Option<&Value>, place: Path| match shape.filter(|shape| !shape.is_null()) {
        None => errors.push(Error::required(&place, format!("because it is defined in {}", part.path))),
        Some(shape) => complete_nested(errors, part, shape, &place),
    };
    let items = part.child("items");
    if items.is_set() {
        below(&items, shape.get("items"), place.child("items"));
    }
    for (name, property) in part.entries("properties") {
        let shape = shape.get("properties").and_then(|properties| properties.get(name));
        below(&property, shape, place.child("properties").key(name));
    }
}
