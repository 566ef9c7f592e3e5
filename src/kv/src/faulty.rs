//! A backend that fails, for tests: when and how, a plan says.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use phase::{BoxFuture, trace::Trace};

use crate::{
    backend::{Backend, GetResponse, LeaseId, List, ListResponse, Outcome, Put, Revision, Revisions, Watch},
    error::Error,
};

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not take place.
    Refused,
    /// It takes place, but its answer gets lost: the cruel one.
    Lost,
}

/// Says whether an operation (`get`, `put`, `delivery` of a watch...) fails this time.
pub type Plan = Arc<dyn Fn(&'static str) -> Option<Fault> + Send + Sync>;

/// A backend that fails as planned.
pub struct Faulty<B> {
    inner: B,
    plan: Plan,
}

fn unavailable(operation: &str) -> Error {
    Error::Unavailable(format!("{operation} failed as planned"))
}

impl<B: Backend> Faulty<B> {
    /// Wraps a backend.
    pub fn new(inner: B, plan: Plan) -> Self {
        Self { inner, plan }
    }

    async fn run<T>(&self, name: &'static str, operation: BoxFuture<'_, Result<T, Error>>) -> Result<T, Error> {
        match (self.plan)(name) {
            None => operation.await,
            Some(Fault::Refused) => Err(unavailable(name)),
            Some(Fault::Lost) => {
                operation.await?;
                Err(unavailable(name))
            }
        }
    }
}

impl<B: Backend> Backend for Faulty<B> {
    fn get<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        revision: Option<Revision>,
    ) -> BoxFuture<'a, Result<GetResponse, Error>> {
        Box::pin(self.run("get", self.inner.get(trace, key, revision)))
    }

    fn list<'a>(&'a self, trace: &'a Trace, list: List<'a>) -> BoxFuture<'a, Result<ListResponse, Error>> {
        Box::pin(self.run("list", self.inner.list(trace, list)))
    }

    fn count<'a>(&'a self, trace: &'a Trace, prefix: &'a str) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(self.run("count", self.inner.count(trace, prefix)))
    }

    fn optimistic_put<'a>(&'a self, trace: &'a Trace, put: Put<'a>) -> BoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(self.run("put", self.inner.optimistic_put(trace, put)))
    }

    fn optimistic_delete<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        expected: Revision,
    ) -> BoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(self.run("delete", self.inner.optimistic_delete(trace, key, expected)))
    }

    fn grant<'a>(&'a self, trace: &'a Trace, ttl: Duration) -> BoxFuture<'a, Result<LeaseId, Error>> {
        Box::pin(self.run("grant", self.inner.grant(trace, ttl)))
    }

    /// A watch whose delivery fails has lost it: whoever watches has to come back for it.
    fn watch<'a>(&'a self, prefix: &'a str, start: Option<Revision>) -> BoxFuture<'a, Result<Watch, Error>> {
        Box::pin(async move {
            let watch = self.run("watch", self.inner.watch(prefix, start)).await?;
            let state = Some((watch, self.plan.clone()));
            Ok(stream::unfold(state, |state| async move {
                let (mut watch, plan) = state?;
                let item = watch.next().await?;
                match plan("delivery") {
                    None => Some((item, Some((watch, plan)))),
                    Some(_) => Some((Err(unavailable("delivery")), None)),
                }
            })
            .boxed())
        })
    }

    fn request_progress<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.run("progress", self.inner.request_progress(prefix)))
    }

    /// A backend whose plan fails this one gives no reliable signs of progress: an old etcd.
    fn supports_progress(&self) -> bool {
        (self.plan)("supports progress").is_none() && self.inner.supports_progress()
    }

    fn compact(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.run("compact", self.inner.compact(revision)))
    }

    fn revisions(&self) -> BoxFuture<'_, Result<Revisions, Error>> {
        Box::pin(self.run("revisions", self.inner.revisions()))
    }

    fn view<'a>(&'a self, prefix: &'a str, revision: Revision) -> BoxFuture<'a, Result<ListResponse, Error>> {
        Box::pin(self.run("view", self.inner.view(prefix, revision)))
    }

    fn size(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(self.run("size", self.inner.size()))
    }

    fn expire(&self) -> BoxFuture<'_, Result<usize, Error>> {
        Box::pin(self.run("expire", self.inner.expire()))
    }
}
