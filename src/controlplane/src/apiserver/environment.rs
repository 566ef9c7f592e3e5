//! What a start is given from outside: time, identity, the backend, the stop signal.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use apiserver::{request::context::Services, server::options::etcd::EtcdOptions};
use client::transport::Transport;
use kv::backend::Backend;
use phase::{BoxFuture, trace::Tracer};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Opens keys and revisions as the options say; a sentence if that is not possible.
pub type OpenBackend = Arc<dyn Fn(&EtcdOptions) -> BoxFuture<'static, Result<Arc<dyn Backend>, String>> + Send + Sync>;

/// The parameters of the outermost call. Building starts nothing; what runs in the background ends with `stop`.
#[derive(Clone)]
pub struct Environment {
    /// Time and identity.
    pub services: Services,
    /// Starts the traces of requests.
    pub tracer: Arc<Tracer>,
    /// Opens the store.
    pub open_backend: OpenBackend,
    /// Ends everything.
    pub stop: CancellationToken,
    /// Waits for everything.
    pub tasks: TaskTracker,
    /// The way into the server from inside the process; written once the start has made it.
    pub loopback: Arc<OnceLock<Arc<dyn Transport>>>,
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("services", &self.services).finish_non_exhaustive()
    }
}
