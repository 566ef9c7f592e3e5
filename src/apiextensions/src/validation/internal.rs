//! The form in which a definition is checked: what all versions share stands at `spec`.
//!
//! The values stay JSON with the names of v1; only their places change. Where an error shows a whole struct, it shows
//! kube-apiserver's internal one, with Go's field names in their order and every zero value; the second half of this
//! file writes that.
//!
//! Go: apiextensions-apiserver/pkg/apis/apiextensions/v1/conversion.go, .../apiextensions/types{,_jsonschema}.go

use api::rules;
use apimachinery::{runtime::object::Object, util::strconv};
use serde_json::{Map, Value, json};

/// What stands in a version in v1 and moves up if it is the same in all, with its name there.
const SHARED: [(&str, &str); 4] = [
    ("subresources", "subresources"),
    ("schema", "validation"),
    ("additionalPrinterColumns", "additionalPrinterColumns"),
    ("selectableFields", "selectableFields"),
];

/// Rearranges a v1 definition.
///
/// Go: Convert_v1_CustomResourceDefinitionSpec_To_apiextensions_CustomResourceDefinitionSpec
pub fn from_v1(definition: &Object) -> Value {
    let mut value = Value::Object(definition.0.clone());
    let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) else { return value };
    if let Some(conversion) = spec.get_mut("conversion").and_then(Value::as_object_mut)
        && let Some(webhook) = conversion.remove("webhook")
    {
        for (field, place) in
            [("clientConfig", "webhookClientConfig"), ("conversionReviewVersions", "conversionReviewVersions")]
        {
            if let Some(value) = webhook.get(field).filter(|value| !value.is_null()) {
                conversion.insert(place.to_owned(), value.clone());
            }
        }
    }
    let versions = spec.get("versions").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(first) = versions.first() else { return value };
    spec.insert("version".to_owned(), first.get("name").cloned().unwrap_or_else(|| json!("")));
    for (field, place) in SHARED {
        if !versions.iter().all(|version| rules::same(version.get(field), first.get(field))) {
            continue;
        }
        for version in spec.get_mut("versions").and_then(Value::as_array_mut).into_iter().flatten() {
            version.as_object_mut().map(|version| version.remove(field));
        }
        if let Some(shared) = first.get(field).filter(|shared| !shared.is_null()) {
            spec.insert(place.to_owned(), shared.clone());
        }
    }
    value
}

/// How Go holds a field of a schema: it decides what its zero value looks like.
#[derive(Clone, Copy, PartialEq)]
enum Held {
    Text,
    Flag,
    /// A pointer to, or a list of, something JSON writes alike.
    Plain,
    Number,
    Schema,
    Schemas,
    SchemaMap,
    OrArray,
    OrBool,
    Dependencies,
    Docs,
    Rules,
}

/// The fields of JSONSchemaProps in Go's order: their names in Go and in JSON.
const PROPS: &[(&str, &str, Held)] = &[
    ("ID", "id", Held::Text),
    ("Schema", "$schema", Held::Text),
    ("Ref", "$ref", Held::Plain),
    ("Description", "description", Held::Text),
    ("Type", "type", Held::Text),
    ("Nullable", "nullable", Held::Flag),
    ("Format", "format", Held::Text),
    ("Title", "title", Held::Text),
    ("Default", "default", Held::Plain),
    ("Maximum", "maximum", Held::Number),
    ("ExclusiveMaximum", "exclusiveMaximum", Held::Flag),
    ("Minimum", "minimum", Held::Number),
    ("ExclusiveMinimum", "exclusiveMinimum", Held::Flag),
    ("MaxLength", "maxLength", Held::Plain),
    ("MinLength", "minLength", Held::Plain),
    ("Pattern", "pattern", Held::Text),
    ("MaxItems", "maxItems", Held::Plain),
    ("MinItems", "minItems", Held::Plain),
    ("UniqueItems", "uniqueItems", Held::Flag),
    ("MultipleOf", "multipleOf", Held::Number),
    ("Enum", "enum", Held::Plain),
    ("MaxProperties", "maxProperties", Held::Plain),
    ("MinProperties", "minProperties", Held::Plain),
    ("Required", "required", Held::Plain),
    ("Items", "items", Held::OrArray),
    ("AllOf", "allOf", Held::Schemas),
    ("OneOf", "oneOf", Held::Schemas),
    ("AnyOf", "anyOf", Held::Schemas),
    ("Not", "not", Held::Schema),
    ("Properties", "properties", Held::SchemaMap),
    ("AdditionalProperties", "additionalProperties", Held::OrBool),
    ("PatternProperties", "patternProperties", Held::SchemaMap),
    ("Dependencies", "dependencies", Held::Dependencies),
    ("AdditionalItems", "additionalItems", Held::OrBool),
    ("Definitions", "definitions", Held::SchemaMap),
    ("ExternalDocs", "externalDocs", Held::Docs),
    ("Example", "example", Held::Plain),
    ("XPreserveUnknownFields", "x-kubernetes-preserve-unknown-fields", Held::Plain),
    ("XEmbeddedResource", "x-kubernetes-embedded-resource", Held::Flag),
    ("XIntOrString", "x-kubernetes-int-or-string", Held::Flag),
    ("XListMapKeys", "x-kubernetes-list-map-keys", Held::Plain),
    ("XListType", "x-kubernetes-list-type", Held::Plain),
    ("XMapType", "x-kubernetes-map-type", Held::Plain),
    ("XValidations", "x-kubernetes-validations", Held::Rules),
];

/// Returns Go's names of the fields of a schema that are not zero, in Go's order.
pub fn set_fields(schema: &Value) -> impl Iterator<Item = &'static str> {
    let zero = |value: &Value| matches!(value, Value::Null | Value::Bool(false)) || value.as_str() == Some("");
    PROPS.iter().filter_map(move |(go, json, held)| {
        let value = schema.get(*json)?;
        let kept = if *held == Held::Plain || *held == Held::OrBool { !value.is_null() } else { !zero(value) };
        kept.then_some(*go)
    })
}

/// Writes a schema as Go's JSON package writes the internal type.
pub fn schema(schema: Option<&Value>) -> String {
    let Some(fields) = schema.and_then(Value::as_object) else { return "null".to_owned() };
    object(PROPS.iter().map(|(go, json, held)| (*go, prop(*held, fields.get(*json).filter(|value| !value.is_null())))))
}

fn prop(held: Held, value: Option<&Value>) -> String {
    let Some(value) = value else {
        return match held {
            Held::Text => "\"\"",
            Held::Flag => "false",
            _ => "null",
        }
        .to_owned();
    };
    match (held, value) {
        (Held::Number, Value::Number(number)) => match number.as_f64() {
            Some(float) if float.fract() == 0.0 && float.abs() < 1e15 => format!("{float:.0}"),
            _ => number.to_string(),
        },
        (Held::Schema, value) => schema(Some(value)),
        (Held::Schemas, Value::Array(items)) => list(items, |item| schema(Some(item))),
        (Held::SchemaMap, Value::Object(entries)) => map(entries, |value| schema(Some(value))),
        (Held::OrArray, Value::Array(items)) => {
            object([("Schema", "null".to_owned()), ("JSONSchemas", list(items, |item| schema(Some(item))))])
        }
        (Held::OrArray, value) => object([("Schema", schema(Some(value))), ("JSONSchemas", "null".to_owned())]),
        (Held::OrBool, Value::Bool(allows)) => object([("Allows", allows.to_string()), ("Schema", "null".to_owned())]),
        (Held::OrBool, value) => object([("Allows", "true".to_owned()), ("Schema", schema(Some(value)))]),
        (Held::Dependencies, Value::Object(entries)) => map(entries, |value| match value {
            Value::Array(_) => object([("Schema", "null".to_owned()), ("Property", strconv::marshal(value))]),
            value => object([("Schema", schema(Some(value))), ("Property", "null".to_owned())]),
        }),
        (Held::Docs, value) => object([("Description", text(value, "description")), ("URL", text(value, "url"))]),
        (Held::Rules, Value::Array(items)) => list(items, rule),
        (_, value) => strconv::marshal(value),
    }
}

/// Writes one of `x-kubernetes-validations`.
pub fn rule(rule: &Value) -> String {
    object([
        ("Rule", text(rule, "rule")),
        ("Message", text(rule, "message")),
        ("MessageExpression", text(rule, "messageExpression")),
        ("Reason", pointer(rule, "reason")),
        ("FieldPath", text(rule, "fieldPath")),
        ("OptionalOldSelf", pointer(rule, "optionalOldSelf")),
    ])
}

/// Writes the list of versions.
pub fn versions(versions: Option<&Value>) -> String {
    let Some(Value::Array(versions)) = versions else { return "null".to_owned() };
    list(versions, |version| {
        let flag = |field: &str| version.get(field).and_then(Value::as_bool).unwrap_or_default().to_string();
        let items = |field: &str, item: fn(&Value) -> String| match version.get(field) {
            Some(Value::Array(items)) => list(items, item),
            _ => "null".to_owned(),
        };
        object([
            ("Name", text(version, "name")),
            ("Served", flag("served")),
            ("Storage", flag("storage")),
            ("Deprecated", flag("deprecated")),
            ("DeprecationWarning", pointer(version, "deprecationWarning")),
            (
                "Schema",
                present(version.get("schema"), |held| {
                    object([("OpenAPIV3Schema", schema(held.get("openAPIV3Schema")))])
                }),
            ),
            ("Subresources", present(version.get("subresources"), subresources)),
            ("AdditionalPrinterColumns", items("additionalPrinterColumns", column)),
            ("SelectableFields", items("selectableFields", |field| object([("JSONPath", text(field, "jsonPath"))]))),
        ])
    })
}

fn subresources(value: &Value) -> String {
    object([
        ("Status", present(value.get("status"), |_| "{}".to_owned())),
        (
            "Scale",
            present(value.get("scale"), |scale| {
                object([
                    ("SpecReplicasPath", text(scale, "specReplicasPath")),
                    ("StatusReplicasPath", text(scale, "statusReplicasPath")),
                    ("LabelSelectorPath", pointer(scale, "labelSelectorPath")),
                ])
            }),
        ),
    ])
}

fn column(column: &Value) -> String {
    object([
        ("Name", text(column, "name")),
        ("Type", text(column, "type")),
        ("Format", text(column, "format")),
        ("Description", text(column, "description")),
        ("Priority", column.get("priority").and_then(Value::as_i64).unwrap_or_default().to_string()),
        ("JSONPath", text(column, "jsonPath")),
    ])
}

fn text(value: &Value, field: &str) -> String {
    strconv::marshal(&Value::from(value.get(field).and_then(Value::as_str).unwrap_or_default()))
}

fn pointer(value: &Value, field: &str) -> String {
    strconv::marshal(value.get(field).unwrap_or(&Value::Null))
}

fn present(value: Option<&Value>, write: impl Fn(&Value) -> String) -> String {
    value.filter(|value| !value.is_null()).map_or_else(|| "null".to_owned(), write)
}

fn object<'a>(fields: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let parts: Vec<String> = fields.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", parts.join(","))
}

fn map(entries: &Map<String, Value>, write: impl Fn(&Value) -> String) -> String {
    let key = |key: &String| strconv::marshal(&Value::from(key.as_str()));
    let parts: Vec<String> = entries.iter().map(|(name, value)| format!("{}:{}", key(name), write(value))).collect();
    format!("{{{}}}", parts.join(","))
}

fn list(items: &[Value], write: impl Fn(&Value) -> String) -> String {
    format!("[{}]", items.iter().map(write).collect::<Vec<_>>().join(","))
}
