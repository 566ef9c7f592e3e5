//! What every create does around its strategy.
//!
//! Go: apiserver/pkg/registry/rest/create.go, meta.go

use apimachinery::{
    api::{
        errors::StatusError,
        validation::{
            name,
            object_meta::{self, Scope},
        },
    },
    meta::{object_meta::ObjectMeta, time},
    runtime::{
        object::Object,
        schema::{GroupKind, GroupResource},
    },
    validation::field::{ErrorList, Path},
};
use phase::{catalog::Phase, snapshot::Nothing};

use crate::{
    registry::rest::{Result, strategy::Strategy},
    request::context::Context,
};

/// Gives a new object its uid and the time of its creation.
///
/// Go: FillObjectMetaSystemFields
pub fn fill_object_meta_system_fields(cx: &Context, object: &mut Object) {
    object.set(&["metadata", "creationTimestamp"], time::rfc3339(cx.services.clock.wall()));
    object.set(&["metadata", "uid"], cx.services.ids.uuid());
}

/// Takes what only the server may set from the metadata that a client sent.
///
/// Go: WipeObjectMetaSystemFields
pub fn wipe_object_meta_system_fields(object: &mut Object) {
    for field in ["creationTimestamp", "uid", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
        object.remove(&["metadata", field]);
    }
}

/// Gives an object its name where it only has the beginning of one.
pub fn generate_name(cx: &Context, strategy: &dyn Strategy, object: &mut Object) {
    if needs_name_generation(object) {
        let name = strategy.generate_name(cx, object.str(&["metadata", "generateName"]));
        object.set(&["metadata", "name"], name);
    }
}

/// Says whether the name is still to be generated.
pub fn needs_name_generation(object: &Object) -> bool {
    object.name().is_empty() && !object.str(&["metadata", "generateName"]).is_empty()
}

/// Completes and checks a new object that already has uid, creation time and name.
///
/// Go: BeforeCreate
pub async fn before_create(cx: &Context, strategy: &dyn Strategy, mut object: Object) -> Result<Object> {
    ensure_namespace_matches_request(cx, strategy, &mut object)?;
    let mut object = prepare(cx, object, |object| strategy.prepare_for_create(cx, object)).await?;
    validate(cx, &mut object, |object| {
        let mut errors = strategy.validate(cx, object);
        if errors.is_empty() {
            errors = validate_object_meta(strategy, object);
        }
        errors
    })
    .await?;
    for warning in strategy.warnings_on_create(cx, &object) {
        cx.warnings.add(warning);
    }
    strategy.canonicalize(&mut object);
    Ok(object)
}

/// Checks what the metadata of all kinds has in common.
pub(super) fn validate_object_meta(strategy: &dyn Strategy, object: &Object) -> ErrorList {
    let scope = if strategy.namespace_scoped() { Scope::Namespaced } else { Scope::Cluster };
    let metadata = Path::new("metadata");
    object_meta::validate_object_meta(ObjectMeta::of(object), scope, name::validate_path_segment_name, &metadata)
}

/// Sets the namespace of the request, unless the object names another one.
///
/// Go: rest/meta.go EnsureObjectNamespaceMatchesRequestNamespace
pub fn ensure_namespace_matches_request(cx: &Context, strategy: &dyn Strategy, object: &mut Object) -> Result<()> {
    let expected = if strategy.namespace_scoped() { cx.info.namespace.as_str() } else { "" };
    match_namespace(expected, object)
}

/// Sets a namespace, unless the object names another one. Cluster-scoped objects have none whatever they say.
pub fn match_namespace(expected: &str, object: &mut Object) -> Result<()> {
    if object.namespace() == expected {
        return Ok(());
    }
    if object.namespace().is_empty() {
        object.set(&["metadata", "namespace"], expected);
    } else if expected.is_empty() {
        object.remove(&["metadata", "namespace"]);
    } else {
        return Err(StatusError::new_bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}

/// Lets the strategy complete the object. The one place that enters this phase.
pub(super) async fn prepare(cx: &Context, mut object: Object, prepare: impl FnOnce(&mut Object)) -> Result<Object> {
    let phase = cx.trace.enter(Phase::PrepareForWrite, &mut object).await?;
    prepare(&mut object);
    phase.exit(&object);
    Ok(object)
}

/// Lets the strategy check the object, and makes one answer of all that is wrong. The one place that enters this phase.
pub(super) async fn validate(
    cx: &Context,
    object: &mut Object,
    validate: impl FnOnce(&Object) -> ErrorList,
) -> Result<()> {
    let phase = cx.trace.enter(Phase::Validate, object).await?;
    let errors = validate(object);
    if errors.is_empty() {
        phase.exit(&Nothing);
        return Ok(());
    }
    let gvk = object.gvk();
    let error =
        StatusError::new_invalid(&GroupKind { group: gvk.group, kind: gvk.kind }, object.name(), errors.causes());
    phase.fail(&error);
    Err(error)
}

/// Makes of "already exists" what it means for a name that the server chose itself.
///
/// Go: CheckGeneratedNameError
pub fn check_generated_name_error(
    error: StatusError,
    resource: &GroupResource,
    generate_name: &str,
    name: &str,
) -> StatusError {
    if error.is_already_exists() && !generate_name.is_empty() {
        return StatusError::new_generate_name_conflict(resource, name, 1);
    }
    error
}
