//! Resources that are only ever created: a question whose answer is the response. Nothing is stored.
//!
//! Go: pkg/registry/{authentication,authorization}/*/storage.go

use apimachinery::runtime::{object::Object, schema::GroupVersionKind};
use apiserver::{
    registry::rest::{self, Answer, Creater, Storage, ValidateObject, WriteOptions},
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
        validate: &'a ValidateObject<'a>,
        _options: &'a WriteOptions,
    ) -> BoxFuture<'a, rest::Result<Answer>> {
        Box::pin(async move {
            if self.reviewer.validated() {
                validate(object.clone()).await?;
            }
            self.reviewer.review(cx, object).await.map(Answer::Object)
        })
    }
}
