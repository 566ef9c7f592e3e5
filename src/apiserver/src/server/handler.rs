//! What stands behind the listener: the filters, and the director who finds the handler.
//!
//! ```text
//!   APIServerHandler
//!     full_handler_chain   filters in order, then
//!     director             web services (resources, discovery), else
//!     non_go_restful_mux   exact paths and prefixes, else
//!     the next server's director ... and in the end the not-found handler
//! ```
//!
//! Filters run once, on the outermost server; a delegate is entered behind its own.
//!
//! Go: apiserver/pkg/server/handler.go

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use client::transport::Body;
use component_base::metrics::Metrics;
use parking_lot::Mutex;
use phase::{
    BoxFuture,
    catalog::Phase,
    record::TraceKind,
    trace::{Trace, Tracer},
};
use rustls_pki_types::CertificateDer;

use crate::{
    request::{
        context::{Context, Services},
        handler::{self, Filter, Handler, Next, Response},
    },
    server::{metrics, mux::PathRecorderMux},
};

/// The handlers of one server.
///
/// Go: apiserver/pkg/server/handler.go APIServerHandler
pub struct APIServerHandler {
    /// The filters, with the director behind them: what the listener of the outermost server calls.
    pub full_handler_chain: Arc<FullHandlerChain>,
    /// The web services of this server. Go keeps them in a container of the library go-restful, hence the name.
    pub go_restful_container: Arc<Container>,
    /// Everything else that this server has at a path; what it has not, it hands to the next server.
    pub non_go_restful_mux: Arc<PathRecorderMux>,
    /// Finds the handler; what the server before this one calls.
    pub director: Arc<Director>,
}

impl APIServerHandler {
    /// Puts the handlers of a server together. `not_found` is the next server's director.
    ///
    /// Go: apiserver/pkg/server/handler.go NewAPIServerHandler
    pub fn new(name: &'static str, filters: Vec<Box<dyn Filter>>, not_found: Arc<dyn Handler>, shared: Shared) -> Self {
        let non_go_restful_mux = Arc::new(PathRecorderMux::new(name, not_found));
        let go_restful_container = Arc::new(Container::default());
        let director = Arc::new(Director {
            name,
            go_restful_container: go_restful_container.clone(),
            non_go_restful_mux: non_go_restful_mux.clone(),
        });
        let full_handler_chain = Arc::new(FullHandlerChain { filters, director: director.clone(), shared });
        Self { full_handler_chain, go_restful_container, non_go_restful_mux, director }
    }

    /// Returns the paths that `/` shows, sorted.
    ///
    /// Go: apiserver/pkg/server/handler.go ListedPaths
    pub fn listed_paths(&self) -> Vec<String> {
        let mut paths = self.non_go_restful_mux.listed_paths();
        paths.extend(self.go_restful_container.registered_web_services().iter().map(|ws| ws.root_path.clone()));
        paths.sort();
        paths
    }
}

/// The filters and what lies behind them: where every request enters, over the network or in process.
pub struct FullHandlerChain {
    filters: Vec<Box<dyn Filter>>,
    director: Arc<Director>,
    shared: Shared,
}

/// What every request of a server is given.
#[derive(Clone)]
pub struct Shared {
    /// Time and identity.
    pub services: Services,
    /// Starts the trace.
    pub tracer: Arc<Tracer>,
    /// Counts it.
    pub metrics: Metrics,
}

/// A request and what its connection knows of the peer.
pub struct Arrival {
    /// The request; `None` in place of a body that is empty.
    pub request: http::Request<Option<Body>>,
    /// `ip:port`, empty in process.
    pub remote_addr: Arc<str>,
    /// The certificates the peer presented, leaf first.
    pub peer_certificates: Arc<[CertificateDer<'static>]>,
    /// Whose request this is: a client's, or the system's own.
    pub kind: TraceKind,
}

/// Probes come every few seconds from whoever watches over the server: traffic of the system, not of a client.
const PROBES: [&str; 3] = ["/healthz", "/livez", "/readyz"];

/// Tells what is known of the client before anything is decided: whose request it is depends on it for whoever watches.
fn describe_client(trace: &Trace, request: &http::Request<Option<Body>>) {
    trace.describe(|| {
        let agent = request.headers().get(http::header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        let facts = [("userAgent", agent), ("query", request.uri().query())];
        facts.into_iter().filter_map(|(name, value)| Some((name.into(), value?.to_owned()))).collect()
    });
}

impl FullHandlerChain {
    /// Serves one request from its arrival to its answer: the function that begins a request's trace.
    pub async fn serve_http(&self, arrival: Arrival) -> Response {
        let Arrival { request, remote_addr, peer_certificates, mut kind } = arrival;
        if PROBES.iter().any(|probe| request.uri().path().starts_with(probe)) {
            kind = TraceKind::System;
        }
        let trace = self.shared.tracer.start(kind, || format!("{} {}", request.method(), request.uri().path()));
        describe_client(&trace, &request);
        let mut cx = Context::new(request, self.shared.services.clone(), trace.clone());
        cx.remote_addr = remote_addr;
        cx.peer_certificates = peer_certificates;
        let guard = match trace.enter(Phase::Request, &mut cx).await {
            Ok(guard) => guard,
            Err(interrupted) => return handler::interrupted_response(interrupted),
        };
        let response = self.serve(&mut cx).await;
        let elapsed = Duration::from_nanos(self.shared.services.clock.now().saturating_sub(cx.received));
        metrics::monitor_request(&self.shared.metrics, &cx, &response, elapsed);
        trace.describe(|| vec![("code".into(), response.status().as_u16().to_string())]);
        handler::end(guard, &response, false);
        response
    }

    /// Returns the filters, in the order a request meets them.
    pub fn filters(&self) -> impl Iterator<Item = Phase> {
        self.filters.iter().map(|filter| filter.phase())
    }
}

impl Handler for FullHandlerChain {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        Next { filters: &self.filters, handler: &*self.director }.run(cx)
    }
}

/// A root path and who answers below it: `/api/v1`, `/apis/apps`, `/version`.
///
/// Go: go-restful WebService
pub struct WebService {
    /// The path, without a slash at its end.
    pub root_path: String,
    /// Answers everything below, also what it does not know (404) and does not allow (405).
    pub handler: Arc<dyn Handler>,
}

/// The web services of a server. Groups of custom resources never come here, so it rarely changes.
///
/// Go: go-restful Container
#[derive(Default)]
pub struct Container {
    web_services: ArcSwap<Vec<Arc<WebService>>>,
    changing: Mutex<()>,
}

impl Container {
    /// Adds a web service, or replaces the one at its root.
    pub fn add(&self, web_service: WebService) {
        let _one_at_a_time = self.changing.lock();
        let mut all = Vec::clone(&self.web_services.load());
        all.retain(|one| one.root_path != web_service.root_path);
        all.push(Arc::new(web_service));
        self.web_services.store(Arc::new(all));
    }

    /// Removes the web service at a root.
    pub fn remove(&self, root_path: &str) {
        let _one_at_a_time = self.changing.lock();
        let mut all = Vec::clone(&self.web_services.load());
        all.retain(|one| one.root_path != root_path);
        self.web_services.store(Arc::new(all));
    }

    /// Returns all web services in the order in which they were added.
    pub fn registered_web_services(&self) -> Arc<Vec<Arc<WebService>>> {
        self.web_services.load_full()
    }

    /// Finds the web service with the longest root around a path.
    fn find(&self, path: &str) -> Option<Arc<WebService>> {
        let all = self.web_services.load();
        all.iter().filter(|one| matches(&one.root_path, path)).max_by_key(|one| one.root_path.len()).cloned()
    }
}

/// `/apis` is the list of groups and nothing below it: otherwise the groups of other servers could not be reached.
fn matches(root_path: &str, path: &str) -> bool {
    if root_path == "/apis" {
        return path == "/apis" || path == "/apis/";
    }
    path.strip_prefix(root_path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Decides whether a request is this server's own, and if not, hands it on.
///
/// Go: apiserver/pkg/server/handler.go director
pub struct Director {
    name: &'static str,
    go_restful_container: Arc<Container>,
    non_go_restful_mux: Arc<PathRecorderMux>,
}

impl Handler for Director {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        Box::pin(async move {
            let trace = cx.trace.clone();
            let guard = match trace.enter_labelled(Phase::Route, self.name, cx).await {
                Ok(guard) => guard,
                Err(interrupted) => return handler::interrupted_response(interrupted),
            };
            let response = match self.go_restful_container.find(&cx.info.path) {
                Some(web_service) => web_service.handler.serve(cx).await,
                None => self.non_go_restful_mux.serve(cx).await,
            };
            handler::end(guard, &response, false);
            response
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_match_whole_segments_and_apis_only_itself() {
        for (root, path, expected) in [
            ("/api", "/api", true),
            ("/api", "/api/v1/pods", true),
            ("/api", "/apis", false),
            ("/apis", "/apis", true),
            ("/apis", "/apis/", true),
            ("/apis", "/apis/apps", false),
            ("/apis/apps", "/apis/apps/v1", true),
            ("/apis/apps", "/apis/appsx", false),
        ] {
            assert_eq!(matches(root, path), expected, "{root} {path}");
        }
    }
}
