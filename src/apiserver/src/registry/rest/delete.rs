//! What every delete does around its strategy: preconditions, grace, finalizers for the garbage collector.
//!
//! Go: apiserver/pkg/registry/rest/delete.go, apiserver/pkg/registry/generic/registry/store.go
//!
//! ```text
//!   graceful (pods)        deletionTimestamp = now + grace; someone (the kubelet) deletes again with grace 0
//!   finalizers left        deletionTimestamp = now, grace 0; the update that removes the last one deletes
//!   neither                gone at once
//! ```

use std::time::Duration;

use apimachinery::{
    api::errors::StatusError,
    meta::{
        object_meta::{FINALIZER_DELETE_DEPENDENTS, FINALIZER_ORPHAN_DEPENDENTS},
        options::DeleteOptions,
        time,
    },
    runtime::{object::Object, schema::GroupResource},
};
use serde_json::Value;

use crate::{
    registry::rest::{
        Result,
        strategy::{GarbageCollectionPolicy, Strategy},
    },
    request::context::Context,
};

const DELETION_TIMESTAMP: [&str; 2] = ["metadata", "deletionTimestamp"];
const GRACE_PERIOD: [&str; 2] = ["metadata", "deletionGracePeriodSeconds"];

/// How an object goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Going {
    /// At once, as far as grace is concerned.
    AtOnce,
    /// After so many seconds; the object's metadata says so now.
    Gracefully(i64),
    /// It is already going, and this request changes nothing about it.
    Already,
}

/// Checks the preconditions and decides about grace; marks the object if it goes gracefully.
///
/// Go: BeforeDelete
pub fn before_delete(
    cx: &Context,
    strategy: &dyn Strategy,
    object: &mut Object,
    options: &DeleteOptions,
) -> Result<Going> {
    check_preconditions(object, options)?;
    // A negative grace period means one second.
    let requested = options.grace_period_seconds.map(|seconds| if seconds < 0 { 1 } else { seconds });
    if grace_period(object).is_some_and(|seconds| seconds < 0) {
        object.set(&GRACE_PERIOD, 1);
    }
    if let Some(timestamp) = object.deletion_timestamp() {
        let since = time::parse(timestamp).unwrap_or_default();
        return Ok(shorten(object, since, requested));
    }
    let Some(grace) = strategy.check_graceful_delete(cx, object, requested) else { return Ok(Going::AtOnce) };
    let at = cx.services.clock.wall() + Duration::from_secs(grace.max(0) as u64);
    object.set(&DELETION_TIMESTAMP, time::rfc3339(at));
    object.set(&GRACE_PERIOD, grace);
    bump_generation(object);
    Ok(Going::Gracefully(grace))
}

/// Decides about an object that is already going: its grace period may only become shorter.
fn shorten(object: &mut Object, timestamp: Duration, requested: Option<i64>) -> Going {
    // Marked without grace: an earlier delete got so far and no further, or finalizers are left. Go on with it.
    let Some(period) = grace_period(object).filter(|period| *period != 0) else { return Going::AtOnce };
    let Some(requested) = requested.filter(|requested| *requested < period) else { return Going::Already };
    let began = timestamp.saturating_sub(Duration::from_secs(period as u64));
    object.set(&DELETION_TIMESTAMP, time::rfc3339(began + Duration::from_secs(requested as u64)));
    object.set(&GRACE_PERIOD, requested);
    Going::Gracefully(requested)
}

/// Refuses where the object is not the one the client means.
fn check_preconditions(object: &Object, options: &DeleteOptions) -> Result<()> {
    // Go puts the kind where a resource belongs; clients see it.
    let gvk = object.gvk();
    let conflict = |message: String| {
        StatusError::new_conflict(
            &GroupResource { group: gvk.group.clone(), resource: gvk.kind.clone() },
            object.name(),
            &message,
        )
    };
    if let Some(uid) = options.preconditions.uid.as_ref().filter(|uid| *uid != object.uid()) {
        return Err(conflict(format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been \
             deleted and then recreated",
            object.uid()
        )));
    }
    let version = object.resource_version();
    if let Some(wanted) = options.preconditions.resource_version.as_ref().filter(|wanted| *wanted != version) {
        return Err(conflict(format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record \
             ({version}). The object might have been modified"
        )));
    }
    Ok(())
}

/// Marks an object that waits for its finalizers only.
///
/// Go: registry/store.go markAsDeleting
pub fn mark_as_deleting(cx: &Context, object: &mut Object) {
    let now = cx.services.clock.wall();
    match object.deletion_timestamp() {
        None => {
            bump_generation(object);
            object.set(&DELETION_TIMESTAMP, time::rfc3339(now));
        }
        Some(later) if time::parse(later).is_some_and(|later| later > now) => {
            object.set(&DELETION_TIMESTAMP, time::rfc3339(now));
        }
        Some(_) => {}
    }
    object.set(&GRACE_PERIOD, 0);
}

/// Sets the finalizers that tell the garbage collector what to do with dependents. Says whether that changed anything.
///
/// Go: registry/store.go deletionFinalizersForGarbageCollection
pub fn set_deletion_finalizers(
    cx: &Context,
    strategy: &dyn Strategy,
    object: &mut Object,
    options: &DeleteOptions,
) -> bool {
    let old = object.finalizers();
    let wanted = garbage_collection_finalizer(strategy.default_garbage_collection_policy(cx), &old, options);
    let others = old.iter().filter(|name| !GARBAGE_COLLECTION_FINALIZERS.contains(name));
    let new: Vec<&str> = others.copied().chain(wanted).collect();
    if new.len() == old.len() && new.iter().all(|name| old.contains(name)) {
        return false;
    }
    let new: Vec<Value> = new.into_iter().map(Value::from).collect();
    if new.is_empty() {
        object.remove(&["metadata", "finalizers"]);
    } else {
        object.set(&["metadata", "finalizers"], new);
    }
    true
}

const GARBAGE_COLLECTION_FINALIZERS: [&str; 2] = [FINALIZER_ORPHAN_DEPENDENTS, FINALIZER_DELETE_DEPENDENTS];

/// Decides which of the two finalizers an object gets: the request counts more than a finalizer that is already
/// there, and that more than the strategy.
///
/// Go: registry/store.go shouldOrphanDependents, shouldDeleteDependents
fn garbage_collection_finalizer(
    default: GarbageCollectionPolicy,
    finalizers: &[&str],
    options: &DeleteOptions,
) -> Option<&'static str> {
    if default == GarbageCollectionPolicy::Unsupported {
        return None;
    }
    if let Some(orphan) = options.orphan_dependents {
        return orphan.then_some(FINALIZER_ORPHAN_DEPENDENTS);
    }
    match options.propagation_policy.as_deref() {
        Some("Orphan") => return Some(FINALIZER_ORPHAN_DEPENDENTS),
        Some("Foreground") => return Some(FINALIZER_DELETE_DEPENDENTS),
        Some(_) => return None,
        None => {}
    }
    let present = GARBAGE_COLLECTION_FINALIZERS.into_iter().find(|name| finalizers.contains(name));
    present.or((default == GarbageCollectionPolicy::OrphanDependents).then_some(FINALIZER_ORPHAN_DEPENDENTS))
}

/// Says whether an update leaves nothing to wait for on an object that is being deleted.
///
/// Go: registry/store.go ShouldDeleteDuringUpdate
pub fn should_delete_during_update(object: &Object, old: &Object) -> bool {
    object.finalizers().is_empty() && old.deletion_timestamp().is_some() && matches!(grace_period(old), None | Some(0))
}

fn grace_period(object: &Object) -> Option<i64> {
    object.get(&GRACE_PERIOD).and_then(Value::as_i64)
}

/// Counts the deletion as a change of the desired state, for kinds that count at all.
fn bump_generation(object: &mut Object) {
    if object.generation() > 0 {
        object.set(&["metadata", "generation"], object.generation() + 1);
    }
}
