//! Sub-resources that show and change a part of the same object.
//!
//! Go: pkg/registry/*/*/storage/storage.go StatusREST, ScaleREST

use std::sync::Arc;

use apimachinery::runtime::schema::GroupVersionKind;
use phase::BoxFuture;

use crate::{
    registry::{
        rest::{
            self, Getter, OnMissing, Result, UpdateCall, Updated, Updater,
            strategy::{ResetFields, Strategy},
            table::TableConvertor,
        },
        store::{NoHooks, Store},
    },
    request::context::Context,
};

/// `status` and the like: the whole object, read and written through rules of its own; nothing is created or deleted.
///
/// Go: StatusREST
#[derive(Clone, Debug)]
pub struct SubresourceStore {
    store: Store,
    readable: bool,
}

impl SubresourceStore {
    /// Shares a store's objects, and writes them by another strategy.
    pub fn new(parent: &Store, strategy: Arc<dyn Strategy>) -> Self {
        // What a kind does besides belongs to the object itself.
        Self { store: Store { strategy, hooks: Arc::new(NoHooks), ..parent.clone() }, readable: true }
    }

    /// Is not read, and so not patched: `finalize`.
    #[must_use]
    pub fn write_only(self) -> Self {
        Self { readable: false, ..self }
    }
}

impl rest::Storage for SubresourceStore {
    fn kind(&self) -> GroupVersionKind {
        self.store.kind.clone()
    }

    fn namespace_scoped(&self) -> bool {
        self.store.strategy.namespace_scoped()
    }

    fn singular_name(&self) -> &'static str {
        ""
    }

    fn reset_fields(&self) -> Vec<ResetFields> {
        self.store.strategy.reset_fields()
    }

    fn table_convertor(&self) -> Arc<dyn TableConvertor> {
        self.store.table_convertor.clone()
    }

    fn getter(&self) -> Option<&dyn Getter> {
        self.readable.then_some(&self.store as _)
    }

    fn updater(&self) -> Option<&dyn Updater> {
        Some(self)
    }
}

impl Updater for SubresourceStore {
    /// Never creates, also not for an apply: a part of an object is nothing without the object.
    fn update<'a>(&'a self, cx: &'a Context, name: &'a str, call: UpdateCall<'a>) -> BoxFuture<'a, Result<Updated>> {
        self.store.update(cx, name, UpdateCall { missing: OnMissing::AsStrategy, ..call })
    }
}
