//! Puts in what a schema says is there when nothing is given.
//!
//! Custom types default by their schema alone: [`apply`]. For built-in types Go has functions; some of
//! these are generated from the schema's own defaults, and [`apply_declared`] does what they do. The
//! rest is code that knows the kind, and stands with it.
//!
//! Go: apiextensions-apiserver/pkg/apiserver/schema/defaulting/{algorithm,prune}.go

use serde_json::{Map, Value};

use super::{
    gotypes::zero,
    model::{Kind, ObjectType, Schema},
    registry::Link,
};

/// Defaults a value of a custom type, from the outside in: a default is defaulted itself.
/// A `null` that is not allowed counts as absent.
pub fn apply(schema: &Schema, value: &mut Value) {
    match (&schema.kind, value) {
        (Kind::Object(object), Value::Object(map)) => apply_to_fields(object, map),
        (Kind::Array(array), Value::Array(items)) => {
            items.iter_mut().for_each(|item| apply_to(array.items.get(), item));
        }
        _ => {}
    }
}

fn apply_to_fields(object: &ObjectType, map: &mut Map<String, Value>) {
    for (name, field) in &object.properties {
        let schema = field.schema.get();
        let Some(default) = &schema.default else { continue };
        if map.get(&**name).is_none_or(|value| is_refused_null(schema, value)) {
            map.insert(name.to_string(), default.clone());
        }
    }
    for (name, value) in map {
        match (object.properties.get(name.as_str()), &object.additional) {
            (Some(field), _) => apply(field.schema.get(), value),
            (None, Some(link)) => apply_to(link.get(), value),
            (None, None) => {}
        }
    }
}

/// An item or a value is there, or is a `null` that stands for its default.
fn apply_to(schema: &Schema, value: &mut Value) {
    if is_refused_null(schema, value)
        && let Some(default) = &schema.default
    {
        *value = default.clone();
    }
    apply(schema, value);
}

/// Removes fields of a custom type that are `null` where `null` is no value. Defaults have been put in before.
///
/// Go: PruneNonNullableNullsWithoutDefaults
pub fn prune_nulls(schema: &Schema, value: &mut Value) {
    match (&schema.kind, value) {
        (Kind::Object(object), Value::Object(map)) => map.retain(|name, value| {
            let field = object.properties.get(name.as_str()).map(|field| field.schema.get());
            let Some(schema) = field.or_else(|| object.additional.as_ref().map(Link::get)) else { return true };
            prune_nulls(schema, value);
            !is_refused_null(schema, value) || schema.default.is_some()
        }),
        (Kind::Array(array), Value::Array(items)) => {
            items.iter_mut().for_each(|item| prune_nulls(array.items.get(), item));
        }
        _ => {}
    }
}

/// A node without a type takes anything, `null` too.
fn is_refused_null(schema: &Schema, value: &Value) -> bool {
    value.is_null() && !schema.nullable && !matches!(schema.kind, Kind::Any | Kind::Deduced)
}

/// Defaults a value of a built-in type with the defaults its fields declare. A default that is the zero
/// value of the Go type only tells clients what an absent field means, and is not put in.
///
/// Go: zz_generated.defaults.go, from `+default`
pub fn apply_declared(schema: &Schema, value: &mut Value) {
    match (&schema.kind, value) {
        (Kind::Object(object), Value::Object(map)) => declared_fields(object, map),
        (Kind::Array(array), Value::Array(items)) => {
            items.iter_mut().for_each(|item| apply_declared(array.items.get(), item));
        }
        _ => {}
    }
}

fn declared_fields(object: &ObjectType, map: &mut Map<String, Value>) {
    for (name, field) in &object.properties {
        let schema = field.schema.get();
        let Some(default) = field.default.as_ref().filter(|default| **default != zero(schema)) else { continue };
        let is_absent = |value: &Value| value.is_null() || (!field.go.pointer && *value == zero(schema));
        if map.get(&**name).is_none_or(is_absent) {
            map.insert(name.to_string(), default.clone());
        }
    }
    for (name, value) in map {
        if let Some(field) = object.properties.get(name.as_str()) {
            apply_declared(field.schema.get(), value);
        } else if let Some(link) = &object.additional {
            apply_declared(link.get(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::openapi;

    #[test]
    fn custom_types_default_from_outside_in() {
        let schema = openapi::schema(
            &json!({"type": "object", "properties": {
                "a": {"type": "object", "default": {}, "properties": {"b": {"type": "integer", "default": 3}}},
                "list": {"type": "array", "items": {"type": "object", "properties": {"c": {"type": "string", "default": "x"}}}},
                "free": {"type": "object", "additionalProperties": {"type": "string", "default": "y"}},
                "null": {"type": "string", "nullable": true, "default": "z"},
                "gone": {"type": "string"}}}),
            None,
        );
        let mut value = json!({"list": [{}, {"c": null}], "free": {"k": null}, "null": null, "gone": null});
        apply(&schema, &mut value);
        prune_nulls(&schema, &mut value);
        let wanted = json!({"a": {"b": 3}, "list": [{"c": "x"}, {"c": "x"}], "free": {"k": "y"}, "null": null});
        assert_eq!(value, wanted);
    }

    #[test]
    fn declared_defaults_leave_zero_values_out() {
        let schemas = openapi::schemas(json!({"definitions": {"v1.Port": {"type": "object", "required": ["port"],
            "properties": {"port": {"type": "integer", "default": 0}, "protocol": {"type": "string", "default": "TCP"}}}}}));
        let schema = schemas.get("v1.Port").expect("known");
        let mut value = json!({"protocol": ""});
        apply_declared(&schema, &mut value);
        assert_eq!(value, json!({"protocol": "TCP"}));
    }
}
