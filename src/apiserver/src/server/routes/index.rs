//! `/` and `/index.html`: the list of paths.
//!
//! Go: apiserver/pkg/server/routes/index.go

use std::sync::{Arc, Weak};

use phase::BoxFuture;
use serde_json::json;

use crate::{
    request::{
        context::Context,
        handler::{Handler, Response},
        responses,
    },
    server::{delegation::DelegationTarget, genericapiserver::GenericAPIServer},
};

/// Answers with the paths of a server and of those behind it.
///
/// Go: apiserver/pkg/server/routes/index.go IndexLister
struct IndexLister {
    status_code: u16,
    /// Weak, for the server owns the handler.
    path_provider: Weak<GenericAPIServer>,
}

impl Handler for IndexLister {
    fn serve<'a>(&'a self, _cx: &'a mut Context) -> BoxFuture<'a, Response> {
        let paths = self.path_provider.upgrade().map(|server| server.listed_paths()).unwrap_or_default();
        Box::pin(async move { responses::raw_json(self.status_code, &json!({"paths": paths})) })
    }
}

/// Adds the list at `/` and `/index.html`; itself it is not listed.
///
/// Go: apiserver/pkg/server/routes/index.go Index.Install
pub fn install(server: &Arc<GenericAPIServer>) {
    let lister = Arc::new(IndexLister { status_code: 200, path_provider: Arc::downgrade(server) });
    server.handler.non_go_restful_mux.unlisted_handle("/", lister.clone());
    server.handler.non_go_restful_mux.unlisted_handle("/index.html", lister);
}

/// Answers unknown paths with the list and 404, where no server stands behind.
pub fn install_not_found(server: &Arc<GenericAPIServer>) {
    let lister = Arc::new(IndexLister { status_code: 404, path_provider: Arc::downgrade(server) });
    server.handler.non_go_restful_mux.set_not_found_handler(lister);
}
