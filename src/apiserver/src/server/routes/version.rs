//! `/version`: what the server says it is.
//!
//! Go: apiserver/pkg/server/routes/version.go

use std::sync::Arc;

use component_base::version;
use http::Method;
use phase::BoxFuture;

use crate::{
    endpoints::{
        codec::UntypedCodec,
        handlers::respond,
        negotiation::{self, BUILT_IN},
    },
    request::{
        context::Context,
        handler::{Handler, Response},
        responses,
    },
    server::{genericapiserver::GenericAPIServer, handler::WebService},
};

/// The one form of it.
const PRODUCED: [&str; 1] = ["application/json"];

struct Version(Arc<version::Info>);

impl Handler for Version {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        Box::pin(async move {
            let refusal = match (cx.info.path.trim_end_matches('/'), &cx.method) {
                ("/version", &Method::GET) if negotiation::matches_accept(cx.header("accept"), &PRODUCED) => {
                    return responses::raw_json(200, &serde_json::to_value(&*self.0).unwrap_or_default());
                }
                ("/version", &Method::GET) => responses::not_acceptable(&PRODUCED),
                ("/version", _) => responses::method_not_allowed(),
                _ => responses::route_not_found(),
            };
            respond::refusal(&UntypedCodec, BUILT_IN, cx, &refusal).await
        })
    }
}

/// Adds the web service.
///
/// Go: apiserver/pkg/server/routes/version.go Version.Install
pub fn install(server: &GenericAPIServer, info: &Arc<version::Info>) {
    let handler = Arc::new(Version(info.clone()));
    server.handler.go_restful_container.add(WebService { root_path: "/version".to_owned(), handler });
}
