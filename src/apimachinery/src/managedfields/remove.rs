//! Takes paths out of a value.
//!
//! Go: structured-merge-diff/typed/remove.go

use serde_json::Value;

use super::{
    fieldpath::{Set, field_element},
    typed::{Shape, Type},
};

/// Returns the value without these paths. A map or list from which something was asked to be removed and
/// which holds nothing then is null.
pub(super) fn remove(ty: Type<'_>, value: Value, paths: &Set) -> Value {
    match (ty.shape(&value), value) {
        (Shape::Map(shape), Value::Object(fields)) => {
            let kept = fields.into_iter().filter_map(|(name, value)| {
                let element = field_element(&name);
                if paths.has(&element) {
                    return None;
                }
                match (paths.below(&element), shape.child(&name)) {
                    (Some(below), Some(ty)) => Some((name, remove(ty, value, below))),
                    _ => Some((name, value)),
                }
            });
            let kept: serde_json::Map<String, Value> = kept.collect();
            if kept.is_empty() { Value::Null } else { Value::Object(kept) }
        }
        (Shape::List(shape), Value::Array(items)) => {
            let kept = items.into_iter().filter_map(|item| {
                let Ok(element) = shape.element(&item) else { return Some(item) };
                if paths.has(&element) {
                    return None;
                }
                Some(match paths.below(&element) {
                    Some(below) => remove(shape.items, item, below),
                    None => item,
                })
            });
            let kept: Vec<Value> = kept.collect();
            if kept.is_empty() { Value::Null } else { Value::Array(kept) }
        }
        // Below a leaf there is nothing: Go takes an atomic map away whole, and leaves a scalar.
        (Shape::Leaf, Value::Object(_) | Value::Array(_)) => Value::Null,
        (_, other) => other,
    }
}
