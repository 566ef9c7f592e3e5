//! Namespaces: a delete only begins their end.
//!
//! ```text
//!   first DELETE    phase Terminating, deletionTimestamp     (finalizers of the request's policy are set)
//!   the namespace controller empties it, and takes `kubernetes` from spec.finalizers through /finalize
//!   DELETE with no spec.finalizers left, or that last /finalize    the object goes
//! ```
//!
//! Go: pkg/registry/core/namespace/storage/storage.go REST

use std::sync::Arc;

use apimachinery::{
    api::errors::StatusError,
    meta::{
        options::{self, DeleteOptions, GetOptions, WriteOptions},
        time,
    },
    runtime::{encoded::Encoded, object::Object, schema::GroupVersionKind},
};
use apiserver::{
    registry::{
        rest::{
            CollectionDeleter, Deleted, DeletedAnswer, Getter, GracefulDeleter, Preconditions, Result, Storage,
            Validation, delete,
        },
        store::Store,
    },
    request::context::Context,
};
use phase::BoxFuture;
use serde_json::Value;
use storage::interface::{TryUpdate, Ttl};

/// The namespaces. Collections of them are not deleted.
pub struct NamespaceStore(pub Store);

impl Storage for NamespaceStore {
    fn base(&self) -> Option<&dyn Storage> {
        Some(&self.0)
    }

    fn kind(&self) -> GroupVersionKind {
        self.0.kind()
    }

    /// It does, but nobody publishes that: a namespace is answered with, and still there.
    fn delete_returns_object(&self) -> bool {
        false
    }

    fn namespace_scoped(&self) -> bool {
        false
    }

    fn singular_name(&self) -> &str {
        self.0.singular_name()
    }

    fn graceful_deleter(&self) -> Option<&dyn GracefulDeleter> {
        Some(self)
    }

    fn collection_deleter(&self) -> Option<&dyn CollectionDeleter> {
        None
    }
}

impl GracefulDeleter for NamespaceStore {
    fn delete<'a>(
        &'a self,
        cx: &'a Context,
        name: &'a str,
        validation: &'a dyn Validation,
        options: &'a DeleteOptions,
    ) -> BoxFuture<'a, Result<Deleted>> {
        Box::pin(async move {
            let namespace = self.0.get(cx, name, &GetOptions::default()).await?.into_object();
            let preconditions = self.preconditions(&namespace, options)?;
            if namespace.deletion_timestamp().is_none() {
                let mut begin = Begin { store: &self.0, cx, validation, options };
                let write = WriteOptions { dry_run: options.dry_run.clone(), ..WriteOptions::default() };
                let preconditions = Preconditions {
                    uid: preconditions.uid.clone(),
                    resource_version: preconditions.resource_version.clone(),
                };
                let marked = self.0.guaranteed_update(cx, name, preconditions, &write, &mut begin).await?;
                return Ok(Deleted { answer: DeletedAnswer::Object(marked), immediately: false });
            }
            let finalizers = namespace.get(&["spec", "finalizers"]).and_then(Value::as_array);
            if finalizers.is_some_and(|finalizers| !finalizers.is_empty()) {
                let answer = DeletedAnswer::Object(apiserver::registry::rest::Answer::Object(namespace));
                return Ok(Deleted { answer, immediately: false });
            }
            let options = DeleteOptions { preconditions, ..options.clone() };
            GracefulDeleter::delete(&self.0, cx, name, validation, &options).await
        })
    }
}

impl NamespaceStore {
    /// Returns what must still hold when the namespace is written: that it is the one which was read.
    fn preconditions(&self, namespace: &Object, options: &DeleteOptions) -> Result<options::Preconditions> {
        let mut preconditions = options.preconditions.clone();
        let facts = [
            ("UID", &preconditions.uid, namespace.uid()),
            ("ResourceVersion", &preconditions.resource_version, namespace.resource_version()),
        ];
        for (what, wanted, actual) in facts {
            if let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != actual) {
                let message =
                    format!("Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {actual}");
                return Err(StatusError::new_conflict(&self.0.resource, namespace.name(), &message));
            }
        }
        preconditions.uid.get_or_insert_with(|| namespace.uid().to_owned());
        Ok(preconditions)
    }
}

/// The write that begins the end; storage may call it several times.
struct Begin<'a> {
    store: &'a Store,
    cx: &'a Context,
    validation: &'a dyn Validation,
    options: &'a DeleteOptions,
}

impl TryUpdate for Begin<'_> {
    fn try_update<'b>(&'b mut self, current: Option<&'b Arc<Encoded>>) -> BoxFuture<'b, Result<(Object, Ttl)>> {
        Box::pin(async move {
            let current = current.expect("a missing namespace fails before").object();
            let mut namespace = self.validation.delete(self.cx, current).await?;
            if namespace.deletion_timestamp().is_none() {
                let now = time::rfc3339(self.cx.services.clock.wall());
                namespace.set(&["metadata", "deletionTimestamp"], now);
            }
            namespace.set(&["status", "phase"], "Terminating");
            delete::set_deletion_finalizers(self.cx, &*self.store.strategy, &mut namespace, self.options);
            Ok((namespace, None))
        })
    }
}
