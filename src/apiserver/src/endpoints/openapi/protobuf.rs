//! The document of version 2 as protobuf: the form in which kubectl asks for it.
//!
//! Go: kube-openapi/pkg/handler/handler.go ToProtoBinary, gnostic-models/openapiv2/OpenAPIv2.proto
//!
//! A message is a table of its JSON names, their numbers and their shapes; what the table cannot say (a choice between
//! messages, a map) is a function.

use std::convert::Infallible;

use apimachinery::runtime::serializer::protobuf::wire::Writer;
use serde_json::{Map, Value};

/// How a field of the document is written.
enum Shape {
    Text,
    Flag,
    Integer,
    Number,
    /// Any value, as YAML.
    Any,
    Texts,
    Anys,
    One(&'static Message),
    Each(Write),
    Own(Write),
    /// A map: a message whose entries, under this number, are pairs of name and value.
    Map(u32, Write),
}

/// Writes the fields of a message that stands for a value.
type Write = fn(&mut Writer, &Value);

/// A message: its fields, and where extensions (`x-...`) go.
struct Message {
    fields: &'static [(&'static str, u32, Shape)],
    extensions: u32,
}

static DOCUMENT: Message = Message {
    fields: &[
        ("swagger", 1, Shape::Text),
        ("info", 2, Shape::One(&INFO)),
        ("paths", 8, Shape::Map(2, |w, item| object(w, &PATH_ITEM, item))),
        ("definitions", 9, Shape::Map(1, |w, schema| object(w, &SCHEMA, schema))),
        ("parameters", 10, Shape::Map(1, parameter)),
        ("security", 12, Shape::Each(|w, requirement| map(w, 1, requirement, texts))),
        ("securityDefinitions", 13, Shape::Map(1, |w, key| nested(w, 2, |w| object(w, &API_KEY, key)))),
    ],
    extensions: 16,
};

static INFO: Message = Message { fields: &[("title", 1, Shape::Text), ("version", 2, Shape::Text)], extensions: 7 };

static API_KEY: Message = Message {
    fields: &[
        ("type", 1, Shape::Text),
        ("name", 2, Shape::Text),
        ("in", 3, Shape::Text),
        ("description", 4, Shape::Text),
    ],
    extensions: 5,
};

static PATH_ITEM: Message = Message {
    fields: &[
        ("get", 2, Shape::One(&OPERATION)),
        ("put", 3, Shape::One(&OPERATION)),
        ("post", 4, Shape::One(&OPERATION)),
        ("delete", 5, Shape::One(&OPERATION)),
        ("options", 6, Shape::One(&OPERATION)),
        ("head", 7, Shape::One(&OPERATION)),
        ("patch", 8, Shape::One(&OPERATION)),
        ("parameters", 9, Shape::Each(parameters_item)),
    ],
    extensions: 10,
};

static OPERATION: Message = Message {
    fields: &[
        ("tags", 1, Shape::Texts),
        ("description", 3, Shape::Text),
        ("operationId", 5, Shape::Text),
        ("produces", 6, Shape::Texts),
        ("consumes", 7, Shape::Texts),
        ("parameters", 8, Shape::Each(parameters_item)),
        ("responses", 9, Shape::Map(1, |w, answer| nested(w, 1, |w| object(w, &RESPONSE, answer)))),
        ("schemes", 10, Shape::Texts),
        ("deprecated", 11, Shape::Flag),
    ],
    extensions: 13,
};

static RESPONSE: Message = Message {
    fields: &[
        ("description", 1, Shape::Text),
        ("schema", 2, Shape::Own(|w, schema| nested(w, 1, |w| object(w, &SCHEMA, schema)))),
    ],
    extensions: 5,
};

static REFERENCE: Message = Message { fields: &[("$ref", 1, Shape::Text)], extensions: 0 };

static BODY: Message = Message {
    fields: &[
        ("description", 1, Shape::Text),
        ("name", 2, Shape::Text),
        ("in", 3, Shape::Text),
        ("required", 4, Shape::Flag),
        ("schema", 5, Shape::One(&SCHEMA)),
    ],
    extensions: 6,
};

static QUERY: Message = Message {
    fields: &[
        ("required", 1, Shape::Flag),
        ("in", 2, Shape::Text),
        ("description", 3, Shape::Text),
        ("name", 4, Shape::Text),
        ("type", 6, Shape::Text),
        ("format", 7, Shape::Text),
        ("uniqueItems", 20, Shape::Flag),
    ],
    extensions: 23,
};

/// A parameter of a path or a header.
static PATH: Message = Message {
    fields: &[
        ("required", 1, Shape::Flag),
        ("in", 2, Shape::Text),
        ("description", 3, Shape::Text),
        ("name", 4, Shape::Text),
        ("type", 5, Shape::Text),
        ("format", 6, Shape::Text),
        ("uniqueItems", 19, Shape::Flag),
    ],
    extensions: 22,
};

static SCHEMA: Message = Message {
    fields: &[
        ("$ref", 1, Shape::Text),
        ("format", 2, Shape::Text),
        ("title", 3, Shape::Text),
        ("description", 4, Shape::Text),
        ("default", 5, Shape::Any),
        ("multipleOf", 6, Shape::Number),
        ("maximum", 7, Shape::Number),
        ("exclusiveMaximum", 8, Shape::Flag),
        ("minimum", 9, Shape::Number),
        ("exclusiveMinimum", 10, Shape::Flag),
        ("maxLength", 11, Shape::Integer),
        ("minLength", 12, Shape::Integer),
        ("pattern", 13, Shape::Text),
        ("maxItems", 14, Shape::Integer),
        ("minItems", 15, Shape::Integer),
        ("uniqueItems", 16, Shape::Flag),
        ("maxProperties", 17, Shape::Integer),
        ("minProperties", 18, Shape::Integer),
        ("required", 19, Shape::Texts),
        ("enum", 20, Shape::Anys),
        ("additionalProperties", 21, Shape::Own(additional_properties)),
        ("type", 22, Shape::Own(types)),
        ("items", 23, Shape::Own(|w, items| nested(w, 1, |w| object(w, &SCHEMA, items)))),
        ("allOf", 24, Shape::Each(|w, schema| object(w, &SCHEMA, schema))),
        ("properties", 25, Shape::Map(1, |w, schema| object(w, &SCHEMA, schema))),
        ("example", 30, Shape::Any),
    ],
    extensions: 31,
};

/// Returns the document as protobuf.
pub fn encode(document: &Value) -> Vec<u8> {
    let mut writer = Writer::default();
    object(&mut writer, &DOCUMENT, document);
    writer.0
}

/// Writes a message into a field; it may be empty.
fn nested(w: &mut Writer, number: u32, write: impl FnOnce(&mut Writer)) {
    let Ok(()) = w.message_field::<Infallible>(number, |w| {
        write(w);
        Ok(())
    });
}

fn object(w: &mut Writer, message: &Message, value: &Value) {
    let Some(fields) = value.as_object() else { return };
    for (name, number, shape) in message.fields {
        if let Some(value) = fields.get(*name) {
            field(w, *number, shape, value);
        }
    }
    for (name, value) in extensions(fields) {
        nested(w, message.extensions, |w| pair(w, name, value, any));
    }
}

fn extensions(fields: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    fields.iter().filter(|(name, _)| name.starts_with("x-"))
}

/// Writes a field; as in proto3, what is empty is left out.
fn field(w: &mut Writer, number: u32, shape: &Shape, value: &Value) {
    let items = value.as_array().map_or(&[][..], Vec::as_slice);
    match shape {
        Shape::Text => text(w, number, value),
        Shape::Flag if value.as_bool() == Some(true) => w.varint_field(number, 1),
        Shape::Flag => {}
        Shape::Integer => {
            value.as_i64().filter(|number| *number != 0).into_iter().for_each(|n| w.varint_field(number, n as u64));
        }
        Shape::Number => {
            value.as_f64().filter(|number| *number != 0.0).into_iter().for_each(|n| w.double_field(number, n));
        }
        Shape::Any => nested(w, number, |w| any(w, value)),
        Shape::Texts => items.iter().filter_map(Value::as_str).for_each(|text| w.bytes_field(number, text.as_bytes())),
        Shape::Anys => items.iter().for_each(|item| nested(w, number, |w| any(w, item))),
        Shape::One(message) => nested(w, number, |w| object(w, message, value)),
        Shape::Each(write) => items.iter().for_each(|item| nested(w, number, |w| write(w, item))),
        Shape::Own(write) => nested(w, number, |w| write(w, value)),
        Shape::Map(entries, write) => nested(w, number, |w| map(w, *entries, value, *write)),
    }
}

fn text(w: &mut Writer, number: u32, value: &Value) {
    value.as_str().filter(|text| !text.is_empty()).into_iter().for_each(|text| w.bytes_field(number, text.as_bytes()));
}

fn map(w: &mut Writer, entries: u32, value: &Value, write: Write) {
    for (name, value) in value.as_object().into_iter().flatten() {
        nested(w, entries, |w| pair(w, name, value, write));
    }
}

/// `Named...`: a name and a value.
fn pair(w: &mut Writer, name: &str, value: &Value, write: Write) {
    w.bytes_field(1, name.as_bytes());
    nested(w, 2, |w| write(w, value));
}

/// `Any`: the value as YAML, which JSON is.
fn any(w: &mut Writer, value: &Value) {
    w.bytes_field(2, format!("{value}\n").as_bytes());
}

/// `StringArray`, and `TypeItem` of several types.
fn texts(w: &mut Writer, value: &Value) {
    field(w, 1, &Shape::Texts, value);
}

/// `TypeItem`
fn types(w: &mut Writer, value: &Value) {
    text(w, 1, value);
    texts(w, value);
}

/// `AdditionalPropertiesItem`: a schema, or whether there may be any.
fn additional_properties(w: &mut Writer, value: &Value) {
    match value {
        Value::Bool(allowed) => w.varint_field(2, u64::from(*allowed)),
        schema => nested(w, 1, |w| object(w, &SCHEMA, schema)),
    }
}

/// `ParametersItem`: a parameter, or a reference to one.
fn parameters_item(w: &mut Writer, value: &Value) {
    if value.get("$ref").is_some() {
        nested(w, 2, |w| object(w, &REFERENCE, value));
    } else {
        nested(w, 1, |w| parameter(w, value));
    }
}

/// `Parameter`: a body, or something in the query, the path or a header.
fn parameter(w: &mut Writer, value: &Value) {
    match value.get("in").and_then(Value::as_str) {
        Some("body") => nested(w, 1, |w| object(w, &BODY, value)),
        Some("header") => nested(w, 2, |w| nested(w, 1, |w| object(w, &PATH, value))),
        Some("path") => nested(w, 2, |w| nested(w, 4, |w| object(w, &PATH, value))),
        _ => nested(w, 2, |w| nested(w, 3, |w| object(w, &QUERY, value))),
    }
}

#[cfg(test)]
mod tests {
    use apimachinery::runtime::serializer::protobuf::wire::{Payload, Reader};
    use serde_json::json;

    use super::*;

    /// The bytes of every field with a number.
    fn fields(bytes: &[u8], wanted: u32) -> Vec<&[u8]> {
        let mut reader = Reader(bytes);
        let mut found = Vec::new();
        while let Some((number, payload)) = reader.field().expect("well formed") {
            if let (true, Payload::Bytes(bytes)) = (number == wanted, payload) {
                found.push(bytes);
            }
        }
        found
    }

    fn down<'a>(bytes: &'a [u8], path: &[u32]) -> &'a [u8] {
        path.iter().fold(bytes, |bytes, number| fields(bytes, *number)[0])
    }

    #[test]
    fn kinds_and_extensions_are_where_kubectl_looks_for_them() {
        let kind = json!([{"group": "", "kind": "Pod", "version": "v1"}]);
        let bytes = encode(&json!({
            "swagger": "2.0",
            "paths": {"/api/v1/pods": {"get": {"operationId": "list", "parameters": [{"$ref": "#/parameters/p"}],
                "responses": {"200": {"description": "OK", "schema": {"$ref": "#/definitions/Pod"}}}}}},
            "definitions": {"Pod": {"type": "object", "required": ["spec"], "x-kubernetes-group-version-kind": kind,
                "properties": {"spec": {"additionalProperties": {"type": "string"}}}}},
        }));
        assert_eq!(down(&bytes, &[1]), b"2.0");
        assert_eq!(down(&bytes, &[8, 2, 1]), b"/api/v1/pods");
        assert_eq!(down(&bytes, &[8, 2, 2, 2, 5]), b"list");
        assert_eq!(down(&bytes, &[8, 2, 2, 2, 8, 2, 1]), b"#/parameters/p");
        assert_eq!(down(&bytes, &[8, 2, 2, 2, 9, 1, 2, 1, 2, 1, 1]), b"#/definitions/Pod");
        let pod = down(&bytes, &[9, 1, 2]);
        assert_eq!((down(pod, &[19]), down(pod, &[22, 1])), (&b"spec"[..], &b"object"[..]));
        assert_eq!(down(pod, &[25, 1, 2, 21, 1, 22, 1]), b"string");
        assert_eq!(down(pod, &[31, 1]), b"x-kubernetes-group-version-kind");
        assert_eq!(down(pod, &[31, 2, 2]), format!("{kind}\n").as_bytes());
    }
}
