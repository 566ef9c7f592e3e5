//! The interface on a small world instead of a server: to look at it, and to try it.
//!
//! `cargo run -p tui --example demo [-- --plain] [-- --zh] [-- --fast]`

#[path = "../tests/world/mod.rs"]
mod world;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use control::{
    controller::{Controller, Pump, Start},
    ports::{
        Answer, Endpoint, Inspect, Key, Keys, Lab, LabRequest, LabResponse, Launched, PortError, Ports, PriorityLevel,
        StoredValue, Traffic, Watcher,
    },
    protocol::LogLine,
};
use phase::{BoxFuture, clock::SystemClock, trace::Tracer};
use serde_json::{Value, json};
use tui::{Options, options::Layout, words::Language};
use world::{Pace, requests};

/// Real time, stretched so that a person can watch.
struct Real;

impl Pace for Real {
    fn work(&self, micros: u64) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(Duration::from_micros(micros)))
    }
}

struct Stage {
    tracer: Arc<Tracer>,
    traffic: AtomicBool,
}

impl Stage {
    fn send(self: &Arc<Self>, script: requests::Script) {
        let pace: Arc<dyn Pace> = Arc::new(Real);
        tokio::spawn(requests::send(&self.tracer, &pace, script));
    }
}

struct Port(Arc<Stage>);

impl Lab for Port {
    fn user(&self, _name: String, _groups: Vec<String>) -> Answer<'_, PathBuf> {
        Box::pin(async { Err(PortError("the demo has no users".to_owned())) })
    }

    fn heard(&self) -> Value {
        Value::Null
    }

    fn stand_ins(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn webhook(&self, _behaviour: Value) -> Answer<'_, Endpoint> {
        Box::pin(async { Err(PortError("the demo has no webhooks".to_owned())) })
    }

    fn extension(&self, _behaviour: Value) -> Answer<'_, Endpoint> {
        Box::pin(async { Err(PortError("the demo has no extensions".to_owned())) })
    }

    fn send(&self, request: LabRequest) -> Answer<'_, LabResponse> {
        let script = requests::ALL.iter().find(|script| script.path == request.path).copied();
        if let Some(script) = script {
            self.0.send(script);
        }
        Box::pin(async { Ok(LabResponse::default()) })
    }

    fn traffic(&self, traffic: Traffic) -> Answer<'_, ()> {
        let stage = self.0.clone();
        stage.traffic.store(traffic == Traffic::On, Ordering::Relaxed);
        if traffic == Traffic::On {
            tokio::spawn(async move {
                for script in requests::ALL.iter().cycle() {
                    if !stage.traffic.load(Ordering::Relaxed) {
                        return;
                    }
                    stage.send(*script);
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
            });
        }
        Box::pin(async { Ok(()) })
    }
}

impl Inspect for Port {
    fn keys(&self, prefix: String, _revision: Option<i64>, _limit: usize) -> Answer<'_, Keys> {
        let names = [
            "namespaces/default",
            "namespaces/shop",
            "pods/shop/web",
            "serviceaccounts/shop/default",
            "leases/kube-node-lease/worker-1",
        ];
        let keys: Vec<Key> = names
            .iter()
            .enumerate()
            .map(|(at, name)| Key {
                key: format!("/registry/{name}"),
                mod_revision: 4700 + at as i64,
                create_revision: 12,
                version: 1,
                size: 812 + at * 900,
            })
            .filter(|key| key.key.starts_with(&prefix))
            .collect();
        Box::pin(async move { Ok(Keys { revision: 4711, oldest: 1, count: keys.len(), keys }) })
    }

    fn value(&self, key: String, _revision: Option<i64>) -> Answer<'_, StoredValue> {
        let key = Key { key, mod_revision: 4702, create_revision: 12, version: 3, size: 812 };
        let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}, "spec": {"containers": [{"name": "web", "image": "nginx"}]}});
        Box::pin(async move { Ok(StoredValue { key, encoding: "protobuf".to_owned(), object }) })
    }

    fn watchers(&self) -> Answer<'_, Vec<Watcher>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn levels(&self) -> Answer<'_, Vec<PriorityLevel>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given = |name: &str| arguments.iter().any(|argument| argument == name);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let clock = SystemClock::shared();
    let start = if given("--fast") { Start::Running } else { Start::Held };
    let controller = Controller::new(clock.clone(), start, Pump::Thread);
    controller.start()?;
    let tracer = Tracer::new(clock);
    tracer.listen(Some(controller.clone()));
    let stage = Arc::new(Stage { tracer, traffic: AtomicBool::new(false) });
    let port = Arc::new(Port(stage.clone()));
    let ports = Ports { inspect: Some(port.clone()), lab: Some(port), teacher: None };
    controller.set_ports(ports, runtime.handle().clone());
    let handle = controller.attach();

    let world = controller.clone();
    runtime.spawn(async move {
        let pace: Arc<dyn Pace> = Arc::new(Real);
        world::startup::start(&stage.tracer, &pace).await;
        let address = SocketAddr::from(([127, 0, 0, 1], 6443));
        world.serving(Launched {
            address,
            kubeconfig: PathBuf::from("/tmp/kubestep/admin.kubeconfig"),
            data_dir: None,
        });
        for (level, message) in
            [("INFO", "Serving securely on 127.0.0.1:6443"), ("WARN", "no kube-controller-manager is running")]
        {
            world.log(LogLine {
                at: 52_000_000,
                level: level.into(),
                target: "kubestep".into(),
                message: message.into(),
            });
        }
    });

    let mut options = Options::from_environment(|name| std::env::var(name).ok());
    if given("--zh") {
        options.language = Language::Zh;
    }
    if given("--present") {
        options.layout = Layout::Present;
    }
    options.sources = Arc::new(BTreeMap::from([
        ("tests/world/startup.rs".to_owned(), Cow::Borrowed(include_str!("../tests/world/startup.rs"))),
        ("tests/world/requests.rs".to_owned(), Cow::Borrowed(include_str!("../tests/world/requests.rs"))),
    ]));
    if given("--plain") { tui::plain::run(handle, options) } else { tui::run(handle, options) }
}
