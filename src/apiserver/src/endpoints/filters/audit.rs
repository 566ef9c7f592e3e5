//! Writing down what is asked and answered.
//!
//! Go: apiserver/pkg/endpoints/filters/{audit,authn_audit}.go

use std::{net::IpAddr, pin::Pin, sync::Arc, task::Poll, time::Duration};

use apimachinery::runtime::{schema::GroupVersionKind, serializer::yaml};
use auth::audit::{
    Sink,
    event::Event,
    policy::{Level, Policy, RequestAuditConfig, Stage},
};
use bytes::Bytes;
use client::transport::{self, Body, BodyError};
use http::header;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Frame};
use phase::{BoxFuture, catalog::Phase, clock::Clock};
use serde_json::Value;

use crate::{
    endpoints::{codec::Codec, filters::authorization::get_authorizer_attributes, negotiation::MediaType},
    request::{
        context::Context,
        handler::{Filter, Next, Response},
        latency::LAYERS,
        requestinfo::LongRunningFunc,
        responses,
    },
};

/// Bytes of a body that is kept for an event: what a request's body may have.
const MAX_BODY_BYTES: u64 = 3 * 1024 * 1024;

/// From this time on an event tells where it went.
///
/// Go: apiserver/pkg/endpoints/filters/audit.go writeLatencyToAnnotation
const SLOW: Duration = Duration::from_millis(500);

/// What is written down, and where.
pub struct Audit {
    /// Whom events are given to.
    pub sink: Arc<dyn Sink>,
    /// How much.
    pub policy: Arc<Policy>,
    /// Reads bodies of built-in kinds.
    pub codec: Arc<dyn Codec>,
}

/// Makes an event for each stage of a request that the policy is about.
///
/// Simplified: bodies are kept as they come, without defaults.
///
/// Go: apiserver/pkg/endpoints/filters/audit.go WithAudit
pub struct WithAudit {
    /// `None`: nothing is written down. The filter stands there all the same, as in Go.
    audit: Option<Arc<Audit>>,
    long_running: LongRunningFunc,
}

impl WithAudit {
    /// Returns the filter.
    pub fn new(audit: Option<Arc<Audit>>, long_running: LongRunningFunc) -> Self {
        Self { audit, long_running }
    }

    async fn audited(&self, audit: &Audit, cx: &mut Context, next: Next<'_>, config: RequestAuditConfig) -> Response {
        let mut entry = Entry::begin(audit, cx, config);
        entry.keep_request(cx).await;
        if entry.write(Stage::RequestReceived).is_err() && audit.sink.is_strict() {
            return responses::internal_error(cx, "failed to store audit event");
        }
        let response = next.run(cx).await;
        entry.learn(cx);
        if (self.long_running)(&cx.info) {
            entry.event.set_response_status(response.status().as_u16(), None);
            let _lost = entry.write(Stage::ResponseStarted);
            return response.map(|body| AuditedBody { body, entry }.boxed_unsync());
        }
        entry.complete(response).await
    }
}

impl Filter for WithAudit {
    fn phase(&self) -> Phase {
        Phase::Audit
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        let Some(audit) = &self.audit else { return next.run(cx) };
        let config = audit.policy.evaluate(&get_authorizer_attributes(cx));
        if config.level == Level::None {
            return next.run(cx);
        }
        Box::pin(self.audited(audit, cx, next, config))
    }
}

/// One request that is written down.
struct Entry {
    sink: Arc<dyn Sink>,
    codec: Arc<dyn Codec>,
    clock: Arc<dyn Clock>,
    config: RequestAuditConfig,
    event: Event,
    annotations: std::collections::BTreeMap<String, String>,
    /// Whether the last event was made; dropped before, in a panic, it is that of the panic.
    ended: bool,
}

impl Entry {
    fn begin(audit: &Audit, cx: &Context, config: RequestAuditConfig) -> Self {
        let clock = cx.services.clock.clone();
        let since = Duration::from_nanos(clock.now().saturating_sub(cx.received));
        let event = Event::new(
            config.level,
            &cx.audit_id,
            cx.request_uri(),
            cx.header("user-agent"),
            source_ips(cx),
            clock.wall().saturating_sub(since),
            &get_authorizer_attributes(cx),
        );
        Self {
            sink: audit.sink.clone(),
            codec: audit.codec.clone(),
            clock,
            config,
            event,
            annotations: Default::default(),
            ended: false,
        }
    }

    /// Gives the sink an event, unless the policy leaves the stage out.
    fn write(&self, stage: Stage) -> Result<(), ()> {
        if self.config.omit_stages.contains(&stage) {
            return Ok(());
        }
        let event = self.event.at(stage, self.clock.wall(), &self.annotations);
        self.sink.process_event(&event).map_err(|error| tracing::error!("Unable to write an audit event: {error}"))
    }

    /// Reads the body, and puts it back for the handler.
    async fn keep_request(&mut self, cx: &mut Context) {
        let length = cx.header("content-length").parse::<u64>().unwrap_or(u64::MAX);
        if self.config.level < Level::Request || length > MAX_BODY_BYTES || !cx.info.is_resource_request {
            return;
        }
        let Some(form) = Form::of(cx.header("content-type")) else { return };
        let Ok(body) = cx.take_body().collect().await else { return };
        let bytes = body.to_bytes();
        if let Some(object) = self.object(form, &bytes) {
            self.event.set("requestObject", object);
        }
        *cx.body.get_mut() = Some(transport::full(bytes));
    }

    fn object(&self, form: Form, bytes: &[u8]) -> Option<Value> {
        let mut object = match form {
            Form::Json => serde_json::from_slice(bytes).ok()?,
            Form::Yaml => yaml::decode(bytes).ok()?.value,
            Form::Protobuf => {
                let decoded = self.codec.decode(&GroupVersionKind::default(), MediaType::Protobuf, bytes);
                decoded.ok()?.object.into_value()
            }
        };
        if self.config.omit_managed_fields
            && let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
        {
            metadata.remove("managedFields");
        }
        Some(object)
    }

    /// Takes over what the filters behind have learnt.
    fn learn(&mut self, cx: &Context) {
        if let Some(user) = &cx.impersonated_user {
            self.event.set_impersonated_user(user, &cx.impersonation_constraint);
        }
        self.annotations = cx.audit_annotations.lock().clone();
        let total = Duration::from_nanos(cx.used());
        if total < SLOW {
            return;
        }
        let mut add = |name: &str, spent: Duration| {
            self.annotations.insert(format!("apiserver.latency.k8s.io/{name}"), format!("{spent:?}"));
        };
        add("total", total);
        for (layer, name) in LAYERS {
            if let Some(spent) = cx.latency.of(layer).filter(|spent| *spent > 0) {
                add(name, Duration::from_nanos(spent));
            }
        }
    }

    /// Looks at the answer and makes the last event.
    async fn complete(mut self, response: Response) -> Response {
        let code = response.status().as_u16();
        let wanted = code >= 400 || self.config.level == Level::RequestResponse;
        let (response, body) = if wanted { keep(response).await } else { (response, None) };
        let object = body.and_then(|(form, bytes)| self.object(form, &bytes));
        let status = object.as_ref().filter(|object| object["kind"] == "Status");
        self.event.set_response_status(code, status);
        if self.config.level == Level::RequestResponse
            && let Some(object) = object
        {
            self.event.set("responseObject", object);
        }
        let _lost = self.write(Stage::ResponseComplete);
        self.ended = true;
        response
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.ended && std::thread::panicking() {
            self.event
                .set_response_status(500, Some(&serde_json::json!({"status": "Failure", "reason": "InternalError"})));
            let _lost = self.write(Stage::Panic);
        }
    }
}

/// What a body is written in.
#[derive(Clone, Copy)]
enum Form {
    /// JSON, patches among them.
    Json,
    /// YAML, which is also what is applied.
    Yaml,
    /// Protobuf.
    Protobuf,
}

impl Form {
    fn of(content_type: &str) -> Option<Self> {
        [("json", Self::Json), ("yaml", Self::Yaml), ("vnd.kubernetes.protobuf", Self::Protobuf)]
            .into_iter()
            .find(|(name, _)| content_type.contains(name))
            .map(|(_, form)| form)
    }
}

/// Reads a body that is complete already, and puts it back.
async fn keep(response: Response) -> (Response, Option<(Form, Bytes)>) {
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let form = content_type.and_then(Form::of);
    let complete = response.body().size_hint().exact().is_some_and(|size| size <= MAX_BODY_BYTES);
    let Some(form) = form.filter(|_| complete && !response.headers().contains_key(header::CONTENT_ENCODING)) else {
        return (response, None);
    };
    let (head, body) = response.into_parts();
    match body.collect().await {
        Ok(body) => {
            let bytes = body.to_bytes();
            (Response::from_parts(head, transport::full(bytes.clone())), Some((form, bytes)))
        }
        Err(_) => (Response::from_parts(head, transport::empty()), None),
    }
}

/// The body of a long answer; the last event is made when it ends.
struct AuditedBody {
    body: Body,
    entry: Entry,
}

impl hyper::body::Body for AuditedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }
}

impl Drop for AuditedBody {
    fn drop(&mut self) {
        let _lost = self.entry.write(Stage::ResponseComplete);
        self.entry.ended = true;
    }
}

/// Writes down that a request was refused because nobody knows who sent it.
///
/// Go: apiserver/pkg/endpoints/filters/authn_audit.go WithFailedAuthenticationAudit
pub(super) fn failed_authentication(audit: &Audit, cx: &Context) {
    let config = audit.policy.evaluate(&get_authorizer_attributes(cx));
    if config.level == Level::None {
        return;
    }
    let mut methods = Vec::new();
    match cx.header("authorization").split_once(' ') {
        Some((scheme, _)) => methods.push(scheme.to_lowercase()),
        None if cx.headers.contains_key(header::AUTHORIZATION) => methods.push("unknown".to_owned()),
        None => {}
    }
    if !cx.peer_certificates.is_empty() {
        methods.push("x509".to_owned());
    }
    let message = if methods.is_empty() {
        "Authentication failed, no credentials provided".to_owned()
    } else {
        format!("Authentication failed, attempted: {}", methods.join(", "))
    };
    let mut entry = Entry::begin(audit, cx, config);
    let status = serde_json::json!({"status": "Failure", "reason": "Unauthorized", "message": message});
    entry.event.set_response_status(401, Some(&status));
    let _lost = entry.write(Stage::ResponseStarted);
    entry.ended = true;
}

/// Returns the addresses a request came from: what proxies say in their headers, then the peer itself.
///
/// Go: apimachinery/pkg/util/net/http.go SourceIPs
pub fn source_ips(cx: &Context) -> Vec<String> {
    let mut ips: Vec<IpAddr> = Vec::new();
    let mut add = |text: &str| {
        if let Ok(ip) = text.trim().parse::<IpAddr>()
            && !ips.contains(&ip)
        {
            ips.push(ip);
        }
    };
    cx.header("x-forwarded-for").split(',').for_each(&mut add);
    add(cx.header("x-real-ip"));
    let peer = cx.remote_addr.parse::<std::net::SocketAddr>().map(|address| address.ip().to_string());
    add(&peer.unwrap_or_default());
    ips.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use serde_json::json;

    use super::*;
    use crate::{
        endpoints::codec::UntypedCodec,
        request::{requestinfo, testing},
    };

    #[derive(Default)]
    struct Keeps(Mutex<Vec<Value>>);

    impl Sink for Keeps {
        fn process_event(&self, event: &Value) -> Result<(), String> {
            self.0.lock().push(event.clone());
            Ok(())
        }
    }

    async fn events(
        level: &str,
        cx: &mut Context,
        response: impl Fn(&mut Context) -> Response + Send + Sync,
    ) -> Vec<Value> {
        let policy = serde_json::from_value(json!({"rules": [{"level": level}], "omitManagedFields": true}));
        let keeps = Arc::new(Keeps::default());
        let audit = Arc::new(Audit {
            sink: keeps.clone(),
            policy: Arc::new(policy.expect("policy")),
            codec: Arc::new(UntypedCodec),
        });
        let filter = WithAudit::new(Some(audit), requestinfo::basic_long_running_request_check(&["watch"], &[]));
        let answer = testing::run(filter, &testing::Answers(response), cx).await;
        testing::body(answer).await;
        keeps.0.lock().clone()
    }

    #[tokio::test]
    async fn bodies_are_kept_as_the_level_says() {
        let mut cx = testing::context("POST", "/api/v1/namespaces/shop/configmaps");
        let body = br#"{"kind":"ConfigMap","metadata":{"name":"a","managedFields":[]}}"#;
        for (name, value) in
            [("content-type", "application/json".to_owned()), ("content-length", body.len().to_string())]
        {
            cx.headers.insert(name, value.parse().expect("header"));
        }
        *cx.body.get_mut() = Some(transport::full(&body[..]));
        let answer = |cx: &mut Context| {
            assert!(cx.body.lock().is_some(), "the handler still gets the body");
            responses::raw_json(201, &json!({"kind": "ConfigMap"}))
        };
        let events = events("RequestResponse", &mut cx, answer).await;
        assert_eq!(
            events.iter().map(|event| event["stage"].as_str().expect("stage")).collect::<Vec<_>>(),
            ["RequestReceived", "ResponseComplete"]
        );
        assert_eq!(events[1]["requestObject"], json!({"kind": "ConfigMap", "metadata": {"name": "a"}}));
        assert_eq!(events[1]["responseObject"], json!({"kind": "ConfigMap"}));
        assert_eq!(events[1]["responseStatus"], json!({"metadata": {}, "code": 201}));
        assert_eq!(events[1]["objectRef"], json!({"resource": "configmaps", "namespace": "shop", "apiVersion": "v1"}));
    }

    #[tokio::test]
    async fn refusals_show_their_status_and_watches_their_start() {
        let refuse = |_: &mut Context| responses::status(&responses::route_not_found());
        let refused = events("Metadata", &mut testing::context("GET", "/api/v1/foos"), refuse).await;
        assert_eq!(refused[1]["responseStatus"]["reason"], "NotFound");
        let yaml = |_: &mut Context| {
            let body = Bytes::from_static(b"kind: Status\nreason: Conflict\n");
            responses::with_body(409, body, http::HeaderValue::from_static("application/yaml"))
        };
        let refused = events("Metadata", &mut testing::context("GET", "/api/v1/foos"), yaml).await;
        assert_eq!(refused[1]["responseStatus"]["reason"], "Conflict");
        let ok = |_: &mut Context| responses::text(200, "ok");
        let watched = events("Metadata", &mut testing::context("GET", "/api/v1/pods?watch=1"), ok).await;
        let stages: Vec<&str> = watched.iter().filter_map(|event| event["stage"].as_str()).collect();
        assert_eq!(stages, ["RequestReceived", "ResponseStarted", "ResponseComplete"]);
        assert!(events("None", &mut testing::context("GET", "/api"), |_| responses::text(200, "ok")).await.is_empty());
    }

    #[test]
    fn proxies_are_heard_before_the_peer() {
        let mut cx = testing::context("GET", "/");
        cx.remote_addr = "[::1]:1234".into();
        cx.headers.insert("x-forwarded-for", "10.0.0.1, nonsense, 10.0.0.2".parse().expect("header"));
        cx.headers.insert("x-real-ip", "10.0.0.1".parse().expect("header"));
        assert_eq!(source_ips(&cx), ["10.0.0.1", "10.0.0.2", "::1"]);
    }
}
