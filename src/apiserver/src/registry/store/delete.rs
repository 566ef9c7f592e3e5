//! Deleting an object, or marking it: one, or a whole collection.
//!
//! Go: apiserver/pkg/registry/generic/registry/store.go Delete, DeleteCollection

use std::sync::Arc;

use apimachinery::{
    api::errors::StatusError,
    meta::options::{DeleteOptions, ListOptions, Preconditions},
    runtime::{encoded::Encoded, object::Object},
};
use phase::BoxFuture;
use storage::{
    errors::{interpret_delete_error, interpret_update_error},
    interface::{GetOptions, Missing, TryUpdate, Ttl, ValidateDeletion},
};

use crate::{
    registry::{
        rest::{
            Answer, CollectionDeleter, Deleted, DeletedAnswer, GracefulDeleter, List, Lister, Result, Validation,
            delete::{self, Going},
        },
        store::{DeletionAnswer, Store, dryrun::DryRunnableStorage, storage_preconditions},
    },
    request::context::Context,
};

/// How many objects of a collection are listed at once.
///
/// Go: deleteCollectionPageSize
const PAGE: i64 = 10_000;

impl GracefulDeleter for Store {
    fn delete<'a>(
        &'a self,
        cx: &'a Context,
        name: &'a str,
        validation: &'a dyn Validation,
        options: &'a DeleteOptions,
    ) -> BoxFuture<'a, Result<Deleted>> {
        Box::pin(async move {
            self.strategy.check_delete(name)?;
            self.warn(cx, options);
            let key = self.key(cx, name)?;
            let current = self.storage.get(&cx.trace, &key, GetOptions::default()).await;
            let current = current.map_err(|error| interpret_delete_error(error, &self.resource, name))?;
            let deletion = Deletion { store: self, cx, name, key: &key, validation, options };
            deletion.run(current).await
        })
    }
}

impl CollectionDeleter for Store {
    fn delete_collection<'a>(
        &'a self,
        cx: &'a Context,
        validation: &'a dyn Validation,
        options: &'a DeleteOptions,
        list: &'a ListOptions,
    ) -> BoxFuture<'a, Result<List>> {
        Box::pin(async move {
            self.warn(cx, options);
            let limit = if list.limit > 0 { list.limit } else { PAGE };
            let mut page_options = ListOptions { limit, ..list.clone() };
            let mut deleted = List::default();
            loop {
                let page = self.list(cx, &page_options).await?;
                for item in &page.items {
                    self.delete_item(cx, item, validation, options).await?;
                }
                deleted.revision = page.revision;
                deleted.items.extend(page.items);
                // A client that set a limit gets one page, with the token to go on.
                if page.continue_token.is_empty() || list.limit > 0 {
                    deleted.continue_token = page.continue_token;
                    deleted.remaining_item_count = page.remaining_item_count;
                    return Ok(deleted);
                }
                page_options.continue_token = page.continue_token;
                // Where to go on is in the token, and the revision too.
                page_options.resource_version.clear();
                page_options.resource_version_match.clear();
            }
        })
    }
}

impl Store {
    fn warn(&self, cx: &Context, options: &DeleteOptions) {
        self.strategy.warnings_on_delete(options).into_iter().for_each(|warning| cx.warnings.add(warning));
    }

    /// Deletes one object of a list; that somebody else was faster is no error.
    async fn delete_item(
        &self,
        cx: &Context,
        item: &Arc<Encoded>,
        validation: &dyn Validation,
        options: &DeleteOptions,
    ) -> Result<()> {
        let key = format!("{}{}", self.key_of_collection(&item.namespace), item.name);
        let deletion = Deletion { store: self, cx, name: &item.name, key: &key, validation, options };
        let current = match self.storage.get(&cx.trace, &key, GetOptions::default()).await {
            Ok(current) => current,
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) => return Err(interpret_delete_error(error, &self.resource, &item.name)),
        };
        match deletion.run(current).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes the answer to a delete.
    ///
    /// Go: finalizeDelete
    fn finalize_delete(&self, object: Answer) -> DeletedAnswer {
        if self.deletion_answer == DeletionAnswer::Object {
            return DeletedAnswer::Object(object);
        }
        let object = object.into_object();
        DeletedAnswer::Status { name: object.name().to_owned(), uid: object.uid().to_owned() }
    }
}

/// One deletion on its way.
struct Deletion<'a> {
    store: &'a Store,
    cx: &'a Context,
    name: &'a str,
    key: &'a str,
    validation: &'a dyn Validation,
    options: &'a DeleteOptions,
}

impl<'a> Deletion<'a> {
    fn storage(&self) -> DryRunnableStorage<'a> {
        DryRunnableStorage { storage: &*self.store.storage, dry_run: self.options.is_dry_run() }
    }

    /// Decides what is to be done about the object, and does it.
    async fn run(&self, current: Arc<Encoded>) -> Result<Deleted> {
        let Self { store, cx, options, .. } = *self;
        let mut object = current.object();
        let going = delete::before_delete(cx, &*store.strategy, &mut object, options)?;
        if going == Going::Already {
            return Ok(Deleted { answer: store.finalize_delete(Answer::Encoded(current)), immediately: false });
        }
        let pending_finalizers = !object.finalizers().is_empty();
        let new_finalizers = delete::set_deletion_finalizers(cx, &*store.strategy, &mut object, options);
        if going == Going::AtOnce && !pending_finalizers && !new_finalizers {
            return self.remove(options.preconditions.clone(), None).await;
        }
        self.mark(current).await
    }

    /// Marks the object in storage; goes on to remove it if that leaves nothing to wait for.
    ///
    /// Go: updateForGracefulDeletionAndFinalizers
    async fn mark(&self, current: Arc<Encoded>) -> Result<Deleted> {
        let Self { store, cx, options, .. } = *self;
        let mut mark = Mark { deletion: self, outcome: Outcome::Wait, last: None };
        let preconditions = storage_preconditions(&options.preconditions);
        let written = self.storage().guaranteed_update(cx, self.key, Missing::Fail, preconditions, &mut mark).await;
        let Mark { outcome, last, .. } = mark;
        match (outcome, written) {
            (Outcome::Already, _) => {
                Ok(Deleted { answer: store.finalize_delete(Answer::Encoded(current)), immediately: false })
            }
            (Outcome::RemoveNow, _) => self.remove(options.preconditions.clone(), None).await,
            (_, Err(error)) => Err(interpret_update_error(error, &store.resource, self.name)),
            (Outcome::Wait, Ok(marked)) => Ok(Deleted { answer: DeletedAnswer::Object(marked), immediately: false }),
            (Outcome::MarkedWithoutGrace, Ok(marked)) if options.is_dry_run() => {
                Ok(Deleted { answer: DeletedAnswer::Object(marked), immediately: true })
            }
            (Outcome::MarkedWithoutGrace, Ok(marked)) => {
                let mut preconditions = options.preconditions.clone();
                if preconditions.resource_version.is_some() {
                    // The mark is a write of our own: what must still be there is its result.
                    preconditions.resource_version = Some(marked.into_object().resource_version().to_owned());
                }
                self.remove(preconditions, last).await
            }
        }
    }

    /// Removes the object. `last`: its last known state, where it may be gone already through our own mark (the
    /// kubelet deletes a pod that it finds marked without grace).
    async fn remove(&self, preconditions: Preconditions, last: Option<Object>) -> Result<Deleted> {
        let Self { store, cx, options, .. } = *self;
        let mut admit = Admit(self);
        let gone = self.storage().delete(cx, self.key, storage_preconditions(&preconditions), &mut admit).await;
        let answer = match (gone, last) {
            (Ok(gone), _) => Answer::Encoded(gone),
            (Err(error), Some(last)) if error.is_not_found() => Answer::Object(last),
            (Err(error), _) => return Err(interpret_delete_error(error, &store.resource, self.name)),
        };
        if !options.is_dry_run() {
            store.hooks.after_delete(cx, &answer).await;
        }
        Ok(Deleted { answer: store.finalize_delete(answer), immediately: true })
    }
}

/// Asks admission before storage removes the object.
struct Admit<'a>(&'a Deletion<'a>);

impl ValidateDeletion for Admit<'_> {
    fn validate<'b>(&'b mut self, current: &'b Arc<Encoded>) -> BoxFuture<'b, Result<()>> {
        Box::pin(async move {
            self.0.validation.delete(self.0.cx, current.object()).await?;
            Ok(())
        })
    }
}

/// The update that marks an object; storage may call it several times.
struct Mark<'a> {
    deletion: &'a Deletion<'a>,
    /// What the last attempt found.
    outcome: Outcome,
    /// The state that the last attempt made.
    last: Option<Object>,
}

/// What an attempt to mark found.
enum Outcome {
    /// Marked: grace or finalizers are to be waited for.
    Wait,
    /// Marked with a grace of zero: nothing to wait for.
    MarkedWithoutGrace,
    /// Neither grace nor finalizers are left: there is nothing to mark.
    RemoveNow,
    /// Somebody else marked it, and this request changes nothing about that.
    Already,
}

impl TryUpdate for Mark<'_> {
    fn try_update<'b>(&'b mut self, current: Option<&'b Arc<Encoded>>) -> BoxFuture<'b, Result<(Object, Ttl)>> {
        Box::pin(async move {
            let Deletion { store, cx, validation, options, .. } = *self.deletion;
            let current = current.expect("a missing object fails before").object();
            let mut object = validation.delete(cx, current).await?;
            let going = delete::before_delete(cx, &*store.strategy, &mut object, options)?;
            if going == Going::Already {
                return self.stop(Outcome::Already);
            }
            delete::set_deletion_finalizers(cx, &*store.strategy, &mut object, options);
            let pending_finalizers = !object.finalizers().is_empty();
            self.outcome = match going {
                Going::Gracefully(grace) if grace > 0 || pending_finalizers => Outcome::Wait,
                Going::Gracefully(_) => Outcome::MarkedWithoutGrace,
                Going::AtOnce | Going::Already if pending_finalizers => {
                    delete::mark_as_deleting(cx, &mut object);
                    Outcome::Wait
                }
                Going::AtOnce | Going::Already => return self.stop(Outcome::RemoveNow),
            };
            self.last = Some(object.clone());
            let ttl = store.hooks.ttl(&object);
            Ok((object, ttl))
        })
    }
}

impl Mark<'_> {
    /// Ends the update without a write; nobody sees the error.
    fn stop(&mut self, outcome: Outcome) -> Result<(Object, Ttl)> {
        self.outcome = outcome;
        Err(StatusError::new_internal_error("nothing to mark"))
    }
}
