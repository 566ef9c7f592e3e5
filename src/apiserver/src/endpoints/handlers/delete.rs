//! DELETE of one object.
//!
//! Go: apiserver/pkg/endpoints/handlers/delete.go DeleteResource

use apimachinery::{
    api::errors::Details,
    meta::{options::DeleteOptions, query::Query},
    runtime::schema::GroupVersionKind,
};

use crate::{
    endpoints::{
        handlers::{
            admission::{AdmissionValidation, Subject},
            respond,
            scope::RequestScope,
        },
        negotiation,
    },
    registry::rest::{Answer, Deleted, DeletedAnswer, Result},
    request::{context::Context, handler::Response},
};

/// Deletes an object, or marks it; says what is left of it.
pub(super) async fn delete(scope: &RequestScope, cx: &Context) -> Result<Response> {
    let storage = scope.storage.graceful_deleter().ok_or_else(|| respond::not_supported(scope, "delete"))?;
    let output = scope.negotiate(cx).await?;
    let options = delete_options(scope, cx).await?;
    let name = cx.info.name.as_str();
    let subject = Subject::of_delete(cx, name, &options);
    cx.trace.note("About to delete object from database");
    let validation = AdmissionValidation { scope, subject };
    let deleted = storage.delete(cx, name, &validation, &options).await?;
    cx.trace.note("Object deleted from database");
    let code = status_code(&options, &deleted);
    match deleted.answer {
        DeletedAnswer::Object(object) => respond::object(scope, cx, code, object, output).await,
        DeletedAnswer::Status { name, uid } => {
            let details = Details {
                name,
                uid,
                group: scope.resource.group.clone(),
                kind: scope.resource.resource.clone(),
                ..Details::default()
            };
            respond::object(scope, cx, code, Answer::Object(details.to_success()), output).await
        }
    }
}

/// Reads the options: the body counts alone where there is one, and the query where there is none.
pub(super) async fn delete_options(scope: &RequestScope, cx: &Context) -> Result<DeleteOptions> {
    let body = scope.read_body(cx).await?;
    let options = if body.is_empty() {
        DeleteOptions::decode(Query(&cx.query_pairs()))?
    } else {
        let input = negotiation::negotiate_input(cx, scope.media_types)?;
        let kind = GroupVersionKind::new("meta.k8s.io", "v1", "DeleteOptions");
        let options = respond::decode_options(scope, &kind, input, &body)?;
        cx.trace.note("Decoded delete options");
        DeleteOptions::from_object(&options)
    };
    options.validate()?;
    Ok(options)
}

/// Says 202 only to clients that asked in the old way to wait for dependents, and whose object is still there.
fn status_code(options: &DeleteOptions, deleted: &Deleted) -> u16 {
    if !deleted.immediately && options.orphan_dependents == Some(false) { 202 } else { 200 }
}
