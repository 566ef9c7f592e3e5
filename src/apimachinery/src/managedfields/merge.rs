//! Puts one value of a type over another: what the new one says, and what the old one has besides.
//!
//! Go: structured-merge-diff/typed/merge.go

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value};

use super::typed::{self, ListShape, Shape, Type};

/// Merges `right` over `left`. At least one of them is there. Yields nothing if nothing is left to hold.
pub(super) fn merge(ty: Type<'_>, left: Option<&Value>, right: Option<&Value>) -> Result<Option<Value>, String> {
    let is_mixed =
        matches!((left, right), (Some(left), Some(right)) if !right.is_null() && left.is_object() != right.is_object());
    if is_mixed || (typed::is_void(left) && typed::is_void(right)) {
        return Ok(right.or(left).cloned());
    }
    match ty.shape_of(left, right) {
        Shape::Leaf => Ok(right.or(left).cloned()),
        Shape::Map(shape) => {
            let fields = |value: Option<&'_ Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
            let (left, mut right) = (fields(left), fields(right));
            let mut merged = Map::new();
            for (name, value) in left {
                let other = right.remove(&name);
                let out = match shape.child(&name) {
                    Some(ty) => merge(ty, Some(&value), other.as_ref())?,
                    None => Some(other.unwrap_or(value)),
                };
                merged.extend(out.map(|out| (name, out)));
            }
            for (name, value) in right {
                let out = match shape.child(&name) {
                    Some(ty) => merge(ty, None, Some(&value))?,
                    None => Some(value),
                };
                merged.extend(out.map(|out| (name, out)));
            }
            Ok((!merged.is_empty()).then_some(Value::Object(merged)))
        }
        Shape::List(shape) => {
            let items = |value: Option<&'_ Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
            let merged = merge_items(&shape, &items(left), &items(right))?;
            Ok((!merged.is_empty()).then_some(Value::Array(merged)))
        }
    }
}

/// One side of a list: the path elements in order, and the item of each. An element that stands for several
/// items, by mistake, has none.
struct Side<'a> {
    elements: Vec<String>,
    items: BTreeMap<String, Option<&'a Value>>,
}

impl<'a> Side<'a> {
    fn new(shape: &ListShape<'_>, items: &'a [Value], with_duplicates: bool) -> Result<Self, String> {
        let mut side = Self { elements: Vec::with_capacity(items.len()), items: BTreeMap::new() };
        for (index, item) in items.iter().enumerate() {
            let element = shape.element(item).map_err(|error| format!("element {index}: {error}"))?;
            if side.items.contains_key(&element) {
                if !with_duplicates {
                    let element = super::fieldpath::display_element(&element);
                    return Err(format!("duplicate entries for key {element}"));
                }
                side.items.insert(element.clone(), None);
            } else {
                side.items.insert(element.clone(), Some(item));
            }
            side.elements.push(element);
        }
        Ok(side)
    }

    fn has(&self, element: &str) -> bool {
        self.items.contains_key(element)
    }

    fn get(&self, element: &str) -> Option<&'a Value> {
        self.items.get(element).copied().flatten()
    }
}

/// Weaves two lists: the order of `right` holds for its items; those that only `left` has keep their place among
/// the items that both have.
fn merge_items(shape: &ListShape<'_>, left: &[Value], right: &[Value]) -> Result<Vec<Value>, String> {
    let new = Side::new(shape, right, false)?;
    let old = Side::new(shape, left, true)?;
    let mut shared: VecDeque<&String> = new.elements.iter().filter(|element| old.has(element)).collect();
    let mut next_shared = shared.pop_front();
    let mut done = BTreeSet::new();
    let mut merged = Vec::with_capacity(left.len().max(right.len()));
    let (mut i, mut j) = (0, 0);
    while i < old.elements.len() || j < new.elements.len() {
        let (old_element, new_element) = (old.elements.get(i), new.elements.get(j));
        if let (Some(element), Some(other)) = (old_element, new_element) {
            if element == other {
                done.insert(element);
                merged.extend(merge(shape.items, old.get(element), new.get(element))?);
                (i, j) = (i + 1, j + 1);
                next_shared = shared.pop_front();
                continue;
            }
            if new.has(element) && next_shared.is_some_and(|next| next != element) {
                // Both have it, but its turn comes later.
                i += 1;
                continue;
            }
        }
        if let Some(element) = old_element {
            if !new.has(element) {
                merged.extend(merge(shape.items, Some(&left[i]), None)?);
                i += 1;
                continue;
            }
            if done.contains(element) {
                i += 1;
            }
        }
        if let Some(element) = new_element {
            done.insert(element);
            merged.extend(merge(shape.items, old.get(element), new.get(element))?);
            j += 1;
            if next_shared == Some(element) {
                next_shared = shared.pop_front();
            }
        }
    }
    Ok(merged)
}
