//! `/debug/pprof`: the index, for those who look for it.
//!
//! Go: apiserver/pkg/server/routes/profiling.go

use std::sync::Arc;

use http::{HeaderValue, Method, header};
use phase::BoxFuture;

use crate::{
    request::{
        context::Context,
        handler::{Handler, Response},
        responses,
    },
    server::genericapiserver::GenericAPIServer,
};

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// Sends browsers to the index.
struct Redirect;

impl Handler for Redirect {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        let body = if cx.method == Method::GET { "<a href=\"/debug/pprof/\">Found</a>.\n\n" } else { "" };
        let mut response = responses::with_body(302, body, HTML);
        response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/debug/pprof/"));
        if !matches!(cx.method, Method::GET | Method::HEAD) {
            response.headers_mut().remove(header::CONTENT_TYPE);
        }
        Box::pin(async { response })
    }
}

/// Says what there is.
///
/// Simplified: there are no profiles, for they are Go's; a trace of a request shows where its time goes.
struct Index;

impl Handler for Index {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        let response = if cx.info.path == "/debug/pprof/" {
            let body = "<html><head><title>/debug/pprof/</title></head><body>No profiles: this server is not written \
                        in Go.</body></html>\n";
            responses::with_body(200, body, HTML)
        } else {
            responses::not_found()
        };
        Box::pin(async { response })
    }
}

/// Adds the index and what leads to it.
///
/// Go: apiserver/pkg/server/routes/profiling.go Profiling.Install
pub fn install(server: &GenericAPIServer) {
    let mux = &server.handler.non_go_restful_mux;
    mux.unlisted_handle("/debug/pprof", Arc::new(Redirect));
    mux.unlisted_handle_prefix("/debug/pprof/", Arc::new(Index));
}
