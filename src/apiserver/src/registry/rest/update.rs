//! What every update does around its strategy.
//!
//! Go: apiserver/pkg/registry/rest/update.go

use apimachinery::{
    api::validation::object_meta,
    meta::{object_meta::ObjectMeta, time},
    runtime::object::Object,
    validation::field::Path,
};
use serde_json::Value;

use crate::{
    registry::rest::{Result, create, strategy::Strategy},
    request::context::Context,
};

/// Completes and checks the new state of an object.
///
/// Go: BeforeUpdate
pub async fn before_update(cx: &Context, strategy: &dyn Strategy, mut object: Object, old: &Object) -> Result<Object> {
    create::ensure_namespace_matches_request(cx, strategy, &mut object)?;
    // Only the strategy counts generations.
    keep(&mut object, old, "generation");
    let mut object = create::prepare(cx, object, |object| strategy.prepare_for_update(cx, object, old)).await?;
    keep_system_metadata(cx, &mut object, old);
    create::validate(cx, &mut object, |object| {
        let mut errors = create::validate_object_meta(strategy, object);
        let (new, old_meta) = (ObjectMeta::of(object), ObjectMeta::of(old));
        errors.extend(object_meta::validate_object_meta_update(new, old_meta, &Path::new("metadata")));
        errors.extend(strategy.validate_update(cx, object, old));
        errors
    })
    .await?;
    for warning in strategy.warnings_on_update(cx, &object, old) {
        cx.warnings.add(warning);
    }
    strategy.canonicalize(&mut object);
    Ok(object)
}

/// Keeps what an update can neither set nor remove. A uid that differs stays, to be refused by validation.
fn keep_system_metadata(cx: &Context, object: &mut Object, old: &Object) {
    if object.uid().is_empty() {
        keep(object, old, "uid");
    }
    keep(object, old, "creationTimestamp");
    if object.str(&["metadata", "creationTimestamp"]).is_empty() {
        object.set(&["metadata", "creationTimestamp"], time::rfc3339(cx.services.clock.wall()));
    }
    if old.deletion_timestamp().is_some() {
        keep(object, old, "deletionTimestamp");
    }
    if object.get(&["metadata", "deletionGracePeriodSeconds"]).is_none_or(Value::is_null) {
        keep(object, old, "deletionGracePeriodSeconds");
    }
}

/// Gives a field of the metadata its old value.
fn keep(object: &mut Object, old: &Object, field: &str) {
    match old.get(&["metadata", field]) {
        Some(value) => object.set(&["metadata", field], value.clone()),
        None => {
            object.remove(&["metadata", field]);
        }
    }
}

/// Puts the old managed fields back where nothing but their times changed, so that the write becomes no write at all.
///
/// Go: apiserver/pkg/endpoints/handlers/fieldmanager/equality.go IgnoreManagedFieldsTimestampsTransformer
pub fn ignore_managed_fields_timestamps(object: &mut Object, old: &Object) {
    const MANAGED_FIELDS: [&str; 2] = ["metadata", "managedFields"];
    let (Some(new_fields), Some(old_fields)) = (object.get(&MANAGED_FIELDS), old.get(&MANAGED_FIELDS)) else { return };
    if new_fields == old_fields || !equal_but_for_times(new_fields, old_fields) {
        return;
    }
    let old_fields = old_fields.clone();
    let new_fields = object.remove(&MANAGED_FIELDS).expect("present above");
    let mut old_rest = old.clone();
    old_rest.remove(&MANAGED_FIELDS);
    let unchanged = *object == old_rest;
    object.set(&MANAGED_FIELDS, if unchanged { old_fields } else { new_fields });
}

fn equal_but_for_times(new: &Value, old: &Value) -> bool {
    let (Some(new), Some(old)) = (new.as_array(), old.as_array()) else { return false };
    let without_time = |entry: &Value| {
        let mut entry = entry.clone();
        if let Some(fields) = entry.as_object_mut() {
            fields.remove("time");
        }
        entry
    };
    new.len() == old.len() && new.iter().zip(old).all(|(new, old)| without_time(new) == without_time(old))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_write_that_only_moves_times_is_none() {
        let at = |time: &str, value: &str| {
            let managed = json!([{"manager": "kubectl", "operation": "Update", "time": time}]);
            Object::from_value(json!({"metadata": {"name": "a", "managedFields": managed}, "data": {"k": value}}))
                .expect("object")
        };
        let old = at("2026-01-01T00:00:00Z", "v");
        let mut same = at("2026-01-02T00:00:00Z", "v");
        ignore_managed_fields_timestamps(&mut same, &old);
        assert_eq!(same, old);
        let mut changed = at("2026-01-02T00:00:00Z", "w");
        ignore_managed_fields_timestamps(&mut changed, &old);
        assert_eq!(changed, at("2026-01-02T00:00:00Z", "w"));
    }
}
