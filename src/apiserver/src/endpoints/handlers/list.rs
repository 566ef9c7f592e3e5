//! GET of a collection.
//!
//! Go: apiserver/pkg/endpoints/handlers/get.go ListResource

use apimachinery::{
    api::errors::StatusError,
    fields,
    meta::{options::ListOptions, query::Query},
};

use crate::{
    endpoints::handlers::{respond, scope::RequestScope},
    registry::rest::Result,
    request::{context::Context, handler::Response},
};

/// Returns a page of a collection.
pub(super) async fn list(scope: &RequestScope, cx: &Context) -> Result<Response> {
    let storage = scope.storage.lister().ok_or_else(|| respond::not_supported(scope, "list"))?;
    let output = scope.negotiate(cx).await?;
    let options = list_options(scope, cx)?;
    let list = storage.list(cx, &options).await?;
    respond::list(scope, cx, list, output).await
}

/// Reads what is to be listed, watched or deleted.
pub(super) fn list_options(scope: &RequestScope, cx: &Context) -> Result<ListOptions> {
    let mut options = ListOptions::decode(Query(&cx.query_pairs()))?;
    options.watch |= cx.info.verb == "watch";
    options.set_defaults();
    options.validate()?;
    let selector = std::mem::take(&mut options.field_selector);
    options.field_selector = selector.transform(|field, value| scope.storage.convert_field_label(field, value))?;
    if !cx.info.name.is_empty() {
        options.field_selector = name_selector(&cx.info.name, &options.field_selector)?;
    }
    Ok(options)
}

/// A name in the URL (`/watch/.../pods/web`) is a selector; one in the query may only repeat it.
fn name_selector(name: &str, selector: &fields::Selector) -> Result<fields::Selector> {
    let by_name = fields::Selector::equals("metadata.name", name);
    // A request whose selector names one object has its name from there: both stay as they are.
    if selector.is_empty() || selector.requires_exact_match("metadata.name") == Some(name) {
        return Ok(if selector.is_empty() { by_name } else { selector.clone() });
    }
    Err(StatusError::new_bad_request(
        "field metadata.name can only be specified via the URL path or fieldSelector, not both",
    ))
}
