//! The versions of the core group: `/api`.
//!
//! Go: apiserver/pkg/endpoints/discovery/legacy.go

use std::sync::Arc;

use apimachinery::runtime::object::Object;
use phase::BoxFuture;
use serde_json::json;

use crate::{
    endpoints::{codec::Codec, discovery, handlers::respond, negotiation::BUILT_IN},
    request::{
        context::Context,
        handler::{Handler, Response},
        responses,
    },
};

/// Answers at `/api`, and with 404 below it: versions have handlers of their own.
///
/// Go: legacyRootAPIHandler
pub struct LegacyRootAPIHandler {
    /// Where clients reach the server: `10.0.0.1:6443`.
    pub external_address: String,
    /// The versions.
    pub versions: Vec<String>,
    /// Writes the document.
    pub codec: Arc<dyn Codec>,
}

impl LegacyRootAPIHandler {
    /// Returns the `APIVersions` document. It bears no version, being older than versions of the API machinery.
    fn api_versions(&self) -> Object {
        Object::from_value(json!({
            "kind": "APIVersions",
            "versions": self.versions,
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": self.external_address}],
        }))
        .expect("made as an object")
    }
}

impl Handler for LegacyRootAPIHandler {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        Box::pin(async move {
            if cx.info.path.trim_end_matches('/') != "/api" {
                return respond::refusal(&*self.codec, BUILT_IN, cx, &responses::route_not_found()).await;
            }
            discovery::document(&*self.codec, cx, || self.api_versions()).await
        })
    }
}
