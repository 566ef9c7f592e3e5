//! Objects: field by field, with the directives that stand among the fields.
//!
//! Go: apimachinery/pkg/util/strategicpatch/patch.go mergeMap

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{lists, patch::PatchError};
use crate::{
    schema::{
        gotypes,
        model::{Kind, Patch, Schema},
        registry::Link,
    },
    util::strconv,
};

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM_PRIMITIVE_LIST: &str = "$deleteFromPrimitiveList";
const SET_ELEMENT_ORDER: &str = "$setElementOrder";

static NO_PATCH: Patch =
    Patch { merge: false, retain_keys: false, replace: false, merge_key: std::borrow::Cow::Borrowed("") };

/// Merges the fields of a patch into an object.
pub(super) fn merge_map(
    original: &mut Map<String, Value>,
    mut patch: Map<String, Value>,
    schema: &Schema,
) -> Result<(), PatchError> {
    if let Some(directive) = patch.remove(DIRECTIVE) {
        match directive.as_str() {
            Some("replace") => *original = patch,
            Some("delete") => original.clear(),
            _ => {
                patch.insert(DIRECTIVE.to_owned(), directive.clone());
                return Err(bad_directive(&directive, &patch));
            }
        }
        return Ok(());
    }
    retain_keys(original, &mut patch)?;
    merge_ordered_lists(original, &mut patch, schema)?;
    for (key, value) in patch {
        match key.strip_prefix(DELETE_FROM_PRIMITIVE_LIST) {
            Some(rest) => {
                let key = rest.split_once('/').ok_or(PatchError::BadFormat("primitive list"))?.1;
                merge_field(original, key, value, schema, List::Delete)?;
            }
            None => merge_field(original, &key, value, schema, List::Merge)?,
        }
    }
    Ok(())
}

/// What is done with a list in the patch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    /// It is merged in.
    Merge,
    /// Its items are taken out.
    Delete,
}

fn merge_field(
    original: &mut Map<String, Value>,
    key: &str,
    value: Value,
    schema: &Schema,
    list: List,
) -> Result<(), PatchError> {
    let current = original.get_mut(key).filter(|current| is_same_type(current, &value));
    match (current, value) {
        (_, Value::Null) => {
            original.remove(key);
        }
        (None, value) => {
            if list == List::Merge {
                put(original, key, value);
            }
        }
        (Some(Value::Object(current)), Value::Object(value)) => {
            let (schema, strategy) = lookup(schema, key)?;
            if strategy.replace {
                *current = value;
            } else {
                merge_map(current, value, schema)?;
            }
        }
        (Some(Value::Array(current)), Value::Array(value)) => {
            let (schema, strategy) = lookup_list(schema, key)?;
            lists::merge_or_replace(current, value, schema, strategy, list)?;
        }
        (Some(current), value) => *current = value,
    }
    Ok(())
}

/// Takes a new value without directives and `null` fields. What says of itself that it is deleted is not taken.
fn put(original: &mut Map<String, Value>, key: &str, mut value: Value) {
    discard_nulls(&mut value);
    match without_directives(value) {
        Some(value) => original.insert(key.to_owned(), value),
        None => original.remove(key),
    };
}

fn is_same_type(left: &Value, right: &Value) -> bool {
    std::mem::discriminant(left) == std::mem::discriminant(right)
}

/// Finds the type behind a field and how the field merges. Go: meta.go LookupPatchMetadataForStruct
fn lookup<'s>(schema: &'s Schema, key: &str) -> Result<(&'s Schema, &'s Patch), PatchError> {
    if let Some(field) = schema.field(key) {
        return Ok((field.schema.get(), field.patch.as_ref().unwrap_or(&NO_PATCH)));
    }
    match schema.as_object().and_then(|object| object.additional.as_ref()).map(Link::get) {
        Some(values) => Ok((values, &NO_PATCH)),
        None => {
            let name = gotypes::short_name(&schema.name);
            Err(PatchError::Other(format!(
                "unable to find api field in struct {name} for the json field {}",
                strconv::quote(key)
            )))
        }
    }
}

/// As [`lookup`], for the items of a list. Go: LookupPatchMetadataForSlice
fn lookup_list<'s>(schema: &'s Schema, key: &str) -> Result<(&'s Schema, &'s Patch), PatchError> {
    let (list, strategy) = lookup(schema, key)?;
    match &list.kind {
        Kind::Array(array) => Ok((array.items.get(), strategy)),
        _ => Ok((list, strategy)),
    }
}

/// Keeps only the fields that `$retainKeys` names. Go: applyRetainKeysDirective
fn retain_keys(original: &mut Map<String, Value>, patch: &mut Map<String, Value>) -> Result<(), PatchError> {
    let Some(directive) = patch.remove(RETAIN_KEYS) else { return Ok(()) };
    let bad = PatchError::BadFormat("retainKeys");
    let Value::Array(keys) = directive else { return Err(bad) };
    let keys: BTreeSet<&str> = keys.iter().filter_map(Value::as_str).collect();
    let is_directive = |key: &str| key.starts_with(DELETE_FROM_PRIMITIVE_LIST) || key.starts_with(SET_ELEMENT_ORDER);
    // What the patch sets it must also retain.
    if patch.iter().any(|(key, value)| !value.is_null() && !is_directive(key) && !keys.contains(key.as_str())) {
        return Err(bad);
    }
    original.retain(|key, _| keys.contains(key.as_str()));
    Ok(())
}

/// Merges the lists for which the patch sets an order, and takes them out of the patch. Go: mergePatchIntoOriginal
fn merge_ordered_lists(
    original: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
    schema: &Schema,
) -> Result<(), PatchError> {
    let directives: Vec<String> = patch.keys().filter(|key| key.starts_with(SET_ELEMENT_ORDER)).cloned().collect();
    for directive in directives {
        let bad = || PatchError::BadFormat("setElementOrder list");
        let Some(Value::Array(order)) = patch.remove(&directive) else { return Err(bad()) };
        let key = directive[SET_ELEMENT_ORDER.len()..].split_once('/').ok_or_else(bad)?.1;
        let (item, strategy) = lookup_list(schema, key)?;
        let list = |value: Option<Value>| match value {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(bad()),
        };
        let patched = list(patch.remove(key))?;
        let live = list(original.get(key).cloned())?;
        lists::check_order(patched.as_deref().unwrap_or_default(), &order, &strategy.merge_key)?;
        let merged = match (live.clone(), patched) {
            (None, None) => continue,
            (Some(live), None) => live,
            (None, Some(patched)) => patched.into_iter().filter_map(without_directives).collect(),
            (Some(mut live), Some(patched)) => {
                lists::merge_or_replace(&mut live, patched, item, strategy, List::Merge)?;
                live
            }
        };
        let ordered = lists::order(merged, &order, &live.unwrap_or_default(), &strategy.merge_key)?;
        original.insert(key.to_owned(), Value::Array(ordered));
    }
    Ok(())
}

/// Removes directives from a value that is new; yields nothing for what is marked as deleted. Go: removeDirectives
pub(super) fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(fields) => {
            if fields.get(DIRECTIVE).and_then(Value::as_str) == Some("delete") {
                return None;
            }
            let is_directive = |key: &str| {
                key == DIRECTIVE
                    || key == RETAIN_KEYS
                    || key.starts_with(DELETE_FROM_PRIMITIVE_LIST)
                    || key.starts_with(SET_ELEMENT_ORDER)
            };
            let kept = fields.into_iter().filter(|(key, _)| !is_directive(key));
            Some(Value::Object(kept.filter_map(|(key, value)| Some((key, without_directives(value)?))).collect()))
        }
        Value::Array(items) => Some(items.into_iter().filter_map(without_directives).collect()),
        scalar => Some(scalar),
    }
}

/// Go: discardNullValuesFromPatch
fn discard_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(discard_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(discard_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What an item of a list says of itself.
pub(super) fn directive_of(item: &Value) -> Option<&Value> {
    item.get(DIRECTIVE)
}

/// Go: mergepatch.ErrBadPatchType
pub(super) fn bad_directive(directive: &Value, map: &Map<String, Value>) -> PatchError {
    let map = strconv::sprint(&Value::Object(map.clone()));
    let directive = match directive {
        Value::String(text) => text.clone(),
        // Go prints what is no text with `%s` as a mistake in its own format.
        Value::Null => "%!s(<nil>)".to_owned(),
        other => format!("%!s({}={})", strconv::dynamic_type(other), strconv::sprint(other)),
    };
    PatchError::Other(format!("unknown patch type: {directive} in map: {map}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::openapi;

    fn merged(original: Value, patch: Value) -> Result<Value, String> {
        let schemas = openapi::schemas(json!({"definitions": {
            "v1.Spec": {"type": "object", "properties": {
                "image": {"type": "string"},
                "strategy": {"type": "object", "additionalProperties": {"type": "string"}},
                "whole": {"type": "object", "x-kubernetes-patch-strategy": "replace", "properties": {"a": {"type": "string"}}},
                "finalizers": {"type": "array", "x-kubernetes-patch-strategy": "merge", "items": {"type": "string"}},
                "plain": {"type": "array", "items": {"type": "string"}},
                "containers": {"type": "array", "x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "name",
                    "items": {"$ref": "#/definitions/v1.Container"}}}},
            "v1.Container": {"type": "object", "properties": {"name": {"type": "string"}, "image": {"type": "string"},
                "args": {"type": "array", "items": {"type": "string"}}}}}}));
        let schema = schemas.get("v1.Spec").expect("known");
        let (Value::Object(mut original), Value::Object(patch)) = (original, patch) else { unreachable!() };
        merge_map(&mut original, patch, &schema).map_err(|error| error.to_string())?;
        Ok(Value::Object(original))
    }

    #[test]
    fn lists_are_merged_by_key() {
        let live = || json!({"containers": [{"name": "a", "image": "1", "args": ["x"]}, {"name": "b"}]});
        assert_eq!(
            merged(live(), json!({"containers": [{"name": "c"}, {"name": "a", "args": ["y"]}]})),
            Ok(json!({"containers": [{"name": "c"}, {"name": "a", "image": "1", "args": ["y"]}, {"name": "b"}]}))
        );
        assert_eq!(
            merged(live(), json!({"containers": [{"name": "b", "$patch": "delete"}]})),
            Ok(json!({"containers": [{"name": "a", "image": "1", "args": ["x"]}]}))
        );
        assert_eq!(
            merged(live(), json!({"containers": [{"$patch": "replace"}, {"name": "z"}]})),
            Ok(json!({"containers": [{"name": "z"}]}))
        );
        assert_eq!(
            merged(live(), json!({"containers": [{"image": "i"}]})),
            Err("map: map[image:i] does not contain declared merge key: name".to_owned())
        );
        assert_eq!(
            merged(live(), json!({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]})),
            Ok(json!({"containers": [{"name": "b"}, {"name": "a", "image": "1", "args": ["x"]}]}))
        );
    }

    #[test]
    fn lists_of_scalars_are_merged_or_replaced() {
        let live = || json!({"finalizers": ["a", "b"], "plain": ["a", "b"]});
        let patched = merged(live(), json!({"finalizers": ["c", "a"], "plain": ["c"]}));
        assert_eq!(patched, Ok(json!({"finalizers": ["c", "a", "b"], "plain": ["c"]})));
        let patched = merged(live(), json!({"$deleteFromPrimitiveList/finalizers": ["a", "x"]}));
        assert_eq!(patched.map(|patched| patched["finalizers"].clone()), Ok(json!(["b"])));
        let order = json!({"$setElementOrder/finalizers": ["c", "b"], "finalizers": ["b", "c"]});
        assert!(merged(live(), order).is_err_and(|error| error.contains("doesn't match $setElementOrder list")));
    }

    #[test]
    fn objects_are_merged_replaced_and_cut() {
        let live = || json!({"strategy": {"a": "1", "b": "2"}, "image": "i", "whole": {"a": "1"}});
        assert_eq!(
            merged(live(), json!({"strategy": {"$retainKeys": ["c"], "c": "3"}, "whole": {}})),
            Ok(json!({"strategy": {"c": "3"}, "image": "i", "whole": {}}))
        );
        assert_eq!(
            merged(live(), json!({"strategy": {"$patch": "replace", "c": "3"}, "image": null})),
            Ok(json!({"strategy": {"c": "3"}, "whole": {"a": "1"}}))
        );
        let refusal = |patch: Value| merged(live(), patch).expect_err("refused");
        assert_eq!(
            refusal(json!({"strategy": {"$retainKeys": ["x"], "c": "3"}})),
            "invalid patch format of retainKeys"
        );
        assert_eq!(
            refusal(json!({"strategy": {"$patch": 5}})),
            "unknown patch type: %!s(int64=5) in map: map[$patch:5]"
        );
        assert_eq!(merged(json!({}), json!({"x": {"a": {"$patch": "delete"}, "b": null}})), Ok(json!({"x": {}})));
    }
}
