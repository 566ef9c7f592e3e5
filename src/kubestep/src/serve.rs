//! `kubestep serve`: the API server alone.

use std::{collections::BTreeMap, sync::Arc};

use apiserver::request::context::Services;
use controlplane::apiserver::environment::Environment;
use phase::{clock::SystemClock, ids::Ids, record::TraceKind, trace::Tracer};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    beside,
    cli::invocation::Personality,
    kube_apiserver,
    pki::Keys,
    setup::{Setup, TakenPort},
};

/// Runs until SIGINT or SIGTERM; a second one ends the process at once.
pub fn run(personality: Personality, given: BTreeMap<String, Vec<String>>) -> anyhow::Result<()> {
    let clock = SystemClock::shared();
    let mut setup = Setup::new(personality, given, TakenPort::Fail, Keys::Random, &clock)?;
    for warning in &setup.warnings {
        tracing::warn!("{warning}");
    }
    if let Some(kubeconfig) = &setup.kubeconfig {
        tracing::info!("export KUBECONFIG={}", kubeconfig.display());
    }
    let runtime = crate::runtime::new()?;
    runtime.block_on(async {
        let services = Services { clock: clock.clone(), ids: Ids::shared() };
        let environment = Environment {
            services,
            tracer: Tracer::new(clock),
            open_backend: setup.open_backend.clone(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            loopback: Arc::default(),
        };
        tokio::spawn(stop_on_signal(environment.stop.clone()));
        let trace = environment.tracer.start(TraceKind::Startup, || "start".to_owned());
        let server = setup.take_server();
        tokio::spawn(beside::run(environment.clone(), server.beside, || {}));
        Box::pin(kube_apiserver::run(trace, server.options, environment, |_| {})).await?;
        anyhow::Ok(())
    })?;
    drop(setup.data_dir);
    Ok(())
}

/// Go: apiserver/pkg/server/signal.go SetupSignalContext
pub async fn stop_on_signal(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return;
    };
    for again in [false, true] {
        tokio::select! {
            biased;
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        if again {
            std::process::exit(1);
        }
        stop.cancel();
    }
}
