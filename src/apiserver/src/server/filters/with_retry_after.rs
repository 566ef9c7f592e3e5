//! Come back later, to another server.
//!
//! Go: apiserver/pkg/server/filters/with_retry_after.go

use http::{HeaderValue, header};
use phase::{BoxFuture, catalog::Phase};

use crate::{
    request::{
        context::Context,
        handler::{Filter, Next, Response},
        responses,
    },
    server::{filters::waitgroup, lifecycle_signals::LifecycleSignal},
};

/// Answers 429 once the server accepts no new requests, and closes the connection so that the next one goes elsewhere.
///
/// Go: apiserver/pkg/server/filters/with_retry_after.go WithRetryAfter
pub struct WithRetryAfter {
    not_accepting_new_request: LifecycleSignal,
}

impl WithRetryAfter {
    /// Returns the filter.
    pub fn new(not_accepting_new_request: LifecycleSignal) -> Self {
        Self { not_accepting_new_request }
    }
}

impl Filter for WithRetryAfter {
    fn phase(&self) -> Phase {
        Phase::RetryAfter
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        if !self.not_accepting_new_request.is_signaled() || waitgroup::is_exempt(cx) {
            return next.run(cx);
        }
        let mut response = responses::text(429, "The apiserver is shutting down, please try again later.");
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        Box::pin(async { response })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::testing;

    #[tokio::test]
    async fn late_comers_are_sent_away_but_probes_are_not() {
        let signal = LifecycleSignal::new("NotAcceptingNewRequest");
        let code = async |path: &str| {
            let filter = WithRetryAfter::new(signal.clone());
            testing::run(filter, &testing::ok(), &mut testing::context("GET", path)).await.status().as_u16()
        };
        assert_eq!(code("/api/v1/pods").await, 200);
        signal.signal();
        assert_eq!(code("/api/v1/pods").await, 429);
        assert_eq!(code("/readyz/shutdown").await, 200);
    }
}
