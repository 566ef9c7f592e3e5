//! Accepting peers, and letting them go.
//!
//! Go: apiserver/pkg/server/secure_serving.go Serve, RunServer

use std::{sync::Arc, time::Duration};

use phase::{catalog::Phase, snapshot::Nothing, trace::Trace};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::server::{
    handler::FullHandlerChain,
    secure_serving::{SecureServingInfo, connection::Connections, tls::DynamicServingCertificates},
    start_error::StartError,
};

/// How often certificate files are looked at.
///
/// Go: apiserver/pkg/server/dynamiccertificates/dynamic_serving_content.go FileRefreshDuration
const FILE_REFRESH_DURATION: Duration = Duration::from_mins(1);

/// A listener that is open, and its connections.
pub struct Serving {
    connections: Arc<Connections>,
    tracker: TaskTracker,
    stop_listening: CancellationToken,
    accept_loop: JoinHandle<()>,
}

impl SecureServingInfo {
    /// Opens the server: from here on requests are answered.
    ///
    /// Go: apiserver/pkg/server/secure_serving.go Serve
    pub async fn serve(&self, trace: &Trace, chain: Arc<FullHandlerChain>) -> Result<Serving, StartError> {
        let phase = trace.enter(Phase::Serve, &mut self.describe()).await?;
        let listener = self.listener.lock().take();
        let listener = listener.ok_or_else(|| StartError::new("serve", "the listener is already in use"))?;
        let certificates = DynamicServingCertificates::new(self.cert.clone(), self.sni_certs.clone());
        let certificates =
            Arc::new(certificates.map_err(|error| StartError::option("serve", "--tls-cert-file", error))?);
        let config = self.tls_config(certificates.clone()).map_err(|error| StartError::new("serve", error))?;
        let connections = Connections::new(self, TlsAcceptor::from(Arc::new(config)), chain);
        let serving = run_server(trace, listener, connections).await?;
        tokio::spawn(sync_certs(certificates, serving.stop_listening.clone()));
        tracing::info!("Serving securely on {}", self.address);
        phase.done();
        Ok(serving)
    }
}

/// Starts to accept connections, each in a task of its own.
///
/// Go: apiserver/pkg/server/secure_serving.go RunServer
async fn run_server(trace: &Trace, listener: TcpListener, connections: Connections) -> Result<Serving, StartError> {
    let phase = trace.enter(Phase::RunServer, &mut Nothing).await?;
    let (connections, tracker) = (Arc::new(connections), TaskTracker::new());
    let stop_listening = CancellationToken::new();
    let accept_loop = tokio::spawn(accept(listener, connections.clone(), tracker.clone(), stop_listening.clone()));
    phase.done();
    Ok(Serving { connections, tracker, stop_listening, accept_loop })
}

async fn accept(listener: TcpListener, connections: Arc<Connections>, tracker: TaskTracker, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, remote)) => {
                // Answers are written in one piece; waiting for more would only delay them.
                let _best_effort = stream.set_nodelay(true);
                let connections = connections.clone();
                tracker.spawn(async move { connections.serve(stream, remote).await });
            }
            Err(error) => {
                // Out of file descriptors, usually: others will be closed in a moment.
                tracing::warn!("http: Accept error: {error}; retrying");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Takes up changed certificate files while the server serves.
async fn sync_certs(certificates: Arc<DynamicServingCertificates>, stop: CancellationToken) {
    loop {
        tokio::select! {
            biased;
            () = tokio::time::sleep(FILE_REFRESH_DURATION) => {}
            () = stop.cancelled() => return,
        }
        match certificates.sync_certs() {
            Ok(true) => tracing::info!("Loaded a new serving certificate"),
            Ok(false) => {}
            Err(error) => tracing::error!("key failed with: {error}"),
        }
    }
}

impl Serving {
    /// Closes the listener, then lets connections finish; what is left after `timeout` is cut.
    ///
    /// `stopped_listening` is called between the two.
    pub async fn shutdown(self, timeout: Duration, stopped_listening: impl AsyncFnOnce()) {
        self.stop_listening.cancel();
        let _accepting_has_ended = self.accept_loop.await;
        stopped_listening().await;
        self.connections.drain.cancel();
        self.tracker.close();
        if tokio::time::timeout(timeout, self.tracker.wait()).await.is_err() {
            self.connections.cut.cancel();
            self.tracker.wait().await;
        }
    }
}
