//! What runs beside the server in the same process: the wait for readiness, and the small controllers.

use std::{sync::Arc, time::Duration};

use client::{
    cache::informer::SharedInformerFactory,
    rest::Client,
    tls::{Credentials, Pem, TLSConfig, TlsTransport, Trust},
};
use controlplane::apiserver::environment::Environment;
use http::Method;

use crate::{
    controllers::{self, Selection},
    pki::Pki,
};

/// What it needs.
pub struct Beside {
    /// Which controllers run.
    pub controllers: Selection,
    /// The server's address.
    pub server: String,
    /// How they reach the server.
    pub reach: Reach,
    /// The authority that `kube-root-ca.crt` publishes, PEM.
    pub root_ca: String,
}

/// How what runs beside the server reaches it.
pub enum Reach {
    /// As any client does: TLS, a certificate, the whole chain.
    Tls(Pki),
    /// Inside the process, since the server was given keys of its own.
    Loopback,
    /// Nothing runs beside the server.
    Not,
}

/// The name under which requests are made.
const USER_AGENT: &str = "kubestep-controllers";

/// How often an unready server is asked again.
const POLL: Duration = Duration::from_millis(20);

/// Waits until the server is ready, says so, and starts the controllers.
pub async fn run(environment: Environment, beside: Beside, ready: impl FnOnce() + Send) {
    let client = match &beside.reach {
        Reach::Tls(pki) => match client(&beside.server, pki) {
            Ok(client) => client,
            Err(error) => {
                tracing::error!("cannot speak to the server: {error:#}");
                return;
            }
        },
        Reach::Loopback => loop {
            if let Some(loopback) = environment.loopback.get() {
                break Client::new(loopback.clone(), USER_AGENT);
            }
            tokio::time::sleep(POLL).await;
        },
        Reach::Not => return,
    };
    while client.send(Method::GET, "/readyz", None).await.is_err() {
        tokio::select! {
            biased;
            () = environment.stop.cancelled() => return,
            () = tokio::time::sleep(POLL) => {}
        }
    }
    tracing::info!("ready at {}", beside.server);
    ready();
    let context = controllers::Context {
        informers: Arc::new(SharedInformerFactory::new(client.clone())),
        client,
        clock: environment.services.clock.clone(),
        stop: environment.stop.clone(),
        tasks: environment.tasks.clone(),
        root_ca: beside.root_ca,
    };
    controllers::start(&beside.controllers, &context);
}

fn client(server: &str, pki: &Pki) -> anyhow::Result<Client> {
    let pem = |text: String| Pem::Data(text.into_bytes());
    let identity = pki.issue_user("system:kubestep-controllers", &["system:masters"])?;
    let config = TLSConfig {
        trust: Trust::Bundle(pem(pki.read("ca.crt")?)),
        identity: Some((pem(identity.certificate), pem(identity.key))),
        server_name: None,
    };
    let transport = TlsTransport::new(server, config, &Credentials::default()).map_err(anyhow::Error::msg)?;
    Ok(Client::new(Arc::new(transport), USER_AGENT))
}
