//! Reads schemas from OpenAPI documents, of version 2 or 3, with Kubernetes' extensions.
//!
//! Custom resource definitions, aggregated servers and documents on disk come this way; the built-in
//! types have a table of their own. A document says less than a Go struct does: whether a field is a
//! pointer is guessed from its default, which Kubernetes publishes for what is held by value.
//!
//! Go: kube-openapi/pkg/util/proto, apiextensions-apiserver/pkg/apiserver/schema/convert.go

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    model::{
        ArrayType, Bits, Constraints, Field, GoField, Kind, ListType, MapType, ObjectType, Omit, Patch, Schema, Text,
    },
    registry::{Link, Schemas},
};
use crate::runtime::schema::GroupVersionKind;

/// Returns the definitions of a document (`definitions`, or `components.schemas`).
pub fn schemas(mut document: Value) -> Schemas {
    let definitions = match document.get_mut("definitions") {
        Some(definitions) => definitions.take(),
        None => document.pointer_mut("/components/schemas").map(Value::take).unwrap_or_default(),
    };
    Schemas::new(Box::new(move |schemas, name| match well_known(schemas, name) {
        Some(mut schema) => {
            if let Some(definition) = definitions.get(name) {
                schema.description = text(definition, "description");
            }
            Some(schema)
        }
        None => definitions.get(name).map(|definition| schema(definition, Some(schemas))),
    }))
}

/// Returns the schema of a type that Go reads by code of its own, by the name of its definition.
pub fn well_known(schemas: &Schemas, name: &str) -> Option<Schema> {
    let short = name.strip_prefix("io.k8s.")?;
    let apiextensions = short.strip_prefix("apiextensions-apiserver.pkg.apis.apiextensions.v1.");
    if let Some(short) = apiextensions {
        let props = || schemas.link("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps");
        let list = |items: Link| Schema::of(Kind::Array(ArrayType { items, list_type: None })).into();
        let kind = match short {
            "JSON" => Kind::Any,
            "JSONSchemaPropsOrBool" => Kind::Either(vec![Schema::of(Kind::Boolean).into(), props()]),
            "JSONSchemaPropsOrArray" => Kind::Either(vec![props(), list(props())]),
            "JSONSchemaPropsOrStringArray" => Kind::Either(vec![props(), list(Schema::of(Kind::String).into())]),
            _ => return None,
        };
        return Some(Schema::of(kind));
    }
    let (kind, format) = match short {
        "apimachinery.pkg.api.resource.Quantity" => (Kind::Quantity, ""),
        "apimachinery.pkg.util.intstr.IntOrString" => (Kind::IntOrString, "int-or-string"),
        "apimachinery.pkg.apis.meta.v1.Time" => (Kind::Time, "date-time"),
        "apimachinery.pkg.apis.meta.v1.MicroTime" => (Kind::MicroTime, "date-time"),
        "apimachinery.pkg.apis.meta.v1.FieldsV1" | "apimachinery.pkg.runtime.RawExtension" => (Kind::Raw, ""),
        _ => return None,
    };
    Some(Schema { format: Text::Borrowed(format), ..Schema::of(kind) })
}

/// Reads one schema. References are followed through `schemas`; without it they stand for anything.
pub fn schema(value: &Value, schemas: Option<&Schemas>) -> Schema {
    let name = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let flag = |key: &str| value.get(key).and_then(Value::as_bool).unwrap_or_default();
    let int_or_string = flag("x-kubernetes-int-or-string") || name("format") == "int-or-string";
    let kind = match name("type") {
        _ if int_or_string => Kind::IntOrString,
        "object" => Kind::Object(object(value, schemas)),
        "" if value.get("properties").is_some() || value.get("additionalProperties").is_some() => {
            Kind::Object(object(value, schemas))
        }
        "array" => Kind::Array(ArrayType { items: link(value.get("items"), schemas), list_type: list_type(value) }),
        "string" if name("format") == "byte" => Kind::Bytes,
        "string" if schemas.is_some() && name("format") == "date-time" => Kind::Time,
        "string" => Kind::String,
        "integer" if name("format") == "int32" => Kind::Integer(Bits::B32),
        "integer" => Kind::Integer(Bits::B64),
        "number" => Kind::Number,
        "boolean" => Kind::Boolean,
        _ if flag("x-kubernetes-preserve-unknown-fields") => Kind::Deduced,
        _ => Kind::Any,
    };
    Schema {
        name: Text::Borrowed(""),
        description: text(value, "description"),
        kind,
        format: text(value, "format"),
        nullable: flag("nullable"),
        default: value.get("default").cloned(),
        gvks: gvks(value),
        constraints: constraints(value),
    }
}

fn object(value: &Value, schemas: Option<&Schemas>) -> ObjectType {
    let required = strings(value.get("required"));
    let flag = |key: &str| value.get(key).and_then(Value::as_bool).unwrap_or_default();
    let properties = value.get("properties").and_then(Value::as_object).into_iter().flatten();
    let preserve_unknown_fields = flag("x-kubernetes-preserve-unknown-fields");
    ObjectType {
        properties: properties
            .map(|(name, property)| (Text::Owned(name.clone()), field(property, required.contains(&name), schemas)))
            .collect(),
        additional: match value.get("additionalProperties") {
            Some(Value::Bool(true)) => Some(Link::default()),
            Some(Value::Object(_)) => Some(link(value.get("additionalProperties"), schemas)),
            _ => None,
        },
        map_type: map_type(value),
        preserve_unknown_fields,
        embedded_resource: flag("x-kubernetes-embedded-resource"),
        unions: value.get("x-kubernetes-unions").cloned(),
        ..ObjectType::default()
    }
}

fn field(value: &Value, required: bool, schemas: Option<&Schemas>) -> Field {
    let default = value.get("default").cloned();
    let name = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let (strategy, merge_key) = (name("x-kubernetes-patch-strategy"), name("x-kubernetes-patch-merge-key"));
    Field {
        schema: link(Some(value), schemas),
        description: text(value, "description"),
        required,
        map_type: reference(value).and_then(|_| map_type(value)),
        atomic_bytes: false,
        patch: (!strategy.is_empty()).then(|| Patch::parse(strategy, merge_key.to_owned())),
        proto: Vec::new().into(),
        go: GoField {
            // Structs held by value are published with a default; so are scalars that are always written.
            pointer: default.is_none(),
            omit: if required { Omit::Never } else { Omit::Empty },
            ..GoField::default()
        },
        default,
    }
}

/// A reference, alone or in the `allOf` that version 3 wraps it in where it has siblings.
fn reference(value: &Value) -> Option<&str> {
    let wrapped = value.get("allOf").and_then(|all| all.get(0)).filter(|_| value.get("type").is_none());
    let reference = value.get("$ref").or_else(|| wrapped?.get("$ref"))?.as_str()?;
    reference.rsplit('/').next()
}

fn link(value: Option<&Value>, schemas: Option<&Schemas>) -> Link {
    let Some(value) = value else { return Link::default() };
    match (reference(value), schemas) {
        (Some(name), Some(schemas)) => schemas.link(name.to_owned()),
        (Some(_), None) => Link::default(),
        (None, _) => schema(value, schemas).into(),
    }
}

fn list_type(value: &Value) -> Option<ListType> {
    Some(match value.get("x-kubernetes-list-type")?.as_str()? {
        "set" => ListType::Set,
        "map" => ListType::Map(
            strings(value.get("x-kubernetes-list-map-keys")).into_iter().map(|key| Text::Owned(key.clone())).collect(),
        ),
        _ => ListType::Atomic,
    })
}

fn map_type(value: &Value) -> Option<MapType> {
    match value.get("x-kubernetes-map-type")?.as_str()? {
        "atomic" => Some(MapType::Atomic),
        _ => Some(MapType::Granular),
    }
}

fn gvks(value: &Value) -> Vec<GroupVersionKind> {
    let entries = match value.get("x-kubernetes-group-version-kind") {
        Some(Value::Array(entries)) => entries.as_slice(),
        Some(entry @ Value::Object(_)) => std::slice::from_ref(entry),
        _ => &[],
    };
    let name = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    entries
        .iter()
        .map(|entry| GroupVersionKind {
            group: name(entry, "group"),
            version: name(entry, "version"),
            kind: name(entry, "kind"),
        })
        .collect()
}

/// What a document says beyond types; most say nothing.
fn constraints(value: &Value) -> Option<Box<Constraints>> {
    const KEYS: [&str; 20] = [
        "enum",
        "required",
        "maximum",
        "exclusiveMaximum",
        "minimum",
        "exclusiveMinimum",
        "maxLength",
        "minLength",
        "pattern",
        "maxItems",
        "minItems",
        "uniqueItems",
        "multipleOf",
        "maxProperties",
        "minProperties",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "x-kubernetes-validations",
    ];
    let map: &Map<String, Value> = value.as_object()?;
    if !KEYS.iter().any(|key| map.contains_key(*key)) || reference(value).is_some() {
        return None;
    }
    let flag = |key: &str| map.get(key).and_then(Value::as_bool).unwrap_or_default();
    let count = |key: &str| map.get(key).and_then(Value::as_i64);
    let number = |key: &str| map.get(key).and_then(Value::as_f64);
    let list = |key: &str| map.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let each = |key: &str| list(key).iter().map(|value| Arc::new(schema(value, None))).collect();
    Some(Box::new(Constraints {
        enum_values: list("enum"),
        required: strings(map.get("required")).into_iter().cloned().collect(),
        maximum: number("maximum"),
        exclusive_maximum: flag("exclusiveMaximum"),
        minimum: number("minimum"),
        exclusive_minimum: flag("exclusiveMinimum"),
        max_length: count("maxLength"),
        min_length: count("minLength"),
        pattern: map.get("pattern").and_then(Value::as_str).unwrap_or_default().to_owned(),
        max_items: count("maxItems"),
        min_items: count("minItems"),
        unique_items: flag("uniqueItems"),
        multiple_of: number("multipleOf"),
        max_properties: count("maxProperties"),
        min_properties: count("minProperties"),
        all_of: each("allOf"),
        any_of: each("anyOf"),
        one_of: each("oneOf"),
        not: map.get("not").map(|value| Arc::new(schema(value, None))),
        rules: list("x-kubernetes-validations"),
    }))
}

fn strings(value: Option<&Value>) -> Vec<&String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| if let Value::String(text) = item { Some(text) } else { None }).collect()
}

fn text(value: &Value, key: &str) -> Text {
    Text::Owned(value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_custom_type_is_read_with_its_extensions() {
        let schema = schema(
            &json!({"type": "object", "required": ["spec"], "properties": {"spec": {"type": "object", "properties": {
                "ports": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port"],
                    "items": {"type": "object", "properties": {"port": {"type": "integer", "minimum": 1}}}},
                "any": {"x-kubernetes-preserve-unknown-fields": true},
                "to": {"x-kubernetes-int-or-string": true, "nullable": true}}}}}),
            None,
        );
        assert!(schema.field("spec").expect("spec").required);
        let ports = schema.at(&["spec", "ports"]).expect("ports").as_array().expect("a list");
        assert_eq!(ports.keys(), ["port"]);
        let port = schema.at(&["spec", "ports", "port"]).expect("port");
        assert_eq!(port.constraints.as_ref().and_then(|constraints| constraints.minimum), Some(1.0));
        assert!(matches!(schema.at(&["spec", "any"]).expect("any").kind, Kind::Deduced));
        let to = schema.at(&["spec", "to"]).expect("to");
        assert!(to.nullable && matches!(to.kind, Kind::IntOrString));
    }
}
