//! `kubestep` and `kubestep walk [SCENARIO]`: the interface on a server that starts under its eyes, with a lesson or
//! without.
//!
//! ```text
//! controller (records, holds)  <-- phases --  the server, in tasks of its own
//!      ^
//!      '-- commands, events --  tui or plain, on the main thread
//! ```

use std::{borrow::Cow, collections::BTreeMap, io::IsTerminal, sync::Arc};

use apiserver::request::context::Services;
use control::{
    controller::{Controller, Pump, Start},
    handle::Handle,
    ports::{Launched, Ports},
};
use controlplane::apiserver::environment::{Environment, OpenBackend};
use kv::backend::Backend;
use phase::{clock::SystemClock, ids::Ids, record::TraceKind, trace::Tracer};
use scenario::{library, lint, player, requires};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tui::{
    Options,
    options::{Borders, Layout, Motion},
    theme::Theme,
    words::Language,
};

use crate::{
    beside,
    cli::invocation::{Personality, Walk},
    kube_apiserver,
    laboratory::Laboratory,
    launch::{LessonServer, Pace},
    logs,
    pki::Keys,
    ports::Insides,
    progress,
    setup::{Server, Setup, TakenPort},
};

include!(concat!(env!("OUT_DIR"), "/sources.rs"));

/// Shows the start and every request until the person leaves; then the server stops, too.
pub fn run(walk: Walk) -> anyhow::Result<()> {
    match &walk.scenario {
        Some(lesson) => learn(&walk, lesson),
        None => freely(&walk),
    }
}

/// Plays a lesson, on a server of its own.
fn learn(walk: &Walk, name: &str) -> anyhow::Result<()> {
    let source = library::find(name).map_err(anyhow::Error::msg)?;
    let lesson = lint::read(&source.file, &source.text)
        .map_err(|mistakes| anyhow::anyhow!(mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))?;
    let missing = requires::missing_programs(&lesson, &std::env::var_os("PATH").unwrap_or_default());
    anyhow::ensure!(missing.is_empty(), "{}: {}", lesson.metadata.id, requires::reason(&missing));
    let runtime = crate::runtime::new()?;
    let entered = runtime.enter();
    let mut server = LessonServer::start(&lesson.settings, Pace::Learner)?;
    logs::to_interface(&server.controller);
    let (desk, actions) = player::desk();
    let ports = Ports { teacher: Some(Arc::new(desk)), ..server.ports.clone() };
    server.controller.set_ports(ports, runtime.handle().clone());
    let handle = server.controller.attach();
    server.announce();
    let world = server.take_world();
    tokio::spawn(async move {
        let id = lesson.metadata.id.clone();
        let finished = || progress::remember(&id);
        player::play(&source, &lesson, world, actions, &progress::done(), finished).await;
    });

    drop(entered);
    let shown = show(walk, handle, Options { layout: Layout::Lab, ..interface(walk) });
    let served = runtime.block_on(server.stop());
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    shown?;
    served
}

/// Shows the start of a server on the person's own data.
fn freely(walk: &Walk) -> anyhow::Result<()> {
    let clock = SystemClock::shared();
    let mut setup = Setup::new(Personality::Kubestep, walk.given.clone(), TakenPort::Next, Keys::Random, &clock)?;
    let runtime = crate::runtime::new()?;
    let controller = Controller::new(clock.clone(), Start::Held, Pump::Thread);
    controller.start()?;
    logs::to_interface(&controller);
    let tracer = Tracer::new(clock.clone());
    tracer.listen(Some(controller.clone()));
    let stop = CancellationToken::new();

    let insides = Arc::new(Insides::default());
    let environment = Environment {
        services: Services { clock, ids: Ids::shared() },
        tracer,
        open_backend: remember(setup.open_backend.clone(), insides.clone()),
        stop: stop.clone(),
        tasks: TaskTracker::new(),
        loopback: Arc::default(),
    };
    let lab = setup.pki.clone().map(|pki| Laboratory::new(setup.server.clone(), pki, None, stop.clone()) as Arc<_>);
    let ports = Ports { inspect: Some(insides.clone()), lab, teacher: None };
    controller.set_ports(ports, runtime.handle().clone());
    let handle = controller.attach();

    let launched = setup.launched();
    let server = runtime.spawn(serve(controller.clone(), environment, setup.take_server(), launched, insides));
    let shown = show(walk, handle, interface(walk));

    stop.cancel();
    let served = runtime.block_on(server);
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    shown?;
    drop(setup.data_dir);
    served?
}

/// Runs the server, and says when it serves.
async fn serve(
    controller: Arc<Controller>,
    environment: Environment,
    server: Server,
    launched: Option<Launched>,
    insides: Arc<Insides>,
) -> anyhow::Result<()> {
    tokio::spawn(crate::serve::stop_on_signal(environment.stop.clone()));
    tokio::spawn(beside::run(environment.clone(), server.beside, move || {
        if let Some(launched) = launched {
            controller.serving(launched);
        }
    }));
    let trace = environment.tracer.start(TraceKind::Startup, || "startup".to_owned());
    match Box::pin(kube_apiserver::run(trace, server.options, environment, |config| insides.configured(config))).await {
        Err(error) if error.interrupted => Ok(()),
        other => Ok(other?),
    }
}

/// Opens the store and remembers it for the interface.
fn remember(open: OpenBackend, insides: Arc<Insides>) -> OpenBackend {
    Arc::new(move |etcd| {
        let (opening, insides) = (open(etcd), insides.clone());
        Box::pin(async move {
            let backend: Arc<dyn Backend> = opening.await?;
            insides.opened(&backend);
            Ok(backend)
        })
    })
}

/// Runs the interface until the person leaves.
fn show(walk: &Walk, handle: Handle, options: Options) -> std::io::Result<()> {
    let plain = walk.ui == "plain" || (walk.ui == "auto" && !std::io::stdout().is_terminal());
    let stops = if options.language == Language::Zh { "server 正在停止..." } else { "The server stops..." };
    let shown = if plain { tui::plain::run(handle, options) } else { tui::run(handle, options) };
    // It finishes what it has begun first, which may take seconds.
    eprintln!("{stops}");
    shown
}

/// The looks that were asked for, else those the environment suggests.
fn interface(walk: &Walk) -> Options {
    let mut options = Options::from_environment(|name| std::env::var(name).ok());
    options.language = if walk.language == "zh" { Language::Zh } else { Language::En };
    match walk.theme.as_str() {
        "dark" => options.theme = Theme::Dark,
        "light" => options.theme = Theme::Light,
        "contrast" => options.theme = Theme::HighContrast,
        _ => {}
    }
    if walk.borders == "ascii" {
        options.borders = Borders::Ascii;
    }
    if !walk.motion {
        options.motion = Motion::Off;
    }
    let sources: BTreeMap<_, _> =
        SOURCES.iter().map(|(path, text)| ((*path).to_owned(), Cow::Borrowed(*text))).collect();
    options.sources = Arc::new(sources);
    options
}
