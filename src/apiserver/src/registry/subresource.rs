//! Sub-resources that show and change a part of the same object.
//!
//! Go: pkg/registry/*/*/storage/storage.go StatusREST, ScaleREST

use std::sync::Arc;

use apimachinery::runtime::schema::GroupVersionKind;

use crate::registry::{
    rest::{
        self, Getter, Updater,
        strategy::{ResetFields, Strategy},
        table::TableConvertor,
    },
    store::Store,
};

/// `status` and the like: the whole object, read and written through rules of its own; nothing is created or deleted.
///
/// Go: StatusREST
#[derive(Clone, Debug)]
pub struct SubresourceStore(Store);

impl SubresourceStore {
    /// Shares a store's objects, and writes them by another strategy.
    pub fn new(parent: &Store, strategy: Arc<dyn Strategy>) -> Self {
        Self(Store { strategy, ..parent.clone() })
    }
}

impl rest::Storage for SubresourceStore {
    fn kind(&self) -> GroupVersionKind {
        self.0.kind.clone()
    }

    fn namespace_scoped(&self) -> bool {
        self.0.strategy.namespace_scoped()
    }

    fn singular_name(&self) -> &'static str {
        ""
    }

    fn reset_fields(&self) -> Vec<ResetFields> {
        self.0.strategy.reset_fields()
    }

    fn table_convertor(&self) -> Arc<dyn TableConvertor> {
        self.0.table_convertor.clone()
    }

    fn getter(&self) -> Option<&dyn Getter> {
        Some(&self.0)
    }

    fn updater(&self) -> Option<&dyn Updater> {
        Some(&self.0)
    }
}
