//! How a server stands before another.
//!
//! ```text
//!   kube-aggregator -> kube-apiserver -> apiextensions-apiserver -> empty delegate (404 or 503)
//! ```
//!
//! Each server is built on the one behind it: it takes over its hooks and checks, and hands it
//! what it does not know itself.
//!
//! Go: apiserver/pkg/server/genericapiserver.go DelegationTarget

use std::sync::Arc;

use phase::{BoxFuture, trace::Trace};

use crate::{
    request::handler::Handler,
    server::{
        healthz::HealthChecker,
        hooks::{PostStartHookEntry, PreShutdownHookEntry},
        lifecycle_signals::LifecycleSignal,
        start_error::StartError,
    },
};

/// A server that another can be built on.
///
/// Go: apiserver/pkg/server/genericapiserver.go DelegationTarget
pub trait DelegationTarget: Send + Sync {
    /// The handler behind the filters, for requests that have passed another server's filters.
    fn unprotected_handler(&self) -> Option<Arc<dyn Handler>>;
    /// The hooks to run once the outermost server serves.
    fn post_start_hooks(&self) -> Vec<PostStartHookEntry>;
    /// The hooks to run before the outermost server stops.
    fn pre_shutdown_hooks(&self) -> Vec<PreShutdownHookEntry>;
    /// The checks of `/healthz`, which stand for all three endpoints.
    fn healthz_checks(&self) -> Vec<Arc<dyn HealthChecker>>;
    /// The paths to show on `/`.
    fn listed_paths(&self) -> Vec<String>;
    /// The server behind this one.
    fn next_delegate(&self) -> Option<Arc<dyn DelegationTarget>>;
    /// Does what can only be done once everything is installed; those behind go first.
    fn prepare_run<'a>(&'a self, trace: &'a Trace) -> BoxFuture<'a, Result<(), StartError>>;
    /// The moments after which an unknown path is really unknown, by name.
    fn mux_and_discovery_complete_signals(&self) -> Vec<LifecycleSignal>;
    /// Releases what the server holds; those behind go first.
    fn destroy(&self) -> BoxFuture<'_, ()>;
}

/// The end of the chain: nothing but a handler.
///
/// Go: apiserver/pkg/server/genericapiserver.go emptyDelegate
pub struct EmptyDelegate {
    handler: Option<Arc<dyn Handler>>,
}

/// Returns the end of a chain.
///
/// Go: apiserver/pkg/server/genericapiserver.go NewEmptyDelegate
pub fn new_empty_delegate() -> Arc<dyn DelegationTarget> {
    Arc::new(EmptyDelegate { handler: None })
}

/// Returns the end of a chain, with the handler for what nobody knows.
///
/// Go: apiserver/pkg/server/genericapiserver.go NewEmptyDelegateWithCustomHandler
pub fn new_empty_delegate_with_custom_handler(handler: Arc<dyn Handler>) -> Arc<dyn DelegationTarget> {
    Arc::new(EmptyDelegate { handler: Some(handler) })
}

impl DelegationTarget for EmptyDelegate {
    fn unprotected_handler(&self) -> Option<Arc<dyn Handler>> {
        self.handler.clone()
    }

    fn post_start_hooks(&self) -> Vec<PostStartHookEntry> {
        Vec::new()
    }

    fn pre_shutdown_hooks(&self) -> Vec<PreShutdownHookEntry> {
        Vec::new()
    }

    fn healthz_checks(&self) -> Vec<Arc<dyn HealthChecker>> {
        Vec::new()
    }

    fn listed_paths(&self) -> Vec<String> {
        Vec::new()
    }

    fn next_delegate(&self) -> Option<Arc<dyn DelegationTarget>> {
        None
    }

    fn prepare_run<'a>(&'a self, _trace: &'a Trace) -> BoxFuture<'a, Result<(), StartError>> {
        Box::pin(async { Ok(()) })
    }

    fn mux_and_discovery_complete_signals(&self) -> Vec<LifecycleSignal> {
        Vec::new()
    }

    fn destroy(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}
