//! Lists: items are matched, merged, and put in order.
//!
//! The order of a merged list is that of the patch for what the patch names, with the rest of the live
//! list woven in: each item the patch does not name goes before the first named one that stood behind it.
//!
//! Go: apimachinery/pkg/util/strategicpatch/patch.go mergeSlice, normalizeElementOrder

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::{
    merge::{List, bad_directive, directive_of, merge_map, without_directives},
    patch::PatchError,
};
use crate::{
    schema::model::{Patch, Schema},
    util::strconv,
};

/// Merges a list of the patch into a live one, or replaces it if its field does not merge. Go: mergeSliceHandler
pub(super) fn merge_or_replace(
    live: &mut Vec<Value>,
    patch: Vec<Value>,
    item: &Schema,
    strategy: &Patch,
    list: List,
) -> Result<(), PatchError> {
    if !strategy.merge && list == List::Merge {
        *live = patch;
        return Ok(());
    }
    if live.is_empty() && patch.is_empty() {
        return Ok(());
    }
    let has_objects = check_types(live.iter().chain(&patch))?;
    let taken = std::mem::take(live);
    *live = match (has_objects, list) {
        (false, List::Delete) => {
            let deleted: HashSet<String> = patch.iter().map(Value::to_string).collect();
            taken.into_iter().filter(|item| !deleted.contains(&item.to_string())).collect()
        }
        (false, List::Merge) => {
            let mut seen = HashSet::new();
            let both = taken.iter().chain(&patch).filter(|item| seen.insert(item.to_string()));
            order(both.cloned().collect(), &patch, &taken, "")?
        }
        (true, _) => merge_objects(taken, patch, item, &strategy.merge_key)?,
    };
    Ok(())
}

/// Says whether the items are objects. Go: sliceElementType
fn check_types<'a>(items: impl Iterator<Item = &'a Value>) -> Result<bool, PatchError> {
    let mut first: Option<&Value> = None;
    for item in items {
        if item.is_array() {
            return Err(PatchError::NoListOfLists);
        }
        let first = first.get_or_insert(item);
        let (left, right) = (strconv::dynamic_type(first), strconv::dynamic_type(item));
        if left != right {
            return Err(PatchError::Other(format!("list element types are not identical: {left} != {right}")));
        }
    }
    Ok(first.is_some_and(Value::is_object))
}

fn merge_objects(live: Vec<Value>, patch: Vec<Value>, item: &Schema, key: &str) -> Result<Vec<Value>, PatchError> {
    if key.is_empty() {
        let name = crate::schema::gotypes::short_name(&item.name);
        return Err(PatchError::Other(format!("cannot merge lists without merge key for {name}")));
    }
    let (mut merged, patch) = obey_directives(live, patch, key)?;
    let live = merged.clone();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (index, item) in merged.iter().enumerate() {
        if let Some(value) = item.get(key) {
            places.entry(value.to_string()).or_insert(index);
        }
    }
    for item_patch in &patch {
        let place = places.get(&identity(item_patch, key)?).copied();
        match (place.map(|index| &mut merged[index]), item_patch) {
            (Some(Value::Object(fields)), Value::Object(patch)) => merge_map(fields, patch.clone(), item)?,
            _ => {
                if let Some(new) = without_directives(item_patch.clone()) {
                    places.insert(identity(&new, key)?, merged.len());
                    merged.push(new);
                }
            }
        }
    }
    order(merged, &patch, &live, key)
}

/// Does what items of the patch say of themselves, and returns the live list and the patch without them.
///
/// Go: mergeSliceWithSpecialElements
fn obey_directives(mut live: Vec<Value>, patch: Vec<Value>, key: &str) -> Result<(Vec<Value>, Vec<Value>), PatchError> {
    let mut rest = Vec::with_capacity(patch.len());
    let mut is_replaced = false;
    for item in patch {
        let Some(directive) = directive_of(&item) else {
            rest.push(item);
            continue;
        };
        match directive.as_str() {
            Some("delete") => {
                let deleted = identity(&item, key)?;
                live.retain(|item| !identity(item, key).is_ok_and(|identity| identity == deleted));
            }
            Some("replace") => is_replaced = true,
            Some("merge") => {
                return Err(PatchError::Other("merging lists cannot yet be specified in the patch".to_owned()));
            }
            _ => return Err(bad_directive(directive, item.as_object().expect("it has a directive"))),
        }
    }
    if is_replaced { Ok((rest, Vec::new())) } else { Ok((live, rest)) }
}

/// What an item is told apart by: its merge key, or without one itself.
fn identity(item: &Value, key: &str) -> Result<String, PatchError> {
    if key.is_empty() {
        return Ok(item.to_string());
    }
    match item.get(key) {
        Some(value) => Ok(value.to_string()),
        None => {
            let item = strconv::sprint(item);
            Err(PatchError::Other(format!("map: {item} does not contain declared merge key: {key}")))
        }
    }
}

fn positions(items: &[Value], key: &str) -> Result<HashMap<String, usize>, PatchError> {
    let mut positions = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        positions.entry(identity(item, key)?).or_insert(index);
    }
    Ok(positions)
}

/// Puts a merged list in order: `wanted` for the items it names, `live` for the others. Go: normalizeElementOrder
pub(super) fn order(merged: Vec<Value>, wanted: &[Value], live: &[Value], key: &str) -> Result<Vec<Value>, PatchError> {
    let (wanted, live) = (positions(wanted, key)?, positions(live, key)?);
    let (mut named, mut others) = (Vec::new(), Vec::new());
    for item in merged {
        let id = identity(&item, key)?;
        let group = if wanted.contains_key(&id) { &mut named } else { &mut others };
        group.push((id, item));
    }
    named.sort_by_key(|(id, _)| wanted.get(id));
    others.sort_by_key(|(id, _)| live.get(id));
    let mut ordered = Vec::with_capacity(named.len() + others.len());
    let mut others = others.into_iter().peekable();
    for (id, item) in named {
        // A live item goes in front of the first named one that stood behind it.
        let place = live.get(&id);
        while let Some((_, other)) =
            others.next_if(|(other, _)| matches!((live.get(other), place), (Some(other), Some(place)) if other < place))
        {
            ordered.push(other);
        }
        ordered.push(item);
    }
    ordered.extend(others.map(|(_, item)| item));
    Ok(ordered)
}

/// Refuses a list whose order is not the one the patch sets. Go: validatePatchWithSetOrderList
pub(super) fn check_order(patch: &[Value], wanted: &[Value], key: &str) -> Result<(), PatchError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let mut places = wanted.iter();
    for item in patch {
        if !key.is_empty() && directive_of(item).and_then(Value::as_str) == Some("delete") {
            continue;
        }
        let id = identity(item, key)?;
        if !places.any(|place| identity(place, key).is_ok_and(|place| place == id)) {
            let list = |items: &[Value]| strconv::sprint(&Value::Array(items.to_vec()));
            let message = "The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n";
            let message = message.replacen("{}", &list(patch), 1).replacen("{}", &list(wanted), 1);
            return Err(PatchError::Other(message));
        }
    }
    Ok(())
}
