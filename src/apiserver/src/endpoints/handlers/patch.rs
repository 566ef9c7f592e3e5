//! PATCH: a change of an object, made of what it is now.
//!
//! Go: apiserver/pkg/endpoints/handlers/patch.go PatchResource
//!
//! ```text
//!   patchers.rs   current --JSON patch, merge, strategic merge, apply--> new      pure functions
//!   here          (as often as the write loses a race) patch, check, admit, store
//! ```

use apimachinery::{
    api::errors::StatusError,
    managedfields::updater::Force,
    meta::{
        options::{PatchOptions, PatchType},
        query::Query,
    },
    runtime::object::Object,
};
use bytes::Bytes;
use phase::{BoxFuture, catalog::Phase};

use crate::{
    endpoints::{
        handlers::{
            admission::{AdmissionValidation, Subject},
            create,
            patchers::{self, Patched},
            respond,
            scope::{RawBody, RequestScope},
            update::CreateOnUpdate,
        },
        negotiation,
    },
    registry::rest::{OnMissing, Result, UpdateCall, UpdatedObjectInfo},
    request::{context::Context, handler::Response},
};

/// Changes an object, or creates it by an apply.
pub(super) async fn patch(scope: &RequestScope, cx: &Context) -> Result<Response> {
    let storage = scope.storage.updater().ok_or_else(|| respond::not_supported(scope, "patch"))?;
    let patch_type = patch_type(scope, cx)?;
    let output = scope.negotiate(cx).await?;
    let body = scope.read_body(cx).await?;
    let options = PatchOptions::decode(Query(&cx.query_pairs()), patch_type)?;
    cx.trace.note("Recorded the audit event");

    let name = cx.info.name.as_str();
    let subject = Subject::of_write(cx, name, &options.write);
    let patch = Patch { scope, patch_type, body, options: &options, subject: subject.clone() };
    let validation = CreateOnUpdate { scope, admission: AdmissionValidation { scope, subject } };
    let missing = match patch_type {
        PatchType::ApplyYaml => OnMissing::Create,
        PatchType::Json | PatchType::Merge | PatchType::StrategicMerge => OnMissing::AsStrategy,
    };
    let call = UpdateCall { info: &patch, validation: &validation, missing, options: &options.write };
    let updated = storage.update(cx, name, call).await?;
    cx.trace.note("Object stored in database");
    let code = if updated.created { 201 } else { 200 };
    respond::object(scope, cx, code, updated.answer, output).await
}

/// Says what kind of patch the body is.
fn patch_type(scope: &RequestScope, cx: &Context) -> Result<PatchType> {
    let known = PatchType::of(&negotiation::media_type_of(cx.header("content-type")));
    known.filter(|patch_type| scope.patch_types.contains(patch_type)).ok_or_else(|| {
        let names: Vec<&str> = scope.patch_types.iter().map(|patch_type| patch_type.media_type()).collect();
        StatusError::new_unsupported_media_type(&names)
    })
}

/// The change that the client sent.
struct Patch<'a> {
    scope: &'a RequestScope,
    patch_type: PatchType,
    body: Bytes,
    options: &'a PatchOptions,
    subject: Subject,
}

impl UpdatedObjectInfo for Patch<'_> {
    fn updated_object<'a>(&'a self, cx: &'a Context, current: Option<&'a Object>) -> BoxFuture<'a, Result<Object>> {
        Box::pin(async move {
            cx.trace.note_in(Phase::Patch, "About to apply patch");
            let mut object = self.apply(cx, current).await?;
            self.check(cx, current, &mut object)?;
            cx.trace.note_in(Phase::Patch, "About to check admission control");
            let mut object = self.scope.admit_object(cx, &self.subject, object, current).await?;
            create::remove_duplicate_owner_references(cx, &mut object);
            Ok(object)
        })
    }
}

impl Patch<'_> {
    /// Makes the new state, at the hub version, with its fields' owners noted.
    async fn apply(&self, cx: &Context, current: Option<&Object>) -> Result<Object> {
        let manager = &self.options.write.field_manager;
        if self.patch_type == PatchType::ApplyYaml {
            return self.server_side_apply(cx, current).await;
        }
        // Only an apply creates what is missing.
        let Some(current) = current else {
            return Err(StatusError::new_not_found(&self.scope.resource.group_resource(), &cx.info.name));
        };
        let object = self.patched(cx, current).await?;
        self.scope.manage_fields(cx, Some(current), object, manager).await
    }

    /// Applies the patch to the object as the client knows it: at the served version. The one place that enters this
    /// phase for patches of the older kinds; an apply is the field manager's work.
    async fn patched(&self, cx: &Context, current: &Object) -> Result<Object> {
        let scope = self.scope;
        let served = scope.from_hub(&cx.trace, current.clone()).await?;
        let mut body = RawBody(self.body.clone());
        let phase = cx.trace.enter(Phase::ApplyPatch, &mut body).await?;
        let validation = self.options.write.field_validation();
        let patched = patchers::patch(&*scope.codec, self.patch_type, served, &body.0, validation);
        let Patched { mut object, warnings } = match patched {
            Ok(patched) => patched,
            Err(error) => {
                phase.fail(&error);
                return Err(error);
            }
        };
        phase.exit(&object);
        warnings.into_iter().for_each(|warning| cx.warnings.add(warning));
        scope.default(cx, &mut object).await?;
        scope.to_hub(&cx.trace, object).await
    }

    /// Merges what the client wants to own into the object.
    async fn server_side_apply(&self, cx: &Context, current: Option<&Object>) -> Result<Object> {
        let manager = self.scope.field_manager.as_deref();
        let manager = manager.ok_or_else(|| StatusError::new_bad_request("apply is not supported"))?;
        let validation = self.options.write.field_validation();
        let Patched { object: mut applied, warnings } = patchers::read_apply(&self.body, validation)?;
        let phase = cx.trace.enter(Phase::FieldManagement, &mut applied).await?;
        let force = if self.options.force == Some(true) { Force::Yes } else { Force::No };
        match manager.apply(cx, current, applied, &self.options.write.field_manager, force) {
            Ok(object) => {
                phase.exit(&object);
                warnings.into_iter().for_each(|warning| cx.warnings.add(warning));
                Ok(object)
            }
            Err(error) => {
                phase.fail(&error);
                Err(error)
            }
        }
    }

    /// Refuses a new state that is another object's.
    fn check(&self, cx: &Context, current: Option<&Object>, object: &mut Object) -> Result<()> {
        if current.is_none() && !object.uid().is_empty() {
            let why = format!(
                "uid mismatch: the provided object specified uid {}, and no existing object was found",
                object.uid()
            );
            return Err(StatusError::new_conflict(&self.scope.resource.group_resource(), &cx.info.name, &why));
        }
        create::check_namespace(self.scope, cx, object)?;
        create::check_name(self.scope, cx, object)
    }
}
