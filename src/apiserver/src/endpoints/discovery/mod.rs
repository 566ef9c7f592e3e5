//! What a server has, told in documents.
//!
//! Go: apiserver/pkg/endpoints/discovery
//!
//! ```text
//!   /api              APIVersions        legacy     | with as=APIGroupDiscoveryList: aggregated, all of
//!   /apis             APIGroupList       root       | the groups and their resources in one document
//!   /apis/apps        APIGroup           group
//!   /apis/apps/v1     APIResourceList    resources (served by groupversion)
//! ```

use apimachinery::runtime::object::Object;
use http::Method;

use crate::{
    endpoints::{
        codec::Codec,
        handlers::respond,
        negotiation::{self, BUILT_IN, Restrictions},
    },
    request::{context::Context, handler::Response, responses},
};

pub mod resources;

pub mod group;

pub mod legacy;

pub mod root;

pub mod aggregated;

/// Answers with a document, as a web service does that only knows GET.
pub async fn document(codec: &dyn Codec, cx: &Context, make: impl FnOnce() -> Object) -> Response {
    if cx.method != Method::GET {
        return respond::refusal(codec, BUILT_IN, cx, &responses::method_not_allowed()).await;
    }
    let produced = negotiation::names(BUILT_IN);
    if !negotiation::matches_accept(cx.header("accept"), &produced) {
        return respond::refusal(codec, BUILT_IN, cx, &responses::not_acceptable(&produced)).await;
    }
    negotiated(codec, cx, &make()).await
}

/// Answers with a document in the form that the client accepts.
pub async fn negotiated(codec: &dyn Codec, cx: &Context, document: &Object) -> Response {
    let output = match negotiation::negotiate_output(cx, BUILT_IN, Restrictions::Document) {
        Ok(output) => output,
        Err(error) => return responses::status(&error),
    };
    match respond::document(codec, cx, document, output).await {
        Ok(response) => response,
        Err(error) => responses::status(&error),
    }
}
