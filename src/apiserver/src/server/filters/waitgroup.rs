//! Counting what is in flight, so that a shutdown knows when everything is answered.
//!
//! Go: apiserver/pkg/server/filters/waitgroup.go, apimachinery/pkg/util/waitgroup

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, header};
use parking_lot::Mutex;
use phase::{BoxFuture, catalog::Phase};
use tokio::sync::Notify;

use crate::request::{
    context::Context,
    handler::{Filter, Next, Response},
    requestinfo::LongRunningFunc,
    responses,
};

/// A count of requests that refuses to grow once somebody waits for it to reach zero.
///
/// Go: apimachinery/pkg/util/waitgroup/waitgroup.go SafeWaitGroup
#[derive(Debug, Default)]
pub struct RequestWaitGroup {
    state: Mutex<State>,
    /// Wakes whoever waits when the count falls to zero.
    empty: Notify,
}

#[derive(Debug, Default)]
struct State {
    count: usize,
    waiting: bool,
}

/// One request in flight; dropped when it is answered.
#[derive(Debug)]
pub struct InFlight(Arc<RequestWaitGroup>);

impl RequestWaitGroup {
    /// Counts a request, unless somebody already waits for the end.
    pub fn add(self: &Arc<Self>) -> Option<InFlight> {
        let mut state = self.state.lock();
        if state.waiting {
            return None;
        }
        state.count += 1;
        Some(InFlight(self.clone()))
    }

    /// Returns the number of requests in flight.
    pub fn len(&self) -> usize {
        self.state.lock().count
    }

    /// Says whether nothing is in flight.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Says whether somebody waits for the end.
    pub fn is_waiting(&self) -> bool {
        self.state.lock().waiting
    }

    /// Takes no more requests and waits until none is in flight, or for `at_most`.
    pub async fn wait(&self, at_most: Duration) {
        self.state.lock().waiting = true;
        let empty = async {
            loop {
                let notified = self.empty.notified();
                if self.is_empty() {
                    return;
                }
                notified.await;
            }
        };
        // Whether it was in time makes no difference to what comes next.
        let _in_time = tokio::time::timeout(at_most, empty).await;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.count -= 1;
        if state.count == 0 {
            self.0.empty.notify_waiters();
        }
    }
}

/// Counts requests that end by themselves; turns new ones away once the server drains.
///
/// Go: apiserver/pkg/server/filters/waitgroup.go WithWaitGroup
pub struct WithWaitGroup {
    group: Arc<RequestWaitGroup>,
    long_running: LongRunningFunc,
}

impl WithWaitGroup {
    /// Returns the filter.
    pub fn new(group: Arc<RequestWaitGroup>, long_running: LongRunningFunc) -> Self {
        Self { group, long_running }
    }
}

impl Filter for WithWaitGroup {
    fn phase(&self) -> Phase {
        Phase::WaitGroup
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        if (self.long_running)(&cx.info) {
            return next.run(cx);
        }
        let in_flight = self.group.add();
        Box::pin(async move {
            let Some(in_flight) = in_flight else {
                return if is_exempt(cx) { next.run(cx).await } else { wait_group_write_retry_after() };
            };
            let response = next.run(cx).await;
            drop(in_flight);
            response
        })
    }
}

/// Requests that are answered even while the server drains: its own, and those that ask how it is.
///
/// Go: apiserver/pkg/server/filters/with_retry_after.go isRequestExemptFromRetryAfter
pub(super) fn is_exempt(cx: &Context) -> bool {
    let probes = ["/readyz", "/livez", "/healthz", "/metrics"];
    cx.header("user-agent").starts_with("kube-apiserver/") || probes.iter().any(|probe| cx.info.path.starts_with(probe))
}

/// Go: apiserver/pkg/server/filters/waitgroup.go waitGroupWriteRetryAfterToResponse
pub(super) fn wait_group_write_retry_after() -> Response {
    let error = responses::without_details(503, "ServiceUnavailable", "apiserver is shutting down");
    let mut response = responses::status(&error);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{requestinfo, testing};

    fn filter(group: &Arc<RequestWaitGroup>) -> WithWaitGroup {
        WithWaitGroup::new(group.clone(), requestinfo::basic_long_running_request_check(&["watch"], &["log"]))
    }

    #[tokio::test]
    async fn a_draining_server_takes_no_more_requests_but_says_how_it_is() {
        let group = Arc::new(RequestWaitGroup::default());
        group.wait(Duration::ZERO).await;
        for (path, expected) in [("/api/v1/pods", 503), ("/readyz", 200), ("/api/v1/pods?watch=1", 200)] {
            let response = testing::run(filter(&group), &testing::ok(), &mut testing::context("GET", path)).await;
            assert_eq!(response.status(), expected, "{path}");
        }
    }

    #[tokio::test]
    async fn waiting_ends_when_the_last_request_is_answered() {
        let group = Arc::new(RequestWaitGroup::default());
        let in_flight = group.add().expect("nobody waits yet");
        let waiting = tokio::spawn({
            let group = group.clone();
            async move { group.wait(Duration::MAX).await }
        });
        while !group.is_waiting() {
            tokio::task::yield_now().await;
        }
        assert!(group.add().is_none());
        drop(in_flight);
        waiting.await.expect("waited");
    }
}
