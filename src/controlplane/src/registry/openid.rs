//! `/.well-known/openid-configuration` and `/openid/v1/jwks`: how others verify our tokens.
//!
//! Go: pkg/routes/openidmetadata.go

use std::sync::Arc;

use apiserver::{
    endpoints::openapi::manager::Subject,
    request::{
        context::Context,
        handler::{Handler, Response},
        responses,
    },
    server::{genericapiserver::GenericAPIServer, handler::WebService},
};
use auth::authentication::serviceaccount::openidmetadata::{
    CACHE_CONTROL, JWKS_PATH, OPENID_CONFIG_PATH, OpenIDMetadata,
};
use http::{HeaderValue, Method, header};
use phase::BoxFuture;

/// One of the two documents.
struct Document {
    path: &'static str,
    body: Vec<u8>,
    media_type: &'static str,
}

impl Handler for Document {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        let response = self.answer(cx);
        Box::pin(async move { response })
    }
}

impl Document {
    fn answer(&self, cx: &Context) -> Response {
        if cx.info.path.trim_end_matches('/') != self.path {
            return responses::status(&responses::route_not_found());
        }
        if cx.method != Method::GET {
            return responses::status(&responses::method_not_allowed());
        }
        let media_type = HeaderValue::from_static(self.media_type);
        let mut response = responses::with_body(200, self.body.clone(), media_type);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHE_CONTROL));
        response
    }
}

/// Serves both, and describes them in the OpenAPI documents.
///
/// Go: OpenIDMetadataServer.Install
pub fn install(server: &GenericAPIServer, metadata: OpenIDMetadata) {
    let OpenIDMetadata { config, jwks } = metadata;
    let documents = [
        Document { path: OPENID_CONFIG_PATH, body: config, media_type: "application/json" },
        Document { path: JWKS_PATH, body: jwks, media_type: "application/jwk-set+json" },
    ];
    for document in documents {
        let root_path = document.path.to_owned();
        server.handler.go_restful_container.add(WebService { root_path, handler: Arc::new(document) });
    }
    server.publish(Subject::Other {
        path: "/.well-known/openid-configuration/",
        id: "getServiceAccountIssuerOpenIDConfiguration",
        tag: "WellKnown",
        produces: &["application/json"],
    });
    server.publish(Subject::Other {
        path: "/openid/v1/jwks/",
        id: "getServiceAccountIssuerOpenIDKeyset",
        tag: "openid",
        produces: &["application/jwk-set+json"],
    });
}
