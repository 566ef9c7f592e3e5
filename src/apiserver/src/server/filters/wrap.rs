//! A panic ends one request and nothing else.
//!
//! Go: apiserver/pkg/server/filters/wrap.go WithPanicRecovery

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use phase::{BoxFuture, catalog::Phase};

use crate::request::{
    context::Context,
    handler::{Filter, Next, Response},
    responses,
};

/// Answers 500 where something behind it panicked.
///
/// Go: apiserver/pkg/server/filters/wrap.go WithPanicRecovery
pub struct WithPanicRecovery;

impl Filter for WithPanicRecovery {
    fn phase(&self) -> Phase {
        Phase::PanicRecovery
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        Box::pin(async move {
            // Nothing of the request is looked at afterwards but what names it; its locks do not poison.
            let outcome = AssertUnwindSafe(next.run(cx)).catch_unwind().await;
            outcome.unwrap_or_else(|panic| {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
                tracing::error!("apiserver panic'd on {} {}: {text}", cx.method, cx.request_uri());
                responses::text(500, "This request caused apiserver to panic. Look in the logs for details.")
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::testing;

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        let handler = testing::Answers(|_: &mut Context| panic!("boom"));
        let response = testing::run(WithPanicRecovery, &handler, &mut testing::context("GET", "/")).await;
        assert_eq!(response.status(), 500);
        assert!(testing::body(response).await.starts_with("This request caused apiserver to panic."));
    }
}
