//! What a request asks for.
//!
//! Go: apiserver/pkg/endpoints/filters/requestinfo.go

use phase::{BoxFuture, catalog::Phase};

use crate::request::{
    context::{self, Context},
    handler::{Filter, Next, Response},
    requestinfo::RequestInfoFactory,
    responses,
};

/// Reads the request's path, method and query, once for all that follow.
///
/// Go: apiserver/pkg/endpoints/filters/requestinfo.go WithRequestInfo
pub struct WithRequestInfo {
    resolver: RequestInfoFactory,
}

impl WithRequestInfo {
    /// Returns the filter.
    pub fn new(resolver: RequestInfoFactory) -> Self {
        Self { resolver }
    }
}

impl Filter for WithRequestInfo {
    fn phase(&self) -> Phase {
        Phase::RequestInfo
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        let path = context::decode_path(cx.uri.path());
        match self.resolver.new_request_info(&cx.method, &path, &cx.query_pairs()) {
            Ok(info) => {
                cx.info = info;
                describe(cx);
                next.run(cx)
            }
            Err(error) => {
                let response = responses::internal_error(cx, format!("failed to create RequestInfo: {error}"));
                Box::pin(async { response })
            }
        }
    }
}

/// Tells whoever watches what the request is about.
fn describe(cx: &Context) {
    let info = &cx.info;
    cx.trace.describe(|| {
        let facts = [
            ("verb", &info.verb),
            ("path", &info.path),
            ("group", &info.api_group),
            ("version", &info.api_version),
            ("resource", &info.resource),
            ("subresource", &info.subresource),
            ("namespace", &info.namespace),
            ("name", &info.name),
        ];
        facts
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key.into(), value.clone()))
            .collect()
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::testing;

    #[tokio::test]
    async fn a_path_that_cannot_be_read_is_an_error() {
        let mut cx = testing::context("GET", "/");
        cx.uri = "/api/v1/watch".parse().expect("uri");
        let filter = WithRequestInfo::new(RequestInfoFactory::default());
        let response = testing::run(filter, &testing::ok(), &mut cx).await;
        assert_eq!(response.status(), 500);
        let expected = "Internal Server Error: \"/api/v1/watch\": failed to create RequestInfo: ";
        assert!(testing::body(response).await.starts_with(expected));
    }
}
