//! DELETE of a collection.
//!
//! Go: apiserver/pkg/endpoints/handlers/delete.go DeleteCollection

use crate::{
    endpoints::handlers::{
        admission::{AdmissionValidation, Subject},
        delete, list, respond,
        scope::RequestScope,
    },
    registry::rest::Result,
    request::{context::Context, handler::Response},
};

/// Deletes what the options select, one object after the other; returns what there was.
pub(super) async fn delete_collection(scope: &RequestScope, cx: &Context) -> Result<Response> {
    let storage = scope.storage.collection_deleter();
    let storage = storage.ok_or_else(|| respond::not_supported(scope, "deletecollection"))?;
    let output = scope.negotiate(cx).await?;
    let list_options = list::list_options(scope, cx)?;
    let options = delete::delete_options(scope, cx).await?;
    let subject = Subject::of_delete(cx, "", &options);
    let validation = AdmissionValidation { scope, subject };
    let deleted = storage.delete_collection(cx, &validation, &options, &list_options).await?;
    respond::list(scope, cx, deleted, output).await
}
