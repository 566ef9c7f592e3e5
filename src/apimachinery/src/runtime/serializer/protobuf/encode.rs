//! Writes a value as the message of its type.
//!
//! Fields are written in the order of their numbers, map entries in the order of their keys, and only
//! what the value holds: a zero that is not there is a zero to every reader.
//!
//! Go: the generated Marshal functions of k8s.io/api

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use super::{
    envelope,
    layout::{Slot, Slots},
    wire::Writer,
};
use crate::{
    runtime::{
        object::Object,
        raw::{self, Spelled},
    },
    schema::{
        model::{Kind, Schema},
        registry::Link,
    },
};

/// Why a value cannot be written: it is not of its type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("protobuf: {0}")]
pub struct EncodeError(pub String);

/// Writes an object in its envelope.
pub fn object(schema: &Schema, object: &Object) -> Result<Vec<u8>, EncodeError> {
    let spelled = object.1.of(&object.0);
    envelope::encode(object.api_version(), object.kind(), |writer| message(writer, schema, &object.0, &spelled))
}

/// Writes the fields of an object type. `spelled`: the raw parts among them that have a text of their own.
pub fn message(
    writer: &mut Writer,
    schema: &Schema,
    fields: &Map<String, Value>,
    spelled: &Spelled<'_>,
) -> Result<(), EncodeError> {
    let Some(object) = schema.as_object() else {
        return Err(EncodeError(format!("{} is not a message", schema.name)));
    };
    slots(writer, Slots::of(object), fields, spelled)
}

fn slots(
    writer: &mut Writer,
    message: Slots<'_>,
    fields: &Map<String, Value>,
    spelled: &Spelled<'_>,
) -> Result<(), EncodeError> {
    for (number, slot) in message.iter() {
        match slot {
            Slot::Field(name, field) => {
                if let Some(value) = fields.get(name).filter(|value| !value.is_null()) {
                    let written = self::field(writer, number, field.schema.get(), value, spelled);
                    written.map_err(|error| EncodeError(format!("{name}: {}", error.0)))?;
                }
            }
            Slot::Embedded(embedded) => {
                // An embedded struct is there when one of its fields is.
                let before = writer.0.len();
                let mut empty = false;
                writer.message_field(number, |writer| {
                    let start = writer.0.len();
                    slots(writer, embedded, fields, spelled)?;
                    empty = writer.0.len() == start;
                    Ok(())
                })?;
                if empty {
                    writer.0.truncate(before);
                }
            }
        }
    }
    Ok(())
}

fn field(
    writer: &mut Writer,
    number: u32,
    schema: &Schema,
    value: &Value,
    spelled: &Spelled<'_>,
) -> Result<(), EncodeError> {
    match (&schema.kind, value) {
        (Kind::Array(array), Value::Array(items)) => {
            let item = array.items.get();
            items.iter().try_for_each(|value| single(writer, number, item, value, spelled))
        }
        (Kind::Object(object), Value::Object(entries)) => match &object.additional {
            Some(values) => map(writer, number, values, entries, spelled),
            None => writer.message_field(number, |writer| slots(writer, Slots::of(object), entries, spelled)),
        },
        _ => single(writer, number, schema, value, spelled),
    }
}

/// Writes a map: a message for each entry, with the key and the value.
fn map(
    writer: &mut Writer,
    number: u32,
    values: &Link,
    entries: &Map<String, Value>,
    spelled: &Spelled<'_>,
) -> Result<(), EncodeError> {
    let schema = values.get();
    for (key, value) in entries {
        writer.message_field(number, |writer| {
            writer.bytes_field(1, key.as_bytes());
            match (&schema.kind, value) {
                // A list cannot be a map's value: Go wraps it (`ExtraValue`).
                (Kind::Array(_), list) => writer.message_field(2, |writer| field(writer, 1, schema, list, spelled)),
                _ => single(writer, 2, schema, value, spelled),
            }
        })?;
    }
    Ok(())
}

fn single(
    writer: &mut Writer,
    number: u32,
    schema: &Schema,
    value: &Value,
    spelled: &Spelled<'_>,
) -> Result<(), EncodeError> {
    match (&schema.kind, value) {
        (Kind::String, Value::String(text)) => writer.bytes_field(number, text.as_bytes()),
        (Kind::Bytes, Value::String(text)) => {
            let bytes = STANDARD.decode(text).map_err(|error| EncodeError(error.to_string()))?;
            writer.bytes_field(number, &bytes);
        }
        (Kind::Boolean, Value::Bool(value)) => writer.varint_field(number, u64::from(*value)),
        (Kind::Integer(_), Value::Number(value)) if value.is_i64() => {
            // Negative numbers are as long as their 64 bits.
            writer.varint_field(number, value.as_i64().unwrap_or_default() as u64);
        }
        (Kind::Number, Value::Number(value)) => {
            writer.double_field(number, value.as_f64().unwrap_or_default());
        }
        (Kind::Object(object), Value::Object(fields)) if object.additional.is_none() => {
            return writer.message_field(number, |writer| slots(writer, Slots::of(object), fields, spelled));
        }
        (Kind::Quantity, Value::String(text)) => {
            return writer.message_field(number, |writer| {
                writer.bytes_field(1, text.as_bytes());
                Ok(())
            });
        }
        (Kind::Time | Kind::MicroTime, Value::String(text)) => return time(writer, number, text),
        // Of an item of a list or a map that is a time: the zero one.
        (Kind::Time | Kind::MicroTime | Kind::Object(_), Value::Null) => writer.bytes_field(number, b""),
        (Kind::IntOrString, value) => return int_or_string(writer, number, value),
        (Kind::Raw | Kind::Any, value) => {
            let json = spelled.text(value).map_or_else(|| raw::plain(value).into(), Cow::Borrowed);
            return writer.message_field(number, |writer| {
                writer.bytes_field(1, json.as_bytes());
                Ok(())
            });
        }
        (Kind::Either(alternatives), value) => return either(writer, number, alternatives, value, spelled),
        (kind, _) => return Err(EncodeError(format!("{kind:.20?} cannot hold {value}"))),
    }
    Ok(())
}

fn time(writer: &mut Writer, number: u32, text: &str) -> Result<(), EncodeError> {
    let moment: jiff::Timestamp = text.parse().map_err(|error: jiff::Error| EncodeError(error.to_string()))?;
    writer.message_field(number, |writer| {
        // Seconds count from the last whole one, so that the rest is never negative.
        let nanos = moment.subsec_nanosecond();
        let seconds = moment.as_second() - i64::from(nanos < 0);
        writer.varint_field(1, seconds as u64);
        writer.varint_field(2, nanos.rem_euclid(1_000_000_000) as u64);
        Ok(())
    })
}

fn int_or_string(writer: &mut Writer, number: u32, value: &Value) -> Result<(), EncodeError> {
    let (kind, int, text) = match value {
        Value::String(text) => (1, 0, text.as_str()),
        Value::Number(int) if int.is_i64() => (0, int.as_i64().unwrap_or_default(), ""),
        other => return Err(EncodeError(format!("{other} is neither a number nor a text"))),
    };
    writer.message_field(number, |writer| {
        writer.varint_field(1, kind);
        writer.varint_field(2, int as u64);
        writer.bytes_field(3, text.as_bytes());
        Ok(())
    })
}

/// Writes one of several types: a schema or something plainer.
fn either(
    writer: &mut Writer,
    number: u32,
    alternatives: &[Link],
    value: &Value,
    spelled: &Spelled<'_>,
) -> Result<(), EncodeError> {
    let [object, other] = alternatives else {
        return Err(EncodeError("more than two alternatives".to_owned()));
    };
    writer.message_field(number, |writer| match (&other.get().kind, value) {
        (Kind::Boolean, Value::Bool(allows)) => {
            writer.varint_field(1, u64::from(*allows));
            Ok(())
        }
        (Kind::Boolean, value) => {
            writer.varint_field(1, 1);
            single(writer, 2, object.get(), value, spelled)
        }
        (_, Value::Array(_)) => field(writer, 2, other.get(), value, spelled),
        _ => single(writer, 1, object.get(), value, spelled),
    })
}
