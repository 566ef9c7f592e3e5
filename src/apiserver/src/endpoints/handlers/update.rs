//! PUT: a new state for an object.
//!
//! Go: apiserver/pkg/endpoints/handlers/update.go UpdateResource

use std::sync::Arc;

use apimachinery::{
    api::errors::StatusError,
    meta::{
        options::{UpdateOptions, WriteOptions},
        query::Query,
    },
    runtime::object::Object,
};
use auth::authorization::{Attributes, Decision};
use phase::BoxFuture;

use crate::{
    endpoints::handlers::{
        admission::{AdmissionValidation, Subject},
        create, respond,
        scope::RequestScope,
    },
    registry::rest::{OnMissing, Preconditions, Result, UpdateCall, UpdatedObjectInfo, Validation},
    request::{context::Context, handler::Response},
};

/// Replaces an object: decode, then (as often as the write loses a race) own, admit, store.
pub(super) async fn update(scope: &RequestScope, cx: &Context) -> Result<Response> {
    let storage = scope.storage.updater().ok_or_else(|| respond::not_supported(scope, "update"))?;
    let output = scope.negotiate(cx).await?;
    let body = scope.read_body(cx).await?;
    let length = body.len();
    let options = UpdateOptions::decode(Query(&cx.query_pairs()))?.0;
    let input = scope.negotiate_input(cx)?;

    let mut object = scope.decode(cx, input, body, options.field_validation()).await?;
    create::check_namespace(scope, cx, &mut object)?;
    create::check_name(scope, cx, &mut object)?;
    create::remove_duplicate_owner_references(cx, &mut object);

    let name = cx.info.name.as_str();
    let subject = Subject::of_write(cx, name, &options);
    let replacement = Replacement { scope, subject: subject.clone(), object, options: &options };
    let validation = CreateOnUpdate { scope, admission: AdmissionValidation { scope, subject } };
    cx.trace.note("About to store object in database");
    let call =
        UpdateCall { info: &replacement, validation: &validation, missing: OnMissing::AsStrategy, options: &options };
    let updated = respond::note_write(cx, length, storage.update(cx, name, call).await)?;
    let code = if updated.created { 201 } else { 200 };
    respond::object(scope, cx, code, updated.answer, output).await
}

/// The state that the client sent.
struct Replacement<'a> {
    scope: &'a RequestScope,
    subject: Subject,
    object: Object,
    options: &'a WriteOptions,
}

impl UpdatedObjectInfo for Replacement<'_> {
    fn updated_object<'a>(&'a self, cx: &'a Context, current: Option<&'a Object>) -> BoxFuture<'a, Result<Object>> {
        Box::pin(async move {
            let object = self.object.clone();
            let object = self.scope.manage_fields(cx, current, object, &self.options.field_manager).await?;
            let mut object = self.scope.admit_object(cx, &self.subject, object, current).await?;
            create::remove_duplicate_owner_references(cx, &mut object);
            Ok(object)
        })
    }

    fn preconditions(&self) -> Preconditions {
        // A uid in the body says which object is meant.
        let uid = Some(self.object.uid()).filter(|uid| !uid.is_empty());
        Preconditions { uid: uid.map(str::to_owned), resource_version: None }
    }
}

/// Validating admission, and before it, where an update creates: may they create.
///
/// Go: apiserver/pkg/endpoints/handlers/update.go withAuthorization
pub(super) struct CreateOnUpdate<'a> {
    /// Whose authorizer is asked.
    pub scope: &'a RequestScope,
    /// What comes after it.
    pub admission: AdmissionValidation<'a>,
}

impl Validation for CreateOnUpdate<'_> {
    fn create<'a>(&'a self, cx: &'a Context, object: Object) -> BoxFuture<'a, Result<Object>> {
        Box::pin(async move {
            self.authorize_create(cx).await?;
            self.admission.create(cx, object).await
        })
    }

    fn update<'a>(&'a self, cx: &'a Context, object: Object, old: Object) -> BoxFuture<'a, Result<(Object, Object)>> {
        self.admission.update(cx, object, old)
    }

    fn delete<'a>(&'a self, cx: &'a Context, object: Object) -> BoxFuture<'a, Result<Object>> {
        self.admission.delete(cx, object)
    }
}

impl CreateOnUpdate<'_> {
    async fn authorize_create(&self, cx: &Context) -> Result<()> {
        let Some(authorizer) = &self.scope.authorizer else { return Ok(()) };
        let user = cx.user();
        let attributes = Attributes {
            user: Arc::clone(&user),
            verb: "create".to_owned(),
            resource_request: true,
            namespace: cx.info.namespace.clone(),
            api_group: cx.info.api_group.clone(),
            api_version: cx.info.api_version.clone(),
            resource: cx.info.resource.clone(),
            subresource: cx.info.subresource.clone(),
            name: cx.info.name.clone(),
            path: cx.info.path.clone(),
            ..Attributes::default()
        };
        let verdict = authorizer.authorize(&cx.trace, &attributes).await;
        if verdict.decision == Decision::Allow {
            return Ok(());
        }
        let reason = if verdict.reason.is_empty() { String::new() } else { format!(": {}", verdict.reason) };
        let resource = self.scope.resource.group_resource();
        let why = format!(
            "User \"{}\" cannot create resource \"{}\" in API group \"{}\"{}{reason}",
            user.name,
            cx.info.resource,
            cx.info.api_group,
            if cx.info.namespace.is_empty() {
                " at the cluster scope".to_owned()
            } else {
                format!(" in the namespace \"{}\"", cx.info.namespace)
            },
        );
        Err(StatusError::new_forbidden(&resource, &cx.info.name, &why))
    }
}
