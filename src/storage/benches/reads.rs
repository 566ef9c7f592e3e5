//! What a read and a watch event cost, in time and in allocations.
//!
//! The reference for reads is to decode and encode every object, as kube-apiserver does. Run with
//! `cargo bench -p storage`.

use std::sync::Arc;

use allocation_counter::measure;
use apimachinery::{
    api::errors::StatusError,
    runtime::{object::Object, schema::GroupResource},
};
use futures_util::{FutureExt, StreamExt};
use kv::memory::Memory;
use phase::{
    BoxFuture,
    clock::{Clock, SystemClock},
    trace::Trace,
};
use serde_json::{Value, json};
use storage::{
    cacher::store::Cacher,
    etcd3::{
        lease_manager::{LeaseManager, LeaseManagerConfig},
        store::Store,
    },
    interface::{
        Codec, GetOptions, Interface, ListOptions, Missing, Preconditions, Resource, WatchStream, metadata_fields,
    },
    selection::SelectionPredicate,
    value::Identity,
};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

const TRACE: Trace = Trace::unwatched();
const OBJECTS: usize = 10_000;

struct Json;

impl Codec for Json {
    fn decode<'a>(&'a self, data: &'a [u8]) -> BoxFuture<'a, Result<Object, StatusError>> {
        Box::pin(async move { serde_json::from_slice(data).map_err(StatusError::new_internal_error) })
    }

    fn encode<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<Vec<u8>, StatusError>> {
        Box::pin(async move { Ok(object.to_json()) })
    }
}

/// A Pod of about 2.7 KB.
fn pod(name: &str, node: usize) -> Object {
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
            "labels": {"app": "web", "node": format!("node-{node}")},
            "annotations": {"note": "y".repeat(600)},
        },
        "spec": {"containers": [container], "nodeName": format!("node-{node}"), "restartPolicy": "Always"},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    });
    Object::from_value(value).expect("object")
}

async fn filled() -> Arc<Cacher> {
    let clock = SystemClock::shared();
    let resource = Resource {
        group_resource: GroupResource::new("", "pods"),
        prefix: "/pods".to_owned(),
        codec: Arc::new(Json),
        fields: Arc::new(|object| {
            let mut fields = metadata_fields(object);
            fields.insert("spec.nodeName".to_owned(), object.str(&["spec", "nodeName"]).to_owned());
            fields
        }),
    };
    let leases = LeaseManager::new(LeaseManagerConfig::default(), clock.clone());
    let client = Arc::new(Memory::new(clock.clone()));
    let store = Arc::new(Store::new(client, "/registry", resource, Arc::new(Identity), leases));
    for number in 0..OBJECTS {
        let name = format!("pod-{number:06}");
        store.create(&TRACE, &format!("/pods/shop/{name}"), pod(&name, number % 100), None).await.expect("created");
    }
    let cacher = Cacher::new(store, clock);
    tokio::spawn(cacher.clone().run(CancellationToken::new()));
    while cacher.readiness_check().is_err() {
        tokio::task::yield_now().await;
    }
    cacher
}

/// Runs something often; returns nanoseconds, allocations and allocated bytes of one run.
fn cost(runs: u64, mut run: impl FnMut()) -> (f64, f64, f64) {
    run();
    let clock = SystemClock::new();
    let allocated = measure(|| (0..runs).for_each(|_| run()));
    let per = |total: u64| total as f64 / runs as f64;
    (per(clock.now()), per(allocated.count_total), per(allocated.bytes_total))
}

#[allow(clippy::print_stdout, reason = "a bench prints what it measured")]
fn report(what: &str, unit: f64, (nanos, count, bytes): (f64, f64, f64)) {
    println!("{what:<60} {:>10.0} ns {:>8.2} allocations {:>9.1} bytes", nanos / unit, count / unit, bytes / unit);
}

fn reads(runtime: &Runtime, cacher: &Arc<Cacher>) {
    let any = || GetOptions { resource_version: "0".to_owned() };
    let objects = OBJECTS as f64;
    let list = |predicate: SelectionPredicate| ListOptions {
        resource_version: "0".to_owned(),
        recursive: true,
        predicate,
        ..ListOptions::default()
    };
    let all = runtime.block_on(cacher.get_list(&TRACE, "/pods/", list(SelectionPredicate::default()))).expect("list");
    let sample = all.items[OBJECTS / 2].clone();
    report(
        "reference: decode and encode one object",
        1.0,
        cost(10_000, || {
            let object: Value = serde_json::from_slice(&sample.json).expect("JSON");
            std::hint::black_box(serde_json::to_vec(&object).expect("encodes"));
        }),
    );
    report(
        "get from the cache",
        1.0,
        cost(100_000, || {
            let got = runtime.block_on(cacher.get(&TRACE, "/pods/shop/pod-005000", any()));
            std::hint::black_box(got.expect("there"));
        }),
    );
    report(
        "list 10,000, per object",
        objects,
        cost(50, || {
            let listed = runtime.block_on(cacher.get_list(&TRACE, "/pods/", list(SelectionPredicate::default())));
            std::hint::black_box(listed.expect("list"));
        }),
    );
    report(
        "list 10,000 into one body, per object",
        objects,
        cost(50, || {
            let listed = runtime.block_on(cacher.get_list(&TRACE, "/pods/", list(SelectionPredicate::default())));
            let mut body = Vec::with_capacity(OBJECTS * 3000);
            listed.expect("list").items.iter().for_each(|object| body.extend_from_slice(&object.json));
            std::hint::black_box(body);
        }),
    );
    let selected = SelectionPredicate {
        matches: Some(Arc::new(|object| object.labels.get("node").is_some_and(|node| node == "node-7"))),
        ..SelectionPredicate::default()
    };
    report(
        "list 10,000 by a label (100 match), per object",
        objects,
        cost(50, || {
            let listed = runtime.block_on(cacher.get_list(&TRACE, "/pods/", list(selected.clone())));
            assert_eq!(listed.expect("list").items.len(), OBJECTS / 100);
        }),
    );
}

/// Changes of one object, each awaited by the cache.
const EVENTS: u64 = 500;

/// Changes the object once, and waits until the cache has dispatched that.
fn change(runtime: &Runtime, cacher: &Arc<Cacher>, count: u64) {
    let mut update = |object: Option<Object>| {
        let mut object = object.expect("there");
        object.set(&["metadata", "labels", "count"], count.to_string());
        Ok((object, None))
    };
    runtime.block_on(async {
        let key = "/pods/shop/pod-000000";
        let none = Preconditions::default();
        let updated = cacher.guaranteed_update(&TRACE, key, Missing::Fail, none, &mut update).await.expect("updated");
        let fresh = GetOptions { resource_version: updated.revision.to_string() };
        cacher.get(&TRACE, key, fresh).await.expect("fresh");
    });
}

/// Takes what there is for each watcher; returns how much that was.
fn drain(watches: &mut [WatchStream]) -> usize {
    let mut taken = 0;
    for watch in watches {
        while watch.next().now_or_never().flatten().is_some() {
            taken += 1;
        }
    }
    taken
}

/// What a change costs for each of those who watch: all of them take it, or (`node`) all demand another node's pods.
fn fan_out(runtime: &Runtime, cacher: &Arc<Cacher>, watchers: usize, node: Option<&'static str>) {
    let mut count = 0;
    let alone = cost(EVENTS, || {
        count += 1;
        change(runtime, cacher, count);
    });
    let predicate = SelectionPredicate {
        exact: node.map(|node| ("spec.nodeName".to_owned(), node.to_owned())),
        matches: node.map(|node| -> storage::selection::Matches {
            Arc::new(move |object| object.fields["spec.nodeName"] == node)
        }),
        ..SelectionPredicate::default()
    };
    let revision = runtime.block_on(cacher.current_resource_version(&TRACE)).expect("revision").to_string();
    let options = ListOptions { resource_version: revision, recursive: true, predicate, ..ListOptions::default() };
    let watch = |_| runtime.block_on(cacher.watch(&TRACE, "/pods/", options.clone())).expect("watch");
    let mut watches: Vec<WatchStream> = (0..watchers).map(watch).collect();
    // Up to date from here on, and with buffers in place.
    drain(&mut watches);
    for _ in 0..2 {
        count += 1;
        change(runtime, cacher, count);
        drain(&mut watches);
    }
    let mut taken = 0;
    let all = cost(EVENTS, || {
        count += 1;
        change(runtime, cacher, count);
        // Those who see nothing are not woken, so nobody looks.
        if node.is_none() {
            taken += drain(&mut watches);
        }
    });
    assert_eq!(taken, if node.is_some() { 0 } else { (EVENTS as usize + 1) * watchers });
    let what = if node.is_some() { "of another node's pods" } else { "of all pods" };
    let each = (all.0 - alone.0, all.1 - alone.1, all.2 - alone.2);
    report(&format!("one change, for each of {watchers} watchers {what}"), watchers as f64, each);
}

fn main() {
    // One thread, so that all allocations are counted.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let cacher = runtime.block_on(filled());
    reads(&runtime, &cacher);
    for watchers in [10, 100, 1000, 10_000] {
        fan_out(&runtime, &cacher, watchers, None);
    }
    fan_out(&runtime, &cacher, 10_000, Some("node-7"));
}
