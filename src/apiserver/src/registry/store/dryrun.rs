//! Writes that may be tried only: everything happens but the write.
//!
//! Go: apiserver/pkg/registry/generic/registry/dryrun.go DryRunnableStorage

use std::sync::Arc;

use apimachinery::runtime::{encoded::Encoded, object::Object};
use storage::{
    error::Error,
    interface::{GetOptions, Interface, Missing, Preconditions, TryUpdate, Ttl, ValidateDeletion},
};

use crate::{registry::rest::Answer, request::context::Context};

type Result<T> = std::result::Result<T, Error>;

/// Storage, or storage that is only read.
pub(super) struct DryRunnableStorage<'s> {
    /// The storage.
    pub storage: &'s dyn Interface,
    /// Whether nothing is written.
    pub dry_run: bool,
}

impl DryRunnableStorage<'_> {
    /// Writes a new object.
    pub async fn create(&self, cx: &Context, key: &str, object: Object, ttl: Ttl) -> Result<Answer> {
        if !self.dry_run {
            return self.storage.create(&cx.trace, key, object, ttl).await.map(Answer::Encoded);
        }
        match self.storage.get(&cx.trace, key, GetOptions::default()).await {
            Ok(_) => Err(Error::KeyExists { key: key.to_owned(), revision: 0 }),
            Err(_) => self.storage.as_stored(object).await.map(Answer::Object),
        }
    }

    /// Reads, changes and writes; tried only, it does so once.
    pub async fn guaranteed_update(
        &self,
        cx: &Context,
        key: &str,
        missing: Missing,
        preconditions: Preconditions,
        update: &mut dyn TryUpdate,
    ) -> Result<Answer> {
        if !self.dry_run {
            let written = self.storage.guaranteed_update(&cx.trace, key, missing, preconditions, update).await;
            return written.map(Answer::Encoded);
        }
        let current = match self.storage.get(&cx.trace, key, GetOptions::default()).await {
            Ok(current) => Some(current),
            Err(error) if error.is_not_found() && missing == Missing::Create => None,
            Err(error) => return Err(error),
        };
        if let Some(current) = &current {
            check(&preconditions, key, current)?;
        }
        let (object, _) = update.try_update(current.as_ref()).await?;
        self.storage.as_stored(object).await.map(Answer::Object)
    }

    /// Removes an object; returns its last state.
    pub async fn delete(
        &self,
        cx: &Context,
        key: &str,
        preconditions: Preconditions,
        validate: &mut dyn ValidateDeletion,
    ) -> Result<Arc<Encoded>> {
        if !self.dry_run {
            return self.storage.delete(&cx.trace, key, preconditions, validate).await;
        }
        let current = self.storage.get(&cx.trace, key, GetOptions::default()).await?;
        check(&preconditions, key, &current)?;
        validate.validate(&current).await?;
        Ok(current)
    }
}

/// Refuses where the object is not the one the caller means.
///
/// Go: apiserver/pkg/storage/interfaces.go Preconditions.Check
fn check(preconditions: &Preconditions, key: &str, current: &Encoded) -> Result<()> {
    if *preconditions == Preconditions::default() {
        return Ok(());
    }
    let object = current.object();
    let facts = [
        ("UID", &preconditions.uid, object.uid()),
        ("ResourceVersion", &preconditions.resource_version, object.resource_version()),
    ];
    for (what, wanted, actual) in facts {
        if let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != actual) {
            let message =
                format!("Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {actual}");
            return Err(Error::InvalidObject { key: key.to_owned(), message });
        }
    }
    Ok(())
}
