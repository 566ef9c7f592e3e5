//! An end to requests that take too long.
//!
//! Go: apiserver/pkg/server/filters/timeout.go

use std::{pin::pin, time::Duration};

use phase::{BoxFuture, catalog::Phase, clock::Nanos, trace::Trace};

use crate::request::{
    context::{Context, Services},
    handler::{Filter, Next, Response},
    responses,
};

/// Answers 504 when the deadline of a request is over; what was still working for it is dropped.
///
/// The time that a person holds the request does not count: the deadline asks the trace.
///
/// Go: apiserver/pkg/server/filters/timeout.go WithTimeoutForNonLongRunningRequests
pub struct WithTimeoutForNonLongRunningRequests;

impl Filter for WithTimeoutForNonLongRunningRequests {
    fn phase(&self) -> Phase {
        Phase::Timeout
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        let Some(deadline) = cx.deadline else { return next.run(cx) };
        let clock = Deadline {
            services: cx.services.clone(),
            trace: cx.trace.clone(),
            received: cx.received,
            held_before: cx.held_before,
            deadline,
        };
        Box::pin(async move {
            let mut answer = next.run(cx);
            let mut over = pin!(clock.over());
            tokio::select! {
                biased;
                response = &mut answer => response,
                () = &mut over => timed_out(),
            }
        })
    }
}

/// Go: apiserver/pkg/server/filters/timeout.go timeoutHandler
fn timed_out() -> Response {
    let message = "Timeout: request did not complete within the allotted timeout";
    responses::status(&responses::without_details(504, "Timeout", message))
}

/// When a request has had its time.
struct Deadline {
    services: Services,
    trace: Trace,
    received: Nanos,
    held_before: Nanos,
    deadline: Duration,
}

impl Deadline {
    /// Returns when the deadline is over. While the request is held it moves, so look again.
    async fn over(&self) {
        loop {
            let held = self.trace.held().saturating_sub(self.held_before);
            let used = self.services.clock.now().saturating_sub(self.received).saturating_sub(held);
            let left = self.deadline.saturating_sub(Duration::from_nanos(used));
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{handler::Handler, testing};

    struct Never;

    impl Handler for Never {
        fn serve<'a>(&'a self, _: &'a mut Context) -> BoxFuture<'a, Response> {
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test]
    async fn a_request_that_takes_too_long_is_answered_anyway() {
        let mut cx = testing::context("GET", "/api/v1/pods");
        cx.services.clock = phase::clock::SystemClock::shared();
        cx.deadline = Some(Duration::from_millis(1));
        let response = testing::run(WithTimeoutForNonLongRunningRequests, &Never, &mut cx).await;
        assert_eq!(response.status(), 504);
        assert!(testing::body(response).await.contains("request did not complete within the allotted timeout"));
    }
}
