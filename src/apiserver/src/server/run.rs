//! From a prepared server to a serving one, and through its shutdown.
//!
//! ```text
//!   run -> non_blocking_run -> SecureServingInfo::serve -> run_server
//!       '-> wait for the stop signal -> shut down, moment by moment (see `lifecycle_signals`)
//! ```
//!
//! Go: apiserver/pkg/server/genericapiserver.go RunWithContext, NonBlockingRunWithContext

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use phase::{catalog::Phase, record::TraceKind, snapshot::Nothing, trace::Trace};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::server::{
    delegation::DelegationTarget,
    genericapiserver::GenericAPIServer,
    hooks::{PostStartHookContext, PostStartHookEntry},
    lifecycle_signals::LifecycleSignal,
    secure_serving::Serving,
    start_error::StartError,
};

/// A server to which nothing can be added any more.
///
/// Go: apiserver/pkg/server/genericapiserver.go preparedGenericAPIServer
pub struct PreparedGenericAPIServer {
    server: Arc<GenericAPIServer>,
}

/// While `--shutdown-send-retry-after` drains requests before the listener closes, connections only need a moment.
///
/// Go: two seconds, for net/http gives a peer one second to answer GOAWAY.
const SHUTDOWN_TIMEOUT_AFTER_DRAINING: Duration = Duration::from_secs(2);

impl GenericAPIServer {
    /// Does what can only be done once everything is installed, from the last delegate to this server.
    ///
    /// Go: apiserver/pkg/server/genericapiserver.go PrepareRun
    pub async fn prepare(self: Arc<Self>, trace: &Trace) -> Result<PreparedGenericAPIServer, StartError> {
        self.prepare_run(trace).await?;
        Ok(PreparedGenericAPIServer { server: self })
    }
}

impl PreparedGenericAPIServer {
    /// Serves until `stop` is cancelled and everything in flight is answered. `trace` is that of the start-up.
    ///
    /// Go: apiserver/pkg/server/genericapiserver.go RunWithContext
    pub async fn run(self, trace: Trace, stop: CancellationToken) -> Result<(), StartError> {
        let s = &self.server;
        let phase = trace.enter(Phase::Run, &mut Nothing).await?;
        tokio::spawn(signal_mux_and_discovery_complete(s.clone(), stop.clone()));
        let (fatal, mut failed_hook) = mpsc::channel(1);
        let serving = self.non_blocking_run(&trace, &stop, fatal).await?;
        tokio::spawn(wait_until_ready(s.clone(), trace));
        phase.done();

        let failed = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            Some(error) = failed_hook.recv() => Some(error),
        };
        stop.cancel();
        self.shut_down(serving).await;
        s.destroy().await;
        failed.map_or(Ok(()), Err)
    }

    /// Opens the server for requests and starts the hooks.
    ///
    /// Go: apiserver/pkg/server/genericapiserver.go NonBlockingRunWithContext
    async fn non_blocking_run(
        &self,
        trace: &Trace,
        stop: &CancellationToken,
        fatal: mpsc::Sender<StartError>,
    ) -> Result<Serving, StartError> {
        let s = &self.server;
        let phase = trace.enter(Phase::NonBlockingRun, &mut Nothing).await?;
        let chain = &s.handler.full_handler_chain;
        let Some(info) = &s.secure_serving_info else {
            return Err(StartError::new("serve", "there is no listener to serve on"));
        };
        if let Some(loopback) = &s.loopback_client_config {
            loopback.connect(chain);
        }
        let serving = info.serve(trace, chain.clone()).await?;
        self.run_post_start_hooks(trace, stop, fatal).await?;
        phase.done();
        Ok(serving)
    }

    /// Starts every hook in a task of its own.
    ///
    /// Go: apiserver/pkg/server/hooks.go RunPostStartHooks
    async fn run_post_start_hooks(
        &self,
        trace: &Trace,
        stop: &CancellationToken,
        fatal: mpsc::Sender<StartError>,
    ) -> Result<(), StartError> {
        let s = &self.server;
        let phase = trace.enter(Phase::RunPostStartHooks, &mut Nothing).await?;
        s.post_start_hooks_called.store(true, Ordering::Relaxed);
        let Some(loopback) = &s.loopback_client_config else {
            return Err(StartError::new("post-start hooks", "there is no loopback client"));
        };
        let context = PostStartHookContext {
            loopback_client_config: loopback.clone(),
            stop: stop.clone(),
            trace: trace.clone(),
            services: s.services.clone(),
        };
        for entry in s.post_start_hooks() {
            let (context, fatal) = (context.clone(), fatal.clone());
            tokio::spawn(async move {
                if let Err(error) = run_post_start_hook(entry, context).await {
                    // Only the first one counts; the channel holds it until `run` looks.
                    let _already_failed = fatal.try_send(error);
                }
            });
        }
        phase.done();
        Ok(())
    }

    /// Ends in the order of [`LifecycleSignals`](crate::server::lifecycle_signals::LifecycleSignals).
    async fn shut_down(&self, serving: Serving) {
        let s = &self.server;
        let signals = &s.lifecycle_signals;
        let trace = s.tracer.start(TraceKind::Shutdown, || "shutdown".to_owned());
        // A person may look at the shutdown, but not stop it.
        let phase = trace.enter(Phase::Shutdown, &mut Nothing).await.ok();
        fire(&trace, &signals.shutdown_initiated).await;

        let delay = async {
            tokio::time::sleep(s.shutdown_delay_duration).await;
            fire(&trace, &signals.after_shutdown_delay_duration).await;
        };
        let hooks = async {
            self.run_pre_shutdown_hooks(&trace).await;
            fire(&trace, &signals.pre_shutdown_hooks_stopped).await;
        };
        tokio::join!(delay, hooks);
        fire(&trace, &signals.not_accepting_new_request).await;

        if s.shutdown_send_retry_after {
            // Late comers are told to come back, on the same socket, until everybody is through.
            self.drain_requests(&trace).await;
            serving
                .shutdown(SHUTDOWN_TIMEOUT_AFTER_DRAINING, || fire(&trace, &signals.http_server_stopped_listening))
                .await;
        } else {
            let timeout = s.shutdown_timeout;
            let close = serving.shutdown(timeout, || fire(&trace, &signals.http_server_stopped_listening));
            tokio::join!(close, self.drain_requests(&trace));
        }
        if let Some(phase) = phase {
            phase.done();
        }
    }

    /// Waits until requests and watches in flight have ended.
    async fn drain_requests(&self, trace: &Trace) {
        let s = &self.server;
        let watches = async {
            if !s.shutdown_watch_termination_grace_period.is_zero() {
                s.watch_request_wait_group.wait(s.shutdown_watch_termination_grace_period).await;
            }
        };
        // Each of them is bounded by the request time-out, so this ends.
        tokio::join!(s.non_long_running_request_wait_group.wait(Duration::MAX), watches);
        fire(trace, &s.lifecycle_signals.in_flight_requests_drained).await;
    }

    /// Go: apiserver/pkg/server/hooks.go RunPreShutdownHooks
    async fn run_pre_shutdown_hooks(&self, trace: &Trace) {
        for entry in self.server.pre_shutdown_hooks() {
            let phase = trace.enter_labelled(Phase::PreShutdownHook, entry.name.to_string(), &mut Nothing).await;
            let Ok(phase) = phase else { continue };
            match (entry.hook)().await {
                Ok(()) => phase.done(),
                Err(error) => {
                    tracing::error!("PreShutdownHook {:?} failed: {error}", entry.name);
                    phase.fail(&error);
                }
            }
        }
    }
}

/// Runs one hook to its end. Its error ends the process.
///
/// Go: apiserver/pkg/server/hooks.go runPostStartHook
async fn run_post_start_hook(entry: PostStartHookEntry, context: PostStartHookContext) -> Result<(), StartError> {
    let trace = context.trace.clone();
    let phase = trace.enter_labelled(Phase::PostStartHook, entry.name.to_string(), &mut Nothing).await?;
    match (entry.hook)(context).await {
        Ok(()) => {
            phase.done();
            entry.done.signal();
            Ok(())
        }
        Err(error) => {
            let error = StartError::new("post-start hooks", format!("PostStartHook {:?} failed: {error}", entry.name));
            phase.fail(&error);
            Err(error)
        }
    }
}

/// Says that all paths are installed once every server of the chain has said so for its own.
async fn signal_mux_and_discovery_complete(server: Arc<GenericAPIServer>, stop: CancellationToken) {
    for signal in server.mux_and_discovery_complete_signals() {
        tokio::select! {
            biased;
            () = signal.signaled() => {}
            () = stop.cancelled() => return,
        }
    }
    server.lifecycle_signals.mux_and_discovery_complete.signal();
}

/// Keeps the start-up's trace open until `/readyz` has answered 200 once: that is when a server has started.
async fn wait_until_ready(server: Arc<GenericAPIServer>, trace: Trace) {
    let signals = &server.lifecycle_signals;
    let Ok(phase) = trace.enter(Phase::Ready, &mut Nothing).await else { return };
    tokio::select! {
        biased;
        () = signals.has_been_ready.signaled() => phase.done(),
        () = signals.shutdown_initiated.signaled() => phase.fail(&"the server was stopped before it was ready"),
    }
}

/// Lets a moment of the shutdown come.
async fn fire(trace: &Trace, signal: &LifecycleSignal) {
    let phase = trace.enter_labelled(Phase::LifecycleSignal, signal.name(), &mut Nothing).await;
    signal.signal();
    tracing::info!("[graceful-termination] {}", signal.name());
    if let Ok(phase) = phase {
        phase.done();
    }
}
