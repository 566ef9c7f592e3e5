//! Writes that may be tried only: everything happens but the write.
//!
//! Go: apiserver/pkg/registry/generic/registry/dryrun.go DryRunnableStorage

use std::sync::Arc;

use apimachinery::runtime::{encoded::Encoded, object::Object};
use phase::BoxFuture;
use storage::{
    error::Error,
    interface::{GetOptions, Interface, Missing, Preconditions, TryUpdate, Ttl, ValidateDeletion},
};

use crate::{
    registry::rest::{Answer, options::DryRun},
    request::context::Context,
};

type Result<T> = std::result::Result<T, Error>;

/// Writes a new object.
pub(super) async fn create(
    storage: &dyn Interface,
    cx: &Context,
    key: &str,
    object: Object,
    ttl: Ttl,
    dry_run: DryRun,
) -> Result<Answer> {
    match dry_run {
        DryRun::No => storage.create(&cx.trace, key, object, ttl).await.map(Answer::Encoded),
        DryRun::All => match storage.get(&cx.trace, key, GetOptions::default()).await {
            Ok(_) => Err(Error::KeyExists { key: key.to_owned(), revision: 0 }),
            Err(_) => Ok(Answer::Object(object)),
        },
    }
}

/// Reads, changes and writes.
pub(super) fn guaranteed_update<'a>(
    storage: &'a dyn Interface,
    cx: &'a Context,
    key: &'a str,
    missing: Missing,
    preconditions: Preconditions,
    update: &'a mut dyn TryUpdate,
    dry_run: DryRun,
) -> BoxFuture<'a, Result<Answer>> {
    Box::pin(async move {
        if dry_run == DryRun::No {
            let written = storage.guaranteed_update(&cx.trace, key, missing, preconditions, update).await;
            return written.map(Answer::Encoded);
        }
        let current = match storage.get(&cx.trace, key, GetOptions::default()).await {
            Ok(current) => Some(current),
            Err(error) if error.is_not_found() && missing == Missing::Create => None,
            Err(error) => return Err(error),
        };
        if let Some(current) = &current {
            check(&preconditions, key, current)?;
        }
        let (object, _) = update.try_update(current.as_ref()).await?;
        Ok(Answer::Object(object))
    })
}

/// Removes an object; returns its last state.
pub(super) async fn delete(
    storage: &dyn Interface,
    cx: &Context,
    key: &str,
    preconditions: Preconditions,
    validate: &mut dyn ValidateDeletion,
    dry_run: DryRun,
) -> Result<Arc<Encoded>> {
    match dry_run {
        DryRun::No => storage.delete(&cx.trace, key, preconditions, validate).await,
        DryRun::All => {
            let current = storage.get(&cx.trace, key, GetOptions::default()).await?;
            check(&preconditions, key, &current)?;
            validate.validate(&current).await?;
            Ok(current)
        }
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
