//! What differs per kind in a write.
//!
//! Go: apiserver/pkg/registry/rest/{create,update,delete}.go RESTCreateStrategy, RESTUpdateStrategy, RESTDeleteStrategy
//!
//! Go has one interface per verb and finds optional ones by type assertion. Every kind needs most of
//! them, so here they are one trait whose optional parts have the defaults that Go's absence means.

use std::collections::BTreeMap;

use apimachinery::{
    api::errors::StatusError,
    managedfields::fieldpath::Set,
    meta::options::DeleteOptions,
    runtime::{object::Object, schema::GroupVersionKind},
    validation::field::ErrorList,
};
use serde_json::Value;

use crate::{registry::rest::Result, request::context::Context};

/// What becomes of the objects that an owner leaves behind, where the request does not say.
///
/// Go: rest.GarbageCollectionPolicy
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GarbageCollectionPolicy {
    /// They are deleted.
    #[default]
    DeleteDependents,
    /// They lose their owner.
    OrphanDependents,
    /// The kind has no dependents, and no finalizers are set for them.
    Unsupported,
}

/// Fields that belong to the server, for one API version of a kind.
///
/// Go: rest.ResetFieldsStrategy
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResetFields {
    /// The API version: `apps/v1`.
    pub api_version: String,
    /// Paths of field names: `[["status"], ["metadata", "deletionTimestamp"]]`.
    pub paths: Vec<Vec<String>>,
}

impl ResetFields {
    /// Returns the fields as sets, by API version.
    pub fn sets(fields: &[Self]) -> BTreeMap<String, Set> {
        let set = |fields: &Self| {
            let paths: Vec<Vec<&str>> =
                fields.paths.iter().map(|path| path.iter().map(String::as_str).collect()).collect();
            let paths: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
            (fields.api_version.clone(), Set::of_fields(&paths))
        };
        fields.iter().map(set).collect()
    }
}

/// The rules of one kind, or of one of its sub-resources.
pub trait Strategy: Send + Sync {
    /// Whether objects live in namespaces.
    fn namespace_scoped(&self) -> bool;

    /// Completes a new object and drops what a client may not set: `status`, first `generation`.
    fn prepare_for_create(&self, _cx: &Context, _object: &mut Object) {}

    /// Checks a new object. Metadata is checked besides.
    fn validate(&self, _cx: &Context, _object: &Object) -> ErrorList {
        ErrorList::new()
    }

    /// Returns what a client should know about a new object that is valid.
    fn warnings_on_create(&self, _cx: &Context, _object: &Object) -> Vec<String> {
        Vec::new()
    }

    /// Brings a valid object into its one form.
    fn canonicalize(&self, _object: &mut Object) {}

    /// Returns a name that begins with `base`.
    ///
    /// Go: apiserver/pkg/storage/names/generate.go SimpleNameGenerator
    fn generate_name(&self, cx: &Context, base: &str) -> String {
        // 63 is the limit of a DNS label; what exceeds it is cut from the base.
        const MAX: usize = 63 - SUFFIX;
        const SUFFIX: usize = 5;
        let end = base.char_indices().map(|(at, _)| at).take_while(|at| *at <= MAX).last().unwrap_or_default();
        let base = if base.len() > MAX { &base[..end] } else { base };
        format!("{base}{}", cx.services.ids.suffix(SUFFIX))
    }

    /// Whether a PUT may create.
    fn allow_create_on_update(&self) -> bool {
        false
    }

    /// Whether a PUT needs no `resourceVersion`.
    fn allow_unconditional_update(&self) -> bool {
        true
    }

    /// Keeps what a client may not change, and counts `generation` where the desired state changed.
    fn prepare_for_update(&self, _cx: &Context, _object: &mut Object, _old: &Object) {}

    /// Checks a change. Metadata is checked besides.
    fn validate_update(&self, _cx: &Context, _object: &Object, _old: &Object) -> ErrorList {
        ErrorList::new()
    }

    /// Returns what a client should know about a change that is valid.
    fn warnings_on_update(&self, _cx: &Context, _object: &Object, _old: &Object) -> Vec<String> {
        Vec::new()
    }

    /// Returns for how many seconds the object goes gracefully, having been asked for `requested`; `None`: kinds that
    /// know no grace go at once.
    ///
    /// Go: RESTGracefulDeleteStrategy CheckGracefulDelete
    fn check_graceful_delete(&self, _cx: &Context, _object: &Object, _requested: Option<i64>) -> Option<i64> {
        None
    }

    /// What becomes of dependents by default.
    fn default_garbage_collection_policy(&self, _cx: &Context) -> GarbageCollectionPolicy {
        GarbageCollectionPolicy::default()
    }

    /// Says whether an update that leaves no finalizers on an object that is being deleted deletes it; asked after the
    /// general conditions hold.
    ///
    /// Go: genericregistry.Store ShouldDeleteDuringUpdate
    fn should_delete_during_update(&self, _object: &Object, _old: &Object) -> bool {
        true
    }

    /// Translates a field selector's label to the hub version's, or refuses a field that nobody may select by.
    ///
    /// Go: runtime.FieldLabelConversionFunc
    fn convert_field_label(&self, label: &str, value: &str) -> Result<(String, String)> {
        default_field_label(label, value)
    }

    /// Returns the kind of the bytes that are stored, where their version is another than that of the registry.
    ///
    /// Go: rest.StorageVersionProvider
    fn stored_kind(&self) -> Option<GroupVersionKind> {
        None
    }

    /// Returns what every client of the resource should know: that it is deprecated.
    ///
    /// Go: apiserver/pkg/endpoints/deprecation/deprecation.go WarningMessage
    fn deprecation_warning(&self) -> Option<&'static str> {
        None
    }

    /// Takes from metadata that is shown alone what is no metadata in Go's hub version.
    fn hide_from_metadata(&self, _metadata: &mut Value) {}

    /// Returns what a client should know about a delete that does not say what becomes of dependents.
    fn warnings_on_delete(&self, _options: &DeleteOptions) -> Vec<String> {
        Vec::new()
    }

    /// Refuses to delete an object, by its name alone.
    ///
    /// Go: pkg/registry/scheduling/priorityclass/storage/storage.go REST.Delete
    fn check_delete(&self, _name: &str) -> Result<()> {
        Ok(())
    }

    /// Fields that a client cannot own through this resource.
    fn reset_fields(&self) -> Vec<ResetFields> {
        Vec::new()
    }
}

/// The labels that every kind has.
///
/// Go: apimachinery/pkg/runtime/conversion.go DefaultMetaV1FieldSelectorConversion
pub fn default_field_label(label: &str, value: &str) -> Result<(String, String)> {
    match label {
        "metadata.name" | "metadata.namespace" => Ok((label.to_owned(), value.to_owned())),
        _ => Err(StatusError::new_bad_request(format!(
            "\"{label}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        ))),
    }
}
