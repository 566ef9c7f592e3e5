//! One APIService's requests: to the next server of the chain, or to an extension server.
//!
//! Go: kube-aggregator/pkg/apiserver/handler_proxy.go
//!
//! ```text
//!   local          -> the delegate; its director enters the next phase
//!   not available  -> 503 service unavailable
//!   else           -> phase `proxy`: resolve the service, name the user in headers, stream there and back
//! ```

use std::{sync::Arc, time::Duration};

use apimachinery::runtime::object::Object;
use apiserver::request::{
    context::Context,
    handler::{self, Handler, Response},
    responses,
};
use arc_swap::ArcSwapOption;
use client::{proxy, transport::Error};
use http::{HeaderValue, Request, StatusCode, Uri, header};
use hyper::upgrade::OnUpgrade;
use phase::{BoxFuture, catalog::Phase};

use crate::{
    apiservice::{self, ServiceReference},
    extension_server::{self, Dialer, ExtensionServer},
};

/// How long an extension server may take to say what it has.
///
/// Go: apiserver/pkg/util/proxy/proxy.go aggregatedDiscoveryTimeout
const DISCOVERY_TIMEOUT: Duration = Duration::from_secs(5);

/// The handler of one APIService. It outlives changes of the object.
///
/// Go: proxyHandler
pub struct ProxyHandler {
    /// The next server of the chain.
    local_delegate: Arc<dyn Handler>,
    dialer: Dialer,
    /// Whether an extension server may send clients elsewhere.
    reject_forwarding_redirects: bool,
    /// What the object says. Written by the registration controller alone.
    handling_info: ArcSwapOption<ProxyHandlingInfo>,
}

/// Go: proxyHandlingInfo
struct ProxyHandlingInfo {
    name: String,
    /// `None`: local.
    remote: Option<Remote>,
}

struct Remote {
    available: bool,
    /// What the connection is made of, to see whether it can be kept.
    spec: (ServiceReference, Object),
    /// An error is told to every client.
    server: Result<Arc<ExtensionServer>, String>,
}

impl ProxyHandler {
    /// Returns a handler that knows no object yet, and asks the delegate.
    pub fn new(local_delegate: Arc<dyn Handler>, dialer: Dialer, reject_forwarding_redirects: bool) -> Self {
        Self { local_delegate, dialer, reject_forwarding_redirects, handling_info: ArcSwapOption::empty() }
    }

    /// Takes over what an object says. Connections are kept while service and trust stay.
    ///
    /// Go: updateAPIService
    pub fn update_api_service(&self, object: &Object) {
        let remote = apiservice::service(object).map(|service| {
            let spec = (service.clone(), trust_of(object));
            let before = self.handling_info.load_full();
            let kept = before.as_ref().and_then(|info| info.remote.as_ref()).filter(|remote| remote.spec == spec);
            let server = match kept.and_then(|remote| remote.server.as_ref().ok()) {
                Some(server) => {
                    server.reload();
                    Ok(server.clone())
                }
                None => self.dialer.server(&service, object).map(Arc::new),
            };
            if let Err(error) = &server {
                tracing::warn!("{}: {error}", object.name());
            }
            Remote { available: apiservice::is_available(object), spec, server }
        });
        self.handling_info.store(Some(Arc::new(ProxyHandlingInfo { name: object.name().to_owned(), remote })));
    }

    /// Returns the extension server, for those who collect its documents.
    pub fn server(&self) -> Option<Arc<ExtensionServer>> {
        self.handling_info.load().as_ref()?.remote.as_ref()?.server.as_ref().ok().cloned()
    }
}

/// The fields of a spec that decide how a connection is made.
fn trust_of(object: &Object) -> Object {
    let mut trust = Object::default();
    for field in ["caBundle", "insecureSkipTLSVerify"] {
        if let Some(value) = object.get(&["spec", field]) {
            trust.set(&["spec", field], value.clone());
        }
    }
    trust
}

impl Handler for ProxyHandler {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        Box::pin(async move {
            let info = self.handling_info.load_full();
            let Some((name, remote)) = info.as_ref().and_then(|info| Some((&info.name, info.remote.as_ref()?))) else {
                return self.local_delegate.serve(cx).await;
            };
            let trace = cx.trace.clone();
            let guard = match trace.enter_labelled(Phase::Proxy, name.clone(), cx).await {
                Ok(guard) => guard,
                Err(interrupted) => return handler::interrupted_response(interrupted),
            };
            let response = self.proxy(remote, cx).await;
            handler::end(guard, &response, false);
            response
        })
    }
}

impl ProxyHandler {
    async fn proxy(&self, remote: &Remote, cx: &mut Context) -> Response {
        if !remote.available {
            return unavailable("service unavailable");
        }
        let server = match &remote.server {
            Ok(server) => server,
            Err(error) => return responses::text(500, error),
        };
        if cx.user.is_none() {
            return responses::text(500, "missing user");
        }
        let host = match server.resolve() {
            Ok(host) => host,
            Err(error) => {
                let ServiceReference { namespace, name, .. } = &server.service;
                tracing::error!("error resolving {namespace}/{name}: {error}");
                return unavailable("service unavailable");
            }
        };
        let upgrade = cx.extensions.remove::<OnUpgrade>();
        let request = match outgoing(cx, &host) {
            Ok(request) => request,
            Err(error) => return unavailable(&error),
        };
        let limit = if is_discovery(cx) { DISCOVERY_TIMEOUT } else { Duration::MAX };
        let exchange = proxy::forward(server.transport(), request, upgrade);
        let answer = match tokio::time::timeout(limit, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::Timeout),
        };
        match answer {
            Ok(response) => self.incoming(response),
            Err(error) => unavailable(&format!("error trying to reach service: {error}")),
        }
    }

    /// What of the answer the client may see.
    fn incoming(&self, mut response: Response) -> Response {
        let elsewhere = response.status().is_redirection() && response.headers().contains_key(header::LOCATION);
        if self.reject_forwarding_redirects && elsewhere {
            let text = "the backend attempted to redirect this request, which is not permitted";
            return responses::with_body(502, text, HeaderValue::from_static("text/plain; charset=utf-8"));
        }
        // Which web origins may call is this server's decision.
        for name in [
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            header::ACCESS_CONTROL_ALLOW_METHODS,
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
        ] {
            response.headers_mut().remove(name);
        }
        response
    }
}

fn unavailable(text: &str) -> Response {
    responses::text(StatusCode::SERVICE_UNAVAILABLE.as_u16(), text)
}

/// `/apis/GROUP/VERSION` is what a server says about itself: cheap, and waited for by many.
///
/// Go: apiserver/pkg/util/proxy/proxy.go NewRequestForProxy
fn is_discovery(cx: &Context) -> bool {
    !cx.info.is_resource_request && cx.info.path.trim_matches('/').split('/').count() == 3
}

/// The request as the extension server gets it.
fn outgoing(cx: &mut Context, host: &str) -> Result<Request<client::transport::Body>, String> {
    let target: Uri = target(cx).parse().map_err(|error| format!("{error}"))?;
    let mut request = Request::new(cx.take_body());
    *request.method_mut() = cx.method.clone();
    let path = target.path().to_owned();
    *request.uri_mut() = target;
    *request.headers_mut() = cx.headers.clone();
    let headers = request.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&cx.audit_id) {
        headers.insert("audit-id", id);
    }
    extension_server::set_auth_proxy_headers(headers, &cx.user());
    extension_server::set_forwarded_headers(headers, &cx.remote_addr, host, &path);
    Ok(request)
}

/// The path as it came, and the query with its keys in order.
fn target(cx: &Context) -> String {
    let mut pairs = cx.query_pairs();
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{}={}", escape(key), escape(value))).collect();
    let separator = if pairs.is_empty() { "" } else { "?" };
    format!("{}{separator}{}", cx.uri.path(), pairs.join("&"))
}

/// Go: net/url QueryEscape
fn escape(text: &str) -> String {
    client::rest::escape(text).replace("%20", "+")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use apiserver::request::{context::Services, responses};
    use client::webhook::ServiceResolver;
    use phase::{clock::VirtualClock, ids::Ids, trace::Trace};
    use serde_json::json;

    use super::*;

    /// Nothing can be found.
    struct Nowhere;

    impl ServiceResolver for Nowhere {
        fn resolve_endpoint(&self, _: &str, _: &str, _: u16) -> Result<String, String> {
            Err("not found".to_owned())
        }
    }

    struct Delegate(AtomicBool);

    impl Handler for Delegate {
        fn serve<'a>(&'a self, _: &'a mut Context) -> BoxFuture<'a, Response> {
            self.0.store(true, Ordering::Relaxed);
            Box::pin(async { responses::text(200, "") })
        }
    }

    fn context(uri: &str) -> Context {
        let request = Request::get(uri).body(None).expect("a request");
        let services = Services { clock: Arc::new(VirtualClock::default()), ids: Arc::new(Ids::seeded(1)) };
        let mut cx = Context::new(request, services, Trace::unwatched());
        cx.user = Some(Arc::new(auth::user::Info::new("ann", &[])));
        cx
    }

    fn service(available: &str, service: serde_json::Value) -> Object {
        let object = json!({
            "metadata": {"name": "v1.a.io"},
            "spec": {"group": "a.io", "version": "v1", "service": service, "insecureSkipTLSVerify": true},
            "status": {"conditions": [{"type": "Available", "status": available}]},
        });
        Object::from_value(object).expect("an object")
    }

    #[tokio::test]
    async fn local_ones_are_delegated_and_absent_ones_are_unavailable() {
        let delegate = Arc::new(Delegate(AtomicBool::new(false)));
        let dialer = Dialer { resolver: Arc::new(Nowhere), proxy_client: None };
        let handler = ProxyHandler::new(delegate.clone(), dialer, true);
        handler.update_api_service(&service("True", serde_json::Value::Null));
        assert_eq!(handler.serve(&mut context("/apis/a.io/v1")).await.status(), 200);
        assert!(delegate.0.swap(false, Ordering::Relaxed));

        for available in ["False", "True"] {
            handler.update_api_service(&service(available, json!({"namespace": "n", "name": "s", "port": 443})));
            assert_eq!(handler.serve(&mut context("/apis/a.io/v1")).await.status(), 503, "{available}");
            assert!(!delegate.0.load(Ordering::Relaxed));
        }
    }

    #[test]
    fn queries_are_written_again_in_order() {
        assert_eq!(target(&context("/apis/a.io/v1/things?b=2&a=x%20y&b=1")), "/apis/a.io/v1/things?a=x+y&b=2&b=1");
        assert_eq!(target(&context("/apis")), "/apis");
    }
}
