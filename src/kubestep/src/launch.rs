//! A server for one lesson: in this process, in memory, held at its very beginning.

use std::{collections::BTreeMap, net::TcpListener, sync::Arc};

use anyhow::Context as _;
use apiserver::request::context::Services;
use control::{
    controller::{Controller, Pump, Start},
    ports::Lab,
};
use controlplane::apiserver::environment::Environment;
use kv::{backend::Backend, memory::Memory, observed::Observed};
use phase::{clock::SystemClock, ids::Ids, record::TraceKind, trace::Tracer};
use scenario::{format::Settings, runner::World};
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    cli::invocation::Personality,
    data_dir::DataDir,
    kube_apiserver,
    ports::Laboratory,
    setup::{Setup, TakenPort},
};

/// A server of a lesson, and how to end it.
pub struct LessonServer {
    /// What the lesson sees of it.
    world: Option<World>,
    stop: CancellationToken,
    served: JoinHandle<anyhow::Result<()>>,
    /// Holds the keys; removed with this.
    _data_dir: Option<DataDir>,
}

impl LessonServer {
    /// Starts one as a lesson's settings say. Nothing but keys touches the disk.
    pub fn start(settings: &Settings) -> anyhow::Result<Self> {
        // Certificates are checked against the machine's time, so the server runs on it, too; a replay masks times.
        let clock = SystemClock::shared();
        let mut setup = Setup::new(Personality::Kubestep, flags(settings)?, TakenPort::Next, &clock)?;
        let controller = Controller::new(clock.clone(), Start::Held, Pump::Thread);
        controller.start()?;
        let tracer = Tracer::new(clock.clone());
        tracer.listen(Some(controller.clone()));
        let handle = controller.attach();
        let stop = CancellationToken::new();
        let store = clock.clone();
        let environment = Environment {
            services: Services { clock, ids: Arc::new(Ids::seeded(settings.seed)) },
            tracer,
            open_backend: Arc::new(move |_| {
                let memory = Arc::new(Observed::new(Memory::new(store.clone()))) as Arc<dyn Backend>;
                Box::pin(async move { Ok(memory) })
            }),
            stop: stop.clone(),
            tasks: TaskTracker::new(),
        };
        let pki = setup.pki.clone().context("a lesson has keys of its own")?;
        let lab: Arc<dyn Lab> = Laboratory::new(setup.server.clone(), pki, stop.clone());
        let options = setup.take_server().options;
        let trace = environment.tracer.start(TraceKind::Startup, || "startup".to_owned());
        let served = tokio::spawn(async move {
            match kube_apiserver::run(trace, options, environment).await {
                Err(error) if error.interrupted => Ok(()),
                other => Ok(other?),
            }
        });
        Ok(Self { world: Some(World { controller, handle, lab }), stop, served, _data_dir: setup.data_dir })
    }

    /// Returns what the lesson sees. There is one lesson, so this is called once.
    pub fn take_world(&mut self) -> World {
        self.world.take().expect("a server is for one lesson")
    }

    /// Ends it gracefully.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.served.await?
    }
}

/// The flags of a lesson: a directory and a port of its own, nothing beside the server, then what the lesson adds.
fn flags(settings: &Settings) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let own = [("ephemeral", "true".to_owned()), ("secure-port", port.to_string()), ("controllers", String::new())];
    let mut flags: BTreeMap<String, Vec<String>> =
        own.into_iter().map(|(name, value)| (name.to_owned(), vec![value])).collect();
    for flag in &settings.flags {
        let (name, value) =
            flag.trim_start_matches('-').split_once('=').unwrap_or((flag.trim_start_matches('-'), "true"));
        flags.insert(name.to_owned(), vec![value.to_owned()]);
    }
    Ok(flags)
}
