//! A server for one lesson: in this process, in memory, held at its very beginning.

use std::{collections::BTreeMap, net::TcpListener, sync::Arc};

use anyhow::Context as _;
use apiserver::request::context::Services;
use control::{
    controller::{Controller, Pump, Start},
    handle::Handle,
    ports::{Lab, Launched, Ports},
};
use controlplane::apiserver::environment::Environment;
use kv::{backend::Backend, memory::Memory, observed::Observed};
use phase::{
    clock::{self, SystemClock},
    ids::Ids,
    record::TraceKind,
    trace::Tracer,
};
use scenario::{
    format::{Clock, Settings},
    runner::World,
};
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    beside::{self, Beside},
    cli::invocation::Personality,
    data_dir::DataDir,
    kube_apiserver,
    laboratory::Laboratory,
    lesson_clock::LessonClock,
    pki::Keys,
    ports::Insides,
    setup::{Server, Setup, TakenPort},
};

/// Who sets the pace of a lesson.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// A person, in the interface: time is the machine's, clients come over the network.
    Learner,
    /// The lesson itself: with a virtual clock two runs are the same, byte for byte. The runtime is [`crate::runtime::paused`].
    Replay,
}

impl Pace {
    /// Says whether a lesson of these settings runs on a virtual clock.
    pub fn is_virtual(self, settings: &Settings) -> bool {
        self == Self::Replay && settings.clock == Clock::Virtual
    }
}

/// A server of a lesson, and how to end it.
pub struct LessonServer {
    /// Who watches it.
    pub controller: Arc<Controller>,
    /// What the interface may ask it.
    pub ports: Ports,
    /// The lesson's own grip on it.
    handle: Option<Handle>,
    repeats: bool,
    /// Where it can be reached, once it serves.
    launched: Option<Launched>,
    environment: Environment,
    beside: Option<Beside>,
    served: JoinHandle<anyhow::Result<()>>,
    /// Holds the keys; removed with this.
    _data_dir: Option<DataDir>,
}

impl LessonServer {
    /// Starts one as a lesson's settings say. Nothing but keys touches the disk.
    pub fn start(settings: &Settings, pace: Pace) -> anyhow::Result<Self> {
        let repeats = pace.is_virtual(settings);
        let (clock, keys, pump): (Arc<dyn clock::Clock>, _, _) = if repeats {
            (LessonClock::shared(), Keys::Seeded(settings.seed), Pump::Inline)
        } else {
            (SystemClock::shared(), Keys::Random, Pump::Thread)
        };
        let mut setup = Setup::new(Personality::Kubestep, flags(settings, repeats)?, TakenPort::Next, keys, &clock)?;
        let controller = Controller::new(clock.clone(), Start::Held, pump);
        controller.start()?;
        let tracer = Tracer::new(clock.clone());
        tracer.listen(Some(controller.clone()));
        let handle = Some(controller.attach());
        let stop = CancellationToken::new();
        let memory = Arc::new(Observed::new(Memory::new(clock.clone()))) as Arc<dyn Backend>;
        let insides = Arc::new(Insides::default());
        insides.opened(&memory);
        let environment = Environment {
            services: Services { clock, ids: Arc::new(Ids::seeded(settings.seed)) },
            tracer,
            open_backend: Arc::new(move |_| {
                let memory = memory.clone();
                Box::pin(async move { Ok(memory) })
            }),
            stop: stop.clone(),
            tasks: TaskTracker::new(),
            loopback: Arc::default(),
        };
        let pki = setup.pki.clone().context("a lesson has keys of its own")?;
        let launched = setup.launched();
        let server = setup.server.clone();
        let Server { mut options, beside } = setup.take_server();
        if repeats {
            "lesson".clone_into(&mut options.generic.hostname);
        }
        let door = repeats.then(|| options.secure_serving.door.clone());
        let lab = Some(Laboratory::new(server, pki, door, stop) as Arc<dyn Lab>);
        let ports = Ports { inspect: Some(insides.clone()), lab, teacher: None };
        let trace = environment.tracer.start(TraceKind::Startup, || "startup".to_owned());
        let running = environment.clone();
        let served = tokio::spawn(async move {
            match Box::pin(kube_apiserver::run(trace, options, running, |config| insides.configured(config))).await {
                Err(error) if error.interrupted => Ok(()),
                other => Ok(other?),
            }
        });
        let (beside, data_dir) = (Some(beside), setup.data_dir);
        Ok(Self { controller, ports, handle, repeats, launched, environment, beside, served, _data_dir: data_dir })
    }

    /// Returns what the lesson sees. There is one lesson, so this is called once.
    pub fn take_world(&mut self) -> World {
        World {
            controller: self.controller.clone(),
            handle: self.handle.take().expect("a server is for one lesson"),
            lab: self.ports.lab.clone().expect("a lesson has a laboratory"),
            repeats: self.repeats,
        }
    }

    /// Tells whoever watches where the server is, once it serves.
    pub fn announce(&mut self) {
        let (Some(beside), Some(launched)) = (self.beside.take(), self.launched.take()) else { return };
        let controller = self.controller.clone();
        tokio::spawn(beside::run(self.environment.clone(), beside, move || controller.serving(launched)));
    }

    /// Ends it gracefully.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.environment.stop.cancel();
        self.served.await?
    }
}

/// The flags of a lesson: a directory and a port of its own, nothing beside the server, then what the lesson adds.
fn flags(settings: &Settings, repeats: bool) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let own = [("ephemeral", "true".to_owned()), ("secure-port", port.to_string()), ("controllers", String::new())];
    let mut flags: BTreeMap<String, Vec<String>> =
        own.into_iter().map(|(name, value)| (name.to_owned(), vec![value])).collect();
    if repeats {
        // Otherwise the machine's own address would be told.
        flags.insert("advertise-address".to_owned(), vec!["192.0.2.1".to_owned()]);
    }
    for flag in &settings.flags {
        let (name, value) =
            flag.trim_start_matches('-').split_once('=').unwrap_or((flag.trim_start_matches('-'), "true"));
        flags.insert(name.to_owned(), vec![value.to_owned()]);
    }
    Ok(flags)
}
