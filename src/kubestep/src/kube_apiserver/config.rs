//! The configs of the three servers.
//!
//! Go: cmd/kube-apiserver/app/config.go, pkg/controlplane/apiserver/{apiextensions,aggregator}.go

use std::sync::Arc;

use apiextensions::apiserver::ExtraConfig;
use apiserver::server::{config::Config as GenericConfig, start_error::StartError};
use client::{service_resolver::ClusterIPResolver, webhook::ClientManager};
use controlplane::{
    apiserver::{
        config::{build_generic_config, create_kube_api_server_config},
        environment::Environment,
    },
    instance,
    options::run::CompletedOptions,
};
use phase::{catalog::Phase, snapshot::Nothing, trace::Trace};

/// Go: cmd/kube-apiserver/app/config.go Config
pub struct Config {
    /// The control plane's.
    pub kube_apis: instance::Config,
    /// The API extensions'.
    pub api_extensions: apiextensions::apiserver::Config,
    /// The aggregator's.
    pub aggregator: ::aggregator::apiserver::Config,
}

/// Go: cmd/kube-apiserver/app/config.go CompletedConfig
pub struct CompletedConfig {
    /// The control plane's.
    pub kube_apis: instance::CompletedConfig,
    /// The API extensions'.
    pub api_extensions: apiextensions::apiserver::CompletedConfig,
    /// The aggregator's.
    pub aggregator: ::aggregator::apiserver::CompletedConfig,
}

/// Builds the generic config once; the other two begin as copies of it.
///
/// Go: cmd/kube-apiserver/app/config.go NewConfig
pub async fn new_config(
    trace: &Trace,
    mut completed: CompletedOptions,
    environment: &Environment,
) -> Result<Config, StartError> {
    let phase = trace.enter(Phase::NewConfig, &mut Nothing).await?;
    let generic = build_generic_config(trace, &mut completed, environment).await?;
    let kube_apis = create_kube_api_server_config(trace, &completed, generic).await?;
    let api_extensions = create_api_extensions_config(trace, &kube_apis).await?;
    let aggregator = create_aggregator_config(trace, &kube_apis, &completed).await?;
    phase.exit(&kube_apis.generic.config);
    Ok(Config { kube_apis, api_extensions, aggregator })
}

/// Go: pkg/controlplane/apiserver/apiextensions.go CreateAPIExtensionsConfig
async fn create_api_extensions_config(
    trace: &Trace,
    kube_apis: &instance::Config,
) -> Result<apiextensions::apiserver::Config, StartError> {
    let mut generic = delegate_config(&kube_apis.generic.config);
    let phase = trace.enter(Phase::CreateAPIExtensionsConfig, &mut generic).await?;
    phase.exit(&generic);
    let resolver = Arc::new(ClusterIPResolver::new(&kube_apis.generic.versioned_informers));
    let extra = ExtraConfig { webhooks: Arc::new(ClientManager::new(resolver)) };
    Ok(apiextensions::apiserver::Config { generic, extra })
}

/// Go: pkg/controlplane/apiserver/aggregator.go CreateAggregatorConfig
async fn create_aggregator_config(
    trace: &Trace,
    kube_apis: &instance::Config,
    completed: &CompletedOptions,
) -> Result<::aggregator::apiserver::Config, StartError> {
    let mut generic = delegate_config(&kube_apis.generic.config);
    let phase = trace.enter(Phase::CreateAggregatorConfig, &mut generic).await?;
    let config = super::aggregator::create_config(generic, kube_apis, completed)?;
    phase.exit(&config.generic);
    Ok(config)
}

/// A copy of the control plane's generic config: everything is shared but the hooks, which are its own.
fn delegate_config(generic: &GenericConfig) -> GenericConfig {
    GenericConfig { post_start_hooks: Vec::new(), ..generic.clone() }
}

impl Config {
    /// Adds what follows from the rest, in Go's order.
    ///
    /// Go: cmd/kube-apiserver/app/config.go Complete
    pub async fn complete(self, trace: &Trace) -> Result<CompletedConfig, StartError> {
        let mut generic = self.kube_apis.generic.config.clone();
        let phase = trace.enter(Phase::CompleteConfig, &mut generic).await?;
        let aggregator = self.aggregator.complete();
        let kube_apis = self.kube_apis.complete();
        let api_extensions = self.api_extensions.complete();
        phase.exit(&kube_apis.generic.config);
        Ok(CompletedConfig { kube_apis, api_extensions, aggregator })
    }
}
