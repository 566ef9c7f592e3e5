//! Everything known about one request, in named fields.
//!
//! Go: what apiserver/pkg/endpoints/request keeps in a `context.Context`

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use apimachinery::schema::empties::Empty;
use auth::user;
use client::transport::Body;
use http::{HeaderMap, Method, Uri, Version};
use parking_lot::Mutex;
use phase::{
    clock::{Clock, Nanos},
    ids::IdSource,
    snapshot::{Snapshot, Subject},
    trace::Trace,
};
use rustls_pki_types::CertificateDer;
use serde_json::{Value, json};

use crate::request::{latency::LatencyTrackers, requestinfo::RequestInfo};

/// What a request needs from the process: time and identity. Shared by all requests of a server.
#[derive(Clone, Debug)]
pub struct Services {
    /// Where times come from.
    pub clock: Arc<dyn Clock>,
    /// Where uids and generated names come from.
    pub ids: Arc<dyn IdSource>,
}

/// One request. Made by the connection (or the in-process client), filled in by the filters, read by the handlers.
pub struct Context {
    /// The HTTP method.
    pub method: Method,
    /// The request's URI; use `uri.path()`, for HTTP/2 has it absolute.
    pub uri: Uri,
    /// HTTP/1.1 or HTTP/2.
    pub version: Version,
    /// The headers. Authentication removes the credentials.
    pub headers: HeaderMap,
    /// The body, until a handler takes it with [`Context::take_body`]; `None` also when the request has none.
    /// Behind a lock only because a body cannot be shared between threads, and the context must be.
    pub body: Mutex<Option<Body>>,
    /// Upgrade handles and the like that hyper attached to the request.
    pub extensions: http::Extensions,
    /// The peer's address, `ip:port`; empty for in-process requests.
    pub remote_addr: Arc<str>,
    /// The certificates the client presented, leaf first; verified by the x509 authenticator, not before.
    pub peer_certificates: Arc<[CertificateDer<'static>]>,

    /// Names the request in audit events and in the `Audit-Id` header. Set by WithAuditInit.
    pub audit_id: String,
    /// Annotations for the audit event: decision, policy findings... Written by whoever decides.
    pub audit_annotations: Mutex<BTreeMap<String, String>>,
    /// Whether all paths are installed; set by WithMuxAndDiscoveryComplete. An unknown path is 503 until then.
    pub mux_and_discovery_complete: bool,
    /// When it arrived, on `services.clock`. Set by WithRequestReceivedTimestamp.
    pub received: Nanos,
    /// How long a person had held it by then, in nanoseconds.
    pub held_before: Nanos,
    /// How long it may take in all, not counting the time it is held. Set by WithRequestDeadline; `None`: as long as it likes.
    pub deadline: Option<Duration>,
    /// What it asks for. Set by WithRequestInfo.
    pub info: RequestInfo,
    /// Who asks. Set by WithAuthentication, replaced by impersonation.
    pub user: Option<Arc<user::Info>>,
    /// Who is asked to be acted as, once that is allowed; then also `user`. Set by WithConstrainedImpersonation.
    pub impersonated_user: Option<Arc<user::Info>>,
    /// What constrained it: `impersonate:user-info`; empty otherwise.
    pub impersonation_constraint: String,
    /// How it was classified for fairness. Set by WithPriorityAndFairness.
    pub flow_control: FlowControl,
    /// Where its time goes. Begun by WithLatencyTrackers, added to by whoever takes time.
    pub latency: LatencyTrackers,
    /// Texts for `Warning: 299` headers, in order, without repetition. Set by WithWarningRecorder.
    pub warnings: Warnings,
    /// Empty lists and maps of the body that were dropped when it was decoded; validation shows them. Set by whoever decodes.
    pub dropped: Mutex<Vec<Empty>>,
    /// How many filters lie behind the innermost one that was entered; the chain's own bookkeeping.
    pub(super) filters_left: usize,
    /// The phases of this request.
    pub trace: Trace,
    /// Time and identity.
    pub services: Services,
}

/// How a request was classified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowControl {
    /// The name of the flow schema that it matched; empty while, or if, it was not classified.
    pub flow_schema: String,
    /// The name of the priority level that serves it.
    pub priority_level: String,
    /// Seats it occupies while it is served.
    pub initial_seats: u32,
    /// Seats it occupies for a while afterwards.
    pub final_seats: u32,
}

/// The warnings of one request.
#[derive(Debug, Default)]
pub struct Warnings {
    texts: Mutex<Vec<String>>,
    /// Whether anybody will read them: in-process requests of the server itself do not.
    muted: AtomicBool,
}

impl Warnings {
    /// Adds a warning, unless it is already there.
    ///
    /// Go: apiserver/pkg/warning/context.go AddWarning
    pub fn add(&self, text: impl Into<String>) {
        let text = text.into();
        let mut texts = self.texts.lock();
        if !self.muted.load(std::sync::atomic::Ordering::Relaxed) && !texts.contains(&text) {
            texts.push(text);
        }
    }

    /// Drops those added so far and ignores those to come.
    pub fn mute(&self) {
        self.muted.store(true, std::sync::atomic::Ordering::Relaxed);
        self.texts.lock().clear();
    }

    /// Returns and removes the warnings so far.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.texts.lock())
    }
}

impl Context {
    /// Wraps a request that has just arrived.
    pub fn new<B: Into<Option<Body>>>(request: http::Request<B>, services: Services, trace: Trace) -> Self {
        let (parts, body) = request.into_parts();
        Self {
            method: parts.method,
            uri: parts.uri,
            version: parts.version,
            headers: parts.headers,
            body: Mutex::new(body.into()),
            extensions: parts.extensions,
            remote_addr: Arc::from(""),
            peer_certificates: Arc::from([]),
            audit_id: String::new(),
            audit_annotations: Mutex::default(),
            mux_and_discovery_complete: true,
            received: services.clock.now(),
            held_before: 0,
            deadline: None,
            info: RequestInfo::default(),
            user: None,
            impersonated_user: None,
            impersonation_constraint: String::new(),
            flow_control: FlowControl::default(),
            latency: LatencyTrackers::default(),
            warnings: Warnings::default(),
            dropped: Mutex::default(),
            filters_left: usize::MAX,
            trace,
            services,
        }
    }

    /// Takes the body; whoever comes second gets an empty one.
    pub fn take_body(&mut self) -> Body {
        self.body.get_mut().take().unwrap_or_else(client::transport::empty)
    }

    /// Returns the user. Behind the authentication filter there always is one.
    pub fn user(&self) -> Arc<user::Info> {
        self.user.clone().unwrap_or_else(|| Arc::new(user::Info::anonymous()))
    }

    /// Returns the first value of a query parameter, decoded; `None` if it is absent.
    pub fn query(&self, name: &str) -> Option<String> {
        self.query_pairs().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Returns a header as text; empty if it is absent or no text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Returns path and query as the client sent them, for messages and logs.
    pub fn request_uri(&self) -> &str {
        self.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str)
    }

    /// Returns the query's parameters in order, decoded as Go's `url.ParseQuery` does.
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        query_pairs(self.uri.query().unwrap_or_default())
    }

    /// Returns the nanoseconds the request has used so far: those it was held do not count.
    pub fn used(&self) -> Nanos {
        let held = self.trace.held().saturating_sub(self.held_before);
        self.services.clock.now().saturating_sub(self.received).saturating_sub(held)
    }

    /// Writes an annotation of the audit event; the first value of a key stays.
    pub fn annotate(&self, key: &str, value: impl Into<String>) {
        self.audit_annotations.lock().entry(key.to_owned()).or_insert_with(|| value.into());
    }
}

/// Returns the parameters of a query in order, decoded as Go's `url.ParseQuery` does.
pub fn query_pairs(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(k, v)| (decode(k), decode(v))).collect()
}

/// Returns a URL's path with its `%XX` decoded: what Go calls `URL.Path`, and what paths are matched with.
pub fn decode_path(path: &str) -> String {
    if path.contains('%') { decode(&path.replace('+', "%2B")) } else { path.to_owned() }
}

/// Decodes `%XX` and `+` of a query component; what is not UTF-8 is replaced.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = bytes.get(i + 1..i + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match (bytes[i], hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                i += 3;
            }
            (b'+', _) => {
                out.push(b' ');
                i += 1;
            }
            (byte, _) => {
                out.push(byte);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Headers whose values are never shown.
const SECRET_HEADERS: &[&str] = &["authorization", "cookie", "sec-websocket-protocol"];

impl Subject for Context {
    fn snapshot(&self) -> Arc<Snapshot> {
        let headers = self.headers.iter().map(|(name, value)| {
            let shown = if SECRET_HEADERS.contains(&name.as_str()) {
                "(redacted)".into()
            } else {
                String::from_utf8_lossy(value.as_bytes())
            };
            (name.to_string(), Value::from(shown))
        });
        Snapshot::value(
            "Request",
            json!({
                "method": self.method.as_str(),
                "uri": self.uri.to_string(),
                "version": format!("{:?}", self.version),
                "remoteAddr": &*self.remote_addr,
                "headers": headers.collect::<serde_json::Map<_, _>>(),
                "auditID": self.audit_id,
                "muxAndDiscoveryComplete": self.mux_and_discovery_complete,
                "info": self.info,
                "user": self.user,
                "deadline": self.deadline.map(|deadline| format!("{deadline:?}")),
                "warnings": *self.warnings.texts.lock(),
                "annotations": *self.audit_annotations.lock(),
            }),
        )
    }

    /// What can be changed while a request is held: headers, user and path. The rest follows from them.
    fn edit(&mut self, edited: &Value) -> Result<(), String> {
        if let Some(uri) = edited["uri"].as_str() {
            self.uri = uri.parse().map_err(|error| format!("uri: {error}"))?;
        }
        if let Some(user) = edited.get("user").filter(|user| !user.is_null()) {
            let user = serde_json::from_value(user.clone()).map_err(|error| format!("user: {error}"))?;
            self.user = Some(Arc::new(user));
        }
        for (name, value) in edited["headers"].as_object().into_iter().flatten() {
            let value = value.as_str().ok_or_else(|| format!("headers.{name}: must be a string"))?;
            if value != "(redacted)" {
                let name: http::HeaderName = name.parse().map_err(|error| format!("headers.{name}: {error}"))?;
                self.headers.insert(name, value.parse().map_err(|error| format!("header value: {error}"))?);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded_as_go_does() {
        assert_eq!(decode("a%20b+c%2"), "a b c%2");
        assert_eq!(decode_path("/a%2Fb+c"), "/a/b+c");
    }
}
