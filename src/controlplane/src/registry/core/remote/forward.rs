//! Sends a request to where it is meant for, upgrades included.
//!
//! Go: apimachinery/pkg/util/proxy/{upgradeaware,transport}.go
//!
//! Simplified: links in HTML pages are not rewritten; a streaming protocol is passed through as the client chose it,
//! where Kubernetes may translate WebSocket to SPDY for older kubelets.

use apimachinery::api::errors::StatusError;
use apiserver::{
    registry::rest::Result,
    request::{context::Context, handler::Response, responses},
};
use client::{
    proxy,
    transport::{self, Transport},
};
use http::{HeaderName, HeaderValue, Method, Request, header};
use hyper::upgrade::OnUpgrade;

/// What becomes of a request on its way.
pub struct Target {
    /// `scheme://host:port`
    pub base: String,
    /// The path there.
    pub path: String,
    /// The query there, without a question mark; `None`: the request's own.
    pub query: Option<String>,
    /// What the other side is.
    pub kind: Kind,
}

/// What the other side is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A kubelet that speaks a streaming protocol only: exec, attach, port-forward.
    Stream,
    /// A web server, whose answers name places on it by our addresses.
    Web,
}

/// Sends the request, or says why it cannot be sent.
pub async fn forward(cx: &mut Context, transport: &dyn Transport, target: Target) -> Result<Response> {
    let upgrading = proxy::is_upgrade(&cx.headers);
    if target.kind == Kind::Stream && !upgrading {
        return Err(StatusError::new_bad_request("Upgrade request required"));
    }
    if !upgrading && target.path.is_empty() && matches!(cx.method, Method::GET | Method::HEAD) {
        return Ok(to_directory(cx));
    }
    let prefix = prefix(cx, &target.path);
    let request = request(cx, &target)?;
    let upgrade = cx.extensions.remove::<OnUpgrade>();
    match proxy::forward(transport, request, upgrade).await {
        Ok(mut response) => {
            if target.kind == Kind::Web {
                rewrite_location(&mut response, &target.base, &prefix);
            }
            Ok(response)
        }
        Err(error) if target.kind == Kind::Web => {
            Err(StatusError::new_service_unavailable(format!("error trying to reach service: {error}")))
        }
        Err(error) => Err(StatusError::new(500, "", error.to_string())),
    }
}

/// Answers a request for the root without a slash, so that relative links work.
///
/// Go: proxyRedirectsforRootPath
fn to_directory(cx: &Context) -> Response {
    let query = cx.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = Response::new(transport::empty());
    *response.status_mut() = http::StatusCode::MOVED_PERMANENTLY;
    if let Ok(location) = HeaderValue::from_str(&format!("{}/{query}", cx.uri.path())) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// The part of our path in front of theirs.
fn prefix(cx: &Context, path: &str) -> String {
    let ours = cx.uri.path();
    ours.strip_suffix(path).unwrap_or(ours).trim_end_matches('/').to_owned()
}

fn request(cx: &mut Context, target: &Target) -> Result<Request<transport::Body>> {
    let path = if target.path.is_empty() { "/" } else { &target.path };
    // What the other side is asked is ours to say for a stream; a web server sees what the client asked.
    let query = match &target.query {
        Some(query) => query.clone(),
        None => cx.uri.query().unwrap_or_default().to_owned(),
    };
    let uri =
        if query.is_empty() { format!("{}{path}", target.base) } else { format!("{}{path}?{query}", target.base) };
    let mut request = Request::builder().method(cx.method.clone()).uri(uri).body(cx.take_body());
    if let Ok(request) = &mut request {
        *request.headers_mut() = cx.headers.clone();
        request.headers_mut().remove(header::HOST);
        if target.kind == Kind::Web {
            add_forwarded(cx, request.headers_mut());
        }
    }
    request.map_err(|error| StatusError::new_bad_request(error.to_string()))
}

/// Tells a web server under which address the client knows it.
fn add_forwarded(cx: &Context, headers: &mut http::HeaderMap) {
    let host = cx.headers.get(header::HOST).cloned();
    let host = host.or_else(|| HeaderValue::from_str(cx.uri.authority()?.as_str()).ok());
    let values = [
        ("x-forwarded-uri", HeaderValue::from_str(cx.uri.path()).ok()),
        ("x-forwarded-host", host),
        ("x-forwarded-proto", Some(HeaderValue::from_static("https"))),
    ];
    for (name, value) in values {
        if let Some(value) = value {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    let client = cx.remote_addr.rsplit_once(':').map_or("", |(address, _)| address);
    let known = cx.header("x-forwarded-for");
    let chain = if known.is_empty() { client.to_owned() } else { format!("{known}, {client}") };
    if let Ok(value) = HeaderValue::from_str(&chain)
        && !client.is_empty()
    {
        headers.insert(HeaderName::from_static("x-forwarded-for"), value);
    }
}

/// Makes a redirect within the other side one within our address of it.
///
/// Go: transport.go rewriteURL
fn rewrite_location(response: &mut Response, base: &str, prefix: &str) {
    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let Some(location) = location else { return };
    let path = location.strip_prefix(base).unwrap_or(location);
    if path.starts_with('/')
        && !path.starts_with("//")
        && let Ok(value) = HeaderValue::from_str(&format!("{prefix}{path}"))
    {
        response.headers_mut().insert(header::LOCATION, value);
    }
}

/// Answers with an error.
pub fn answer(result: Result<Response>) -> Response {
    result.unwrap_or_else(|error| responses::status(&error))
}
