//! Who owns what after a write.
//!
//! Go: structured-merge-diff/merge/update.go Updater

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::{
    compare::{self, Comparison},
    conflict::Conflicts,
    fieldpath::Set,
    fieldset,
    managed::{Identity, Managers, Operation, Owned},
    manager::{ConvertError, Versions},
    merge, remove,
    typed::Type,
};
use crate::{
    api::errors::StatusError,
    runtime::{object::Object, schema::GroupVersion},
    schema::{model::Schema, registry::Kinds},
};

/// The fields that a request through this endpoint cannot set, by version.
pub type ResetFields = BTreeMap<String, Set>;

/// Why a write's managers cannot be worked out.
#[derive(Debug)]
pub(super) enum Error {
    /// Others own what is applied.
    Conflicts(Conflicts),
    /// An answer for the client.
    Status(StatusError),
    /// Something else, in Go's words.
    Failed(String),
}

impl From<String> for Error {
    fn from(message: String) -> Self {
        Self::Failed(message)
    }
}

impl From<Error> for StatusError {
    fn from(error: Error) -> Self {
        match error {
            Error::Conflicts(conflicts) => conflicts.into(),
            Error::Status(status) => status,
            Error::Failed(message) => Self::new(500, "", message),
        }
    }
}

/// An object of a version, with its schema.
#[derive(Clone)]
pub(super) struct Typed {
    schema: Arc<Schema>,
    value: Value,
    api_version: String,
}

impl Typed {
    pub(super) fn ty(&self) -> Type<'_> {
        Type::new(&self.schema)
    }

    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(super) fn into_object(self) -> Object {
        Object::from_value(self.value).unwrap_or_default()
    }

    pub(super) fn compare(&self, new: &Self) -> Comparison {
        compare::compare(self.ty(), Some(&self.value), Some(&new.value))
    }

    pub(super) fn field_set(&self) -> Set {
        fieldset::of(self.ty(), &self.value)
    }

    fn named(&self, set: &Set) -> Set {
        fieldset::with_named_fields(Some(self.ty()), set)
    }

    fn without(self, paths: &Set) -> Self {
        let value = remove::remove(Type::new(&self.schema), self.value, paths);
        Self { value, ..self }
    }
}

/// What an updater needs to know of the world.
pub(super) struct Updater<'a> {
    pub(super) kinds: &'a dyn Kinds,
    pub(super) versions: &'a dyn Versions,
    pub(super) reset_fields: &'a ResetFields,
}

impl Updater<'_> {
    /// Finds the schema of an object.
    pub(super) fn typed(&self, object: Object) -> Result<Typed, String> {
        let gvk = object.gvk();
        let schema = self.kinds.schema(&gvk).ok_or_else(|| format!("no corresponding type for {gvk}"))?;
        Ok(Typed { schema, api_version: object.api_version().to_owned(), value: object.into_value() })
    }

    /// Converts an object; nothing if the version does not exist any more.
    fn convert(&self, object: &Typed, api_version: &str) -> Result<Option<Typed>, String> {
        if object.api_version == api_version {
            return Ok(Some(object.clone()));
        }
        let unknown = || format!("unexpected GroupVersion string: {api_version}");
        let version = GroupVersion::parse(api_version).ok_or_else(unknown)?;
        match self.versions.convert(object.clone().into_object(), &version) {
            Ok(converted) => self.typed(converted).map(Some),
            Err(ConvertError::MissingVersion) => Ok(None),
            Err(ConvertError::Failed(error)) => Err(error),
        }
    }

    /// Works out the managers after an update by `workflow`: it owns whatever changed. Go: Update
    pub(super) fn update(
        &self,
        live: &Typed,
        new: &Typed,
        managers: &mut Managers,
        workflow: &Identity,
    ) -> Result<(), Error> {
        self.reconcile(live, managers)?;
        let changes = self.take_over(live, new, managers, workflow, Force::Yes)?;
        let owned = managers.entry(workflow.clone()).or_default();
        owned.api_version.clone_from(&new.api_version);
        owned.set.difference(&changes.removed);
        owned.set.union(&changes.modified);
        owned.set.union(&changes.added);
        if let Some(reset) = self.reset_fields.get(&new.api_version) {
            owned.set.recursive_difference(reset);
        }
        if owned.set.is_empty() {
            managers.remove(workflow);
        }
        Ok(())
    }

    /// Merges what is applied into the live object and works out the managers. Yields nothing if the live object
    /// stays as it is. Go: Apply
    pub(super) fn apply(
        &self,
        live: &Typed,
        applied: &Typed,
        managers: &mut Managers,
        workflow: &Identity,
        force: Force,
    ) -> Result<Option<Typed>, Error> {
        self.reconcile(live, managers)?;
        let merged = merge::merge(live.ty(), Some(&live.value), Some(&applied.value))
            .map_err(|error| format!("failed to merge config: {error}"))?;
        let merged = Typed { value: merged.unwrap_or_default(), ..live.clone() };
        let mut set = applied.field_set();
        if let Some(reset) = self.reset_fields.get(&applied.api_version) {
            set.recursive_difference(reset);
        }
        let last = managers.get(workflow).cloned();
        let time = last.as_ref().and_then(|last| last.time.clone());
        managers.insert(workflow.clone(), Owned { set, api_version: applied.api_version.clone(), time });
        let pruned = match last.filter(|last| !last.set.is_empty()) {
            Some(last) => self.prune(merged, managers, &applied.api_version, &last)?,
            None => merged,
        };
        let changes = self.take_over(live, &pruned, managers, workflow, force)?;
        Ok((!changes.is_same()).then_some(pruned))
    }

    /// Takes what changed from all other managers; without force that is a conflict. Go: update
    fn take_over(
        &self,
        live: &Typed,
        new: &Typed,
        managers: &mut Managers,
        workflow: &Identity,
        force: Force,
    ) -> Result<Comparison, Error> {
        let mut changes: BTreeMap<String, Option<Comparison>> = BTreeMap::new();
        let in_version = |version: &str| -> Result<Option<Comparison>, Error> {
            let old = self.convert(live, version).map_err(|error| format!("failed to convert old object: {error}"))?;
            let new = self.convert(new, version).map_err(|error| format!("failed to convert new object: {error}"))?;
            let (Some(old), Some(new)) = (old, new) else { return Ok(None) };
            let mut changes = old.compare(&new);
            if let Some(reset) = self.reset_fields.get(version) {
                changes.exclude(reset);
            }
            Ok(Some(changes))
        };
        changes.insert(new.api_version.clone(), in_version(&new.api_version)?);
        let mut conflicts = Vec::new();
        let mut obsolete = Vec::new();
        for (manager, owned) in managers.iter().filter(|(manager, _)| *manager != workflow) {
            if !changes.contains_key(&owned.api_version) {
                changes.insert(owned.api_version.clone(), in_version(&owned.api_version)?);
            }
            let Some(changes) = &changes[&owned.api_version] else {
                obsolete.push(manager.clone());
                continue;
            };
            let mut conflict = owned.set.intersection(&changes.modified);
            conflict.union(&owned.set.intersection(&changes.added));
            if !conflict.is_empty() {
                conflicts.push((manager.clone(), conflict));
            }
        }
        if force == Force::No && !conflicts.is_empty() {
            return Err(Error::Conflicts(Conflicts(conflicts)));
        }
        obsolete.iter().for_each(|manager| drop(managers.remove(manager)));
        for (manager, conflict) in conflicts {
            managers.get_mut(&manager).expect("found above").set.difference(&conflict);
        }
        for (_, owned) in managers.iter_mut().filter(|(manager, _)| *manager != workflow) {
            if let Some(Some(changes)) = changes.get(&owned.api_version) {
                owned.set.difference(&changes.removed);
            }
        }
        managers.retain(|_, owned| !owned.set.is_empty());
        Ok(changes.remove(&new.api_version).flatten().unwrap_or_default())
    }

    /// Removes what the manager stated last time and states no more, unless others own it. Go: prune
    fn prune(&self, merged: Typed, managers: &Managers, api_version: &str, last: &Owned) -> Result<Typed, Error> {
        let fail =
            |error| format!("failed to prune fields: failed to convert merged object to last applied version: {error}");
        let Some(merged) = self.convert(&merged, &last.api_version).map_err(fail)? else { return Ok(merged) };
        let last_set = merged.named(&last.set);
        let pruned = merged.clone().without(&last_set);
        let (merged, pruned) = self.add_back_owned(merged, pruned, &last.api_version, managers)?;
        let pruned = self.add_back_dangling(merged, &pruned, last)?;
        let back = self.convert(&pruned, api_version).map_err(|error| format!("failed to prune fields: {error}"))?;
        Ok(back.unwrap_or(pruned))
    }

    /// Adds back what pruning took but somebody applies, the manager itself with its new statement included.
    ///
    /// Go: addBackOwnedItems
    fn add_back_owned(
        &self,
        mut merged: Typed,
        mut pruned: Typed,
        pruned_version: &str,
        managers: &Managers,
    ) -> Result<(Typed, Typed), Error> {
        let mut by_version: BTreeMap<&str, Set> = BTreeMap::new();
        for (_, owned) in managers.iter().filter(|(manager, _)| manager.operation == Operation::Apply) {
            by_version.entry(&owned.api_version).or_default().union(&owned.set);
        }
        // The version of the pruned object first: another may not be convertible to without what was pruned.
        let first = by_version.remove(pruned_version).map(|set| (pruned_version, set));
        for (version, owned) in first.into_iter().chain(by_version) {
            let fail = |error| format!("failed to prune fields: failed add back owned items: {error}");
            let (Some(all), Some(less)) =
                (self.convert(&merged, version).map_err(fail)?, self.convert(&pruned, version).map_err(fail)?)
            else {
                continue;
            };
            let mut gone = all.named(&all.field_set());
            gone.difference(&less.named(&less.field_set()));
            gone.difference(&all.named(&owned));
            pruned = all.clone().without(&gone);
            merged = all;
        }
        Ok((merged, pruned))
    }

    /// Adds back what pruning took though the manager never owned it: items below what it owned, set by updates.
    ///
    /// Go: addBackDanglingItems
    fn add_back_dangling(&self, merged: Typed, pruned: &Typed, last: &Owned) -> Result<Typed, Error> {
        let fail = |error| format!("failed to prune fields: failed add back dangling items: {error}");
        let Some(pruned) = self.convert(pruned, &last.api_version).map_err(fail)? else { return Ok(merged) };
        let Some(merged) = self.convert(&merged, &last.api_version).map_err(fail)? else { return Ok(pruned) };
        let mut gone = merged.named(&merged.field_set());
        gone.difference(&pruned.named(&pruned.field_set()));
        let gone = gone.intersection(&merged.named(&last.set));
        Ok(merged.without(&gone))
    }

    /// Brings old sets in line with today's schema, and forgets managers of versions that are gone.
    ///
    /// Go: reconcileManagedFieldsWithSchemaChanges
    fn reconcile(&self, live: &Typed, managers: &mut Managers) -> Result<(), String> {
        let mut schemas: BTreeMap<String, Option<Arc<Schema>>> = BTreeMap::new();
        for owned in managers.values() {
            if !schemas.contains_key(&owned.api_version) {
                let converted = self.convert(live, &owned.api_version)?;
                schemas.insert(owned.api_version.clone(), converted.map(|converted| converted.schema));
            }
        }
        managers.retain(|_, owned| match &schemas[&owned.api_version] {
            Some(schema) => {
                fieldset::reconcile(Type::new(schema), &mut owned.set);
                true
            }
            None => false,
        });
        Ok(())
    }
}

/// Whether an apply takes over what others own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// Conflicts are refused.
    No,
    /// Conflicts are won.
    Yes,
}
