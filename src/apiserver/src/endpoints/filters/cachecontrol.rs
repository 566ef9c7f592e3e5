//! Nobody keeps an answer unless its handler says so.
//!
//! Go: apiserver/pkg/endpoints/filters/cachecontrol.go

use http::{HeaderValue, header};
use phase::{BoxFuture, catalog::Phase};

use crate::request::{
    context::Context,
    handler::{Filter, Next, Response},
};

/// Adds `Cache-Control: no-cache, private` to answers that bear none.
///
/// Go: apiserver/pkg/endpoints/filters/cachecontrol.go WithCacheControl
pub struct WithCacheControl;

impl Filter for WithCacheControl {
    fn phase(&self) -> Phase {
        Phase::CacheControl
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        Box::pin(async move {
            let mut response = next.run(cx).await;
            let default = HeaderValue::from_static("no-cache, private");
            response.headers_mut().entry(header::CACHE_CONTROL).or_insert(default);
            response
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{responses, testing};

    #[tokio::test]
    async fn a_handler_that_knows_better_is_left_alone() {
        let mut cx = testing::context("GET", "/apis");
        let response = testing::run(WithCacheControl, &testing::ok(), &mut cx).await;
        assert_eq!(response.headers()["cache-control"], "no-cache, private");
        let public = testing::Answers(|_: &mut Context| {
            let mut response = responses::text(200, "");
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public"));
            response
        });
        let response = testing::run(WithCacheControl, &public, &mut cx).await;
        assert_eq!(response.headers()["cache-control"], "public");
    }
}
