//! Starts a server with a certificate authority of its own.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use apiserver::{
    request::context::Services,
    server::{
        config::Config,
        delegation,
        hooks::{self, PostStartHookEntry},
        loopback::LoopbackClientConfig,
        notfoundhandler::NotFoundHandler,
        secure_serving::{SecureServingInfo, tls::StaticCertKeyContent},
        start_error::StartError,
    },
};
use auth::{
    authentication::{Authenticator, Outcome, Request, Response},
    authorization::{Attributes, Authorizer, Verdict},
    user,
};
use client::transport::{self, Body, Transport};
use phase::{
    BoxFuture,
    clock::SystemClock,
    ids::Ids,
    trace::{Trace, Tracer},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls_pki_types::CertificateDer;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// A running server.
pub(crate) struct TestServer {
    pub(crate) address: std::net::SocketAddr,
    pub(crate) ca: CertificateDer<'static>,
    loopback: Arc<LoopbackClientConfig>,
    users: Arc<Mutex<Vec<String>>>,
    stop: CancellationToken,
    running: JoinHandle<Result<(), StartError>>,
}

impl TestServer {
    pub(crate) async fn start(adjust: impl FnOnce(&mut Config)) -> Self {
        let services = Services { clock: SystemClock::shared(), ids: Ids::shared() };
        let tracer = Tracer::new(services.clock.clone());
        let mut config = Config::new(services, tracer);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let (ca, cert) = certificates();
        let serving = SecureServingInfo::new(listener, Arc::new(cert)).expect("listener");
        let address = serving.address;
        let loopback = Arc::new(LoopbackClientConfig::new("secret"));
        let users = Arc::new(Mutex::new(Vec::new()));
        config.secure_serving = Some(Arc::new(serving));
        config.loopback_client_config = Some(loopback.clone());
        config.authentication.authenticator = Some(Arc::new(Everybody));
        config.authorization.authorizer = Some(Arc::new(Remembers(users.clone())));
        let hook = hooks::post_start_hook(|_| async { Ok(()) });
        config.add_post_start_hook(PostStartHookEntry::new("test", hook)).expect("registered");
        adjust(&mut config);

        let trace = Trace::unwatched();
        let end = delegation::new_empty_delegate_with_custom_handler(Arc::new(NotFoundHandler));
        let inner = config.clone().complete().new(&trace, "inner", end).await.expect("inner server");
        let mut front = config;
        // The hooks belong to the delegate, and come from there.
        front.post_start_hooks.clear();
        let server = front.complete().new(&trace, "front", inner).await.expect("server");
        let prepared = server.prepare(&trace).await.expect("prepared");
        let stop = CancellationToken::new();
        let running = tokio::spawn(prepared.run(trace, stop.clone()));
        Self { address, ca, loopback, users, stop, running }
    }

    pub(crate) async fn until_ready(&self) {
        while self.loopback("/readyz").await.status() != 200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Sends a GET in process, waiting for the server to serve.
    pub(crate) async fn loopback(&self, path: &str) -> http::Response<Body> {
        loop {
            let request = http::Request::get(path).body(transport::empty()).expect("request");
            match self.loopback.send(request).await {
                Ok(response) => return response,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    pub(crate) fn last_user(&self) -> String {
        self.users.lock().expect("lock").last().cloned().unwrap_or_default()
    }

    pub(crate) fn begin_stop(&self) {
        self.stop.cancel();
    }

    pub(crate) async fn stop(self) -> Result<(), StartError> {
        self.begin_stop();
        self.ended().await
    }

    pub(crate) async fn ended(self) -> Result<(), StartError> {
        self.running.await.expect("no panic")
    }
}

fn certificates() -> (CertificateDer<'static>, StaticCertKeyContent) {
    let mut params = CertificateParams::new(Vec::new()).expect("params");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("key")).expect("ca");
    let key = KeyPair::generate().expect("key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("params");
    let leaf = params.signed_by(&key, &ca).expect("certificate");
    let cert = StaticCertKeyContent {
        name: "test".to_owned(),
        cert: leaf.pem().into(),
        key: key.serialize_pem().into(),
        sni_names: Vec::new(),
    };
    (ca.der().clone(), cert)
}

/// Lets everybody in as nobody in particular.
struct Everybody;

impl Authenticator for Everybody {
    fn name(&self) -> &'static str {
        "everybody"
    }

    fn authenticate_request<'a>(&'a self, _: Request<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async { Ok(Some(Response::new(user::Info::new("somebody", &[])))) })
    }
}

/// Allows everything and remembers who asked.
struct Remembers(Arc<Mutex<Vec<String>>>);

impl Authorizer for Remembers {
    fn name(&self) -> &'static str {
        "remembers"
    }

    fn authorize<'a>(&'a self, _: &'a Trace, attributes: &'a Attributes) -> BoxFuture<'a, Verdict> {
        self.0.lock().expect("lock").push(attributes.user.name.clone());
        Box::pin(async { Verdict::allow("everything is allowed") })
    }
}
