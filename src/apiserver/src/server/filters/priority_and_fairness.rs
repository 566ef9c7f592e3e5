//! Wait for your turn.
//!
//! Go: apiserver/pkg/server/filters/priority-and-fairness.go

use std::{pin::Pin, sync::Arc, task::Poll, time::Duration};

use bytes::Bytes;
use client::transport::{Body, BodyError};
use http::{HeaderName, HeaderValue};
use http_body_util::BodyExt;
use hyper::body::Frame;
use phase::{BoxFuture, catalog::Phase};

use crate::{
    request::{
        context::{Context, FlowControl},
        handler::{Filter, Next, Response},
        latency::Layer,
        requestinfo::LongRunningFunc,
    },
    server::{
        filters::maxinflight::too_many_requests,
        flowcontrol::{
            controller::{Classified, Controller},
            queueset::{Executing, Flow},
            width::{self, OpenWatch, WorkEstimate},
        },
    },
};

/// Tells which schema a request matched.
const FLOW_SCHEMA_UID: HeaderName = HeaderName::from_static("x-kubernetes-pf-flowschema-uid");
/// Tells which level served it.
const PRIORITY_LEVEL_UID: HeaderName = HeaderName::from_static("x-kubernetes-pf-prioritylevel-uid");

/// The longest that a request waits for seats.
const MAXIMUM_QUEUE_WAIT: Duration = Duration::from_mins(1);

/// Lets a request go on when its flow has seats for it.
///
/// Go: apiserver/pkg/server/filters/priority-and-fairness.go WithPriorityAndFairness
pub struct WithPriorityAndFairness {
    controller: Arc<Controller>,
    long_running: LongRunningFunc,
    /// What a request without a deadline may wait.
    default_wait: Duration,
}

impl WithPriorityAndFairness {
    /// Returns the filter.
    pub fn new(controller: Arc<Controller>, long_running: LongRunningFunc, request_timeout: Duration) -> Self {
        Self { controller, long_running, default_wait: request_timeout / 4 }
    }

    /// A quarter of a request's time may be spent waiting; counted from its arrival.
    fn wait_limit(&self, cx: &Context) -> Duration {
        let limit = cx.deadline.map_or(self.default_wait, |deadline| deadline / 4).min(MAXIMUM_QUEUE_WAIT);
        limit.saturating_sub(Duration::from_nanos(cx.used()))
    }

    /// Waits for seats, and says what it waited for.
    async fn seats(&self, cx: &Context, classified: &Classified, work: WorkEstimate) -> Result<Executing, Response> {
        let flow =
            Flow { flow_schema: classified.flow_schema.0.clone(), distinguisher: classified.distinguisher.clone() };
        let since = cx.services.clock.now();
        let level = &classified.level;
        let outcome = level.queue_set.start(work, classified.hash, flow, self.wait_limit(cx)).await;
        cx.latency.add(Layer::APFQueueWait, cx.services.clock.now().saturating_sub(since));
        outcome.map_err(|why| {
            cx.trace.note(format!("rejected: {why:?}"));
            let retry_after = level.dropped.lock().record(cx.services.clock.now());
            too_many_requests(&retry_after.to_string())
        })
    }

    async fn handle_request(&self, cx: &mut Context, next: Next<'_>, classified: &Classified) -> Response {
        let watch = cx.info.verb == "watch";
        let work = width::estimate(
            cx,
            &self.controller.object_counts,
            &self.controller.watches,
            classified.level.max_seats_per_request,
        );
        cx.flow_control.initial_seats = work.initial_seats;
        cx.flow_control.final_seats = work.final_seats;
        let executing = match self.seats(cx, classified, work).await {
            Ok(executing) => executing,
            Err(refusal) => return refusal,
        };
        let open = watch.then(|| self.controller.watches.register(&cx.info));
        let response = next.run(cx).await;
        // Simplified: a watch gives its seats back when it is answered; in Kubernetes once its initial events are sent.
        drop(executing);
        match open {
            Some(open) if response.status().is_success() => {
                response.map(|body| CountedWatch { body, _open: open }.boxed_unsync())
            }
            _ => response,
        }
    }
}

impl Filter for WithPriorityAndFairness {
    fn phase(&self) -> Phase {
        Phase::PriorityAndFairness
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        // Of what is long-running only a watch begins with work worth waiting for.
        if (self.long_running)(&cx.info) && cx.info.verb != "watch" {
            return next.run(cx);
        }
        let classified = self.controller.classify(&cx.user(), &cx.info);
        cx.flow_control = FlowControl {
            flow_schema: classified.flow_schema.0.clone(),
            priority_level: classified.level.config.name.clone(),
            ..FlowControl::default()
        };
        cx.trace.describe(|| {
            let schema = ("flowSchema".into(), classified.flow_schema.0.clone());
            vec![schema, ("priorityLevel".into(), classified.level.config.name.clone())]
        });
        Box::pin(async move {
            let mut response = self.handle_request(cx, next, &classified).await;
            let uids =
                [(FLOW_SCHEMA_UID, &classified.flow_schema.1), (PRIORITY_LEVEL_UID, &classified.level.config.uid)];
            for (name, uid) in uids {
                if let Ok(value) = HeaderValue::from_str(uid) {
                    response.headers_mut().insert(name, value);
                }
            }
            response
        })
    }
}

/// The body of a watch, counted for as long as it flows.
struct CountedWatch {
    body: Body,
    _open: OpenWatch,
}

impl hyper::body::Body for CountedWatch {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }
}

#[cfg(test)]
mod tests {
    use auth::user;

    use super::*;
    use crate::{
        request::{requestinfo, testing},
        server::flowcontrol::config::{FlowSchema, Limit, PriorityLevelConfiguration},
    };

    fn filter(controller: &Arc<Controller>) -> WithPriorityAndFairness {
        let long_running = requestinfo::basic_long_running_request_check(&["watch"], &["exec"]);
        WithPriorityAndFairness::new(controller.clone(), long_running, Duration::from_secs(60))
    }

    fn configured() -> Arc<Controller> {
        let controller = Controller::new(testing::services().clock, 600);
        let level = PriorityLevelConfiguration {
            name: "catch-all".to_owned(),
            uid: "level-uid".to_owned(),
            nominal_concurrency_shares: 0,
            lendable_percent: 0,
            borrowing_limit_percent: None,
            limit: Limit::Reject,
        };
        let object = apimachinery::runtime::object::Object::from_value(serde_json::json!({
            "metadata": {"name": "catch-all", "uid": "schema-uid"},
            "spec": {
                "matchingPrecedence": 10000,
                "priorityLevelConfiguration": {"name": "catch-all"},
                "rules": [{
                    "subjects": [{"kind": "User", "user": {"name": "*"}}],
                    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
                }],
            },
        }));
        controller.digest_config_objects(vec![FlowSchema::read(&object.expect("object"))], vec![level]);
        controller
    }

    /// A level without shares still serves one request at a time.
    async fn take_the_seat(controller: &Arc<Controller>) -> Executing {
        let classified = controller.classify(&user::Info::new("first", &[]), &testing::context("GET", "/").info);
        let set = &classified.level.queue_set;
        set.start(WorkEstimate::ONE, 0, Flow::default(), Duration::ZERO).await.expect("the seat")
    }

    #[tokio::test]
    async fn who_finds_no_seat_is_told_when_to_come_back_and_by_whom() {
        let controller = configured();
        let _taken = take_the_seat(&controller).await;
        let mut cx = testing::context("GET", "/version");
        cx.user = Some(Arc::new(user::Info::new("u", &[])));
        let response = testing::run(filter(&controller), &testing::ok(), &mut cx).await;
        assert_eq!(response.status(), 429);
        let header = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
        assert_eq!(header("retry-after"), "1");
        assert_eq!(header("x-kubernetes-pf-flowschema-uid"), "schema-uid");
        assert_eq!(header("x-kubernetes-pf-prioritylevel-uid"), "level-uid");
        assert_eq!(testing::body(response).await, "Too many requests, please try again later.\n");

        cx.user = Some(Arc::new(user::Info::new("root", &["system:masters"])));
        assert_eq!(testing::run(filter(&controller), &testing::ok(), &mut cx).await.status(), 200);
        assert_eq!(cx.flow_control.priority_level, "exempt");
    }

    #[tokio::test]
    async fn what_is_long_running_does_not_queue_but_a_watch_does() {
        let controller = configured();
        let _taken = take_the_seat(&controller).await;
        let code =
            async |uri| testing::run(filter(&controller), &testing::ok(), &mut testing::context("GET", uri)).await;
        assert_eq!(code("/api/v1/namespaces/a/pods/b/exec").await.status(), 200);
        assert_eq!(code("/api/v1/pods?watch=1").await.status(), 429);
    }
}
