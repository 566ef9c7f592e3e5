//! Which web pages may call the server.
//!
//! Go: apiserver/pkg/server/filters/cors.go

use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use phase::{BoxFuture, catalog::Phase};
use regex::Regex;

use crate::request::{
    context::Context,
    handler::{Filter, Next, Response},
    responses,
};

/// Tells browsers that pages of certain origins may call, and answers their question beforehand.
///
/// Go: apiserver/pkg/server/filters/cors.go WithCORS
pub struct WithCORS {
    allowed_origins: Vec<Regex>,
}

/// What an allowed origin is told, besides that it is allowed.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, GET, OPTIONS, PUT, DELETE, PATCH"),
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        "Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization, X-Requested-With, \
         If-Modified-Since",
    ),
    (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Date"),
    (header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
];

impl WithCORS {
    /// Returns the filter. The patterns were validated with the options.
    pub fn new(allowed_origin_patterns: &[String]) -> Self {
        Self { allowed_origins: allowed_origin_patterns.iter().filter_map(|text| Regex::new(text).ok()).collect() }
    }

    /// Returns the request's origin, if it may call.
    fn allowed_origin(&self, cx: &Context) -> Option<HeaderValue> {
        let origin = cx.headers.get(header::ORIGIN)?;
        let text = origin.to_str().ok().filter(|text| !text.is_empty())?;
        self.allowed_origins.iter().any(|pattern| pattern.is_match(text)).then(|| origin.clone())
    }
}

impl Filter for WithCORS {
    fn phase(&self) -> Phase {
        Phase::CORS
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        let Some(origin) = self.allowed_origin(cx) else { return next.run(cx) };
        Box::pin(async move {
            let mut response = if cx.method == Method::OPTIONS {
                let mut response = responses::text(204, "");
                *response.body_mut() = client::transport::empty();
                *response.status_mut() = StatusCode::NO_CONTENT;
                response.headers_mut().clear();
                response
            } else {
                next.run(cx).await
            };
            response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            for (name, value) in HEADERS {
                response.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            response
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::testing;

    async fn call(method: &str, origin: &'static str) -> Response {
        let mut cx = testing::context(method, "/api");
        cx.headers.insert("origin", HeaderValue::from_static(origin));
        testing::run(WithCORS::new(&["^https://ours\\.example$".to_owned()]), &testing::ok(), &mut cx).await
    }

    #[tokio::test]
    async fn only_allowed_origins_are_told_so() {
        let response = call("GET", "https://ours.example").await;
        assert_eq!(response.headers()["access-control-allow-origin"], "https://ours.example");
        assert_eq!(response.headers()["access-control-expose-headers"], "Date");
        let response = call("OPTIONS", "https://ours.example").await;
        assert_eq!((response.status().as_u16(), testing::body(response).await.as_str()), (204, ""));
        assert!(!call("GET", "https://theirs.example").await.headers().contains_key("access-control-allow-origin"));
    }
}
