//! kube-apiserver: the three servers, put together.
//!
//! Go: cmd/kube-apiserver/app
//!
//! ```text
//! run                      options -> config -> completed -> server chain -> prepared -> running
//!   config                 NewConfig: generic, kube, apiextensions, aggregator
//!   server                 CreateServerChain: not-found <- apiextensions <- kube <- aggregator
//!     aggregator           what is served behind it gets APIServices; crdregistration: custom resources, too
//! ```

pub mod aggregator;
pub mod config;
pub mod crdregistration;
pub mod server;

use apiserver::server::{config::Config as GenericConfig, start_error::StartError};
use controlplane::{
    apiserver::environment::Environment,
    options::run::{CompletedOptions, ServerRunOptions},
};
use phase::{catalog::Phase, snapshot::Nothing, trace::Trace};

/// Runs the server until it is stopped: five calls, as in Go. `configured` is told the config that all servers share, for
/// those who look inside.
///
/// Go: cmd/kube-apiserver/app/server.go Run
pub async fn run(
    trace: Trace,
    options: ServerRunOptions,
    environment: Environment,
    configured: impl FnOnce(&GenericConfig),
) -> Result<(), StartError> {
    let startup = trace.enter(Phase::Startup, &mut Nothing).await?;
    let completed = complete(&trace, options).await?;
    let config = config::new_config(&trace, completed, &environment).await?;
    configured(&config.kube_apis.generic.config);
    let completed = config.complete(&trace).await?;
    let server = server::create_server_chain(&trace, completed).await?;
    let prepared = server.prepare(&trace).await?;
    startup.done();
    prepared.run(trace, environment.stop).await
}

/// Completes and validates: everything that is wrong is told at once.
async fn complete(trace: &Trace, options: ServerRunOptions) -> Result<CompletedOptions, StartError> {
    let phase = trace.enter(Phase::CompleteOptions, &mut Nothing).await?;
    let completed = options.complete();
    let mut completed = match completed {
        Ok(completed) => completed,
        Err(error) => {
            phase.fail(&error);
            return Err(error);
        }
    };
    phase.exit(&completed);

    let phase = trace.enter(Phase::ValidateOptions, &mut completed).await?;
    let mistakes = completed.validate();
    if !mistakes.is_empty() {
        let error = StartError::new("validate options", mistakes.join("\n"));
        phase.fail(&error);
        return Err(error);
    }
    phase.exit(&completed);
    for warning in &completed.warnings {
        tracing::warn!("{warning}");
    }
    Ok(completed)
}
