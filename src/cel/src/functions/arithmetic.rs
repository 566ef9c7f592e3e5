//! Operators on numbers, and equality.
//!
//! Go: cel-go/common/types/overflow.go

use std::cmp::Ordering;

use super::Found;
use crate::{Error, value::Value};

/// Applies an operator.
pub(super) fn operator(name: &str, args: &[Value]) -> Found {
    match (name, args) {
        ("_==_", [a, b]) => Some(Ok(Value::Bool(a == b))),
        ("_!=_", [a, b]) => Some(Ok(Value::Bool(a != b))),
        ("_<_", [a, b]) => Some(Ok(Value::Bool(a.compare(b)? == Ordering::Less))),
        ("_<=_", [a, b]) => Some(Ok(Value::Bool(a.compare(b)? != Ordering::Greater))),
        ("_>_", [a, b]) => Some(Ok(Value::Bool(a.compare(b)? == Ordering::Greater))),
        ("_>=_", [a, b]) => Some(Ok(Value::Bool(a.compare(b)? != Ordering::Less))),
        ("!_", [Value::Bool(value)]) => Some(Ok(Value::Bool(!value))),
        ("-_", [Value::Int(value)]) => Some(value.checked_neg().map(Value::Int).ok_or_else(overflow)),
        ("-_", [Value::Double(value)]) => Some(Ok(Value::Double(-value))),
        ("_+_", [a, b]) => add(a, b),
        ("_-_", [Value::Timestamp(a), Value::Timestamp(b)]) => {
            Some(i64::try_from(a - b).map(Value::Duration).map_err(|_| overflow()))
        }
        ("_-_", [Value::Timestamp(a), Value::Duration(b)]) => Some(Ok(Value::Timestamp(a - i128::from(*b)))),
        ("_-_", [Value::Duration(a), Value::Duration(b)]) => {
            Some(a.checked_sub(*b).map(Value::Duration).ok_or_else(overflow))
        }
        ("math.greatest" | "math.least", _) => extreme(name, args),
        ("math.abs", [Value::Int(value)]) => Some(value.checked_abs().map(Value::Int).ok_or_else(overflow)),
        ("math.abs", [Value::Double(value)]) => Some(Ok(Value::Double(value.abs()))),
        (_, [a, b]) => numeric(name, a, b),
        _ => None,
    }
}

fn overflow() -> Error {
    Error::new("integer overflow")
}

fn add(a: &Value, b: &Value) -> Found {
    Some(Ok(match (a, b) {
        (Value::String(a), Value::String(b)) => Value::from(format!("{a}{b}")),
        (Value::Bytes(a), Value::Bytes(b)) => Value::Bytes([&**a, &**b].concat().into()),
        (Value::List(a), Value::List(b)) => Value::list(a.iter().chain(b.iter()).cloned().collect()),
        (Value::Timestamp(a), Value::Duration(b)) | (Value::Duration(b), Value::Timestamp(a)) => {
            Value::Timestamp(a + i128::from(*b))
        }
        (Value::Duration(a), Value::Duration(b)) => {
            return Some(a.checked_add(*b).map(Value::Duration).ok_or_else(overflow));
        }
        _ => return numeric("_+_", a, b),
    }))
}

/// Both sides must be of one kind; the language does not convert by itself.
fn numeric(name: &str, a: &Value, b: &Value) -> Found {
    let by_zero = || Error::new(if name == "_%_" { "modulus by zero" } else { "division by zero" });
    let divides = matches!(name, "_/_" | "_%_");
    match (a, b) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) if divides => Some(Err(by_zero())),
        (Value::Int(a), Value::Int(b)) => {
            let result = match name {
                "_+_" => a.checked_add(*b),
                "_-_" => a.checked_sub(*b),
                "_*_" => a.checked_mul(*b),
                "_/_" => a.checked_div(*b),
                "_%_" => a.checked_rem(*b),
                _ => return None,
            };
            Some(result.map(Value::Int).ok_or_else(overflow))
        }
        (Value::Uint(a), Value::Uint(b)) => {
            let result = match name {
                "_+_" => a.checked_add(*b),
                "_-_" => a.checked_sub(*b),
                "_*_" => a.checked_mul(*b),
                "_/_" => a.checked_div(*b),
                "_%_" => a.checked_rem(*b),
                _ => return None,
            };
            Some(result.map(Value::Uint).ok_or_else(|| Error::new("unsigned integer overflow")))
        }
        (Value::Double(a), Value::Double(b)) => Some(Ok(Value::Double(match name {
            "_+_" => a + b,
            "_-_" => a - b,
            "_*_" => a * b,
            "_/_" => a / b,
            _ => return None,
        }))),
        _ => None,
    }
}

/// `math.greatest(1, 2)` or `math.greatest([1, 2])`
fn extreme(name: &str, args: &[Value]) -> Found {
    let items: Vec<Value> = match args {
        [Value::List(items)] => items.to_vec(),
        items => items.to_vec(),
    };
    let wanted = if name == "math.greatest" { Ordering::Greater } else { Ordering::Less };
    let mut items = items.into_iter();
    let first = items.next()?;
    let best = items.try_fold(first, |best, item| Some(if item.compare(&best)? == wanted { item } else { best }))?;
    Some(Ok(best))
}
