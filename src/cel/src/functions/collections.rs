//! Lists, maps and sets.
//!
//! Go: cel-go/ext/{lists,sets}.go, apiserver/pkg/cel/library/lists.go

use std::cmp::Ordering;

use super::Found;
use crate::{Error, value::Value};

/// Functions that are called without a target.
pub(super) fn function(name: &str, args: &[Value]) -> Found {
    match (name, args) {
        ("_[_]", [Value::List(items), index]) => Some(element(items, index)),
        ("_[_]", [Value::Map(entries), key]) => {
            let found = key.key().and_then(|key| entries.get(&key).cloned());
            Some(found.ok_or_else(|| Error::new(format!("no such key: {key}"))))
        }
        ("_[?_]", [collection, index]) => {
            let found = function("_[_]", &[collection.clone(), index.clone()])?;
            Some(Ok(Value::Optional(found.ok().map(std::sync::Arc::new))))
        }
        ("@in", [item, Value::List(items)]) => Some(Ok(Value::Bool(items.contains(item)))),
        ("@in", [key, Value::Map(entries)]) => {
            Some(Ok(Value::Bool(key.key().is_some_and(|key| entries.contains_key(&key)))))
        }
        ("size", [value]) => size(value),
        ("lists.range", [Value::Int(count)]) => Some(Ok(Value::list((0..*count).map(Value::Int).collect()))),
        ("sets.contains", [Value::List(a), Value::List(b)]) => {
            Some(Ok(Value::Bool(b.iter().all(|item| a.contains(item)))))
        }
        ("sets.intersects", [Value::List(a), Value::List(b)]) => {
            Some(Ok(Value::Bool(b.iter().any(|item| a.contains(item)))))
        }
        ("sets.equivalent", [Value::List(a), Value::List(b)]) => {
            Some(Ok(Value::Bool(b.iter().all(|item| a.contains(item)) && a.iter().all(|item| b.contains(item)))))
        }
        _ => None,
    }
}

fn element(items: &[Value], index: &Value) -> Result<Value, Error> {
    let at = match index {
        Value::Int(at) => *at,
        Value::Uint(at) => i64::try_from(*at).unwrap_or(i64::MAX),
        Value::Double(at) if at.fract() == 0.0 => *at as i64,
        other => return Err(Error::new(format!("unsupported index type '{}' in list", other.type_name()))),
    };
    let found = usize::try_from(at).ok().and_then(|at| items.get(at));
    found.cloned().ok_or_else(|| Error::new(format!("index out of bounds: {at}")))
}

fn size(value: &Value) -> Found {
    let size = match value {
        Value::String(text) => text.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) => items.len(),
        Value::Map(entries) => entries.len(),
        _ => return None,
    };
    Some(Ok(Value::Int(size as i64)))
}

/// Methods of collections.
pub(super) fn method(name: &str, args: &[Value]) -> Found {
    match (name, args) {
        ("size", [value]) => size(value),
        (_, [Value::List(items), rest @ ..]) => list_method(name, items, rest),
        _ => None,
    }
}

fn list_method(name: &str, items: &[Value], rest: &[Value]) -> Found {
    let index = |found: Option<usize>| Value::Int(found.map_or(-1, |at| at as i64));
    Some(match (name, rest) {
        ("isSorted", []) => {
            Ok(Value::Bool(items.windows(2).all(|pair| pair[0].compare(&pair[1]) != Some(Ordering::Greater))))
        }
        ("sum", []) => sum(items),
        ("min" | "max", []) => extreme(name, items),
        ("indexOf", [item]) => Ok(index(items.iter().position(|one| one == item))),
        ("lastIndexOf", [item]) => Ok(index(items.iter().rposition(|one| one == item))),
        ("distinct", []) => {
            let mut distinct: Vec<Value> = Vec::new();
            for item in items {
                if !distinct.contains(item) {
                    distinct.push(item.clone());
                }
            }
            Ok(Value::list(distinct))
        }
        ("first", []) => Ok(Value::Optional(items.first().cloned().map(std::sync::Arc::new))),
        ("last", []) => Ok(Value::Optional(items.last().cloned().map(std::sync::Arc::new))),
        ("reverse", []) => Ok(Value::list(items.iter().rev().cloned().collect())),
        ("sort", []) => {
            let mut sorted = items.to_vec();
            sorted.sort_by(|a, b| a.compare(b).unwrap_or(Ordering::Equal));
            Ok(Value::list(sorted))
        }
        ("flatten", []) => Ok(Value::list(items.iter().flat_map(flat).collect())),
        ("slice", [Value::Int(from), Value::Int(to)]) => {
            let range = usize::try_from(*from).ok().zip(usize::try_from(*to).ok());
            let part = range.and_then(|(from, to)| items.get(from..to));
            part.map(|part| Value::list(part.to_vec())).ok_or_else(|| Error::new(format!("cannot slice({from}, {to})")))
        }
        ("join", []) => join(items, ""),
        ("join", [Value::String(separator)]) => join(items, separator),
        _ => return None,
    })
}

fn flat(item: &Value) -> Vec<Value> {
    match item {
        Value::List(inner) => inner.to_vec(),
        other => vec![other.clone()],
    }
}

fn sum(items: &[Value]) -> Result<Value, Error> {
    let Some((first, rest)) = items.split_first() else { return Ok(Value::Int(0)) };
    rest.iter().try_fold(first.clone(), |sum, item| {
        let args = [sum, item.clone()];
        super::arithmetic::operator("_+_", &args).unwrap_or_else(|| Err(super::no_overload("_+_", &args)))
    })
}

fn extreme(name: &str, items: &[Value]) -> Result<Value, Error> {
    let wanted = if name == "max" { Ordering::Greater } else { Ordering::Less };
    let best = items.iter().reduce(|best, item| if item.compare(best) == Some(wanted) { item } else { best });
    best.cloned().ok_or_else(|| Error::new(format!("{name} called on empty list")))
}

fn join(items: &[Value], separator: &str) -> Result<Value, Error> {
    let parts = items.iter().map(|item| item.as_str().ok_or_else(|| Error::new("join: list of strings expected")));
    Ok(Value::from(parts.collect::<Result<Vec<_>, _>>()?.join(separator)))
}
