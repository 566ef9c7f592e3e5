//! The generic store: one visible sequence for every kind, over storage.
//!
//! Go: apiserver/pkg/registry/generic/registry/store.go
//!
//! ```text
//!   create   name and uid -> hooks.begin -> prepare, validate (rest::create) -> admit -> ttl -> write -> hooks.after
//!   update   read -> new state -> prepare, validate (rest::update) -> admit -> delete instead? -> ttl -> write -> after
//!   delete   read -> grace and finalizers (rest::delete) -> mark, or admit and remove -> hooks.after
//! ```
//!
//! What differs per kind is its [`Strategy`] and, for the few that do something else besides, its [`Hooks`].

use std::{fmt, sync::Arc};

use apimachinery::{
    api::errors::StatusError,
    meta::options::{self, WriteOptions},
    runtime::{
        object::Object,
        schema::{GroupResource, GroupVersionKind},
    },
    util::validation,
};
use phase::BoxFuture;
use serde_json::Value;
use storage::{
    errors::interpret_update_error,
    interface::{Missing, TryUpdate},
};

use crate::{
    registry::rest::{
        self, Answer, CollectionDeleter, Creater, Getter, GracefulDeleter, Lister, Result, Updater, Watcher,
        strategy::{ResetFields, Strategy},
        table::TableConvertor,
    },
    request::context::Context,
};

mod create;

mod read;

mod update;

mod delete;

mod dryrun;

use dryrun::DryRunnableStorage;

/// The objects of one resource. Clones share storage: a sub-resource is a clone with another strategy.
#[derive(Clone)]
pub struct Store {
    /// The kind, at the version in which the store holds it.
    pub kind: GroupVersionKind,
    /// The resource, for messages.
    pub resource: GroupResource,
    /// `pod`
    pub singular_name: String,
    /// `po`
    pub short_names: Vec<String>,
    /// `all`
    pub categories: Vec<String>,
    /// What differs per kind.
    pub strategy: Arc<dyn Strategy>,
    /// What a kind does besides.
    pub hooks: Arc<dyn Hooks>,
    /// Columns for kubectl.
    pub table_convertor: Arc<dyn TableConvertor>,
    /// Where the objects lie.
    pub storage: Arc<dyn storage::interface::Interface>,
    /// The beginning of all keys, without a slash at its end: `/pods`.
    pub key_root: String,
    /// What a delete answers with.
    pub deletion_answer: DeletionAnswer,
}

/// What a delete answers with once the object is gone.
///
/// Go: Store.ReturnDeletedObject
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletionAnswer {
    /// A Status of success.
    Status,
    /// The object's last state.
    Object,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("kind", &self.kind).field("key_root", &self.key_root).finish_non_exhaustive()
    }
}

/// Ends what [`Hooks`] began. Dropped without a call, the write failed: what it reserved is given back some time.
///
/// Go: FinishFunc
pub trait Finish: Send {
    /// The write succeeded.
    fn succeed(self: Box<Self>) -> BoxFuture<'static, ()>;

    /// The write failed, and will be tried again: returns when what it reserved can be had.
    fn fail(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// What a kind does besides: allocations, caches, other objects. All of it optional.
///
/// Go: Store.BeginCreate, AfterCreate, BeginUpdate, AfterUpdate, AfterDelete, TTLFunc
pub trait Hooks: Send + Sync {
    /// Runs before a new object is prepared. What it returns is told of the success, or dropped.
    fn begin_create<'a>(
        &'a self,
        _cx: &'a Context,
        _object: &'a mut Object,
        _options: &'a WriteOptions,
    ) -> BoxFuture<'a, Result<Option<Box<dyn Finish>>>> {
        Box::pin(async { Ok(None) })
    }

    /// Runs before a new state is prepared.
    fn begin_update<'a>(
        &'a self,
        _cx: &'a Context,
        _object: &'a mut Object,
        _old: &'a Object,
        _options: &'a WriteOptions,
    ) -> BoxFuture<'a, Result<Option<Box<dyn Finish>>>> {
        Box::pin(async { Ok(None) })
    }

    /// Runs once a new object is stored.
    fn after_create(&self, _cx: &Context, _object: &Answer) {}

    /// Runs once a new state is stored.
    fn after_update(&self, _cx: &Context, _object: &Answer) {}

    /// Runs once an object is gone.
    fn after_delete<'a>(&'a self, _cx: &'a Context, _object: &'a Answer) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }

    /// Returns for how many seconds the object is kept: events.
    fn ttl(&self, _object: &Object) -> storage::interface::Ttl {
        None
    }
}

/// Nothing besides.
#[derive(Clone, Copy, Debug)]
pub struct NoHooks;

impl Hooks for NoHooks {}

impl Store {
    /// Returns the key of one object.
    ///
    /// Go: NamespaceKeyFunc, NoNamespaceKeyFunc
    fn key(&self, cx: &Context, name: &str) -> Result<String> {
        if self.strategy.namespace_scoped() && cx.info.namespace.is_empty() {
            return Err(StatusError::new_bad_request("Namespace parameter required."));
        }
        if name.is_empty() {
            return Err(StatusError::new_bad_request("Name parameter required."));
        }
        let wrong = validation::is_path_segment_name(name);
        if !wrong.is_empty() {
            let message = format!("Name parameter invalid: \"{name}\": {}", wrong.join(";"));
            return Err(StatusError::new_bad_request(message));
        }
        Ok(format!("{}{name}", self.key_of_collection(&cx.info.namespace)))
    }

    /// Changes an object as the server itself wants it: no strategy is asked, and no admission.
    ///
    /// Go: what sub-resources do with Store.Storage.GuaranteedUpdate
    pub async fn guaranteed_update(
        &self,
        cx: &Context,
        name: &str,
        preconditions: rest::Preconditions,
        options: &WriteOptions,
        update: &mut dyn TryUpdate,
    ) -> Result<Answer> {
        let key = self.key(cx, name)?;
        let storage = DryRunnableStorage { storage: &*self.storage, dry_run: options.is_dry_run() };
        let written = storage.guaranteed_update(cx, &key, Missing::Fail, preconditions, update).await;
        written.map_err(|error| interpret_update_error(error, &self.resource, name))
    }

    /// Returns the beginning of the keys of a namespace, or of all of them.
    ///
    /// Go: NamespaceKeyRootFunc
    fn key_of_collection(&self, namespace: &str) -> String {
        if self.strategy.namespace_scoped() && !namespace.is_empty() {
            format!("{}/{namespace}/", self.key_root)
        } else {
            format!("{}/", self.key_root)
        }
    }
}

/// Says in storage's words what must be true of an object.
fn storage_preconditions(preconditions: &options::Preconditions) -> rest::Preconditions {
    let options::Preconditions { uid, resource_version } = preconditions.clone();
    rest::Preconditions { uid, resource_version }
}

impl rest::Storage for Store {
    fn kind(&self) -> GroupVersionKind {
        self.kind.clone()
    }

    fn namespace_scoped(&self) -> bool {
        self.strategy.namespace_scoped()
    }

    fn singular_name(&self) -> &str {
        &self.singular_name
    }

    fn short_names(&self) -> &[String] {
        &self.short_names
    }

    fn categories(&self) -> &[String] {
        &self.categories
    }

    fn storage_version(&self) -> Option<GroupVersionKind> {
        Some(self.strategy.stored_kind().unwrap_or_else(|| self.kind.clone()))
    }

    fn delete_returns_object(&self) -> bool {
        self.deletion_answer == DeletionAnswer::Object
    }

    fn reset_fields(&self) -> Vec<ResetFields> {
        self.strategy.reset_fields()
    }

    fn convert_field_label(&self, label: &str, value: &str) -> Result<(String, String)> {
        self.strategy.convert_field_label(label, value)
    }

    fn deprecation_warning(&self) -> Option<&str> {
        self.strategy.deprecation_warning()
    }

    fn hide_from_metadata(&self, metadata: &mut Value) {
        self.strategy.hide_from_metadata(metadata);
    }

    fn table_convertor(&self) -> Arc<dyn TableConvertor> {
        self.table_convertor.clone()
    }

    fn getter(&self) -> Option<&dyn Getter> {
        Some(self)
    }

    fn lister(&self) -> Option<&dyn Lister> {
        Some(self)
    }

    fn watcher(&self) -> Option<&dyn Watcher> {
        Some(self)
    }

    fn creater(&self) -> Option<&dyn Creater> {
        Some(self)
    }

    fn updater(&self) -> Option<&dyn Updater> {
        Some(self)
    }

    fn graceful_deleter(&self) -> Option<&dyn GracefulDeleter> {
        Some(self)
    }

    fn collection_deleter(&self) -> Option<&dyn CollectionDeleter> {
        Some(self)
    }
}
