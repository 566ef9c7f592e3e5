//! What a lesson needs around a server: users with certificates, servers beside it, requests sent to it.
//!
//! A learner's requests go over TLS, as any client's. Those of a replay go in process, one after the other, with the
//! same certificates: nothing of the network may decide what comes first.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use apiserver::server::loopback::Door;
use client::{
    rest,
    tls::{Credentials, Pem, TLSConfig, TlsTransport, Trust},
    transport::{self, Body, Transport},
};
use control::ports::{ANONYMOUS, Answer, Endpoint, Lab, LabRequest, LabResponse, PortError, Traffic};
use http::Request;
use parking_lot::Mutex;
use phase::record::TraceKind;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    extension, kubeconfig,
    pki::{Identity, Pki},
    ports::refuse,
    webhook::{self, Heard},
};

/// Sends requests with real certificates.
pub struct Laboratory {
    server: String,
    pki: Pki,
    /// The way in without a network, for lessons that must repeat.
    door: Option<Arc<Door>>,
    traffic: Mutex<Option<CancellationToken>>,
    /// The groups of the users that were made for a lesson.
    groups: Mutex<BTreeMap<String, Vec<String>>>,
    heard: Heard,
    /// The ports of the servers beside this one, in the order of their start.
    ports: Mutex<Vec<String>>,
    stop: CancellationToken,
}

impl Laboratory {
    /// Returns the laboratory of a server.
    pub fn new(server: String, pki: Pki, door: Option<Arc<Door>>, stop: CancellationToken) -> Arc<Self> {
        let (traffic, groups, heard, ports) = (Mutex::new(None), Mutex::default(), Heard::default(), Mutex::default());
        Arc::new(Self { server, pki, door, traffic, groups, heard, ports, stop })
    }

    /// Returns what a user shows; `admin` and `dev` have their certificates already, nobody has none.
    fn identity(&self, user: &str) -> anyhow::Result<Option<Identity>> {
        Ok(Some(match user {
            ANONYMOUS => return Ok(None),
            "" | "admin" => self.pki.identity("admin")?,
            "dev" => self.pki.identity("dev")?,
            other => {
                let groups = self.groups.lock().get(other).cloned().unwrap_or_default();
                self.pki.issue_user(other, &groups.iter().map(String::as_str).collect::<Vec<_>>())?
            }
        }))
    }

    /// Makes a client of a user.
    fn transport(&self, user: &str) -> anyhow::Result<TlsTransport> {
        let pem = |text: String| Pem::Data(text.into_bytes());
        let config = TLSConfig {
            trust: Trust::Bundle(pem(self.pki.read("ca.crt")?)),
            identity: self.identity(user)?.map(|identity| (pem(identity.certificate), pem(identity.key))),
            server_name: None,
        };
        TlsTransport::new(&self.server, config, &Credentials::default()).map_err(anyhow::Error::msg)
    }

    async fn request(&self, request: &LabRequest) -> anyhow::Result<LabResponse> {
        let media = if request.content_type.is_empty() { "application/json" } else { &request.content_type };
        let body = request.body.as_ref().map_or_else(transport::empty, |body| transport::full(body.to_string()));
        let mut http = Request::builder()
            .method(request.method.as_str())
            .uri(&request.path)
            .header("content-type", media)
            .header("accept", "application/json")
            .header("user-agent", "kubestep-lab");
        for (name, value) in &request.headers {
            http = http.header(name, value);
        }
        let response = self.hand_over(&request.user, http.body(body)?).await?;
        let code = response.status().as_u16();
        let bytes = rest::collect(response.into_body()).await?;
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes).into_owned()));
        Ok(LabResponse { code, body })
    }

    async fn hand_over(&self, user: &str, request: Request<Body>) -> anyhow::Result<http::Response<Body>> {
        let Some(door) = &self.door else { return Ok(self.transport(user)?.send(request).await?) };
        let identity = self.identity(user)?;
        let certificates = identity.map(|identity| CertificateDer::from_pem_slice(identity.certificate.as_bytes()));
        let certificates = certificates.transpose()?.into_iter().collect();
        Ok(door.send(request, certificates, TraceKind::Request).await?)
    }

    fn remember(&self, port: &str) {
        self.ports.lock().push(port.to_owned());
    }
}

/// What the built-in traffic asks, again and again: an administrator who may, a developer who may not always.
const TRAFFIC: [(&str, &str); 6] = [
    ("admin", "/api/v1/namespaces"),
    ("dev", "/api/v1/namespaces/default/pods"),
    ("admin", "/apis/apps/v1/deployments?limit=50"),
    ("dev", "/version"),
    ("admin", "/api/v1/namespaces/kube-system/configmaps"),
    ("dev", "/apis"),
];

/// Time between two requests of the built-in traffic.
const PAUSE: Duration = Duration::from_millis(400);

impl Lab for Laboratory {
    fn user(&self, name: String, groups: Vec<String>) -> Answer<'_, PathBuf> {
        Box::pin(async move {
            let names: Vec<&str> = groups.iter().map(String::as_str).collect();
            let identity = self.pki.issue_user(&name, &names).map_err(refuse)?;
            let path = self.pki.path(&format!("{name}.kubeconfig"));
            kubeconfig::write_for(&path, &self.server, &self.pki, &name, identity).map_err(refuse)?;
            self.groups.lock().insert(name, groups);
            Ok(path)
        })
    }

    fn webhook(&self, behaviour: Value) -> Answer<'_, Endpoint> {
        Box::pin(async move {
            let behaviour = serde_json::from_value(behaviour).map_err(refuse)?;
            let started = webhook::start(behaviour, &self.pki, self.heard.clone(), self.stop.clone()).await;
            let url = started.map_err(refuse)?;
            self.remember(url.rsplit([':', '/']).nth(1).unwrap_or_default());
            let ca_bundle = self.pki.read("ca.crt").map_err(refuse)?;
            Ok(Endpoint { url, ca_bundle })
        })
    }

    fn heard(&self) -> Value {
        let heard = self.heard.lock();
        let told = heard
            .iter()
            .map(|(name, questions)| (name.clone(), json!({"calls": questions.calls, "last": questions.last})));
        Value::Object(told.collect())
    }

    fn stand_ins(&self) -> Vec<(String, String)> {
        let server = self.server.rsplit(':').next().unwrap_or_default().to_owned();
        let beside =
            self.ports.lock().iter().cloned().zip(8443..).map(|(port, shown)| (port, shown.to_string())).collect();
        let dir = self.pki.path("").parent().map(|dir| (dir.display().to_string(), "/data".to_owned()));
        [vec![(server, "6443".to_owned())], beside, dir.into_iter().collect()].concat()
    }

    fn extension(&self, behaviour: Value) -> Answer<'_, Endpoint> {
        Box::pin(async move {
            let behaviour = serde_json::from_value(behaviour).map_err(refuse)?;
            let address = extension::start(behaviour, &self.pki, self.stop.clone()).await.map_err(refuse)?;
            self.remember(&address.port().to_string());
            let ca_bundle = self.pki.read("ca.crt").map_err(refuse)?;
            Ok(Endpoint { url: format!("https://{address}"), ca_bundle })
        })
    }

    fn send(&self, request: LabRequest) -> Answer<'_, LabResponse> {
        Box::pin(async move { self.request(&request).await.map_err(refuse) })
    }

    fn traffic(&self, traffic: Traffic) -> Answer<'_, ()> {
        let mut running = self.traffic.lock();
        if let Some(before) = running.take() {
            before.cancel();
        }
        if traffic == Traffic::On {
            let stop = self.stop.child_token();
            *running = Some(stop.clone());
            let (Ok(admin), Ok(dev)) = (self.transport("admin"), self.transport("dev")) else {
                return Box::pin(async { Err(PortError("the users' certificates cannot be read".to_owned())) });
            };
            tokio::spawn(flow(admin, dev, stop));
        }
        Box::pin(async { Ok(()) })
    }
}

/// Sends the traffic until it is stopped. A connection that is refused is part of it: the server may not serve yet.
async fn flow(admin: TlsTransport, dev: TlsTransport, stop: CancellationToken) {
    for (user, path) in TRAFFIC.iter().cycle() {
        let transport = if *user == "admin" { &admin } else { &dev };
        let request = Request::builder().uri(*path).header("user-agent", format!("kubestep-traffic/{user}"));
        if let Ok(request) = request.body(transport::empty())
            && let Ok(response) = transport.send(request).await
        {
            rest::collect(response.into_body()).await.unwrap_or_default();
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}
