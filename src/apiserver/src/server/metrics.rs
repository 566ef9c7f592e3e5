//! What is counted of every request, and what is looked up when somebody asks.
//!
//! Go: apiserver/pkg/endpoints/metrics/metrics.go

use std::time::Duration;

use component_base::metrics::{
    Metrics,
    families::{
        CURRENT_INFLIGHT_REQUESTS, CURRENT_INQUEUE_REQUESTS, FLOWCONTROL_CURRENT_INQUEUE_REQUESTS,
        LONGRUNNING_REQUESTS, REQUEST_DURATION, REQUEST_TOTAL, REQUESTED_DEPRECATED_APIS, RESPONSE_SIZES,
    },
};
use hyper::body::Body as _;

use crate::{
    request::{context::Context, handler::Response, requestinfo::RequestInfo},
    server::{filters::waitgroup::RequestWaitGroup, flowcontrol::controller::Controller},
};

/// Who counts: the other components of Kubernetes have their own names.
const COMPONENT: &str = "apiserver";

/// Counts a request once it is answered.
///
/// Go: apiserver/pkg/endpoints/metrics/metrics.go MonitorRequest
pub(super) fn monitor_request(metrics: &Metrics, cx: &Context, response: &Response, elapsed: Duration) {
    let info = &cx.info;
    let (verb, scope) = (canonical_verb(cx), clean_scope(info));
    let dry_run = if cx.uri.query().is_some_and(|query| query.contains("dryRun=All")) { "All" } else { "" };
    let RequestInfo { api_group: group, api_version: version, resource, subresource, .. } = info;
    // A path that is no resource counts as the sub-resource, as it does there; unknown ones would be without end.
    let path = if info.is_resource_request || response.status() == 404 { subresource } else { &info.path };
    let code = response.status();
    metrics.inc(&REQUEST_TOTAL, &[verb, dry_run, group, version, resource, path, scope, COMPONENT, code.as_str()]);
    if is_deprecated(info) && code.is_success() {
        metrics.set(&REQUESTED_DEPRECATED_APIS, &[group, version, resource, subresource, ""], 1.0);
    }
    if verb != "WATCH" && verb != "CONNECT" {
        let labels = [verb, dry_run, group, version, resource, path, scope, COMPONENT];
        metrics.observe(&REQUEST_DURATION, &labels, elapsed.as_secs_f64());
        if let Some(size) = response.body().size_hint().exact()
            && matches!(verb, "GET" | "LIST")
        {
            metrics.observe(&RESPONSE_SIZES, &[verb, group, version, resource, path, scope, COMPONENT], size as f64);
        }
    }
}

/// Says whether a resource is deprecated although no version of it will be removed.
fn is_deprecated(info: &RequestInfo) -> bool {
    info.api_group.is_empty() && matches!(info.resource.as_str(), "componentstatuses" | "endpoints")
}

/// Returns the verb as dashboards know it.
///
/// Go: apiserver/pkg/endpoints/metrics/metrics.go CanonicalVerb, cleanVerb
fn canonical_verb(cx: &Context) -> &'static str {
    if !cx.info.is_resource_request {
        return match cx.method.as_str() {
            "GET" => "GET",
            "HEAD" => "HEAD",
            "POST" => "POST",
            "PUT" => "PUT",
            "PATCH" => "PATCH",
            "DELETE" => "DELETE",
            "OPTIONS" => "OPTIONS",
            _ => "other",
        };
    }
    if matches!(cx.info.subresource.as_str(), "exec" | "attach" | "portforward" | "proxy") {
        return "CONNECT";
    }
    match cx.info.verb.as_str() {
        "get" => "GET",
        "list" => "LIST",
        "watch" => "WATCH",
        "create" => "POST",
        "update" => "PUT",
        "patch" if cx.header("content-type").starts_with("application/apply-patch") => "APPLY",
        "patch" => "PATCH",
        "delete" => "DELETE",
        "deletecollection" => "DELETECOLLECTION",
        _ => "other",
    }
}

/// Go: apiserver/pkg/endpoints/metrics/metrics.go CleanScope
fn clean_scope(info: &RequestInfo) -> &'static str {
    match (info.is_resource_request, info.name.is_empty(), info.namespace.is_empty()) {
        (true, false, _) => "resource",
        (true, true, false) => "namespace",
        (true, true, true) => "cluster",
        (false, ..) => "",
    }
}

/// Brings up to date what is not counted but is so now.
pub(super) fn refresh(metrics: &Metrics, in_flight: &RequestWaitGroup, fairness: Option<&Controller>) {
    // The request that asks is one of them.
    metrics.set(&CURRENT_INFLIGHT_REQUESTS, &["readOnly"], in_flight.len() as f64);
    let mut waiting = 0;
    for level in fairness.map(Controller::levels).unwrap_or_default() {
        let counters = level.queue_set.counters();
        waiting += counters.waiting;
        let labels = [level.config.name.as_str(), ""];
        metrics.set(&FLOWCONTROL_CURRENT_INQUEUE_REQUESTS, &labels, counters.waiting as f64);
    }
    metrics.set(&CURRENT_INQUEUE_REQUESTS, &["readOnly"], waiting as f64);
    if let Some(controller) = fairness {
        for ([group, resource, namespace, _], open) in controller.watches.open() {
            let scope = if namespace.is_empty() { "cluster" } else { "namespace" };
            let labels = ["WATCH", &group, "", &resource, "", scope, COMPONENT];
            metrics.set(&LONGRUNNING_REQUESTS, &labels, open as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{responses, testing};

    #[test]
    fn requests_are_counted_by_what_they_ask_for() {
        let metrics = Metrics::default();
        let count = |method: &str, uri: &str| {
            let cx = testing::context(method, uri);
            monitor_request(&metrics, &cx, &responses::text(200, "ok"), Duration::from_millis(3));
        };
        count("GET", "/api/v1/namespaces/shop/pods");
        count("GET", "/api/v1/namespaces/shop/pods/web");
        count("DELETE", "/apis/apps/v1/namespaces/shop/deployments?dryRun=All");
        count("GET", "/version");
        let text = metrics.text();
        for line in [
            r#"code="200",component="apiserver",dry_run="",group="",resource="pods",scope="namespace",subresource="",verb="LIST",version="v1"} 1"#,
            r#"group="",resource="pods",scope="resource",subresource="",verb="GET",version="v1"} 1"#,
            r#"dry_run="All",group="apps",resource="deployments",scope="namespace",subresource="",verb="DELETECOLLECTION""#,
            r#"resource="",scope="",subresource="/version",verb="GET",version=""} 1"#,
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
