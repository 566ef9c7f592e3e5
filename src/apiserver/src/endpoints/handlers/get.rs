//! GET of one object.
//!
//! Go: apiserver/pkg/endpoints/handlers/get.go getResourceHandler

use apimachinery::{
    api::errors::StatusError,
    meta::{options::GetOptions, query::Query},
};

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
    refuse_export(cx)?;
    let options = GetOptions::decode(Query(&cx.query_pairs()));
    cx.trace.note("About to Get from storage");
    let answer = storage.get(cx, &cx.info.name, &options).await?;
    respond::object(scope, cx, 200, answer, output).await
}

/// Refuses a parameter of old that nobody should believe to work.
fn refuse_export(cx: &Context) -> Result<()> {
    match cx.query("export") {
        Some(value) if value != "0" && !value.eq_ignore_ascii_case("false") => {
            Err(StatusError::new_bad_request("the export parameter, deprecated since v1.14, is no longer supported"))
        }
        _ => Ok(()),
    }
}
