//! The phases of a request, laid beside the spans that kube-apiserver itself records for the same request.
//!
//! The recorded spans are looked for in `$KUBESTEP_SHARED/reference/spans.json`, else beside the workspace; without
//! them there is nothing to compare with, and the test says so.
//!
//! A real server knows fewer spans than there are phases here, so phases whose names no span has are left out, and what
//! stood in them moves up. What remains must have the same names, in the same order, inside the same others.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use apiserver::request::context::Services;
use client::{
    rest::{self, Client},
    tls::{Credentials, Pem, TLSConfig, TlsTransport, Trust},
};
use controlplane::apiserver::environment::Environment;
use http::Method;
use kv::{backend::Backend, memory::Memory, observed::Observed};
use phase::{
    BoxFuture,
    catalog::CATALOG,
    clock::SystemClock,
    hook::{At, PhaseHook, Resume},
    ids::Ids,
    record::{Event, Record, SpanId, TraceId, TraceKind},
    snapshot::Subject,
    trace::Tracer,
};
use serde_json::{Value, json};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    cli::invocation::Personality,
    kube_apiserver,
    pki::{Keys, Pki},
    setup::{Server, Setup, TakenPort},
};

/// A span, or a phase whose name is a span's.
#[derive(Debug, PartialEq, Eq)]
struct Span {
    name: String,
    notes: Vec<String>,
    children: Vec<Span>,
}

/// Keeps every record.
#[derive(Default)]
struct Keeper(Mutex<Vec<Record>>);

impl PhaseHook for Keeper {
    fn wants_snapshot(&self, _: &At<'_>) -> bool {
        false
    }

    fn hold(&self, _: &At<'_>, _: &dyn Subject) -> Option<BoxFuture<'static, Resume>> {
        None
    }

    fn record(&self, record: Record) {
        self.0.lock().expect("no panic").push(record);
    }
}

/// The requests of a lesson, each with the method, path and answer under which its spans were recorded.
fn requests() -> Vec<(Method, &'static str, u16, Option<Value>)> {
    const MAPS: &str = "/api/v1/namespaces/{ns}/configmaps";
    const ONE: &str = "/api/v1/namespaces/{ns}/configmaps/c1";
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c1"}, "data": {"a": "1"}});
    let mut changed = map.clone();
    changed["data"]["a"] = "2".into();
    let unnamed = json!({"metadata": {"name": "Bad_Name"}});
    vec![
        (Method::POST, MAPS, 201, Some(map.clone())),
        (Method::POST, "/api/v1/namespaces/{ns}/configmaps?dryRun=All", 201, Some(json!({"metadata": {"name": "c9"}}))),
        (Method::POST, MAPS, 409, Some(map)),
        (Method::POST, MAPS, 422, Some(unnamed)),
        (Method::GET, ONE, 200, None),
        (Method::GET, "/api/v1/namespaces/{ns}/configmaps/nope", 404, None),
        (Method::GET, MAPS, 200, None),
        (Method::GET, "/api/v1/namespaces/{ns}/configmaps?resourceVersion=0", 200, None),
        (Method::PUT, ONE, 200, Some(changed)),
        (Method::PATCH, ONE, 200, Some(json!({"data": {"b": "3"}}))),
        (Method::DELETE, "/api/v1/namespaces/{ns}/configmaps/ap", 200, None),
    ]
}

/// The recorded spans of a request, without the server's own, by method, path and code.
fn reference() -> Option<Value> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("KUBESTEP_SHARED").map_or(beside, PathBuf::from);
    let text = std::fs::read(shared.join("reference/spans.json")).ok()?;
    serde_json::from_slice(&text).ok()
}

fn spans_of(recorded: &Value) -> Vec<Span> {
    let mut spans = Vec::new();
    for one in recorded.as_array().into_iter().flatten() {
        let children = spans_of(&one["children"]);
        match one["kind"].as_str() {
            // Named after the request: a phase is not.
            Some("server") => spans.extend(children),
            _ => spans.push(Span { name: name_of(one), notes: notes_of(one), children }),
        }
    }
    spans
}

/// A real server writes one of its parameters into a name.
fn name_of(span: &Value) -> String {
    let name = span["name"].as_str().unwrap_or_default();
    name.replace("(recursive=false)", "").replace("(recursive=true)", "")
}

/// What a real server notes in a span; without the values behind it, and without the two messages of every call to etcd.
fn notes_of(span: &Value) -> Vec<String> {
    let events = span["events"].as_array().into_iter().flatten().filter_map(Value::as_str);
    events.filter(|event| !event.starts_with("message ")).map(bare).collect()
}

fn bare(note: &str) -> String {
    note.split(" [").next().unwrap_or_default().to_owned()
}

fn names(recorded: &Value, all: &mut BTreeSet<String>) {
    for one in recorded.as_array().into_iter().flatten() {
        all.insert(name_of(one));
        names(&one["children"], all);
    }
}

/// The phases of one trace, those that `wanted` names.
fn phases(records: &[Record], trace: TraceId, wanted: &BTreeSet<String>) -> Vec<Span> {
    let mut entered = Entered::default();
    for record in records.iter().filter(|record| record.trace == trace) {
        match &record.event {
            Event::Entered { span, parent, phase, .. } => {
                entered.below.entry(*parent).or_default().push((*span, phase.name()));
            }
            Event::Noted { span, message } => entered.notes.entry(*span).or_default().push(bare(message)),
            _ => {}
        }
    }
    entered.tree(None, wanted)
}

/// The phases of a trace: what was entered in each, and what was noted in it.
#[derive(Default)]
struct Entered {
    below: BTreeMap<Option<SpanId>, Vec<(SpanId, &'static str)>>,
    notes: BTreeMap<SpanId, Vec<String>>,
}

impl Entered {
    fn tree(&self, parent: Option<SpanId>, wanted: &BTreeSet<String>) -> Vec<Span> {
        let mut spans = Vec::new();
        for (span, name) in self.below.get(&parent).into_iter().flatten() {
            let children = self.tree(Some(*span), wanted);
            let notes = self.notes.get(span).cloned().unwrap_or_default();
            if wanted.contains(*name) {
                spans.push(Span { name: (*name).to_owned(), notes, children });
            } else {
                spans.extend(children);
            }
        }
        spans
    }
}

/// A server of this process, its administrator, and what it does.
struct Running {
    client: Client,
    keeper: Arc<Keeper>,
    stop: CancellationToken,
    served: tokio::task::JoinHandle<()>,
    _setup: Setup,
}

async fn start() -> Running {
    rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap_or_default();
    let clock = SystemClock::shared();
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|one| one.local_addr()).expect("a port").port();
    let flags = [("ephemeral", "true".to_owned()), ("secure-port", port.to_string()), ("controllers", String::new())];
    let flags = flags.into_iter().map(|(name, value)| (name.to_owned(), vec![value])).collect();
    let mut setup = Setup::new(Personality::Kubestep, flags, TakenPort::Next, Keys::Random, &clock).expect("setup");
    let keeper = Arc::new(Keeper::default());
    let tracer = Tracer::new(clock.clone());
    tracer.listen(Some(keeper.clone()));
    let stop = CancellationToken::new();
    let memory = Arc::new(Observed::new(Memory::new(clock.clone()))) as Arc<dyn Backend>;
    let environment = Environment {
        services: Services { clock, ids: Arc::new(Ids::seeded(7)) },
        tracer,
        open_backend: Arc::new(move |_| {
            let memory = memory.clone();
            Box::pin(async move { Ok(memory) })
        }),
        stop: stop.clone(),
        tasks: TaskTracker::new(),
        loopback: Arc::default(),
    };
    let client = administrator(&setup.server, setup.pki.as_ref().expect("keys"));
    let Server { options, .. } = setup.take_server();
    let trace = environment.tracer.start(TraceKind::Startup, || "startup".to_owned());
    let served = tokio::spawn(async move {
        Box::pin(kube_apiserver::run(trace, options, environment, |_| {}))
            .await
            .expect("it serves until it is stopped");
    });
    while client.send(Method::GET, "/readyz", None).await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Running { client, keeper, stop, served, _setup: setup }
}

fn administrator(server: &str, pki: &Pki) -> Client {
    let pem = |file: &str| Pem::Data(pki.read(file).expect("a key").into_bytes());
    let identity = Some((pem("admin.crt"), pem("admin.key")));
    let config = TLSConfig { trust: Trust::Bundle(pem("ca.crt")), identity, server_name: None };
    let transport = TlsTransport::new(server, config, &Credentials::default()).expect("a transport");
    Client::new(Arc::new(transport), "spans")
}

impl Running {
    /// Sends a request and returns the trace that it left.
    async fn send(&self, method: &Method, path: &str, body: Option<&Value>) -> (u16, TraceId) {
        let before = self.keeper.0.lock().expect("no panic").len();
        let content_type = if *method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let body = body.map(|body| (content_type, body.to_string().into()));
        let code = match self.client.send(method.clone(), path, body).await {
            Ok(response) => {
                let code = response.status().as_u16();
                rest::collect(response.into_body()).await.expect("the whole answer");
                code
            }
            Err(rest::Error::Status(status)) => status.code,
            Err(error) => panic!("{method} {path}: {error}"),
        };
        let title = format!("{method} {}", path.split('?').next().unwrap_or_default());
        let records = self.keeper.0.lock().expect("no panic");
        let started = records[before..].iter().find_map(|record| match &record.event {
            Event::Started { kind: TraceKind::Request, title: one } if *one == title => Some(record.trace),
            _ => None,
        });
        (code, started.expect("a trace of the request"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_basic_verbs_have_the_spans_of_a_real_server() {
    let Some(reference) = reference() else {
        eprintln!("skipped: there are no recorded spans to compare with");
        return;
    };
    let mut wanted = BTreeSet::new();
    let recorded = reference["requests"].as_array().expect("requests");
    recorded.iter().for_each(|one| names(&one["spans"], &mut wanted));
    wanted.retain(|name| CATALOG.iter().any(|info| info.name == name));

    let server = start().await;
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "spans"}});
    server.send(&Method::POST, "/api/v1/namespaces", Some(&namespace)).await;
    let map = json!({"metadata": {"name": "ap"}});
    server.send(&Method::POST, "/api/v1/namespaces/spans/configmaps", Some(&map)).await;
    let mut differences = Vec::new();
    for (method, path, code, body) in requests() {
        let expected = recorded.iter().find(|one| {
            one["request"] == format!("{method} {path}") && one["status"] == code && one["user"] == "admin"
        });
        let expected = spans_of(&expected.unwrap_or_else(|| panic!("{method} {path} {code} is recorded"))["spans"]);
        let (answered, trace) = server.send(&method, &path.replace("{ns}", "spans"), body.as_ref()).await;
        // The last phases end when the answer is on its way already.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let found = phases(&server.keeper.0.lock().expect("no panic"), trace, &wanted);
        if answered != code || found != expected {
            differences.push(format!("{method} {path}: {answered}\nexpected {expected:#?}\nfound {found:#?}"));
        }
    }
    server.stop.cancel();
    server.served.await.expect("a graceful end");
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}
