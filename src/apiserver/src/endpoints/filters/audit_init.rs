//! A name for every request.
//!
//! Go: apiserver/pkg/endpoints/filters/audit_init.go

use http::{HeaderName, HeaderValue};
use phase::{BoxFuture, catalog::Phase};

use crate::request::{
    context::Context,
    handler::{Filter, Next, Response},
};

/// The header that carries the name, both ways.
pub const AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");

/// Takes the name that the client gave the request, or makes one, and tells it in the answer.
///
/// Go: apiserver/pkg/endpoints/filters/audit_init.go WithAuditInit
pub struct WithAuditInit;

impl Filter for WithAuditInit {
    fn phase(&self) -> Phase {
        Phase::AuditInit
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        cx.audit_id = match cx.header("audit-id") {
            "" => cx.services.ids.uuid(),
            given => given.to_owned(),
        };
        Box::pin(async move {
            let value = HeaderValue::from_str(&cx.audit_id);
            let mut response = next.run(cx).await;
            if let Ok(value) = value {
                response.headers_mut().entry(AUDIT_ID).or_insert(value);
            }
            response
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::testing;

    #[tokio::test]
    async fn a_request_keeps_the_name_it_has() {
        let mut cx = testing::context("GET", "/");
        let response = testing::run(WithAuditInit, &testing::ok(), &mut cx).await;
        assert_eq!(response.headers()[AUDIT_ID].len(), 36);
        cx.headers.insert(AUDIT_ID, HeaderValue::from_static("mine"));
        let response = testing::run(WithAuditInit, &testing::ok(), &mut cx).await;
        assert_eq!(response.headers()[AUDIT_ID], "mine");
    }
}
