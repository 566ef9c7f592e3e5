//! What answers cost: a get, an item of a list, an event for each of its watchers; in JSON and in protobuf.
//!
//! Prints counts (allocations, allocated bytes) and, where time is meant, the ratio to what kube-apiserver does for
//! each answer: decode the object and encode it. Run with `cargo bench -p apiserver --bench answers`.

use std::{collections::BTreeMap, hint::black_box, sync::Arc};

use allocation_counter::measure;
use api::scheme::Scheme;
use apimachinery::{
    api::errors::StatusError,
    meta::options::PatchType,
    runtime::{
        object::Object,
        schema::{GroupResource, GroupVersion},
    },
};
use apiserver::{
    endpoints::{
        codec::{Codec, RenamingConvertor},
        groupversion::APIGroupVersion,
        handlers::scope::{Items, RequestScope},
        negotiation::{self, MediaType},
        schema_codec::SchemaCodec,
    },
    registry::{
        rest::{strategy::Strategy, table::DefaultTableConvertor},
        store::{DeletionAnswer, NoHooks, Store},
    },
    request::{
        context::{Context, Services},
        handler::{Handler, Response},
        requestinfo::RequestInfoFactory,
    },
};
use client::transport::Body;
use futures_util::FutureExt;
use http_body_util::BodyExt;
use kv::memory::Memory;
use phase::{
    BoxFuture,
    clock::{Clock, SystemClock},
    ids::Ids,
    trace::Trace,
};
use serde_json::json;
use storage::{
    cacher::store::Cacher,
    etcd3::{
        lease_manager::{LeaseManager, LeaseManagerConfig},
        store::Store as Etcd3Store,
    },
    interface::{self, GetOptions, Interface, Missing, Preconditions, Resource, metadata_fields},
    value::Identity,
};
use tokio_util::sync::CancellationToken;

const TRACE: Trace = Trace::unwatched();
/// Objects in the store.
const OBJECTS: usize = 1000;
/// Gets per measurement.
const GETS: usize = 20_000;
/// Watchers of the same objects.
const WATCHERS: usize = 100;
/// Changes that they see.
const CHANGES: usize = 200;
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

struct Json;

impl interface::Codec for Json {
    fn decode<'a>(&'a self, data: &'a [u8]) -> BoxFuture<'a, Result<Object, StatusError>> {
        Box::pin(async move { serde_json::from_slice(data).map_err(StatusError::new_internal_error) })
    }

    fn encode<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<Vec<u8>, StatusError>> {
        Box::pin(async move { Ok(object.to_json()) })
    }
}

struct Pods;

impl Strategy for Pods {
    fn namespace_scoped(&self) -> bool {
        true
    }
}

/// A Pod of about 2.7 KB.
fn pod(name: &str) -> Object {
    let container = json!({
        "name": "main", "image": "registry.example.com/shop/web:1.2.3", "imagePullPolicy": "IfNotPresent",
        "env": (0..12).map(|n| json!({"name": format!("VARIABLE_{n}"), "value": "x".repeat(40)})).collect::<Vec<_>>(),
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
    });
    let value = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": "shop", "uid": format!("00000000-0000-4000-8000-{name}"),
            "labels": {"app": "web"}, "annotations": {"note": "y".repeat(600)},
        },
        "spec": {"containers": [container], "nodeName": "node-1", "restartPolicy": "Always"},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    });
    Object::from_value(value).expect("object")
}

struct Server {
    handler: APIGroupVersion,
    cacher: Arc<Cacher>,
    codec: Arc<SchemaCodec>,
    services: Services,
}

impl Server {
    async fn new() -> Self {
        let clock = SystemClock::shared();
        let resource = Resource {
            group_resource: GroupResource::new("", "pods"),
            prefix: "/pods".to_owned(),
            codec: Arc::new(Json),
            fields: Arc::new(metadata_fields),
        };
        let leases = LeaseManager::new(LeaseManagerConfig::default(), clock.clone());
        let memory = Arc::new(Memory::new(clock.clone()));
        let store = Arc::new(Etcd3Store::new(memory, "/registry", resource, Arc::new(Identity), leases));
        for number in 0..OBJECTS {
            let name = format!("pod-{number:06}");
            store.create(&TRACE, &format!("/pods/shop/{name}"), pod(&name), None).await.expect("created");
        }
        let cacher = Cacher::new(store, clock.clone());
        tokio::spawn(cacher.clone().run(CancellationToken::new()));
        while cacher.readiness_check().is_err() {
            tokio::task::yield_now().await;
        }
        let codec = Arc::new(SchemaCodec { kinds: Arc::new(Scheme), default: |_| {} });
        let scope = scope(&cacher, codec.clone());
        let handler = APIGroupVersion::new(GroupVersion::new("", "v1"), codec.clone(), [scope]);
        Self { handler, cacher, codec, services: Services { clock, ids: Ids::shared() } }
    }

    fn context(&self, uri: &str, accept: &str) -> Context {
        let request = http::Request::builder().uri(uri).header("accept", accept).body(None).expect("request");
        let mut cx = Context::new(request, self.services.clone(), Trace::unwatched());
        let (path, query) = (cx.uri.path().to_owned(), cx.query_pairs());
        cx.info = RequestInfoFactory::default().new_request_info(&cx.method, &path, &query).expect("info");
        cx
    }

    async fn answer(&self, cx: &mut Context) -> Response {
        let response = self.handler.serve(cx).await;
        assert_eq!(response.status(), 200);
        response
    }

    /// Changes one object and waits until the cache has told everybody.
    async fn change(&self, count: usize) {
        let key = "/pods/shop/pod-000000";
        let mut update = |object: Option<Object>| {
            let mut object = object.expect("there");
            object.set(&["metadata", "labels", "count"], count.to_string());
            Ok((object, None))
        };
        let none = Preconditions::default();
        let updated = self.cacher.guaranteed_update(&TRACE, key, Missing::Fail, none, &mut update).await;
        let fresh = GetOptions { resource_version: updated.expect("updated").revision.to_string() };
        self.cacher.get(&TRACE, key, fresh).await.expect("fresh");
    }
}

fn scope(cacher: &Arc<Cacher>, codec: Arc<SchemaCodec>) -> RequestScope {
    let version = GroupVersion::new("", "v1");
    let store = Store {
        kind: version.with_kind("Pod"),
        resource: GroupResource::new("", "pods"),
        singular_name: "pod".to_owned(),
        short_names: Vec::new(),
        categories: Vec::new(),
        strategy: Arc::new(Pods),
        hooks: Arc::new(NoHooks),
        table_convertor: Arc::new(DefaultTableConvertor),
        storage: cacher.clone(),
        key_root: "/pods".to_owned(),
        deletion_answer: DeletionAnswer::Status,
    };
    RequestScope {
        resource: version.with_resource("pods"),
        subresource: String::new(),
        kind: version.with_kind("Pod"),
        hub: version,
        storage: Arc::new(store),
        codec,
        convertor: Arc::new(RenamingConvertor),
        field_manager: None,
        table_convertor: Arc::new(DefaultTableConvertor),
        admission: None,
        authorizer: None,
        media_types: negotiation::BUILT_IN,
        patch_types: &[PatchType::Json],
        items: Items::Bare,
        min_request_timeout: 1800,
    }
}

/// What something costs, all told.
#[derive(Clone, Copy)]
struct Cost {
    count: f64,
    bytes: f64,
    nanos: f64,
}

fn cost(clock: &dyn Clock, work: impl FnOnce()) -> Cost {
    let since = clock.now();
    let allocated = measure(work);
    let nanos = (clock.now() - since) as f64;
    Cost { count: allocated.count_total as f64, bytes: allocated.bytes_total as f64, nanos }
}

#[allow(clippy::print_stdout, reason = "a bench prints what it measured")]
fn report(what: &str, cost: Cost, units: usize, reference: f64) {
    let units = units as f64;
    let ratio = cost.nanos / units / reference;
    println!("{what:<44} {:>8.2} allocations {:>9.0} bytes {ratio:>7.3}", cost.count / units, cost.bytes / units);
}

/// Takes all frames of an answer; returns how many bytes they hold.
async fn drain(response: Response) -> usize {
    let (mut body, mut length) = (response.into_body(), 0);
    while let Some(frame) = body.frame().await {
        length += frame.expect("frame").data_ref().map_or(0, bytes::Bytes::len);
    }
    length
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let server = Server::new().await;
    let clock = server.services.clock.clone();
    let reference = reference(&server, &*clock);
    for (name, accept) in [("JSON", "application/json"), ("protobuf", PROTOBUF)] {
        reads(&server, &*clock, name, accept, reference);
        watches(&server, &*clock, name, accept, reference).await;
    }
}

/// What kube-apiserver does for each answer: decode what is stored, encode what goes out. Returns nanoseconds.
fn reference(server: &Server, clock: &dyn Clock) -> f64 {
    let stored = server.codec.encode(&pod("reference"), MediaType::Protobuf).expect("encoded");
    let kind = GroupVersion::new("", "v1").with_kind("Pod");
    let both = cost(clock, || {
        for _ in 0..OBJECTS {
            let object = server.codec.decode(&kind, MediaType::Protobuf, &stored).expect("decoded").object;
            black_box(object.to_json());
        }
    });
    let nanos = both.nanos / OBJECTS as f64;
    report("reference: decode and encode an object", both, OBJECTS, nanos);
    nanos
}

fn block<T>(future: impl Future<Output = T>) -> T {
    // Everything lies in memory: nothing is waited for.
    future.now_or_never().expect("ready at once")
}

fn reads(server: &Server, clock: &dyn Clock, name: &str, accept: &str, reference: f64) {
    let get = "/api/v1/namespaces/shop/pods/pod-000500?resourceVersion=0";
    let list = "/api/v1/namespaces/shop/pods?resourceVersion=0";
    let run = |contexts: &mut [Context]| {
        contexts.iter_mut().for_each(|cx| {
            black_box(block(async { drain(server.answer(cx).await).await }));
        });
    };
    // What is made on first demand is made.
    run(&mut [server.context(get, accept), server.context(list, accept)]);
    let mut gets: Vec<Context> = (0..GETS).map(|_| server.context(get, accept)).collect();
    report(&format!("get, {name}"), cost(clock, || run(&mut gets)), GETS, reference);
    const LISTS: usize = 20;
    let mut lists: Vec<Context> = (0..LISTS).map(|_| server.context(list, accept)).collect();
    report(&format!("list, {name}, an item"), cost(clock, || run(&mut lists)), LISTS * OBJECTS, reference);
}

async fn watches(server: &Server, clock: &dyn Clock, name: &str, accept: &str, reference: f64) {
    let revision = server.cacher.current_resource_version(&TRACE).await.expect("revision");
    let uri = format!("/api/v1/namespaces/shop/pods?watch=true&resourceVersion={revision}");
    let accept = if accept == PROTOBUF { format!("{accept};stream=watch") } else { accept.to_owned() };
    let mut bodies: Vec<Body> = Vec::new();
    for _ in 0..WATCHERS {
        bodies.push(server.answer(&mut server.context(&uri, &accept)).await.into_body());
    }
    let mut total = Cost { count: 0.0, bytes: 0.0, nanos: 0.0 };
    let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
    for change in 0..CHANGES {
        server.change(change).await;
        // The first watcher makes what all others share; it is counted as one of them.
        let spent = cost(clock, || {
            for (number, body) in bodies.iter_mut().enumerate() {
                while let Some(frame) = body.frame().now_or_never().flatten() {
                    black_box(frame.expect("frame"));
                    *seen.entry(number).or_default() += 1;
                }
            }
        });
        total = Cost {
            count: total.count + spent.count,
            bytes: total.bytes + spent.bytes,
            nanos: total.nanos + spent.nanos,
        };
    }
    let events: usize = seen.values().sum();
    assert!(events >= WATCHERS, "watchers saw {events} frames");
    report(&format!("watch, {name}, an event and watcher"), total, WATCHERS * CHANGES, reference);
}
