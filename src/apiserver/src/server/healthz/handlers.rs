//! The answers of a health endpoint: `ok`, or a line for each check.
//!
//! Go: apiserver/pkg/server/healthz/healthz.go handleRootHealth, adaptCheckToHandler

use std::{collections::BTreeSet, fmt::Write, sync::Arc};

use http::{HeaderValue, header};
use phase::BoxFuture;

use crate::{
    request::{
        context::Context,
        handler::{Handler, Response},
        responses,
    },
    server::{
        healthz::{HealthChecker, registry::HealthCounts},
        lifecycle_signals::LifecycleSignal,
    },
};

/// Answers for all checks together.
pub(super) struct RootHealthHandler {
    /// `healthz`, `livez` or `readyz`.
    pub(super) name: &'static str,
    pub(super) checks: Vec<Arc<dyn HealthChecker>>,
    pub(super) counts: Arc<HealthCounts>,
    /// Comes with the first success.
    pub(super) first_healthy: Option<LifecycleSignal>,
}

impl Handler for RootHealthHandler {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        Box::pin(self.handle_root_health(cx))
    }
}

impl RootHealthHandler {
    async fn handle_root_health(&self, cx: &Context) -> Response {
        let query = cx.query_pairs();
        let verbose = query.iter().any(|(key, _)| key == "verbose");
        let excluded: BTreeSet<&str> =
            query.iter().filter(|(key, _)| key == "exclude").map(|(_, check)| check.as_str()).collect();
        let mut unmatched = excluded.clone();

        let mut output = String::new();
        let mut failed = Vec::new();
        for check in &self.checks {
            let name = check.name();
            let group = check.group_name().filter(|group| excluded.contains(group));
            if excluded.contains(name) {
                unmatched.remove(name);
                let _ = writeln!(output, "[+]{name} excluded: ok");
            } else if let Some(group) = group {
                unmatched.remove(group);
                let _ = writeln!(output, "[+]{name} excluded with {group}: ok");
            } else {
                let outcome = check.check(cx).await;
                self.counts.observe(self.name, name, outcome.is_ok());
                match outcome {
                    Ok(()) => drop(writeln!(output, "[+]{name} ok")),
                    Err(reason) => {
                        // The reason may tell a stranger too much; it goes to the log.
                        let _ = writeln!(output, "[-]{name} failed: reason withheld");
                        failed.push(format!("[-]{name} failed: {reason}"));
                    }
                }
            }
        }
        if !unmatched.is_empty() {
            let names: Vec<String> = unmatched.iter().map(|name| format!("{name:?}")).collect();
            let names = names.join(", ");
            let _ = writeln!(output, "warn: some health checks cannot be excluded: no matches for {names}");
        }
        if !failed.is_empty() {
            tracing::info!("{} check failed: {}", self.name, failed.join("\n"));
            return responses::text(500, &format!("{output}{} check failed", self.name));
        }
        if let Some(signal) = &self.first_healthy {
            signal.signal();
        }
        if verbose {
            return responses::text(200, &format!("{output}{} check passed", self.name));
        }
        let mut response = ok();
        response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}

/// Answers for one check.
pub(super) struct CheckHandler(pub(super) Arc<dyn HealthChecker>);

impl Handler for CheckHandler {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        Box::pin(async move {
            match self.0.check(cx).await {
                Ok(()) => ok(),
                Err(reason) => responses::text(500, &format!("internal server error: {reason}")),
            }
        })
    }
}

fn ok() -> Response {
    responses::with_body(200, &b"ok"[..], HeaderValue::from_static("text/plain; charset=utf-8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        request::testing,
        server::healthz::{self, Ping},
    };

    fn handler(first_healthy: Option<LifecycleSignal>) -> RootHealthHandler {
        let broken = healthz::named_grouped_check("etcd-override-0", "etcd", || async { Err("down".to_owned()) });
        RootHealthHandler {
            name: "readyz",
            checks: vec![Arc::new(Ping), broken],
            counts: Arc::default(),
            first_healthy,
        }
    }

    async fn get(handler: &RootHealthHandler, path: &str) -> (u16, String) {
        let response = handler.serve(&mut testing::context("GET", path)).await;
        (response.status().as_u16(), testing::body(response).await)
    }

    #[tokio::test]
    async fn a_failed_check_is_named_but_not_explained() {
        let expected = "[+]ping ok\n[-]etcd-override-0 failed: reason withheld\nreadyz check failed\n";
        assert_eq!(get(&handler(None), "/readyz").await, (500, expected.to_owned()));
    }

    #[tokio::test]
    async fn checks_are_excluded_by_name_or_group_and_the_first_success_is_told() {
        let ready = LifecycleSignal::new("HasBeenReady");
        let handler = handler(Some(ready.clone()));
        assert_eq!(get(&handler, "/readyz?exclude=etcd").await, (200, "ok".to_owned()));
        assert!(ready.is_signaled());
        let (code, text) = get(&handler, "/readyz?verbose&exclude=etcd&exclude=nothing").await;
        let expected = "[+]ping ok\n[+]etcd-override-0 excluded with etcd: ok\n\
            warn: some health checks cannot be excluded: no matches for \"nothing\"\nreadyz check passed\n";
        assert_eq!((code, text.as_str()), (200, expected));
    }
}
