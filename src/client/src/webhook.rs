//! One POST to somebody who was asked to take part: the client of all webhooks.
//!
//! Go: apiserver/pkg/util/webhook/client.go
//!
//! Admission, conversion, authentication, authorization and audit send documents to servers that are named by URL or
//! by service, each with a bundle of authorities of its own. Connections are kept per server and bundle.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Uri, header};
use parking_lot::Mutex;

use crate::{
    outside, rest,
    tls::{self, Dial, Pem, Pool, TLSConfig, Trust, Versions},
    transport::{self, Body},
};

/// How many pools are kept. A pool more makes all of them be made anew.
const MAX_POOLS: usize = 256;

/// Where a webhook listens.
///
/// Go: apiserver/pkg/util/webhook/client.go ClientConfig
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientConfig {
    /// By URL or by service.
    pub target: Target,
    /// Its authorities in PEM; empty: those that the system trusts.
    pub ca_bundle: Vec<u8>,
}

/// The two ways to name a server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// `https://...`
    Url(String),
    /// A service of the cluster.
    Service {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The path, with or without a slash in front.
        path: String,
        /// The port.
        port: u16,
    },
}

/// Finds out where a service listens: `host:port`.
///
/// Go: apiserver/pkg/util/webhook/serviceresolver.go ServiceResolver
pub trait ServiceResolver: Send + Sync {
    /// Returns the address.
    fn resolve_endpoint(&self, namespace: &str, name: &str, port: u16) -> Result<String, String>;
}

/// Why a webhook gave no answer. The sentences are what the user finds in the refusal.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The client cannot be made: a bundle that is none.
    #[error("{0}")]
    Client(String),
    /// Nobody answered, or not in time.
    #[error("Post {url:?}: {cause}")]
    Unreachable {
        /// The URL with its query.
        url: String,
        /// What happened.
        cause: String,
    },
    /// The answer was a refusal of HTTP.
    #[error("{0}")]
    Status(Box<apimachinery::api::errors::StatusError>),
}

/// Makes and keeps the clients.
///
/// Go: apiserver/pkg/util/webhook/client.go ClientManager
pub struct ClientManager {
    resolver: Arc<dyn ServiceResolver>,
    /// By configuration. Emptied when [`MAX_POOLS`] is reached.
    pools: Mutex<BTreeMap<ClientConfig, Pool>>,
}

impl fmt::Debug for ClientManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientManager")
    }
}

/// A good answer: 200 or 201.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub code: u16,
    /// Its `Content-Type`.
    pub content_type: String,
    /// The document.
    pub body: Bytes,
}

impl ClientManager {
    /// Finds services through `resolver`.
    pub fn new(resolver: Arc<dyn ServiceResolver>) -> Self {
        Self { resolver, pools: Mutex::default() }
    }

    /// Sends a JSON document and returns the answer. `timeout` is told to the webhook, rounded up to seconds.
    pub async fn post(&self, config: &ClientConfig, document: Bytes, timeout: Duration) -> Result<Answer, CallError> {
        let seconds = timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0);
        let url = format!("{}?timeout={}", config.target.url(), go_duration(seconds));
        let pool = self.pool(config).map_err(CallError::Client)?;
        let unreachable = |cause: String| CallError::Unreachable { url: url.clone(), cause };
        let request = Request::builder()
            .method(Method::POST)
            .uri(&url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONTENT_LENGTH, document.len())
            .header(header::ACCEPT, "application/json, */*")
            .header(header::USER_AGENT, "kube-apiserver-admission")
            .body(transport::full(document))
            .map_err(|error| unreachable(error.to_string()))?;
        match tokio::time::timeout(timeout, exchange(&pool, request)).await {
            Err(_) => Err(unreachable("context deadline exceeded".to_owned())),
            Ok(Err(cause)) => Err(unreachable(cause)),
            Ok(Ok((head, body))) if head.status.is_success() => {
                let content_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
                let content_type = content_type.unwrap_or_default().to_owned();
                Ok(Answer { code: head.status.as_u16(), content_type, body })
            }
            Ok(Ok((head, body))) => {
                Err(CallError::Status(Box::new(rest::status_error(head.status, &head.headers, &body))))
            }
        }
    }

    fn pool(&self, config: &ClientConfig) -> Result<Pool, String> {
        if let Some(pool) = self.pools.lock().get(config) {
            return Ok(pool.clone());
        }
        let trust = match config.ca_bundle.is_empty() {
            true => Trust::System,
            false => Trust::Bundle(Pem::Data(config.ca_bundle.clone())),
        };
        let (server_name, dial): (_, Dial) = match &config.target {
            Target::Url(_) => (None, Arc::new(tls::dial_host)),
            Target::Service { namespace, name, port, .. } => {
                let (namespace, name, port, resolver) = (namespace.clone(), name.clone(), *port, self.resolver.clone());
                let server_name = format!("{name}.{namespace}.svc");
                (Some(server_name), Arc::new(move |_: &Uri| resolver.resolve_endpoint(&namespace, &name, port)))
            }
        };
        let pool = tls::pool(&TLSConfig { trust, identity: None, server_name }, dial, Versions::Both)?;
        let mut pools = self.pools.lock();
        if pools.len() >= MAX_POOLS {
            pools.clear();
        }
        pools.insert(config.clone(), pool.clone());
        Ok(pool)
    }
}

/// Sends a request and reads the whole answer.
async fn exchange(pool: &Pool, request: Request<Body>) -> Result<(http::response::Parts, Bytes), String> {
    let _asked = outside::asked();
    let response = pool.request(request).await.map_err(|error| tls::cause(&error))?;
    let (head, body) = response.into_parts();
    let limited = http_body_util::Limited::new(body, rest::MAX_FOREIGN_BODY);
    let body = http_body_util::BodyExt::collect(limited).await.map_err(|error| tls::cause(&*error))?;
    Ok((head, body.to_bytes()))
}

impl Target {
    /// Returns the URL without a query. A service is named as its certificate names it.
    fn url(&self) -> String {
        match self {
            Self::Url(url) => {
                let host = url.find("://").map_or(0, |scheme| scheme + 3);
                let path = url[host..].find('/').map_or(url.len(), |slash| host + slash);
                format!("{}{}", &url[..path], clean(&url[path..]))
            }
            Self::Service { namespace, name, path, port } => {
                format!("https://{name}.{namespace}.svc:{port}{}", clean(path))
            }
        }
    }
}

/// Returns the shortest form of a path: one slash between two parts, none at the end. Servers in Go redirect who sends
/// another.
///
/// Go: client-go/rest/url_utils.go DefaultVersionedAPIPath (its path.Join)
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Writes whole seconds as Go writes a duration: `1m5s`.
fn go_duration(seconds: u64) -> String {
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct NoServices;

    impl ServiceResolver for NoServices {
        fn resolve_endpoint(&self, _: &str, name: &str, _: u16) -> Result<String, String> {
            Err(format!("service {name:?} not found"))
        }
    }

    async fn call(target: Target) -> String {
        let manager = ClientManager::new(Arc::new(NoServices));
        let config = ClientConfig { target, ca_bundle: Vec::new() };
        let answer = manager.post(&config, Bytes::from_static(b"{}"), Duration::from_millis(9500)).await;
        answer.expect_err("nobody answers").to_string()
    }

    #[tokio::test]
    async fn the_cause_is_told_as_go_tells_it() {
        // A port that was free a moment ago refuses connections.
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("port").port();
        let error = call(Target::Url(format!("https://127.0.0.1:{port}/x"))).await;
        let expected = format!(
            "Post \"https://127.0.0.1:{port}/x?timeout=10s\": dial tcp 127.0.0.1:{port}: connect: connection refused"
        );
        assert_eq!(error, expected);

        let service = Target::Service { namespace: "shop".into(), name: "hook".into(), path: "/x".into(), port: 443 };
        let error = call(service).await;
        assert_eq!(error, "Post \"https://hook.shop.svc:443/x?timeout=10s\": service \"hook\" not found");
    }

    #[tokio::test]
    async fn an_answer_without_end_is_not_kept() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("listener");
        let port = listener.local_addr().expect("address").port();
        let endless = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a peer");
            let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            let mut chunk = b"10000\r\n".to_vec();
            chunk.extend(vec![b' '; 0x10000]);
            chunk.extend(b"\r\n");
            let mut sent = tokio::io::AsyncWriteExt::write_all(&mut stream, head).await;
            while sent.is_ok() {
                sent = tokio::io::AsyncWriteExt::write_all(&mut stream, &chunk).await;
            }
        });
        let manager = ClientManager::new(Arc::new(NoServices));
        let config = ClientConfig { target: Target::Url(format!("http://127.0.0.1:{port}/x")), ca_bundle: Vec::new() };
        let answer = manager.post(&config, Bytes::from_static(b"{}"), Duration::from_mins(10)).await;
        assert!(answer.is_err());
        endless.await.expect("the peer was let go");
    }

    #[test]
    fn paths_are_in_their_shortest_form() {
        let url = |url: &str| Target::Url(url.to_owned()).url();
        assert_eq!(url("https://127.0.0.1:9443//validate/./pods/"), "https://127.0.0.1:9443/validate/pods");
        assert_eq!(url("https://hook.example"), "https://hook.example/");
        assert_eq!(clean("a//b/../c"), "/a/c");
    }
}
