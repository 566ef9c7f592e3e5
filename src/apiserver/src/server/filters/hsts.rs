//! Browsers shall only come by HTTPS.
//!
//! Go: apiserver/pkg/server/filters/hsts.go

use http::{HeaderValue, header};
use phase::{BoxFuture, catalog::Phase};

use crate::request::{
    context::Context,
    handler::{Filter, Next, Response},
};

/// Adds `Strict-Transport-Security` to every answer.
///
/// Go: apiserver/pkg/server/filters/hsts.go WithHSTS
pub struct WithHSTS {
    header: HeaderValue,
}

impl WithHSTS {
    /// Returns the filter. The directives were validated with the options.
    pub fn new(directives: &[String]) -> Self {
        let header = HeaderValue::from_str(&directives.join("; "));
        Self { header: header.unwrap_or_else(|_| HeaderValue::from_static("")) }
    }
}

impl Filter for WithHSTS {
    fn phase(&self) -> Phase {
        Phase::HSTS
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        Box::pin(async move {
            let mut response = next.run(cx).await;
            response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, self.header.clone());
            response
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::testing;

    #[tokio::test]
    async fn directives_are_joined() {
        let filter = WithHSTS::new(&["max-age=60".to_owned(), "preload".to_owned()]);
        let response = testing::run(filter, &testing::ok(), &mut testing::context("GET", "/")).await;
        assert_eq!(response.headers()["strict-transport-security"], "max-age=60; preload");
    }
}
