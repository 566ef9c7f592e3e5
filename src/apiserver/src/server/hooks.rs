//! What a server does once it serves, and before it stops.
//!
//! A post-start hook is a named piece of work that begins when the listener is open: controllers,
//! bootstrap objects, informers. `/readyz` waits for each of them as `poststarthook/NAME`. A
//! pre-shutdown hook runs when the stop signal has arrived, while requests are still answered.
//!
//! Go: apiserver/pkg/server/hooks.go

use std::{fmt, panic::Location, sync::Arc};

use client::transport::Transport;
use phase::{BoxFuture, trace::Trace};
use tokio_util::sync::CancellationToken;

use crate::{
    request::context::{Context, Services},
    server::{healthz::HealthChecker, lifecycle_signals::LifecycleSignal},
};

/// What a post-start hook is given.
///
/// Go: apiserver/pkg/server/hooks.go PostStartHookContext
#[derive(Clone, Debug)]
pub struct PostStartHookContext {
    /// The way back into this server, as `system:apiserver`.
    pub loopback_client_config: Arc<dyn Transport>,
    /// Says when the hook's work, and all that it started, has to end.
    pub stop: CancellationToken,
    /// The start-up, for phases inside the hook.
    pub trace: Trace,
    /// Time and identity.
    pub services: Services,
}

/// The work of a post-start hook. Its error ends the process.
///
/// Go: apiserver/pkg/server/hooks.go PostStartHookFunc
pub type PostStartHookFunc = Arc<dyn Fn(PostStartHookContext) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// The work of a pre-shutdown hook.
///
/// Go: apiserver/pkg/server/hooks.go PreShutdownHookFunc
pub type PreShutdownHookFunc = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// A registered post-start hook. Shared by the server that has it and those that delegate to it.
///
/// Go: apiserver/pkg/server/hooks.go postStartHookEntry
#[derive(Clone)]
pub struct PostStartHookEntry {
    /// The name, without `poststarthook/`.
    pub name: Arc<str>,
    /// The work.
    pub hook: PostStartHookFunc,
    /// Where it was registered, for the error when someone takes the name again.
    pub originating_stack: &'static Location<'static>,
    /// Comes when the hook has returned without an error.
    pub done: LifecycleSignal,
}

/// A registered pre-shutdown hook.
///
/// Go: apiserver/pkg/server/hooks.go preShutdownHookEntry
#[derive(Clone)]
pub struct PreShutdownHookEntry {
    /// The name.
    pub name: Arc<str>,
    /// The work.
    pub hook: PreShutdownHookFunc,
}

impl PostStartHookEntry {
    /// Registers a hook; the caller's place in the source is kept.
    #[track_caller]
    pub fn new(name: &str, hook: PostStartHookFunc) -> Self {
        let originating_stack = Location::caller();
        Self { name: name.into(), hook, originating_stack, done: LifecycleSignal::new("PostStartHookDone") }
    }
}

impl fmt::Debug for PostStartHookEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (registered at {})", self.name, self.originating_stack)
    }
}

/// Wraps an async closure as a hook.
pub fn post_start_hook<F, Fut>(hook: F) -> PostStartHookFunc
where
    F: Fn(PostStartHookContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), String>> + Send + 'static,
{
    Arc::new(move |context| Box::pin(hook(context)))
}

/// Wraps an async closure as a pre-shutdown hook.
pub fn pre_shutdown_hook<F, Fut>(hook: F) -> PreShutdownHookFunc
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), String>> + Send + 'static,
{
    Arc::new(move || Box::pin(hook()))
}

/// The health check that waits for a hook.
///
/// Go: apiserver/pkg/server/hooks.go postStartHookHealthz
pub(super) struct PostStartHookHealthz {
    name: String,
    done: LifecycleSignal,
}

impl PostStartHookHealthz {
    pub(super) fn new(entry: &PostStartHookEntry) -> Self {
        Self { name: format!("poststarthook/{}", entry.name), done: entry.done.clone() }
    }
}

impl HealthChecker for PostStartHookHealthz {
    fn name(&self) -> &str {
        &self.name
    }

    fn check<'a>(&'a self, _cx: &'a Context) -> BoxFuture<'a, Result<(), String>> {
        let done = self.done.is_signaled();
        Box::pin(async move { if done { Ok(()) } else { Err("not finished".to_owned()) } })
    }
}
