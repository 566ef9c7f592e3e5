//! `/metrics` and `/metrics/slis`: what was counted, as text.
//!
//! Go: apiserver/pkg/server/routes/metrics.go

use std::{fmt::Write, sync::Arc, time::Duration};

use component_base::metrics::{CONTENT_TYPE, Metrics};
use http::{HeaderValue, Method};
use phase::BoxFuture;

use crate::{
    request::{
        context::Context,
        handler::{Handler, Response},
        responses,
    },
    server::{
        config::Config, filters::waitgroup::RequestWaitGroup, flowcontrol::controller::Controller,
        genericapiserver::GenericAPIServer, healthz::registry::HealthCounts, metrics,
    },
};

/// Answers with all measurements; DELETE forgets them.
///
/// Go: apiserver/pkg/server/routes/metrics.go MetricsWithReset
struct AllMetrics {
    metrics: Metrics,
    in_flight: Arc<RequestWaitGroup>,
    fairness: Option<Arc<Controller>>,
    /// When the server started, since the Unix epoch.
    started: Duration,
}

impl Handler for AllMetrics {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        Box::pin(async move {
            if cx.method == Method::DELETE {
                self.metrics.reset();
                return responses::with_body(
                    200,
                    &b"metrics reset\n"[..],
                    HeaderValue::from_static("text/plain; charset=utf-8"),
                );
            }
            metrics::refresh(&self.metrics, &self.in_flight, self.fairness.as_deref());
            text(self.metrics.text(), self.started)
        })
    }
}

/// Answers with the outcomes of health checks.
///
/// Go: component-base/metrics/prometheus/slis/routes.go
struct Slis {
    counts: Arc<HealthCounts>,
    started: Duration,
}

impl Handler for Slis {
    fn serve<'a>(&'a self, _cx: &'a mut Context) -> BoxFuture<'a, Response> {
        let (mut gauge, mut counter) = (String::new(), String::new());
        for ((endpoint, name), outcome) in self.counts.all() {
            let now = u8::from(outcome.last_ok);
            let _ = writeln!(gauge, "kubernetes_healthcheck{{name=\"{name}\",type=\"{endpoint}\"}} {now}");
            for (status, count) in [("success", outcome.succeeded), ("error", outcome.failed)] {
                let labels = format!("name=\"{name}\",status=\"{status}\",type=\"{endpoint}\"");
                let _ = writeln!(counter, "kubernetes_healthchecks_total{{{labels}}} {count}");
            }
        }
        let started = self.started.as_secs_f64();
        let body = format!(
            "# HELP kubernetes_healthcheck [STABLE] The last outcome of each health check.\n\
             # TYPE kubernetes_healthcheck gauge\n{gauge}\
             # HELP kubernetes_healthchecks_total [STABLE] The outcomes of each health check.\n\
             # TYPE kubernetes_healthchecks_total counter\n{counter}\
             # HELP process_start_time_seconds Start of the process, since the Unix epoch.\n\
             # TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {started}\n"
        );
        let response = text(body, self.started);
        Box::pin(async { response })
    }
}

fn text(body: String, started: Duration) -> Response {
    let mut response = responses::with_body(200, body, HeaderValue::from_static(CONTENT_TYPE));
    response.headers_mut().insert("process-start-time-unix", started.as_secs().into());
    response
}

/// Adds both paths.
///
/// Go: apiserver/pkg/server/routes/metrics.go MetricsWithReset.Install
pub fn install(server: &GenericAPIServer, c: &Config) {
    let started = c.services.clock.wall();
    let all = AllMetrics {
        metrics: c.metrics.clone(),
        in_flight: c.non_long_running_request_wait_group.clone(),
        fairness: c.flow_control.clone(),
        started,
    };
    let mux = &server.handler.non_go_restful_mux;
    mux.handle("/metrics", Arc::new(all));
    mux.handle("/metrics/slis", Arc::new(Slis { counts: c.health_counts.clone(), started }));
}
