//! One line in the log for every request.
//!
//! Go: apiserver/pkg/server/httplog/httplog.go

use std::time::Duration;

use phase::{BoxFuture, catalog::Phase};
use tracing::Level;

use crate::{
    endpoints::filters::audit::source_ips,
    request::{
        context::Context,
        handler::{Filter, Next, Response},
    },
};

/// Writes what was asked, by whom, what was answered and how long it took.
///
/// Go: apiserver/pkg/server/filters/wrap.go WithHTTPLogging
pub struct WithHTTPLogging;

impl Filter for WithHTTPLogging {
    fn phase(&self) -> Phase {
        Phase::HTTPLogging
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        // Go: klog.V(3). Nothing is formatted, nor even boxed, when nobody reads it.
        if !tracing::enabled!(Level::DEBUG) {
            return next.run(cx);
        }
        let since = cx.services.clock.now();
        Box::pin(async move {
            let response = next.run(cx).await;
            let latency = Duration::from_nanos(cx.services.clock.now().saturating_sub(since));
            tracing::debug!(
                verb = cx.info.verb,
                URI = cx.request_uri(),
                ?latency,
                userAgent = cx.header("user-agent"),
                audit_ID = cx.audit_id,
                srcIP = source_ips(cx).join(", "),
                apf_pl = cx.flow_control.priority_level.as_str(),
                apf_fs = cx.flow_control.flow_schema.as_str(),
                resp = response.status().as_u16(),
                "HTTP"
            );
            response
        })
    }
}
