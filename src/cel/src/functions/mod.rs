//! The functions of the language and of Kubernetes' libraries.
//!
//! Go: cel-go/common/stdlib, cel-go/ext, apiserver/pkg/cel/library

mod arithmetic;
mod collections;
mod convert;
mod kubernetes;
mod strings;
pub mod time;

use std::sync::Arc;

use crate::{Error, budget::Meter, value::Value};

/// Names of types are values: `type(1) == int`.
pub fn type_value(name: &str) -> Option<Value> {
    const TYPES: &[&str] = &[
        "bool",
        "int",
        "uint",
        "double",
        "string",
        "bytes",
        "list",
        "map",
        "null_type",
        "type",
        "optional_type",
        "google.protobuf.Duration",
        "google.protobuf.Timestamp",
        "kubernetes.Quantity",
        "kubernetes.URL",
        "kubernetes.Semver",
        "net.IP",
        "net.CIDR",
    ];
    TYPES.iter().find(|known| **known == name).map(|name| Value::Type(name))
}

/// Says whether a dotted name is a function rather than a method of a variable.
pub fn is_namespaced(name: &str) -> bool {
    if kubernetes::is_namespaced(name) {
        return true;
    }
    matches!(
        name,
        "optional.of"
            | "optional.none"
            | "optional.ofNonZeroValue"
            | "math.greatest"
            | "math.least"
            | "math.abs"
            | "strings.quote"
            | "sets.contains"
            | "sets.equivalent"
            | "sets.intersects"
            | "base64.encode"
            | "base64.decode"
            | "lists.range"
            | "optional.unwrap"
    )
}

/// Calls a function or, with a target, a method. What it costs is counted first.
pub fn call(name: &str, target: Option<Value>, args: Vec<Value>, meter: &mut Meter) -> Result<Value, Error> {
    let mut all = Vec::with_capacity(args.len() + 1);
    let is_method = target.is_some();
    all.extend(target);
    all.extend(args);
    meter.call(name, &all)?;
    let found = if matches!(name, "matches" | "find" | "findAll") {
        strings::regular(name, &all, meter)
    } else if is_method {
        strings::method(name, &all)
            .or_else(|| collections::method(name, &all))
            .or_else(|| time::method(name, &all))
            .or_else(|| optional_method(name, &all))
            .or_else(|| kubernetes::method(name, &all))
    } else {
        arithmetic::operator(name, &all)
            .or_else(|| collections::function(name, &all))
            .or_else(|| convert::function(name, &all))
            .or_else(|| optional_function(name, &all))
            .or_else(|| kubernetes::function(name, &all))
    };
    found.unwrap_or_else(|| Err(no_overload(name, &all)))
}

fn no_overload(name: &str, args: &[Value]) -> Error {
    let types: Vec<&str> = args.iter().map(Value::type_name).collect();
    Error::new(format!("found no matching overload for '{name}' applied to '({})'", types.join(", ")))
}

/// What a group of functions answers: `None` if it does not know the name or the types.
type Found = Option<Result<Value, Error>>;

fn optional_function(name: &str, args: &[Value]) -> Found {
    Some(Ok(match (name, args) {
        ("optional.none", []) => Value::Optional(None),
        ("optional.of", [value]) => Value::Optional(Some(Arc::new(value.clone()))),
        ("optional.unwrap", [Value::List(items)]) => present(items),
        ("optional.ofNonZeroValue", [value]) => Value::Optional((!is_zero(value)).then(|| Arc::new(value.clone()))),
        _ => return None,
    }))
}

/// The values of those that have one.
fn present(items: &[Value]) -> Value {
    let values = items.iter().filter_map(|item| match item {
        Value::Optional(value) => value.as_deref().cloned(),
        other => Some(other.clone()),
    });
    Value::list(values.collect())
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Int(value) => *value == 0,
        Value::Uint(value) => *value == 0,
        Value::Double(value) => *value == 0.0,
        Value::String(value) => value.is_empty(),
        Value::Bytes(value) => value.is_empty(),
        Value::List(value) => value.is_empty(),
        Value::Map(value) => value.is_empty(),
        Value::Duration(value) => *value == 0,
        Value::Optional(value) => value.is_none(),
        Value::Timestamp(_) | Value::Type(_) | Value::Foreign(_) => false,
    }
}

fn optional_method(name: &str, args: &[Value]) -> Found {
    if let ("unwrapOpt", [Value::List(items)]) = (name, args) {
        return Some(Ok(present(items)));
    }
    let [Value::Optional(value), rest @ ..] = args else { return None };
    Some(match (name, rest) {
        ("hasValue", []) => Ok(Value::Bool(value.is_some())),
        ("value", []) => value.as_deref().cloned().ok_or_else(|| Error::new("optional.none() dereference")),
        ("orValue", [other]) => Ok(value.as_deref().unwrap_or(other).clone()),
        ("or", [other]) => Ok(if value.is_some() { args[0].clone() } else { other.clone() }),
        _ => return None,
    })
}
