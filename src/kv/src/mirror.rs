//! Two backends at once, for tests: every operation goes to both, and both must answer the same.
//!
//! A difference is an error (`Corrupt`) that tells both answers. Numbers of leases may differ, and so
//! may what is still viewable beyond what is readable: neither is part of what backends promise.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Debug,
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use phase::{BoxFuture, trace::Trace};

use crate::{
    backend::{
        Backend, Event, GetResponse, KeyValue, LeaseId, List, ListResponse, Outcome, Put, Revision, Revisions, Watch,
        WatchResponse,
    },
    error::Error,
};

/// Two backends that must behave the same. The first one's answers are returned.
pub struct Mirror {
    first: Arc<dyn Backend>,
    second: Arc<dyn Backend>,
    /// Held during every operation: both see the same order.
    order: tokio::sync::Mutex<()>,
    /// The second's number for each lease of the first.
    leases: Mutex<BTreeMap<LeaseId, LeaseId>>,
}

impl Mirror {
    /// Puts two backends of the same state side by side.
    pub fn new(first: Arc<dyn Backend>, second: Arc<dyn Backend>) -> Self {
        Self { first, second, order: tokio::sync::Mutex::new(()), leases: Mutex::new(BTreeMap::new()) }
    }
}

/// A copy without what may differ.
trait Plain {
    fn plain(&self) -> Self;
}

impl Plain for Arc<KeyValue> {
    fn plain(&self) -> Self {
        Arc::new(KeyValue { lease: self.lease.map(|_| 0), ..(**self).clone() })
    }
}

impl<T: Plain> Plain for Option<T> {
    fn plain(&self) -> Self {
        self.as_ref().map(Plain::plain)
    }
}

impl Plain for GetResponse {
    fn plain(&self) -> Self {
        Self { kv: self.kv.plain(), ..*self }
    }
}

impl Plain for ListResponse {
    fn plain(&self) -> Self {
        Self { kvs: self.kvs.iter().map(Plain::plain).collect(), ..*self }
    }
}

impl Plain for Outcome {
    fn plain(&self) -> Self {
        Self { kv: self.kv.plain(), ..*self }
    }
}

impl Plain for Revisions {
    fn plain(&self) -> Self {
        Self { viewable: 0, ..*self }
    }
}

/// Says whether two changes are the same. What was before may be unknown on one side, if it is compacted.
fn same(first: &Event, second: &Event) -> bool {
    let prev = (first.prev.plain(), second.prev.plain());
    let unknown = (prev.0.is_none() || prev.1.is_none()) && !first.is_create();
    first.kind == second.kind && first.kv.plain() == second.kv.plain() && (unknown || prev.0 == prev.1)
}

impl Plain for u64 {
    fn plain(&self) -> Self {
        *self
    }
}

impl Plain for usize {
    fn plain(&self) -> Self {
        *self
    }
}

impl Plain for () {
    fn plain(&self) -> Self {}
}

/// Returns the first answer if the second is the same.
fn agree<T: Plain + PartialEq + Debug>(
    operation: &str,
    first: Result<T, Error>,
    second: Result<T, Error>,
) -> Result<T, Error> {
    let same = match (&first, &second) {
        (Ok(first), Ok(second)) => first.plain() == second.plain(),
        // Not every backend knows all the numbers of an error.
        (Err(first), Err(second)) => std::mem::discriminant(first) == std::mem::discriminant(second),
        _ => false,
    };
    if same { first } else { Err(differ(operation, &first, &second)) }
}

fn differ(operation: &str, first: &dyn Debug, second: &dyn Debug) -> Error {
    Error::Corrupt(format!("{operation}: the first says {first:?}, the second {second:?}"))
}

impl Backend for Mirror {
    fn get<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        revision: Option<Revision>,
    ) -> BoxFuture<'a, Result<GetResponse, Error>> {
        Box::pin(async move {
            let _order = self.order.lock().await;
            let first = self.first.get(trace, key, revision).await;
            agree("get", first, self.second.get(trace, key, revision).await)
        })
    }

    fn list<'a>(&'a self, trace: &'a Trace, list: List<'a>) -> BoxFuture<'a, Result<ListResponse, Error>> {
        Box::pin(async move {
            let _order = self.order.lock().await;
            let first = self.first.list(trace, list).await;
            agree("list", first, self.second.list(trace, list).await)
        })
    }

    fn count<'a>(&'a self, trace: &'a Trace, prefix: &'a str) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async move {
            let _order = self.order.lock().await;
            agree("count", self.first.count(trace, prefix).await, self.second.count(trace, prefix).await)
        })
    }

    fn optimistic_put<'a>(&'a self, trace: &'a Trace, put: Put<'a>) -> BoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(async move {
            let _order = self.order.lock().await;
            let lease = put.lease.map(|lease| self.leases.lock().get(&lease).copied().unwrap_or(lease));
            let second = Put { lease, ..put.clone() };
            let first = self.first.optimistic_put(trace, put).await;
            agree("put", first, self.second.optimistic_put(trace, second).await)
        })
    }

    fn optimistic_delete<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        expected: Revision,
    ) -> BoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(async move {
            let _order = self.order.lock().await;
            let first = self.first.optimistic_delete(trace, key, expected).await;
            agree("delete", first, self.second.optimistic_delete(trace, key, expected).await)
        })
    }

    fn grant<'a>(&'a self, trace: &'a Trace, ttl: Duration) -> BoxFuture<'a, Result<LeaseId, Error>> {
        Box::pin(async move {
            let _order = self.order.lock().await;
            let first = self.first.grant(trace, ttl).await?;
            let second = self.second.grant(trace, ttl).await?;
            self.leases.lock().insert(first, second);
            Ok(first)
        })
    }

    fn watch<'a>(&'a self, prefix: &'a str, start: Option<Revision>) -> BoxFuture<'a, Result<Watch, Error>> {
        Box::pin(async move {
            let _order = self.order.lock().await;
            let first = self.first.watch(prefix, start).await?;
            let second = self.second.watch(prefix, start).await?;
            let both = Both { first, second, ahead: VecDeque::new() };
            Ok(stream::unfold(Some(both), |both| async move {
                let mut both = both?;
                let item = both.next().await?;
                let rest = item.is_ok().then_some(both);
                Some((item, rest))
            })
            .boxed())
        })
    }

    fn request_progress<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let first = self.first.request_progress(prefix).await;
            agree("progress", first, self.second.request_progress(prefix).await)
        })
    }

    fn supports_progress(&self) -> bool {
        self.first.supports_progress() && self.second.supports_progress()
    }

    fn compact(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let _order = self.order.lock().await;
            agree("compact", self.first.compact(revision).await, self.second.compact(revision).await)
        })
    }

    fn revisions(&self) -> BoxFuture<'_, Result<Revisions, Error>> {
        Box::pin(async move {
            let _order = self.order.lock().await;
            agree("revisions", self.first.revisions().await, self.second.revisions().await)
        })
    }

    fn view<'a>(&'a self, prefix: &'a str, revision: Revision) -> BoxFuture<'a, Result<ListResponse, Error>> {
        self.first.view(prefix, revision)
    }

    fn size(&self) -> BoxFuture<'_, Result<u64, Error>> {
        self.first.size()
    }

    fn expire(&self) -> BoxFuture<'_, Result<usize, Error>> {
        Box::pin(async move {
            let _order = self.order.lock().await;
            agree("expire", self.first.expire().await, self.second.expire().await)
        })
    }
}

/// Two watches that must deliver the same changes, however they cut them into deliveries.
struct Both {
    first: Watch,
    second: Watch,
    /// What the second has delivered and the first has not.
    ahead: VecDeque<Event>,
}

impl Both {
    async fn next(&mut self) -> Option<Result<WatchResponse, Error>> {
        let response = match self.first.next().await? {
            Ok(response) => response,
            Err(first) => {
                let second = self.second.next().await;
                let same = matches!(&second, Some(Err(second))
                    if std::mem::discriminant(second) == std::mem::discriminant(&first));
                return Some(Err(if same { first } else { differ("watch", &first, &second) }));
            }
        };
        for event in &response.events {
            while self.ahead.is_empty() {
                match self.second.next().await {
                    Some(Ok(response)) => self.ahead.extend(response.events),
                    other => return Some(Err(differ("watch", event, &other))),
                }
            }
            let second = self.ahead.pop_front().expect("filled above");
            if !same(event, &second) {
                return Some(Err(differ("watch", event, &second)));
            }
        }
        Some(Ok(response))
    }
}
