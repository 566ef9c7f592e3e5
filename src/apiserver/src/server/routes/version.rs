//! `/version`: what the server says it is.
//!
//! Go: apiserver/pkg/server/routes/version.go

use std::sync::Arc;

use component_base::version;
use http::Method;
use phase::BoxFuture;

use crate::{
    request::{
        context::Context,
        handler::{Handler, Response},
        responses,
    },
    server::{genericapiserver::GenericAPIServer, handler::WebService},
};

struct Version(Arc<version::Info>);

impl Handler for Version {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        Box::pin(async move {
            match (cx.info.path.trim_end_matches('/'), &cx.method) {
                ("/version", &Method::GET) => {
                    responses::raw_json(200, &serde_json::to_value(&*self.0).unwrap_or_default())
                }
                ("/version", _) => responses::method_not_allowed(),
                _ => responses::route_not_found(),
            }
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
