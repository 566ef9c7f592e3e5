//! Watches end by themselves when the server stops, instead of being cut.
//!
//! Go: apiserver/pkg/server/filters/watch_termination.go

use std::{
    pin::Pin,
    sync::Arc,
    task::{Poll, ready},
};

use bytes::Bytes;
use client::transport::{Body, BodyError};
use http_body_util::BodyExt;
use hyper::body::Frame;
use phase::{BoxFuture, catalog::Phase};
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::{
    request::{
        context::Context,
        handler::{Filter, Next, Response},
    },
    server::{
        filters::waitgroup::{InFlight, RequestWaitGroup, wait_group_write_retry_after},
        lifecycle_signals::LifecycleSignal,
    },
};

/// Counts watches, turns new ones away while the server drains, and ends those that are open.
///
/// Simplified: Kubernetes ends them at a rate that fills the grace period; here all end at once.
///
/// Go: apiserver/pkg/server/filters/watch_termination.go WithWatchTerminationDuringShutdown
pub struct WithWatchTerminationDuringShutdown {
    shutting_down: LifecycleSignal,
    group: Arc<RequestWaitGroup>,
}

impl WithWatchTerminationDuringShutdown {
    /// Returns the filter.
    pub fn new(shutting_down: LifecycleSignal, group: Arc<RequestWaitGroup>) -> Self {
        Self { shutting_down, group }
    }
}

impl Filter for WithWatchTerminationDuringShutdown {
    fn phase(&self) -> Phase {
        Phase::WatchTermination
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        if cx.info.verb != "watch" {
            return next.run(cx);
        }
        let in_flight = self.group.add();
        Box::pin(async move {
            let Some(in_flight) = in_flight else { return wait_group_write_retry_after() };
            let shutting_down = self.shutting_down.token();
            next.run(cx).await.map(|body| {
                let ends = Box::pin(shutting_down.cancelled_owned());
                UntilShutdown { body: Some(body), ends, _in_flight: in_flight }.boxed_unsync()
            })
        })
    }
}

/// A body that ends when the server shuts down.
struct UntilShutdown {
    /// `None` once it has ended.
    body: Option<Body>,
    ends: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Dropped with the body: then the watch is over.
    _in_flight: InFlight,
}

impl hyper::body::Body for UntilShutdown {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.ends.as_mut().poll(cx).is_ready() {
            self.body = None;
        }
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if frame.is_none() {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(hyper::body::Body::is_end_stream)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::request::{responses, testing};

    #[tokio::test]
    async fn an_open_watch_ends_with_the_server() {
        let (signal, group) = (LifecycleSignal::new("NotAcceptingNewRequest"), Arc::new(RequestWaitGroup::default()));
        let endless = testing::Answers(|_: &mut Context| {
            let body =
                http_body_util::StreamBody::new(futures_util::stream::pending::<Result<Frame<Bytes>, BodyError>>());
            let mut response = responses::text(200, "");
            *response.body_mut() = body.boxed_unsync();
            response
        });
        let filter = || WithWatchTerminationDuringShutdown::new(signal.clone(), group.clone());
        let mut cx = testing::context("GET", "/api/v1/pods?watch=1");
        let response = testing::run(filter(), &endless, &mut cx).await;
        assert_eq!(group.len(), 1);
        signal.signal();
        assert_eq!(testing::body(response).await, "");
        group.wait(Duration::MAX).await;
        assert_eq!(testing::run(filter(), &endless, &mut cx).await.status(), 503);
    }
}
