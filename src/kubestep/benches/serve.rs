//! What a whole server costs, seen from outside: until it is ready, in memory, and in processor time for each answer.
//!
//! Where `kube-apiserver` and `etcd` are on the PATH they do the same work in turns, durable writes included, and the
//! last column is their cost in units of ours; elsewhere it is empty. Run with `cargo bench -p kubestep`.
//!
//! Processor time is that of the servers alone (with their etcd): the clients of the bench share the machine with them.

#[path = "../tests/support/mod.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod support;

use std::{fs, path::Path, pin::pin, process::Command, process::Stdio, time::Duration};

use futures_util::{StreamExt, TryStreamExt, future, stream};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client, Config,
    api::{DeleteParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use phase::clock::{Clock, SystemClock};
use support::{PATIENCE, Running, Server, free_port};

/// Clients at a time.
const CLIENTS: usize = 16;

/// Objects that are read.
const OBJECTS: usize = 500;

/// Requests of a measurement.
const REQUESTS: usize = 3000;

/// A server under measurement.
struct Subject {
    client: Client,
    /// Its processes.
    pids: Vec<u32>,
    ready: f64,
    _running: Vec<Running>,
}

impl Subject {
    /// Milliseconds of processor time so far.
    fn processor(&self) -> f64 {
        let of = |pid: &u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
            // User and system time, in hundredths of a second.
            [11, 12].iter().filter_map(|index| fields.get(*index)?.parse::<f64>().ok()).sum::<f64>() * 10.0
        };
        self.pids.iter().map(of).sum()
    }

    /// Mebibytes of resident memory.
    fn memory(&self) -> f64 {
        let of = |pid: &u32| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default().to_owned();
            line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or_default() / 1024.0
        };
        self.pids.iter().map(of).sum()
    }
}

#[tokio::main]
async fn main() {
    let dir = tempfile::tempdir().expect("a directory");
    let ours = start(dir.path()).await;
    let theirs = reference(dir.path()).await;
    let both = |cost: &dyn Fn(&Subject) -> f64| (cost(&ours), theirs.as_ref().map(cost));
    report("ready, ms", both(&|subject| subject.ready));
    report("memory when ready, MiB", both(&Subject::memory));
    for subject in [Some(&ours), theirs.as_ref()].into_iter().flatten() {
        fill(&subject.client).await;
    }
    for work in [Work::Get, Work::List, Work::Create, Work::Patch, Work::Watch(100), Work::Watch(1000)] {
        let own = measure(&ours, work).await;
        let others = match &theirs {
            Some(theirs) => Some(measure(theirs, work).await),
            None => None,
        };
        report(&format!("{work:?}, processor time, µs"), (own, others));
    }
    report("memory in the end, MiB", both(&Subject::memory));
}

#[allow(clippy::print_stdout, reason = "a bench prints what it measured")]
fn report(what: &str, (ours, theirs): (f64, Option<f64>)) {
    let theirs = theirs.map(|theirs| format!("{theirs:>10.1} {:>6.1} x", theirs / ours)).unwrap_or_default();
    println!("{what:<40} {ours:>10.1} {theirs}");
}

async fn start(dir: &Path) -> Subject {
    let clock = SystemClock::new();
    let mut server = Server::new(dir, &[]);
    let client = server.start().await;
    let ready = clock.now() as f64 / 1e6;
    let running = server.into_running();
    Subject { client, pids: vec![running.0.id()], ready, _running: vec![running] }
}

/// Starts etcd and kube-apiserver, with the keys of the server that runs.
async fn reference(dir: &Path) -> Option<Subject> {
    let quiet = |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok().map(Running);
    let (client, peer, port) = (free_port(), free_port(), free_port());
    let (client, peer) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
    let etcd = quiet(
        Command::new("etcd")
            .args(["--data-dir", &dir.join("etcd").display().to_string()])
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &format!("default={peer}")]),
    )?;
    let key = |name: &str| dir.join("data/pki").join(name).display().to_string();
    let clock = SystemClock::new();
    let server = quiet(
        Command::new("kube-apiserver")
            .args(["--etcd-servers", &client, "--secure-port", &port.to_string(), "--authorization-mode=Node,RBAC"])
            .args(["--tls-cert-file", &key("apiserver.crt"), "--tls-private-key-file", &key("apiserver.key")])
            .args(["--client-ca-file", &key("ca.crt"), "--service-account-issuer=https://kubernetes.default.svc"])
            .args(["--service-account-key-file", &key("sa.pub"), "--service-account-signing-key-file", &key("sa.key")])
            .args(["--service-cluster-ip-range=10.0.0.0/24"]),
    )?;
    let pids = vec![etcd.0.id(), server.0.id()];
    let mut kubeconfig = Kubeconfig::read_from(dir.join("data/kubeconfig")).expect("a kubeconfig");
    for cluster in kubeconfig.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        cluster.server = Some(format!("https://127.0.0.1:{port}"));
    }
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.expect("a config");
    let client = Client::try_from(config).expect("a client");
    let ready = async {
        let readyz = || http::Request::get("/readyz").body(Vec::new()).expect("valid");
        while client.request_text(readyz()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ready).await.ok()?;
    Some(Subject { client, pids, ready: clock.now() as f64 / 1e6, _running: vec![server, etcd] })
}

/// What is measured.
#[derive(Clone, Copy, Debug)]
enum Work {
    Get,
    /// Of all objects, for each of them.
    List,
    Create,
    Patch,
    /// For each watcher of each event; this many watch.
    Watch(usize),
}

fn maps(client: &Client) -> Api<ConfigMap> {
    Api::namespaced(client.clone(), "default")
}

/// An object of about a kilobyte.
fn map(name: &str) -> ConfigMap {
    let value =
        serde_json::json!({"metadata": {"name": name, "labels": {"suite": "bench"}}, "data": {"k": "v".repeat(700)}});
    serde_json::from_value(value).expect("a config map")
}

async fn fill(client: &Client) {
    let api = &maps(client);
    let create = |number| async move { api.create(&PostParams::default(), &map(&format!("read-{number}"))).await };
    stream::iter(0..OBJECTS).map(create).buffer_unordered(CLIENTS).try_collect::<Vec<_>>().await.expect("created");
}

/// Microseconds of processor time for each unit of work.
async fn measure(subject: &Subject, work: Work) -> f64 {
    let api = &maps(&subject.client);
    let many = |count: usize| stream::iter(0..count);
    let before = subject.processor();
    let units = match work {
        Work::Get => {
            let get = |number: usize| async move { api.get(&format!("read-{}", number % OBJECTS)).await.map(drop) };
            many(REQUESTS).map(get).buffer_unordered(CLIENTS).try_collect::<()>().await.expect("read");
            REQUESTS
        }
        Work::List => {
            let list = |_| async move { api.list(&kube::api::ListParams::default().labels("suite=bench")).await };
            let lists: Vec<_> = many(30).map(list).buffered(4).try_collect().await.expect("listed");
            lists.iter().map(|list| list.items.len()).sum()
        }
        Work::Create => {
            let name = |number: usize| format!("made-{number}");
            let create =
                |number| async move { api.create(&PostParams::default(), &map(&name(number))).await.map(drop) };
            many(REQUESTS).map(create).buffer_unordered(CLIENTS).try_collect::<()>().await.expect("created");
            let cost = subject.processor() - before;
            let delete = |number| async move { api.delete(&name(number), &DeleteParams::default()).await.map(drop) };
            many(REQUESTS).map(delete).buffer_unordered(CLIENTS).try_collect::<()>().await.expect("deleted");
            return cost * 1000.0 / REQUESTS as f64;
        }
        Work::Patch => {
            let patch = |number: usize| relabel(api, number % CLIENTS, number);
            many(REQUESTS).map(patch).buffer_unordered(CLIENTS).collect::<()>().await;
            REQUESTS
        }
        Work::Watch(watchers) => return fan_out(subject, watchers).await,
    };
    (subject.processor() - before) * 1000.0 / units as f64
}

async fn relabel(api: &Api<ConfigMap>, object: usize, value: usize) {
    let patch = serde_json::json!({"metadata": {"annotations": {"n": value.to_string()}}});
    let patched = api.patch(&format!("read-{object}"), &PatchParams::default(), &Patch::Merge(patch)).await;
    patched.expect("patched");
}

/// Changes one object while many watch it, one change after the other, each once all have seen the one before.
async fn fan_out(subject: &Subject, watchers: usize) -> f64 {
    const CHANGES: usize = 20;
    let api = &maps(&subject.client);
    let listed = api.list(&kube::api::ListParams::default().limit(1)).await.expect("listed");
    let version = listed.metadata.resource_version.unwrap_or_default();
    let params = WatchParams::default().labels("suite=bench").fields("metadata.name=read-0");
    let open = (0..watchers).map(|_| api.watch(&params, &version));
    let streams = future::try_join_all(open).await.expect("watched");
    let mut streams: Vec<_> = streams.into_iter().map(Box::pin).collect();
    let before = subject.processor();
    for change in 0..CHANGES {
        relabel(api, 0, change).await;
        let seen = streams.iter_mut().map(|stream| async move {
            let event = pin!(stream).try_next().await.expect("an event");
            assert!(matches!(event, Some(WatchEvent::Modified(_))), "{event:?}");
        });
        future::join_all(seen).await;
    }
    (subject.processor() - before) * 1000.0 / (CHANGES * watchers) as f64
}
