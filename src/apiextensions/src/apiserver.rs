//! The API extensions server: config, completed config, server.
//!
//! Go: apiextensions-apiserver/pkg/apiserver/apiserver.go

use std::sync::Arc;

use apiserver::server::{
    config::{CompletedConfig as GenericCompletedConfig, Config as GenericConfig},
    delegation::DelegationTarget,
    genericapiserver::GenericAPIServer,
    start_error::StartError,
};
use phase::trace::Trace;

/// Go: apiextensions-apiserver/pkg/apiserver/apiserver.go Config
pub struct Config {
    /// A copy of the control plane's generic config, without its hooks.
    pub generic: GenericConfig,
}

/// A config that can make the server.
pub struct CompletedConfig {
    generic: GenericCompletedConfig,
}

/// The server of CustomResourceDefinitions and what they define.
///
/// Go: apiextensions-apiserver/pkg/apiserver/apiserver.go CustomResourceDefinitions
pub struct CustomResourceDefinitions {
    /// The generic server.
    pub generic_api_server: Arc<GenericAPIServer>,
}

impl Config {
    /// Adds what follows from the rest. `/apis` is the business of the servers in front.
    ///
    /// Go: apiextensions-apiserver/pkg/apiserver/apiserver.go Complete
    pub fn complete(mut self) -> CompletedConfig {
        self.generic.enable_discovery = false;
        CompletedConfig { generic: self.generic.complete() }
    }
}

impl CompletedConfig {
    /// Makes the server.
    ///
    /// Go: apiextensions-apiserver/pkg/apiserver/apiserver.go New
    pub async fn new(
        &self,
        trace: &Trace,
        delegation_target: Arc<dyn DelegationTarget>,
    ) -> Result<CustomResourceDefinitions, StartError> {
        let server = self.generic.new(trace, "apiextensions-apiserver", delegation_target).await?;
        Ok(CustomResourceDefinitions { generic_api_server: server })
    }
}
