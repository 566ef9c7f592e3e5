//! A request as part of a longer story that its client tells.
//!
//! Go: apiserver/pkg/endpoints/filters/traces.go

use auth::user;
use phase::{BoxFuture, catalog::Phase};

use crate::request::{
    context::Context,
    handler::{Filter, Next, Response},
};

/// Group whose trace contexts are believed, besides that of the privileged.
const MONITORING: &str = "system:monitoring";

/// Joins the request's trace with that of a client who may be believed; others begin one of their own.
///
/// Simplified: spans are not exported to OpenTelemetry; the phases of the request are the trace.
///
/// Go: apiserver/pkg/endpoints/filters/traces.go WithTracing
pub struct WithTracing;

impl Filter for WithTracing {
    fn phase(&self) -> Phase {
        Phase::Tracing
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        if cx.trace.watched() {
            let parent = cx.header("traceparent").to_owned();
            let user = cx.user();
            let believed = user.in_group(user::SYSTEM_PRIVILEGED_GROUP) || user.in_group(MONITORING);
            if !parent.is_empty() {
                let role = if believed { "traceparent" } else { "tracelink" };
                cx.trace.describe(|| vec![(role.into(), parent)]);
            }
        }
        next.run(cx)
    }
}
