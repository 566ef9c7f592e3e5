//! Any backend, with a phase around each operation that a request waits for.
//!
//! Watches have none: they are answered long after the request's trace has moved on.

use std::{sync::Arc, time::Duration};

use phase::{
    BoxFuture,
    catalog::Phase,
    snapshot::{Snapshot, Subject},
    trace::Trace,
};
use serde_json::json;

use crate::{
    backend::{Backend, GetResponse, LeaseId, List, ListResponse, Outcome, Put, Revision, Revisions, Watch},
    error::Error,
};

/// A backend whose operations are phases.
pub struct Observed<B> {
    inner: B,
}

impl<B: Backend> Observed<B> {
    /// Wraps a backend.
    pub fn new(inner: B) -> Self {
        Self { inner }
    }
}

/// What a person sees of an operation: names and numbers, never values.
struct Call<'a> {
    operation: &'static str,
    key: &'a str,
    revision: Revision,
    limit: usize,
}

impl Subject for Call<'_> {
    fn snapshot(&self) -> Arc<Snapshot> {
        let Self { operation, key, revision, limit } = self;
        Snapshot::value("KV", json!({"operation": operation, "key": key, "revision": revision, "limit": limit}))
    }
}

/// Enters a phase around an operation. The one place where the phases of this crate are entered.
async fn observe<T>(
    trace: &Trace,
    phase: Phase,
    mut call: Call<'_>,
    operation: BoxFuture<'_, Result<T, Error>>,
) -> Result<T, Error> {
    let guard = trace.enter(phase, &mut call).await?;
    match operation.await {
        Ok(answer) => {
            guard.done();
            Ok(answer)
        }
        Err(error) => {
            guard.fail(&error);
            Err(error)
        }
    }
}

impl<B: Backend> Backend for Observed<B> {
    fn get<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        revision: Option<Revision>,
    ) -> BoxFuture<'a, Result<GetResponse, Error>> {
        let call = Call { operation: "get", key, revision: revision.unwrap_or_default(), limit: 1 };
        Box::pin(observe(trace, Phase::KVRange, call, self.inner.get(trace, key, revision)))
    }

    fn list<'a>(&'a self, trace: &'a Trace, list: List<'a>) -> BoxFuture<'a, Result<ListResponse, Error>> {
        let revision = list.revision.unwrap_or_default();
        let call = Call { operation: "list", key: list.prefix, revision, limit: list.limit };
        Box::pin(observe(trace, Phase::KVRange, call, self.inner.list(trace, list)))
    }

    fn count<'a>(&'a self, trace: &'a Trace, prefix: &'a str) -> BoxFuture<'a, Result<u64, Error>> {
        let call = Call { operation: "count", key: prefix, revision: 0, limit: 0 };
        Box::pin(observe(trace, Phase::KVRange, call, self.inner.count(trace, prefix)))
    }

    fn optimistic_put<'a>(&'a self, trace: &'a Trace, put: Put<'a>) -> BoxFuture<'a, Result<Outcome, Error>> {
        let call = Call { operation: "put", key: put.key, revision: put.expected, limit: 1 };
        Box::pin(observe(trace, Phase::KVTxn, call, self.inner.optimistic_put(trace, put)))
    }

    fn optimistic_delete<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        expected: Revision,
    ) -> BoxFuture<'a, Result<Outcome, Error>> {
        let call = Call { operation: "delete", key, revision: expected, limit: 1 };
        Box::pin(observe(trace, Phase::KVTxn, call, self.inner.optimistic_delete(trace, key, expected)))
    }

    fn grant<'a>(&'a self, trace: &'a Trace, ttl: Duration) -> BoxFuture<'a, Result<LeaseId, Error>> {
        let call = Call { operation: "grant", key: "", revision: 0, limit: 0 };
        Box::pin(observe(trace, Phase::KVLeaseGrant, call, self.inner.grant(trace, ttl)))
    }

    fn watch<'a>(&'a self, prefix: &'a str, start: Option<Revision>) -> BoxFuture<'a, Result<Watch, Error>> {
        self.inner.watch(prefix, start)
    }

    fn request_progress<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        self.inner.request_progress(prefix)
    }

    fn supports_progress(&self) -> bool {
        self.inner.supports_progress()
    }

    fn compact(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>> {
        self.inner.compact(revision)
    }

    fn revisions(&self) -> BoxFuture<'_, Result<Revisions, Error>> {
        self.inner.revisions()
    }

    fn view<'a>(&'a self, prefix: &'a str, revision: Revision) -> BoxFuture<'a, Result<ListResponse, Error>> {
        self.inner.view(prefix, revision)
    }

    fn size(&self) -> BoxFuture<'_, Result<u64, Error>> {
        self.inner.size()
    }

    fn expire(&self) -> BoxFuture<'_, Result<usize, Error>> {
        self.inner.expire()
    }
}
