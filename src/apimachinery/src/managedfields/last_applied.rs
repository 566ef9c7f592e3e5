//! From client-side to server-side apply: the annotation in which kubectl kept what it applied last.
//!
//! Who switches from one to the other would be in conflict with its own past. What the annotation shows to
//! be set by kubectl is therefore allowed to conflict; and the annotation is kept up to date, for the way back.
//!
//! Go: apimachinery/pkg/util/managedfields/internal/{lastapplied,lastappliedmanager,lastappliedupdater}.go

use serde_json::Value;

use super::{fieldpath::Set, updater::Updater};
use crate::runtime::object::Object;

/// The only manager for which this is done.
pub(super) const KUBECTL: &str = "kubectl";

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
const PATH: [&str; 3] = ["metadata", "annotations", ANNOTATION];
/// How large all annotations together may be. Go: TotalAnnotationSizeLimitB
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// Returns the fields that client-side apply set and nobody changed since; nothing if there is no annotation.
///
/// Go: allowedConflictsFromLastApplied
pub(super) fn allowed_conflicts(updater: &Updater<'_>, live: &Object) -> Option<Set> {
    let last: Value = serde_json::from_str(live.str(&PATH)).ok()?;
    let last = updater.typed(Object::from_value(last)?).ok()?;
    let live = updater.typed(live.clone()).ok()?;
    let changes = last.compare(&live);
    let mut allowed = last.field_set();
    for changed in [&changes.modified, &changes.added, &changes.removed] {
        allowed.difference(changed);
    }
    Some(allowed)
}

/// Brings the annotation of an object, if it has one, up to what is applied. Go: lastAppliedUpdater.Apply
pub(super) fn update(object: &mut Object, applied: &Object) {
    if object.str(&PATH).is_empty() {
        return;
    }
    let mut applied = applied.clone();
    applied.remove(&PATH);
    // The encoder that Go uses here ends with a line break.
    let text = format!("{}\n", serde_json::to_string(&applied.0).expect("a JSON value always encodes"));
    object.set(&PATH, text);
    let size: usize = object.annotations().iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > MAX_ANNOTATIONS {
        object.remove(&PATH);
    }
}
