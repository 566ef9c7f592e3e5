//! GET of one object.
//!
//! Go: apiserver/pkg/endpoints/handlers/get.go getResourceHandler

use apimachinery::meta::{options::GetOptions, query::Query};

use crate::{
    endpoints::handlers::{respond, scope::RequestScope},
    registry::rest::Result,
    request::{context::Context, handler::Response},
};

/// Returns an object as it lies in the cache.
pub(super) async fn get(scope: &RequestScope, cx: &Context) -> Result<Response> {
    if let Some(streamer) = scope.storage.streamer() {
        scope.negotiate(cx).await?;
        return streamer.stream(cx, &cx.info.name).await;
    }
    let storage = scope.storage.getter().ok_or_else(|| respond::not_supported(scope, "get"))?;
    let output = scope.negotiate(cx).await?;
    let options = GetOptions::decode(Query(&cx.query_pairs()));
    cx.trace.note("About to Get from storage");
    let answer = storage.get(cx, &cx.info.name, &options).await?;
    respond::object(scope, cx, 200, answer, output).await
}
