//! A storage that somebody is asked before.
//!
//! The generic store knows what an object of a kind may be, not who may write it; for a few kinds that depends on what
//! the object says. The check sees every state that a write makes, also when an update has to be made again.

use std::sync::Arc;

use apimachinery::{
    meta::options::WriteOptions,
    runtime::{object::Object, schema::GroupVersionKind},
};
use apiserver::{
    registry::rest::{
        Answer, Creater, Preconditions, Result, Storage, UpdateCall, Updated, UpdatedObjectInfo, Updater, Validation,
    },
    request::context::Context,
};
use phase::BoxFuture;

use crate::registry::provider::Storages;

/// Who is asked.
pub trait WriteCheck: Send + Sync {
    /// Refuses a new object, or a changed one with what it was.
    fn check<'a>(
        &'a self,
        cx: &'a Context,
        kind: &'a GroupVersionKind,
        object: &'a Object,
        old: Option<&'a Object>,
    ) -> BoxFuture<'a, Result<()>>;
}

/// Puts a check before some resources of a group version.
pub fn protect(storages: &mut Storages, resources: &[&str], check: &Arc<dyn WriteCheck>) {
    for name in resources {
        if let Some(inner) = storages.remove(*name) {
            storages.insert((*name).to_owned(), Arc::new(Checked { inner, check: check.clone() }));
        }
    }
}

/// A storage behind a check.
struct Checked {
    inner: Arc<dyn Storage>,
    check: Arc<dyn WriteCheck>,
}

impl Checked {
    async fn check(&self, cx: &Context, object: &Object, old: Option<&Object>) -> Result<()> {
        self.check.check(cx, &self.inner.kind(), object, old).await
    }
}

impl Storage for Checked {
    fn base(&self) -> Option<&dyn Storage> {
        Some(&*self.inner)
    }

    fn kind(&self) -> GroupVersionKind {
        self.inner.kind()
    }

    fn namespace_scoped(&self) -> bool {
        self.inner.namespace_scoped()
    }

    fn singular_name(&self) -> &str {
        self.inner.singular_name()
    }

    fn creater(&self) -> Option<&dyn Creater> {
        self.inner.creater().map(|_| self as _)
    }

    fn updater(&self) -> Option<&dyn Updater> {
        self.inner.updater().map(|_| self as _)
    }
}

impl Creater for Checked {
    fn create<'a>(
        &'a self,
        cx: &'a Context,
        name: &'a str,
        object: Object,
        validation: &'a dyn Validation,
        options: &'a WriteOptions,
    ) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(async move {
            self.check(cx, &object, None).await?;
            let inner = self.inner.creater().expect("it is offered only where there is one");
            inner.create(cx, name, object, validation, options).await
        })
    }
}

impl Updater for Checked {
    fn update<'a>(&'a self, cx: &'a Context, name: &'a str, call: UpdateCall<'a>) -> BoxFuture<'a, Result<Updated>> {
        Box::pin(async move {
            let info = CheckedInfo { inner: call.info, storage: self };
            let inner = self.inner.updater().expect("it is offered only where there is one");
            inner.update(cx, name, UpdateCall { info: &info, ..call }).await
        })
    }
}

/// Checks each state that an update makes, for it may have to make several.
struct CheckedInfo<'a> {
    inner: &'a dyn UpdatedObjectInfo,
    storage: &'a Checked,
}

impl UpdatedObjectInfo for CheckedInfo<'_> {
    fn updated_object<'a>(&'a self, cx: &'a Context, current: Option<&'a Object>) -> BoxFuture<'a, Result<Object>> {
        Box::pin(async move {
            let object = self.inner.updated_object(cx, current).await?;
            self.storage.check(cx, &object, current).await?;
            Ok(object)
        })
    }

    fn preconditions(&self) -> Preconditions {
        self.inner.preconditions()
    }
}
