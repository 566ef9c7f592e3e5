//! The aggregator: config, completed config, server.
//!
//! Go: kube-aggregator/pkg/apiserver/apiserver.go

use std::sync::Arc;

use apiserver::server::{
    config::{CompletedConfig as GenericCompletedConfig, Config as GenericConfig},
    delegation::DelegationTarget,
    genericapiserver::GenericAPIServer,
    start_error::StartError,
};
use phase::trace::Trace;

/// Go: kube-aggregator/pkg/apiserver/apiserver.go Config
pub struct Config {
    /// A copy of the control plane's generic config, without its hooks.
    pub generic: GenericConfig,
    /// Certificate and key towards extension servers, PEM files.
    pub proxy_client: Option<(String, String)>,
}

/// A config that can make the server.
pub struct CompletedConfig {
    generic: GenericCompletedConfig,
}

/// The server that clients meet.
///
/// Go: kube-aggregator/pkg/apiserver/apiserver.go APIAggregator
pub struct APIAggregator {
    /// The generic server.
    pub generic_api_server: Arc<GenericAPIServer>,
}

impl Config {
    /// Adds what follows from the rest. The aggregator makes `/apis` and `/openapi` itself.
    ///
    /// Go: kube-aggregator/pkg/apiserver/apiserver.go Complete
    pub fn complete(mut self) -> CompletedConfig {
        self.generic.enable_discovery = false;
        self.generic.skip_open_api_installation = true;
        CompletedConfig { generic: self.generic.complete() }
    }
}

impl CompletedConfig {
    /// Makes the server.
    ///
    /// Go: kube-aggregator/pkg/apiserver/apiserver.go NewWithDelegate
    pub async fn new(
        &self,
        trace: &Trace,
        delegation_target: Arc<dyn DelegationTarget>,
    ) -> Result<APIAggregator, StartError> {
        let server = self.generic.new(trace, "kube-aggregator", delegation_target).await?;
        Ok(APIAggregator { generic_api_server: server })
    }
}
