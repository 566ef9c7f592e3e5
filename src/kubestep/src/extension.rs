//! A small extension API server for lessons: one kind, read-only, behind TLS, for front proxies alone.
//!
//! ```text
//! client --> kube-aggregator --front-proxy certificate, X-Remote-User--> this server
//! ```
//!
//! It believes `X-Remote-User` because only who holds a certificate of the front-proxy CA gets as far as to say it.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use rustls::{RootCertStore, ServerConfig, server::WebPkiClientVerifier};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    pki::Pki,
    tls_server::{self, Answered},
};

/// What it serves.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviour {
    /// The service in front of it: the name its certificate is for.
    service: String,
    group: String,
    version: String,
    kind: String,
    resource: String,
    /// Its objects.
    items: Vec<Value>,
}

/// Starts one on a free port; it ends with `stop`.
pub async fn start(behaviour: Behaviour, pki: &Pki, stop: CancellationToken) -> anyhow::Result<SocketAddr> {
    let tls = tls(&behaviour, pki)?;
    let behaviour = Arc::new(behaviour);
    tls_server::start(tls, move |request| answer(behaviour.clone(), request), stop).await
}

fn tls(behaviour: &Behaviour, pki: &Pki) -> anyhow::Result<ServerConfig> {
    let identity = pki.issue_server(&format!("{}.default.svc", behaviour.service))?;
    let mut front_proxies = RootCertStore::empty();
    front_proxies.add(CertificateDer::from_pem_slice(pki.read("front-proxy-ca.crt")?.as_bytes())?)?;
    let verifier = WebPkiClientVerifier::builder(Arc::new(front_proxies)).build().context("the front-proxy CA")?;
    let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes())?;
    Ok(ServerConfig::builder().with_client_cert_verifier(verifier).with_single_cert(vec![certificate], key)?)
}

async fn answer(behaviour: Arc<Behaviour>, request: Request<Incoming>) -> Answered {
    let user = request.headers().get("x-remote-user").and_then(|user| user.to_str().ok()).unwrap_or_default();
    let (code, body) = behaviour.find(request.uri().path(), user);
    Response::builder()
        .status(code)
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body.to_string())))
}

impl Behaviour {
    /// What is at a path, for a user.
    fn find(&self, path: &str, user: &str) -> (StatusCode, Value) {
        let Self { group, version, kind, resource, .. } = self;
        let api_version = format!("{group}/{version}");
        let told = |item: &Value| {
            let mut item = item.clone();
            item["apiVersion"] = json!(api_version);
            item["kind"] = json!(kind);
            item["told"] = json!(user);
            item
        };
        let rest = path.strip_prefix(&format!("/apis/{api_version}")).map(|rest| rest.trim_matches('/'));
        let name = rest.and_then(|rest| rest.strip_prefix(resource.as_str())?.strip_prefix('/'));
        match (rest, name) {
            (Some(""), _) => {
                let served = json!({"name": resource, "singularName": "", "namespaced": false, "kind": kind, "verbs": ["get", "list"]});
                let list = json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": [served]});
                (StatusCode::OK, list)
            }
            (Some(rest), _) if rest == resource => {
                let items: Vec<Value> = self.items.iter().map(told).collect();
                let list =
                    json!({"kind": format!("{kind}List"), "apiVersion": api_version, "metadata": {}, "items": items});
                (StatusCode::OK, list)
            }
            (_, Some(name)) if self.items.iter().any(|item| item["metadata"]["name"] == name) => {
                let item = self.items.iter().find(|item| item["metadata"]["name"] == name);
                (StatusCode::OK, item.map(told).unwrap_or_default())
            }
            _ => {
                let message = "the server could not find the requested resource";
                let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                    "message": message, "reason": "NotFound", "details": {}, "code": 404});
                (StatusCode::NOT_FOUND, status)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lists_and_gets_and_knows_nothing_else() {
        let behaviour: Behaviour = serde_json::from_value(json!({
            "service": "quotes", "group": "lab.example.com", "version": "v1", "kind": "Quote", "resource": "quotes",
            "items": [{"metadata": {"name": "one"}, "text": "hello"}],
        }))
        .expect("a behaviour");
        let find = |path| behaviour.find(path, "alice");
        assert_eq!(find("/apis/lab.example.com/v1").1["resources"][0]["name"], "quotes");
        assert_eq!(find("/apis/lab.example.com/v1/quotes").1["items"][0]["told"], "alice");
        assert_eq!(find("/apis/lab.example.com/v1/quotes/one").1["text"], "hello");
        for path in ["/apis/lab.example.com/v1/quotes/two", "/apis/lab.example.com/v1/quotesque", "/apis", "/"] {
            assert_eq!(find(path).0, StatusCode::NOT_FOUND, "{path}");
        }
    }
}
