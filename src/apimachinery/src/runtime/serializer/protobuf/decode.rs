//! Reads a message of a type as a value.
//!
//! Go writes every field that is not a pointer, zero or not. A zero scalar of such a field is therefore
//! left out here; whoever writes the object again adds it where Go would. Numbers that the type does not
//! have are passed over, as by every reader of protobuf.
//!
//! Go: the generated Unmarshal functions of k8s.io/api

use std::cell::RefCell;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Number, Value};

use super::{
    envelope::{self, MAGIC, Unknown},
    layout::{Slot, Slots},
    wire::{Payload, Reader, WireError},
};
use crate::{
    api::resource,
    runtime::{object::Object, raw::RawTexts, serializer::json},
    schema::{
        model::{Bits, Field, Kind, Schema},
        registry::Link,
    },
};

/// How deep messages may nest.
const MAX_DEPTH: usize = 127;

/// Reads an object from its envelope; the schema is that of its kind.
pub fn object(schema: &Schema, unknown: &Unknown<'_>) -> Result<Object, WireError> {
    let mut object = message(schema, unknown.raw)?;
    object.0.insert("apiVersion".to_owned(), unknown.api_version.as_str().into());
    object.0.insert("kind".to_owned(), unknown.kind.as_str().into());
    Ok(object)
}

/// Reads the fields of an object type.
pub fn message(schema: &Schema, bytes: &[u8]) -> Result<Object, WireError> {
    let (mut fields, texts) = (Map::new(), RefCell::default());
    match schema.as_object() {
        Some(object) => slots(Slots::of(object), bytes, &mut fields, At { above: None, depth: 0, texts: &texts })?,
        None => return Err(WireError(format!("{} is not a message", schema.name))),
    }
    Ok(Object(fields, texts.into_inner()))
}

/// Where the reader stands: the fields, indexes and keys on the way, the innermost first.
#[derive(Clone, Copy)]
struct At<'a> {
    above: Option<(&'a At<'a>, Step<'a>)>,
    /// How many messages are open.
    depth: usize,
    /// The texts of raw parts.
    texts: &'a RefCell<RawTexts>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

impl<'a> At<'a> {
    fn step(&'a self, step: Step<'a>) -> Self {
        Self { above: Some((self, step)), ..*self }
    }

    fn name(&'a self, name: &'a str) -> Self {
        self.step(Step::Name(name))
    }

    fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    fn pointer(&self) -> String {
        match self.above {
            None => String::new(),
            Some((above, Step::Name(name))) => format!("{}/{name}", above.pointer()),
            Some((above, Step::Index(index))) => format!("{}/{index}", above.pointer()),
        }
    }
}

fn slots(message: Slots<'_>, bytes: &[u8], fields: &mut Map<String, Value>, at: At<'_>) -> Result<(), WireError> {
    if at.depth > MAX_DEPTH {
        return Err(WireError("exceeded max depth".to_owned()));
    }
    let mut reader = Reader(bytes);
    while let Some((number, payload)) = reader.field()? {
        match message.get(number) {
            Some(Slot::Field(name, field)) => self::field(name, field, payload, fields, at)?,
            Some(Slot::Embedded(embedded)) => match payload {
                Payload::Bytes(bytes) => slots(embedded, bytes, fields, at.deeper())?,
                other => return Err(wrong_type(other, "embedded")),
            },
            None => {}
        }
    }
    Ok(())
}

fn wrong_type(payload: Payload<'_>, name: &str) -> WireError {
    let mut chars = name.chars();
    let first = chars.next().map(|char| char.to_ascii_uppercase()).unwrap_or_default();
    WireError(format!("proto: wrong wireType = {} for field {first}{}", payload.wire_type(), chars.as_str()))
}

fn field(
    name: &str,
    field: &Field,
    payload: Payload<'_>,
    fields: &mut Map<String, Value>,
    at: At<'_>,
) -> Result<(), WireError> {
    let (schema, at) = (field.schema.get(), at.name(name));
    match (&schema.kind, payload) {
        (Kind::Array(array), _) => {
            let list = fields.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            let list = list.as_array_mut().ok_or_else(|| wrong_type(payload, name))?;
            items(name, array.items.get(), payload, list, at)
        }
        (Kind::Object(object), Payload::Bytes(bytes)) => {
            let entry = fields.entry(name).or_insert_with(|| Value::Object(Map::new()));
            let entries = entry.as_object_mut().ok_or_else(|| wrong_type(payload, name))?;
            match &object.additional {
                Some(values) => map_entry(name, values, bytes, entries, at),
                // A message that comes in two parts is one.
                None => slots(Slots::of(object), bytes, entries, at.deeper()),
            }
        }
        _ => {
            let value = single(name, schema, payload, at)?;
            if !value.is_null() && (field.go.pointer || !is_zero(&schema.kind, &value)) {
                fields.insert(name.to_owned(), value);
            }
            Ok(())
        }
    }
}

/// Reads one item of a list, or several numbers that are packed into one field.
fn items(
    name: &str,
    schema: &Schema,
    payload: Payload<'_>,
    list: &mut Vec<Value>,
    at: At<'_>,
) -> Result<(), WireError> {
    match (&schema.kind, payload) {
        (Kind::Integer(_) | Kind::Boolean, Payload::Bytes(packed)) => {
            let mut reader = Reader(packed);
            while !reader.0.is_empty() {
                let number = Payload::Varint(reader.varint()?);
                list.push(single(name, schema, number, at.step(Step::Index(list.len())))?);
            }
        }
        _ => list.push(single(name, schema, payload, at.step(Step::Index(list.len())))?),
    }
    Ok(())
}

fn map_entry(
    name: &str,
    values: &Link,
    bytes: &[u8],
    entries: &mut Map<String, Value>,
    at: At<'_>,
) -> Result<(), WireError> {
    let schema = values.get();
    let (mut key, mut value) = (String::new(), None);
    let mut reader = Reader(bytes);
    while let Some((number, payload)) = reader.field()? {
        match (number, payload) {
            (1, Payload::Bytes(bytes)) => key = envelope::text(bytes),
            (2, payload) => value = Some(map_value(name, schema, payload, at)?),
            _ => {}
        }
    }
    let value = value.map_or_else(|| map_value(name, schema, zero_payload(schema), at), Ok)?;
    entries.insert(key, value);
    Ok(())
}

fn map_value(name: &str, schema: &Schema, payload: Payload<'_>, at: At<'_>) -> Result<Value, WireError> {
    let (Kind::Array(array), Payload::Bytes(wrapped)) = (&schema.kind, payload) else {
        return single(name, schema, payload, at);
    };
    // A list cannot be a map's value: Go wraps it (`ExtraValue`).
    let mut list = Vec::new();
    let mut reader = Reader(wrapped);
    while let Some((number, payload)) = reader.field()? {
        if number == 1 {
            items(name, array.items.get(), payload, &mut list, at)?;
        }
    }
    Ok(Value::Array(list))
}

/// What an entry without a value holds.
fn zero_payload(schema: &Schema) -> Payload<'static> {
    match schema.kind {
        Kind::Boolean | Kind::Integer(_) => Payload::Varint(0),
        Kind::Number => Payload::Fixed64(0),
        _ => Payload::Bytes(b""),
    }
}

/// Says whether a value is the zero of a plain Go type. Structs of their own, quantities say, have none.
fn is_zero(kind: &Kind, value: &Value) -> bool {
    match (kind, value) {
        (Kind::Boolean, Value::Bool(value)) => !value,
        (Kind::Integer(_) | Kind::Number, Value::Number(number)) => number.as_f64() == Some(0.0),
        (Kind::String | Kind::Bytes, Value::String(text)) => text.is_empty(),
        _ => false,
    }
}

fn single(name: &str, schema: &Schema, payload: Payload<'_>, at: At<'_>) -> Result<Value, WireError> {
    Ok(match (&schema.kind, payload) {
        (Kind::String, Payload::Bytes(bytes)) => envelope::text(bytes).into(),
        (Kind::Bytes, Payload::Bytes(bytes)) => STANDARD.encode(bytes).into(),
        (Kind::Boolean, Payload::Varint(value)) => (value != 0).into(),
        (Kind::Integer(Bits::B32), Payload::Varint(value)) => (value as i32).into(),
        (Kind::Integer(Bits::B64), Payload::Varint(value)) => (value as i64).into(),
        (Kind::Number, Payload::Fixed64(bits)) => {
            // What JSON has no number for reads as zero.
            Number::from_f64(f64::from_bits(bits)).map_or_else(|| 0.into(), Value::Number)
        }
        (Kind::Object(object), Payload::Bytes(bytes)) => {
            let mut fields = Map::new();
            slots(Slots::of(object), bytes, &mut fields, at.deeper())?;
            Value::Object(fields)
        }
        (Kind::Quantity, Payload::Bytes(bytes)) => match envelope::text(envelope::raw(bytes)?) {
            text if text.is_empty() => "0".into(),
            // What a client wrote is parsed, as in JSON; what cannot be is left to validation.
            text => resource::canonicalize(&text).unwrap_or(text).into(),
        },
        (Kind::Time, Payload::Bytes(bytes)) => time(bytes, Precision::Seconds)?,
        (Kind::MicroTime, Payload::Bytes(bytes)) => time(bytes, Precision::Micros)?,
        (Kind::IntOrString, Payload::Bytes(bytes)) => int_or_string(bytes)?,
        (Kind::Raw | Kind::Any, Payload::Bytes(bytes)) => raw_json(schema, envelope::raw(bytes)?, at)?,
        (Kind::Either(alternatives), Payload::Bytes(bytes)) => either(name, alternatives, bytes, at)?,
        _ => return Err(wrong_type(payload, name)),
    })
}

fn raw_json(schema: &Schema, raw: &[u8], at: At<'_>) -> Result<Value, WireError> {
    if raw.is_empty() {
        return Ok(Value::Null);
    }
    if raw.starts_with(MAGIC) {
        return Err(WireError("protobuf objects inside of objects are not read".to_owned()));
    }
    if !schema.is_raw_extension() {
        return json::decode(raw).map_err(|error| WireError(error.0));
    }
    let value = json::decode_raw(raw).map_err(|error| WireError(error.0))?;
    if let Ok(text) = std::str::from_utf8(raw) {
        at.texts.borrow_mut().note(at.pointer(), text, &value);
    }
    Ok(value)
}

#[derive(Clone, Copy)]
enum Precision {
    Seconds,
    Micros,
}

/// Reads a time; an empty message is Go's zero time, which JSON writes as `null`.
fn time(bytes: &[u8], precision: Precision) -> Result<Value, WireError> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let (mut seconds, mut nanos) = (0, 0);
    let mut reader = Reader(bytes);
    while let Some((number, payload)) = reader.field()? {
        match (number, payload) {
            (1, Payload::Varint(value)) => seconds = value as i64,
            (2, Payload::Varint(value)) => nanos = value as i32,
            _ => {}
        }
    }
    let nanos = match precision {
        Precision::Seconds => 0,
        Precision::Micros => nanos,
    };
    let moment = jiff::Timestamp::new(seconds, nanos).map_err(|error| WireError(error.to_string()))?;
    let format = match precision {
        Precision::Seconds => "%Y-%m-%dT%H:%M:%SZ",
        Precision::Micros => "%Y-%m-%dT%H:%M:%S%.6fZ",
    };
    Ok(moment.strftime(format).to_string().into())
}

fn int_or_string(bytes: &[u8]) -> Result<Value, WireError> {
    let (mut is_text, mut int, mut text) = (false, 0, String::new());
    let mut reader = Reader(bytes);
    while let Some((number, payload)) = reader.field()? {
        match (number, payload) {
            (1, Payload::Varint(kind)) => is_text = kind != 0,
            (2, Payload::Varint(value)) => int = value as i32,
            (3, Payload::Bytes(bytes)) => text = envelope::text(bytes),
            _ => {}
        }
    }
    Ok(if is_text { text.into() } else { int.into() })
}

fn either(name: &str, alternatives: &[Link], bytes: &[u8], at: At<'_>) -> Result<Value, WireError> {
    let [object, other] = alternatives else { return Ok(Value::Null) };
    let (object, other) = (object.get(), other.get());
    let is_bool = matches!(other.kind, Kind::Boolean);
    let (mut value, mut list) = (Value::Null, Vec::new());
    let mut reader = Reader(bytes);
    while let Some((number, payload)) = reader.field()? {
        match (number, &other.kind) {
            // Beside a schema, "allows" is true anyway.
            (1, Kind::Boolean) if value.is_null() => value = single(name, other, payload, at)?,
            (1, Kind::Array(_)) | (2, Kind::Boolean) => value = single(name, object, payload, at)?,
            (2, Kind::Array(array)) => items(name, array.items.get(), payload, &mut list, at)?,
            _ => {}
        }
    }
    Ok(match value {
        Value::Null if is_bool => Value::Bool(false),
        Value::Null => Value::Array(list),
        value => value,
    })
}
