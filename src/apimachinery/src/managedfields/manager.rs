//! The field manager of an endpoint: what create, update, patch and apply call.
//!
//! ```text
//!   update(live, new)                          apply(live, applied)
//!     entries of the request, or of the live     entries of the live object
//!     nothing known: only creations start        nothing known: `before-first-apply` owns what is there
//!     the manager owns what changed              merge, conflicts, prune
//!     never own metadata that is the server's    likewise
//!     at most ten updaters, the oldest merged    time only if the object changed
//!     entries into the object                    likewise
//! ```
//!
//! Go: apimachinery/pkg/util/managedfields/internal/{fieldmanager,structuredmerge,stripmeta,capmanagers,skipnonapplied}.go

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
    time::Duration,
};

use super::{
    fieldpath::Set,
    last_applied,
    managed::{self, Identity, Managers, Operation, Owned},
    typed,
    updater::{Error, Force, ResetFields, Updater},
};
use crate::{
    api::errors::StatusError,
    meta::time,
    runtime::{
        object::Object,
        schema::{GroupVersion, GroupVersionKind},
    },
    schema::registry::Kinds,
};

/// Converts objects between the versions of their kind.
pub trait Versions: Send + Sync {
    /// Returns the object in another version.
    fn convert(&self, object: Object, version: &GroupVersion) -> Result<Object, ConvertError>;
    /// Returns an object with nothing set: for a built-in kind what its empty Go struct is written as, for a
    /// custom one its kind alone.
    fn empty(&self, gvk: &GroupVersionKind) -> Object;
}

/// Why an object cannot be converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConvertError {
    /// There is no such version (any more): its managers are forgotten.
    MissingVersion,
    /// Anything else.
    Failed(String),
}

/// Keeps `metadata.managedFields` of the objects of one endpoint.
#[derive(Clone)]
pub struct FieldManager {
    kinds: Arc<dyn Kinds>,
    versions: Arc<dyn Versions>,
    gvk: GroupVersionKind,
    subresource: String,
    reset_fields: ResetFields,
}

/// How many managers that update an object remembers; older ones are merged. Go: DefaultMaxUpdateManagers
const MAX_UPDATERS: usize = 10;
/// Who owns what older managers owned.
const ANCIENT: &str = "ancient-changes";
/// Who owns what was there before the first apply to an object without managers.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// What nobody owns: it is the server's, or says which object this is. Go: stripSet
static STRIPPED: LazyLock<Set> = LazyLock::new(|| {
    Set::of_fields(&[
        &["apiVersion"],
        &["kind"],
        &["metadata"],
        &["metadata", "name"],
        &["metadata", "namespace"],
        &["metadata", "creationTimestamp"],
        &["metadata", "selfLink"],
        &["metadata", "uid"],
        &["metadata", "clusterName"],
        &["metadata", "generation"],
        &["metadata", "managedFields"],
        &["metadata", "resourceVersion"],
    ])
});

impl FieldManager {
    /// Returns the field manager of an endpoint that reads and writes this kind in this version.
    /// `reset_fields` are those which the endpoint's strategy does not let requests set.
    pub fn new(
        kinds: Arc<dyn Kinds>,
        versions: Arc<dyn Versions>,
        gvk: GroupVersionKind,
        subresource: &str,
        reset_fields: ResetFields,
    ) -> Self {
        Self { kinds, versions, gvk, subresource: subresource.to_owned(), reset_fields }
    }

    /// Returns the new object with its managers after an update. Both objects are of the endpoint's version, and
    /// as Go writes them; a live one without `uid` stands for none. On failure the object has no managers.
    ///
    /// Go: FieldManager.UpdateNoErrors
    #[must_use]
    pub fn update(&self, live: &Object, new: Object, manager: &str, now: Duration) -> Object {
        let mut failed = new.clone();
        failed.remove(&["metadata", "managedFields"]);
        self.try_update(live, new, manager, now).unwrap_or(failed)
    }

    /// As [`Self::update`], but says why it failed.
    pub fn try_update(
        &self,
        live: &Object,
        mut new: Object,
        manager: &str,
        now: Duration,
    ) -> Result<Object, StatusError> {
        let mut managers = self.managers_of(live, &new);
        new.remove(&["metadata", "managedFields"]);
        // Managers are followed from creation on, or not at all.
        if !managers.is_empty() || live.uid().is_empty() {
            let base = self.base(live)?;
            self.follow_update(&base, &new, &mut managers, manager, now)?;
        }
        managed::put(&mut new, &managers);
        Ok(new)
    }

    /// Merges what is applied into the live object, or says what is wrong with it or in conflict. The result is
    /// yet to be decoded and defaulted: it may hold whatever the client applied. Only an object that stays as it is
    /// keeps the texts of its raw parts.
    ///
    /// Go: FieldManager.Apply
    pub fn apply(
        &self,
        live: &Object,
        applied: &Object,
        manager: &str,
        force: Force,
        now: Duration,
    ) -> Result<Object, StatusError> {
        let mut managers = managed::decode(managed::entries(live))
            .map_err(|error| StatusError::new(500, "", format!("failed to decode managed fields: {error}")))?;
        if applied.gvk() != self.gvk {
            return Err(StatusError::new_bad_request(format!("invalid object type: {}", applied.gvk())));
        }
        let base = self.base(live)?;
        if managers.is_empty() {
            let empty = self.versions.empty(&self.gvk);
            let failed = |error| format!("failed to create manager for existing fields: {error}");
            self.follow_update(&empty, &base, &mut managers, BEFORE_FIRST_APPLY, now)
                .map_err(|error| StatusError::new(500, "", failed(StatusError::from(error))))?;
        }
        let mut outcome = self.follow_apply(&base, applied, &managers, manager, force, now);
        if manager == last_applied::KUBECTL
            && let Err(Error::Conflicts(conflicts)) = outcome
        {
            outcome = match last_applied::allowed_conflicts(&self.updater(), &base) {
                None => Err(Error::Conflicts(conflicts)),
                Some(allowed) => {
                    let rest = conflicts.except(&allowed);
                    if rest.set().is_empty() {
                        self.follow_apply(&base, applied, &managers, manager, Force::Yes, now)
                    } else {
                        Err(Error::Conflicts(rest))
                    }
                }
            };
        }
        let (mut object, managers) = outcome?;
        if manager == last_applied::KUBECTL {
            last_applied::update(&mut object, applied);
        }
        managed::put(&mut object, &managers);
        Ok(object)
    }

    fn updater(&self) -> Updater<'_> {
        Updater { kinds: &*self.kinds, versions: &*self.versions, reset_fields: &self.reset_fields }
    }

    /// The live object in the endpoint's version, without managers; an empty one if there is none.
    fn base(&self, live: &Object) -> Result<Object, Error> {
        if live.uid().is_empty() {
            return Ok(self.versions.empty(&self.gvk));
        }
        let mut base = live.clone();
        base.remove(&["metadata", "managedFields"]);
        if base.gvk() == self.gvk {
            return Ok(base);
        }
        let (of, version) = (described(live), self.gvk.group_version());
        self.versions.convert(base, &version).map_err(|error| {
            let error = match error {
                ConvertError::MissingVersion => format!("no version {version}"),
                ConvertError::Failed(error) => error,
            };
            Error::Failed(format!("failed to convert live object ({of}) to proper version: {error}"))
        })
    }

    /// Takes the entries that the client sent, if it may and can; else those of the live object.
    ///
    /// Go: decodeLiveOrNew
    fn managers_of(&self, live: &Object, new: &Object) -> Managers {
        if self.subresource.is_empty() {
            if managed::is_reset(managed::entries(new)) {
                return Managers::new();
            }
            match managed::decode(managed::entries(new)) {
                Ok(managers) if !managers.is_empty() => return managers,
                _ => {}
            }
        }
        managed::decode(managed::entries(live)).unwrap_or_default()
    }

    fn follow_update(
        &self,
        live: &Object,
        new: &Object,
        managers: &mut Managers,
        manager: &str,
        now: Duration,
    ) -> Result<(), Error> {
        let updater = self.updater();
        let typed = |object: &Object, which: &str| {
            let failed =
                |error| format!("failed to convert {which} object ({}) to smd typed: {error}", described(object));
            updater.typed(object.clone()).map_err(failed)
        };
        let (new, live) = (typed(new, "new")?, typed(live, "live")?);
        // Even the manager's own entry loses what changed, for the new one to have it.
        let current = Identity { manager: "current-operation".to_owned(), ..Identity::default() };
        updater.update(&live, &new, managers, &current)?;
        if let Some(mut changed) = managers.remove(&current) {
            changed.set.difference(&STRIPPED);
            if !changed.set.is_empty() {
                let api_version = self.gvk.group_version().to_string();
                let identity = Identity::new(manager, Operation::Update, &api_version, &self.subresource);
                let owned = managers.entry(identity).or_insert_with(|| Owned { api_version, ..Owned::default() });
                owned.set.union(&changed.set);
                owned.time = Some(time::rfc3339(now));
            }
        }
        cap_updaters(managers);
        Ok(())
    }

    fn follow_apply(
        &self,
        live: &Object,
        applied: &Object,
        managers: &Managers,
        manager: &str,
        force: Force,
        now: Duration,
    ) -> Result<(Object, Managers), Error> {
        if managed::entries(applied).is_some_and(|entries| !entries.is_null()) {
            let refusal = StatusError::new_bad_request("metadata.managedFields must be nil");
            return Err(Error::Status(refusal));
        }
        let mut managers = managers.clone();
        let updater = self.updater();
        let failed = |error| format!("failed to create typed patch object ({}): {error}", described(applied));
        let applied = updater.typed(applied.clone()).map_err(failed)?;
        typed::validate(applied.schema(), applied.value()).map_err(failed)?;
        let failed = |error| format!("failed to create typed live object ({}): {error}", described(live));
        let typed_live = updater.typed(live.clone()).map_err(failed)?;
        let identity = Identity::new(manager, Operation::Apply, "", &self.subresource);
        let merged = updater.apply(&typed_live, &applied, &mut managers, &identity, force)?;
        if let Some(owned) = managers.get_mut(&identity) {
            owned.set.difference(&STRIPPED);
            if owned.set.is_empty() {
                managers.remove(&identity);
            } else if merged.is_some() {
                owned.time = Some(time::rfc3339(now));
            }
        }
        let object = merged.map_or_else(|| live.clone(), super::updater::Typed::into_object);
        Ok((object, managers))
    }
}

/// Names an object in a message. Go: objectGVKNN
fn described(object: &Object) -> String {
    format!("{}/{}; {}", object.namespace(), object.name(), object.gvk())
}

/// Merges the oldest updaters of each version into one until there are few enough. Go: capUpdateManagers
fn cap_updaters(managers: &mut Managers) {
    let is_updater = |identity: &&Identity| identity.operation == Operation::Update;
    let mut updaters: Vec<Identity> = managers.keys().filter(is_updater).cloned().collect();
    let mut left = updaters.len();
    if left <= MAX_UPDATERS {
        return;
    }
    updaters.sort_by_key(|identity| (managers[identity].time.clone().unwrap_or_default(), identity.clone()));
    let mut first_of: BTreeMap<String, Identity> = BTreeMap::new();
    for identity in updaters {
        if left <= MAX_UPDATERS {
            return;
        }
        let version = managers[&identity].api_version.clone();
        let Some(first) = first_of.get(&version) else {
            first_of.insert(version, identity);
            continue;
        };
        let bucket = Identity::new(ANCIENT, Operation::Update, &version, "");
        if !managers.contains_key(&bucket)
            && let Some(owned) = managers.remove(first)
        {
            managers.insert(bucket.clone(), owned);
        }
        if let Some(owned) = managers.remove(&identity) {
            let ancient = managers.entry(bucket).or_default();
            ancient.api_version = version;
            ancient.set.union(&owned.set);
            // What is merged in is the younger.
            ancient.time = owned.time;
            left -= 1;
        }
    }
}
