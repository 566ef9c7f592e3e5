//! POST: a new object.
//!
//! Go: apiserver/pkg/endpoints/handlers/create.go createHandler

use std::collections::BTreeSet;

use apimachinery::{
    api::errors::StatusError,
    meta::{options::CreateOptions, query::Query},
    runtime::object::Object,
};

use crate::{
    endpoints::handlers::{
        admission::{AdmissionValidation, Subject},
        respond,
        scope::RequestScope,
    },
    registry::rest::{Result, create},
    request::{context::Context, handler::Response},
};

/// Creates an object: decode, own, admit, store.
pub(super) async fn create(scope: &RequestScope, cx: &Context) -> Result<Response> {
    let storage = scope.storage.creater().ok_or_else(|| respond::not_supported(scope, "create"))?;
    let output = scope.negotiate(cx).await?;
    let input = scope.negotiate_input(cx)?;
    let body = scope.read_body(cx).await?;
    let length = body.len();
    let options = CreateOptions::decode(Query(&cx.query_pairs()))?.0;

    let mut object = scope.decode(cx, input, body, options.field_validation()).await?;
    if !scope.storage.preserves_metadata_on_create() {
        create::wipe_object_meta_system_fields(&mut object);
    }
    check_namespace(scope, cx, &mut object)?;
    remove_duplicate_owner_references(cx, &mut object);

    let subject = Subject::of_write(cx, &cx.info.name, &options);
    let object = scope.manage_fields(cx, None, object, &options.field_manager).await?;
    let mut object = scope.admit_object(cx, &subject, object, None).await?;
    remove_duplicate_owner_references(cx, &mut object);

    cx.trace.note("About to store object in database");
    let validation = AdmissionValidation { scope, subject };
    let created = storage.create(cx, &cx.info.name, object, &validation, &options).await;
    let created = respond::note_write(cx, length, created)?;
    respond::object(scope, cx, 201, created, output).await
}

/// Refuses an object of another namespace, and gives one to an object without.
///
/// Go: apiserver/pkg/registry/rest/meta.go EnsureObjectNamespaceMatchesRequestNamespace
pub(super) fn check_namespace(scope: &RequestScope, cx: &Context, object: &mut Object) -> Result<()> {
    let expected = if scope.storage.namespace_scoped() { cx.info.namespace.as_str() } else { "" };
    create::match_namespace(expected, object)
}

/// Drops owner references that are there already, with a warning: two equal ones confuse the garbage collector.
///
/// Go: apiserver/pkg/endpoints/handlers/create.go dedupOwnerReferencesAndAddWarning
pub(super) fn remove_duplicate_owner_references(cx: &Context, object: &mut Object) {
    let references = object.0.get_mut("metadata").and_then(|metadata| metadata.get_mut("ownerReferences"));
    let Some(references) = references.and_then(serde_json::Value::as_array_mut) else { return };
    let mut duplicates = Vec::new();
    // Their texts, for there may be thousands.
    let mut seen = BTreeSet::new();
    references.retain(|reference| {
        let is_new = seen.insert(reference.to_string());
        if !is_new {
            duplicates.push(reference["uid"].as_str().unwrap_or_default().to_owned());
        }
        is_new
    });
    if !duplicates.is_empty() {
        duplicates.sort();
        duplicates.dedup();
        cx.warnings.add(format!(
            ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and \
             may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
            duplicates.join(", ")
        ));
    }
}

/// Returns what a body without a name, or with another than the URL's, is answered with.
///
/// Go: apiserver/pkg/endpoints/handlers/rest.go checkName
pub(super) fn check_name(scope: &RequestScope, cx: &Context, object: &mut Object) -> Result<()> {
    let (name, namespace) = (cx.info.name.as_str(), cx.info.namespace.as_str());
    if object.name().is_empty() {
        return Err(StatusError::new_bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        )));
    }
    if object.name() != name {
        return Err(StatusError::new_bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({name})",
            object.name()
        )));
    }
    if scope.storage.namespace_scoped()
        && !namespace.is_empty()
        && !object.namespace().is_empty()
        && object.namespace() != namespace
    {
        return Err(StatusError::new_bad_request(format!(
            "the namespace of the object ({}) does not match the namespace on the request ({namespace})",
            object.namespace()
        )));
    }
    Ok(())
}
