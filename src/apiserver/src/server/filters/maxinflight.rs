//! A limit to requests at a time, where they do not queue by flow.
//!
//! Go: apiserver/pkg/server/filters/maxinflight.go

use std::sync::Arc;

use auth::user;
use http::{HeaderValue, header};
use phase::{BoxFuture, catalog::Phase};
use tokio::sync::Semaphore;

use crate::request::{
    context::Context,
    handler::{Filter, Next, Response},
    requestinfo::LongRunningFunc,
    responses,
};

/// Lets so many reading and so many writing requests in at a time, and turns the others away.
///
/// Go: apiserver/pkg/server/filters/maxinflight.go WithMaxInFlightLimit
pub struct WithMaxInFlightLimit {
    /// `None`: no limit.
    non_mutating: Option<Arc<Semaphore>>,
    mutating: Option<Arc<Semaphore>>,
    long_running: LongRunningFunc,
}

impl WithMaxInFlightLimit {
    /// Returns the filter; a limit of zero is none.
    pub fn new(non_mutating_limit: u32, mutating_limit: u32, long_running: LongRunningFunc) -> Self {
        let seats = |limit: u32| (limit > 0).then(|| Arc::new(Semaphore::new(limit as usize)));
        Self { non_mutating: seats(non_mutating_limit), mutating: seats(mutating_limit), long_running }
    }
}

impl Filter for WithMaxInFlightLimit {
    fn phase(&self) -> Phase {
        Phase::PriorityAndFairness
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        if (self.long_running)(&cx.info) {
            return next.run(cx);
        }
        let reads = matches!(cx.info.verb.as_str(), "get" | "list" | "watch");
        let Some(seats) = (if reads { &self.non_mutating } else { &self.mutating }) else { return next.run(cx) };
        let seat = seats.clone().try_acquire_owned();
        Box::pin(async move {
            if seat.is_err() && !cx.user().in_group(user::SYSTEM_PRIVILEGED_GROUP) {
                return too_many_requests("1");
            }
            let response = next.run(cx).await;
            drop(seat);
            response
        })
    }
}

/// Go: apiserver/pkg/server/filters/maxinflight.go tooManyRequests
pub(super) fn too_many_requests(retry_after: &str) -> Response {
    let mut response = responses::text(429, "Too many requests, please try again later.");
    if let Ok(value) = HeaderValue::from_str(retry_after) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{handler::Handler, requestinfo, testing};

    /// Answers only when it is dropped.
    struct Never;

    impl Handler for Never {
        fn serve<'a>(&'a self, _: &'a mut Context) -> BoxFuture<'a, Response> {
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test]
    async fn reads_and_writes_have_their_own_limits_and_masters_none() {
        let long_running = requestinfo::basic_long_running_request_check(&["watch"], &[]);
        let filters: [Box<dyn Filter>; 1] = [Box::new(WithMaxInFlightLimit::new(1, 1, long_running))];
        let run = async |method: &str, groups: &[&str]| {
            let mut cx = testing::context(method, "/api/v1/pods");
            cx.user = Some(Arc::new(user::Info::new("u", groups)));
            Next { filters: &filters, handler: &testing::ok() }.run(&mut cx).await.status().as_u16()
        };
        let mut cx = testing::context("GET", "/api/v1/pods");
        let mut first = Next { filters: &filters, handler: &Never }.run(&mut cx);
        assert!(futures_util::poll!(&mut first).is_pending());
        assert_eq!(run("GET", &[]).await, 429);
        assert_eq!(run("POST", &[]).await, 200);
        assert_eq!(run("GET", &[user::SYSTEM_PRIVILEGED_GROUP]).await, 200);
        drop(first);
        assert_eq!(run("GET", &[]).await, 200);
    }
}
