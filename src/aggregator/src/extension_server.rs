//! A server behind a service: where it is, whom to trust there, and as whom to speak to it.
//!
//! Go: kube-aggregator/pkg/controllers/status/remote BuildTransportConfig, client-go/transport/round_trippers.go
//!
//! The aggregator shows its own certificate, signed by the front-proxy authority. Whoever shows it is believed when it
//! names the user in `X-Remote-*` headers: so the extension server need not know how users prove who they are.

use std::{sync::Arc, time::Duration};

use apimachinery::runtime::object::Object;
use auth::user;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use client::{
    rest,
    tls::{Credentials, Pem, TLSConfig, TlsTransport, Trust},
    transport::{self, Error, Transport},
    webhook::ServiceResolver,
};
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};

use crate::apiservice::{self, ServiceReference};

/// The front-proxy certificate and its key.
pub type ProxyClient = Option<(Pem, Pem)>;

/// Makes extension servers.
#[derive(Clone)]
pub struct Dialer {
    /// Finds the address of a service.
    pub resolver: Arc<dyn ServiceResolver>,
    /// Who this server is to them.
    pub proxy_client: ProxyClient,
}

/// One extension server, as one APIService describes it.
pub struct ExtensionServer {
    /// The service.
    pub service: ServiceReference,
    resolver: Arc<dyn ServiceResolver>,
    transport: TlsTransport,
}

/// An answer that has been read to its end.
pub struct Answer {
    /// Status and headers.
    pub head: http::response::Parts,
    /// Everything behind them.
    pub body: Bytes,
}

impl Dialer {
    /// Returns the server that an APIService names. Nothing is opened yet.
    pub fn server(&self, service: &ServiceReference, object: &Object) -> Result<ExtensionServer, String> {
        let bundle = object.str(&["spec", "caBundle"]);
        let insecure = object.get(&["spec", "insecureSkipTLSVerify"]) == Some(&true.into());
        let trust = match (insecure, bundle.is_empty()) {
            (true, _) => Trust::Anybody,
            (false, true) => Trust::System,
            (false, false) => Trust::Bundle(Pem::Data(STANDARD.decode(bundle).map_err(|error| error.to_string())?)),
        };
        let ServiceReference { namespace, name, port } = service.clone();
        let host = format!("{name}.{namespace}.svc");
        let config = TLSConfig { trust, identity: self.proxy_client.clone(), server_name: Some(host.clone()) };
        let resolver = self.resolver.clone();
        let dial = Arc::new(move |_: &http::Uri| resolver.resolve_endpoint(&namespace, &name, port));
        let base = format!("https://{host}:{port}");
        let transport = TlsTransport::dialing(&base, config, &Credentials::default(), dial)?;
        Ok(ExtensionServer { service: service.clone(), resolver: self.resolver.clone(), transport })
    }
}

impl ExtensionServer {
    /// Returns `host:port` as of now.
    pub fn resolve(&self) -> Result<String, String> {
        let ServiceReference { namespace, name, port } = &self.service;
        self.resolver.resolve_endpoint(namespace, name, *port)
    }

    /// Returns who carries requests there.
    pub fn transport(&self) -> &dyn Transport {
        &self.transport
    }

    /// Reads certificate and key again, if their files have changed.
    pub fn reload(&self) {
        if let Err(error) = self.transport.reload() {
            tracing::warn!("the front-proxy certificate cannot be read: {error}");
        }
    }

    /// Asks for a document as the aggregator itself.
    pub async fn get(&self, path: &str, headers: HeaderMap, timeout: Duration) -> Result<Answer, String> {
        let mut request = Request::get(path).body(transport::empty()).map_err(|error| error.to_string())?;
        *request.headers_mut() = headers;
        set_auth_proxy_headers(request.headers_mut(), &user::Info::new(AGGREGATOR, &[user::SYSTEM_PRIVILEGED_GROUP]));
        let exchange = async {
            let response = self.transport.send(request).await.map_err(|error| error.to_string())?;
            let (head, body) = response.into_parts();
            let body = rest::collect_foreign(body).await.map_err(|error| error.to_string())?;
            Ok(Answer { head, body })
        };
        tokio::time::timeout(timeout, exchange).await.unwrap_or_else(|_| Err(Error::Timeout.to_string()))
    }

    /// Returns the root of an APIService's resources.
    pub fn root(object: &Object) -> String {
        apiservice::root(&apiservice::group_version(object))
    }
}

/// As whom the aggregator asks for its own sake.
const AGGREGATOR: &str = "system:kube-aggregator";

/// The prefix of headers that name further attributes of a user.
const EXTRA: &str = "x-remote-extra-";

/// Says in headers who asks; what the client said itself is removed.
///
/// Go: client-go/transport/round_trippers.go SetAuthProxyHeaders
pub fn set_auth_proxy_headers(headers: &mut HeaderMap, user: &user::Info) {
    let theirs: Vec<HeaderName> = headers
        .keys()
        .filter(|name| matches!(name.as_str(), "x-remote-user" | "x-remote-uid" | "x-remote-group"))
        .chain(headers.keys().filter(|name| name.as_str().starts_with(EXTRA)))
        .cloned()
        .collect();
    for name in theirs {
        headers.remove(name);
    }
    let mut add = |name: String, value: &str| {
        let name = HeaderName::try_from(name);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
            headers.append(name, value);
        }
    };
    add("x-remote-user".to_owned(), &user.name);
    if !user.uid.is_empty() {
        add("x-remote-uid".to_owned(), &user.uid);
    }
    for group in &user.groups {
        add("x-remote-group".to_owned(), group);
    }
    for (key, values) in &user.extra {
        for value in values {
            add(format!("{EXTRA}{}", escape_key(key)), value);
        }
    }
}

/// Escapes what cannot stand in a header's name.
///
/// Go: client-go/transport/round_trippers.go headerKeyEscape
fn escape_key(key: &str) -> String {
    let mut escaped = String::new();
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&'*+-.^_`|~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// Headers about one connection's encryption that a reverse proxy adds for the server behind it.
///
/// Go: net/http/httputil ReverseProxy (X-Forwarded-For), apimachinery/pkg/util/proxy/transport.go RoundTrip
pub fn set_forwarded_headers(headers: &mut HeaderMap, remote_addr: &str, host: &str, path: &str) {
    let client = remote_addr.rsplit_once(':').map_or(remote_addr, |(host, _)| host).trim_matches(['[', ']']);
    if !client.is_empty() {
        let before: Vec<&str> =
            headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
        let all = [before, vec![client]].concat().join(", ");
        set(headers, "x-forwarded-for", &all);
    }
    set(headers, "x-forwarded-uri", path);
    set(headers, "x-forwarded-host", host);
    set(headers, "x-forwarded-proto", "https");
    set(headers, header::HOST.as_str(), host);
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_named_by_headers_and_cannot_name_another() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("x-remote-user", "root"), ("x-remote-extra-a", "b"), ("accept", "*/*")] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let mut ann = user::Info::new("ann", &["devs", "ops"]);
        ann.extra.insert("example.org/a b".to_owned(), vec!["1".to_owned()]);
        set_auth_proxy_headers(&mut headers, &ann);
        let mut all: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().expect("text"))).collect();
        all.sort();
        let expected = [
            "accept: */*",
            "x-remote-extra-example.org%2fa%20b: 1",
            "x-remote-group: devs",
            "x-remote-group: ops",
            "x-remote-user: ann",
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn the_way_of_a_request_is_told() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static("10.0.0.1"));
        set_forwarded_headers(&mut headers, "[::1]:4000", "a:443", "/apis");
        assert_eq!(headers["x-forwarded-for"], "10.0.0.1, ::1");
        assert_eq!((headers["host"].as_bytes(), headers["x-forwarded-uri"].as_bytes()), (&b"a:443"[..], &b"/apis"[..]));
    }
}
