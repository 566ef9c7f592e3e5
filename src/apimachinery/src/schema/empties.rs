//! Empty lists and maps that a client sent.
//!
//! Go's structs keep them apart from nil until they are written; here [`super::tidy`] drops them as soon as an object is
//! decoded. What validation says of a new object shows the difference (`Invalid value: {}` or `null`), so they are
//! remembered, and put back into the copy that is validated.
//!
//! Go: encoding/json/decode.go, which makes an empty map of `{}`

use serde_json::{Map, Value};

use crate::runtime::object::Object;

/// An empty list or map: where it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Empty {
    path: Vec<String>,
    value: Value,
}

/// Finds the empty lists and maps of an object.
pub fn find(object: &Object) -> Vec<Empty> {
    let mut found = Vec::new();
    entries(&object.0, &mut Vec::new(), &mut found);
    found
}

fn entries(map: &Map<String, Value>, path: &mut Vec<String>, found: &mut Vec<Empty>) {
    // Managers write their fields as empty maps, which stay.
    for (name, value) in map.iter().filter(|(name, _)| *name != "managedFields") {
        step(name.clone(), value, path, found);
    }
}

fn step(name: String, value: &Value, path: &mut Vec<String>, found: &mut Vec<Empty>) {
    path.push(name);
    match value {
        Value::Object(map) if map.is_empty() => found.push(Empty { path: path.clone(), value: value.clone() }),
        Value::Array(items) if items.is_empty() => found.push(Empty { path: path.clone(), value: value.clone() }),
        Value::Object(map) => entries(map, path, found),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| step(index.to_string(), item, path, found));
        }
        _ => {}
    }
    path.pop();
}

/// Keeps those that an object no longer has.
pub fn dropped(empties: Vec<Empty>, object: &Object) -> Vec<Empty> {
    if empties.is_empty() {
        return empties;
    }
    let mut object = object.clone();
    let is_gone = |empty: &Empty| {
        let (last, way) = empty.path.split_last().expect("a path has a name");
        holder(&mut object.0, way).is_some_and(|map| !map.contains_key(last))
    };
    empties.into_iter().filter(is_gone).collect()
}

/// Puts them back where their place is still there and free.
pub fn restored(empties: &[Empty], object: &Object) -> Object {
    let mut object = object.clone();
    for empty in empties {
        let (last, way) = empty.path.split_last().expect("a path has a name");
        if let Some(map) = holder(&mut object.0, way) {
            map.entry(last.clone()).or_insert_with(|| empty.value.clone());
        }
    }
    object
}

/// Goes to the map that holds what a path leads to.
fn holder<'a>(map: &'a mut Map<String, Value>, way: &[String]) -> Option<&'a mut Map<String, Value>> {
    let Some((first, rest)) = way.split_first() else { return Some(map) };
    let mut value = map.get_mut(first)?;
    for name in rest {
        value = match value {
            Value::Array(items) => items.get_mut(name.parse::<usize>().ok()?)?,
            other => other.get_mut(name)?,
        };
    }
    value.as_object_mut()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_dropped_can_be_put_back() {
        let sent =
            Object::from_value(json!({"a": {"labels": {}, "kept": {}}, "list": [{"items": []}]})).expect("an object");
        let tidied = Object::from_value(json!({"a": {"kept": {}}, "list": [{}]})).expect("an object");
        let empties = dropped(find(&sent), &tidied);
        assert_eq!(empties.len(), 2);
        assert_eq!(restored(&empties, &tidied), sent);
        let gone = Object::from_value(json!({"list": []})).expect("an object");
        assert_eq!(restored(&empties, &gone), gone);
    }
}
