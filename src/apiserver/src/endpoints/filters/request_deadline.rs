//! How long a request may take.
//!
//! Go: apiserver/pkg/endpoints/filters/request_deadline.go

use std::time::Duration;

use apimachinery::api::errors::StatusError;
use component_base::flagset;
use phase::{BoxFuture, catalog::Phase};

use crate::request::{
    context::Context,
    handler::{Filter, Next, Response},
    requestinfo::LongRunningFunc,
    responses,
};

/// Sets the deadline of requests that end by themselves: what `timeout` in the query asks for, but not more than the server allows.
///
/// Go: apiserver/pkg/endpoints/filters/request_deadline.go WithRequestDeadline
pub struct WithRequestDeadline {
    request_timeout_maximum: Duration,
    long_running: LongRunningFunc,
}

impl WithRequestDeadline {
    /// Returns the filter.
    pub fn new(request_timeout_maximum: Duration, long_running: LongRunningFunc) -> Self {
        Self { request_timeout_maximum, long_running }
    }

    /// Returns the time a request may take; nothing or zero asks for the maximum.
    ///
    /// Go: apiserver/pkg/endpoints/filters/request_deadline.go parseTimeout
    fn timeout(&self, cx: &Context) -> Result<Duration, StatusError> {
        let asked = match cx.query("timeout").filter(|text| !text.is_empty()) {
            None => Duration::ZERO,
            Some(text) => flagset::parse_duration(&text).ok_or_else(|| {
                let why = format!("time: invalid duration {text:?}");
                StatusError::new_bad_request(format!("invalid timeout specified in the request URL - {why}"))
            })?,
        };
        Ok(if asked.is_zero() || asked > self.request_timeout_maximum { self.request_timeout_maximum } else { asked })
    }
}

impl Filter for WithRequestDeadline {
    fn phase(&self) -> Phase {
        Phase::RequestDeadline
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        if (self.long_running)(&cx.info) {
            return next.run(cx);
        }
        match self.timeout(cx) {
            Ok(timeout) => {
                cx.deadline = Some(timeout);
                next.run(cx)
            }
            Err(error) => Box::pin(async move { responses::status(&error) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{requestinfo, testing};

    async fn deadline(path: &str) -> (u16, Option<Duration>) {
        let long_running = requestinfo::basic_long_running_request_check(&["watch"], &[]);
        let filter = WithRequestDeadline::new(Duration::from_secs(60), long_running);
        let mut cx = testing::context("GET", path);
        let response = testing::run(filter, &testing::ok(), &mut cx).await;
        (response.status().as_u16(), cx.deadline)
    }

    #[tokio::test]
    async fn the_client_may_ask_for_less_but_not_for_more() {
        assert_eq!(deadline("/api/v1/pods").await, (200, Some(Duration::from_secs(60))));
        assert_eq!(deadline("/api/v1/pods?timeout=5s").await, (200, Some(Duration::from_secs(5))));
        assert_eq!(deadline("/api/v1/pods?timeout=0s").await, (200, Some(Duration::from_secs(60))));
        assert_eq!(deadline("/api/v1/pods?timeout=1h").await, (200, Some(Duration::from_secs(60))));
        assert_eq!(deadline("/api/v1/pods?timeout=soon").await, (400, None));
        assert_eq!(deadline("/api/v1/pods?watch=1&timeout=5s").await, (200, None));
    }
}
