//! Resources that are only ever created: a question whose answer is the response. Nothing is stored.
//!
//! Go: pkg/registry/{authentication,authorization}/*/storage.go

use apimachinery::{
    meta::options::WriteOptions,
    runtime::{object::Object, schema::GroupVersionKind},
};
use apiserver::{
    registry::rest::{self, Answer, Creater, Storage, Validation},
    request::context::Context,
};
use phase::BoxFuture;

/// Answers one kind of review.
pub trait Reviewer: Send + Sync {
    /// Fills in the status.
    fn review<'a>(&'a self, cx: &'a Context, object: Object) -> BoxFuture<'a, rest::Result<Object>>;
    /// Says whether admission sees the review. SelfSubjectRulesReview and SelfSubjectReview are not shown to it.
    fn validated(&self) -> bool {
        true
    }
}

/// A review resource.
pub struct Review<R> {
    kind: GroupVersionKind,
    singular: String,
    namespaced: bool,
    reviewer: R,
}

impl<R: Reviewer> Review<R> {
    /// Returns the resource of a kind.
    pub fn new(kind: GroupVersionKind, namespaced: bool, reviewer: R) -> Self {
        let singular = kind.kind.to_ascii_lowercase();
        Self { kind, singular, namespaced, reviewer }
    }
}

impl<R: Reviewer> Storage for Review<R> {
    fn kind(&self) -> GroupVersionKind {
        self.kind.clone()
    }

    fn namespace_scoped(&self) -> bool {
        self.namespaced
    }

    fn singular_name(&self) -> &str {
        &self.singular
    }

    fn creater(&self) -> Option<&dyn Creater> {
        Some(self)
    }
}

impl<R: Reviewer> Creater for Review<R> {
    fn create<'a>(
        &'a self,
        cx: &'a Context,
        _name: &'a str,
        object: Object,
        validation: &'a dyn Validation,
        _options: &'a WriteOptions,
    ) -> BoxFuture<'a, rest::Result<Answer>> {
        Box::pin(async move {
            let object = if self.reviewer.validated() { validation.create(cx, object).await? } else { object };
            self.reviewer.review(cx, object).await.map(Answer::Object)
        })
    }
}
