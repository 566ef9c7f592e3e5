//! From one type to another.
//!
//! Go: cel-go/common/types

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Found, time};
use crate::{Error, value::Value};

/// Conversion functions.
pub(super) fn function(name: &str, args: &[Value]) -> Found {
    let [value] = args else { return None };
    match name {
        "type" => Some(Ok(Value::Type(value.type_name()))),
        "dyn" => Some(Ok(value.clone())),
        "string" => string(value),
        "int" => int(value),
        "uint" => uint(value),
        "double" => double(value),
        "bool" => boolean(value),
        "bytes" => bytes(value),
        "duration" => Some(time::duration(value.as_str()?).map(Value::Duration)),
        "timestamp" => match value {
            Value::Timestamp(_) => Some(Ok(value.clone())),
            other => Some(time::timestamp(other.as_str()?).map(Value::Timestamp)),
        },
        "base64.encode" => match value {
            Value::Bytes(bytes) => Some(Ok(Value::from(STANDARD.encode(bytes)))),
            _ => None,
        },
        "base64.decode" => {
            let decoded = STANDARD.decode(value.as_str()?);
            Some(decoded.map(|bytes| Value::Bytes(bytes.into())).map_err(|error| Error::new(error.to_string())))
        }
        "strings.quote" => Some(Ok(Value::from(format!("{:?}", value.as_str()?)))),
        _ => None,
    }
}

/// Says whether a text is base64.
pub(super) fn is_base64(text: &str) -> bool {
    STANDARD.decode(text).is_ok()
}

fn string(value: &Value) -> Found {
    Some(match value {
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Value::from(text)),
            Err(_) => Err(Error::new("invalid UTF-8 in bytes, cannot convert to string")),
        },
        Value::Null | Value::List(_) | Value::Map(_) | Value::Optional(_) => return None,
        other => Ok(Value::from(other.to_string())),
    })
}

fn int(value: &Value) -> Found {
    let range = || Error::new("integer overflow");
    Some(match value {
        Value::Int(_) => Ok(value.clone()),
        Value::Uint(value) => i64::try_from(*value).map(Value::Int).map_err(|_| range()),
        Value::Double(value) if value.abs() < 9.2e18 => Ok(Value::Int(*value as i64)),
        Value::Double(_) => Err(range()),
        Value::String(text) => text.parse().map(Value::Int).map_err(|_| {
            Error::new(format!(
                "type conversion error from 'string' to 'int': strconv.ParseInt: parsing \"{text}\": invalid syntax"
            ))
        }),
        Value::Timestamp(nanos) => Ok(Value::Int((nanos / 1_000_000_000) as i64)),
        _ => return None,
    })
}

fn uint(value: &Value) -> Found {
    let range = || Error::new("unsigned integer overflow");
    Some(match value {
        Value::Uint(_) => Ok(value.clone()),
        Value::Int(value) => u64::try_from(*value).map(Value::Uint).map_err(|_| range()),
        Value::Double(value) if (0.0..1.8e19).contains(value) => Ok(Value::Uint(*value as u64)),
        Value::Double(_) => Err(range()),
        Value::String(text) => {
            text.parse().map(Value::Uint).map_err(|_| Error::new("type conversion error from 'string' to 'uint'"))
        }
        _ => return None,
    })
}

fn double(value: &Value) -> Found {
    Some(match value {
        Value::Double(_) => Ok(value.clone()),
        Value::Int(value) => Ok(Value::Double(*value as f64)),
        Value::Uint(value) => Ok(Value::Double(*value as f64)),
        Value::String(text) => {
            text.parse().map(Value::Double).map_err(|_| Error::new("type conversion error from 'string' to 'double'"))
        }
        _ => return None,
    })
}

fn boolean(value: &Value) -> Found {
    Some(match value {
        Value::Bool(_) => Ok(value.clone()),
        Value::String(text) => match &**text {
            "true" | "True" | "TRUE" | "t" | "1" => Ok(Value::Bool(true)),
            "false" | "False" | "FALSE" | "f" | "0" => Ok(Value::Bool(false)),
            _ => Err(Error::new("type conversion error from 'string' to 'bool'")),
        },
        _ => return None,
    })
}

fn bytes(value: &Value) -> Found {
    match value {
        Value::Bytes(_) => Some(Ok(value.clone())),
        Value::String(text) => Some(Ok(Value::Bytes(text.as_bytes().into()))),
        _ => None,
    }
}
