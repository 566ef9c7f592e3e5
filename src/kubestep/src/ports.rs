//! What the interface needs of a server: to look inside it, and to send it requests.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use client::{
    rest,
    tls::{Credentials, Pem, TLSConfig, TlsTransport, Trust},
    transport::{self, Transport},
};
use control::ports::{
    Answer, Endpoint, InFlight, Inspect, Key, Keys, Lab, LabRequest, LabResponse, PortError, StoredValue, Traffic,
    Watcher,
};
use controlplane::registry::codec;
use http::Request;
use kv::backend::{Backend, KeyValue, List};
use parking_lot::Mutex;
use phase::trace::Trace;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{extension, kubeconfig, pki::Pki};

/// The store, once it is open.
pub type OpenedBackend = Arc<OnceLock<Arc<dyn Backend>>>;

/// Looks into the store.
pub struct StoreInspector {
    /// The store, once it is open.
    pub backend: OpenedBackend,
}

fn refuse(error: impl ToString) -> PortError {
    PortError(error.to_string())
}

fn key_of(kv: &KeyValue) -> Key {
    Key {
        key: kv.key.to_string(),
        mod_revision: kv.mod_revision as i64,
        create_revision: kv.create_revision as i64,
        version: kv.version as i64,
        size: kv.value.len(),
    }
}

impl StoreInspector {
    fn backend(&self) -> Result<&Arc<dyn Backend>, PortError> {
        self.backend.get().ok_or_else(|| PortError("the store is not open yet".to_owned()))
    }
}

impl Inspect for StoreInspector {
    fn keys(&self, prefix: String, revision: Option<i64>, limit: usize) -> Answer<'_, Keys> {
        Box::pin(async move {
            let backend = self.backend()?;
            let revisions = backend.revisions().await.map_err(refuse)?;
            let list = match revision {
                Some(revision) => backend.view(&prefix, revision.unsigned_abs()).await,
                None => {
                    let list = List { prefix: &prefix, start: None, revision: None, limit };
                    backend.list(&Trace::unwatched(), list).await
                }
            };
            let list = list.map_err(refuse)?;
            Ok(Keys {
                revision: list.revision as i64,
                oldest: revisions.viewable as i64,
                count: list.count as usize,
                keys: list.kvs.iter().take(limit).map(|kv| key_of(kv)).collect(),
            })
        })
    }

    fn value(&self, key: String, revision: Option<i64>) -> Answer<'_, StoredValue> {
        Box::pin(async move {
            let revision = revision.map(i64::unsigned_abs);
            let found = self.backend()?.get(&Trace::unwatched(), &key, revision).await.map_err(refuse)?;
            let kv = found.kv.ok_or_else(|| PortError(format!("{key} is not there")))?;
            let (encoding, object) = codec::describe(&kv.value);
            Ok(StoredValue { key: key_of(&kv), encoding: encoding.to_owned(), object })
        })
    }

    fn watchers(&self) -> Answer<'_, Vec<Watcher>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn in_flight(&self) -> Answer<'_, InFlight> {
        Box::pin(async { Ok(InFlight::default()) })
    }
}

/// Sends requests over TLS with real certificates, as any client does.
pub struct Laboratory {
    server: String,
    pki: Pki,
    traffic: Mutex<Option<CancellationToken>>,
    /// The groups of the users that were made for a lesson.
    groups: Mutex<BTreeMap<String, Vec<String>>>,
    stop: CancellationToken,
}

impl Laboratory {
    /// Returns the laboratory of a server.
    pub fn new(server: String, pki: Pki, stop: CancellationToken) -> Arc<Self> {
        Arc::new(Self { server, pki, traffic: Mutex::new(None), groups: Mutex::default(), stop })
    }

    /// Makes a client of a user; `admin` and `dev` have their certificates already.
    fn transport(&self, user: &str) -> anyhow::Result<TlsTransport> {
        let identity = match user {
            "" | "admin" => self.pki.identity("admin")?,
            "dev" => self.pki.identity("dev")?,
            other => {
                let groups = self.groups.lock().get(other).cloned().unwrap_or_default();
                self.pki.issue_user(other, &groups.iter().map(String::as_str).collect::<Vec<_>>())?
            }
        };
        let pem = |text: String| Pem::Data(text.into_bytes());
        let config = TLSConfig {
            trust: Trust::Bundle(pem(self.pki.read("ca.crt")?)),
            identity: Some((pem(identity.certificate), pem(identity.key))),
            server_name: None,
        };
        TlsTransport::new(&self.server, config, &Credentials::default()).map_err(anyhow::Error::msg)
    }

    async fn request(&self, request: &LabRequest) -> anyhow::Result<LabResponse> {
        let media = if request.content_type.is_empty() { "application/json" } else { &request.content_type };
        let body = request.body.as_ref().map_or_else(transport::empty, |body| transport::full(body.to_string()));
        let http = Request::builder()
            .method(request.method.as_str())
            .uri(&request.path)
            .header("content-type", media)
            .header("accept", "application/json")
            .header("user-agent", "kubestep-lab")
            .body(body)?;
        let response = self.transport(&request.user)?.send(http).await?;
        let code = response.status().as_u16();
        let bytes = rest::collect(response.into_body()).await?;
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes).into_owned()));
        Ok(LabResponse { code, body })
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

    fn webhook(&self, _behaviour: Value) -> Answer<'_, Endpoint> {
        Box::pin(async { Err(PortError("webhook servers come with the lessons that need them".to_owned())) })
    }

    fn extension(&self, behaviour: Value) -> Answer<'_, Endpoint> {
        Box::pin(async move {
            let behaviour = serde_json::from_value(behaviour).map_err(refuse)?;
            let address = extension::start(behaviour, &self.pki, self.stop.clone()).await.map_err(refuse)?;
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
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}
