//! Whether a CustomResourceDefinition may be created or changed.
//!
//! ```text
//! v1 object --internal--> spec ----------> names, versions, columns, subresources, conversion
//!                           '--> schema per version or for all
//!                                  |--> structural   is it one structure, whatever is validated?
//!                                  |--> defaults     do the defaults fit their own schema?
//!                                  '--> openapi      node by node: what is not supported, lists and maps, rules
//! ```
//!
//! kube-apiserver checks its internal type, in which what all versions share has moved up to `spec`; errors therefore
//! speak of `spec.validation.openAPIV3Schema` where a client wrote `spec.versions[0].schema`. What was accepted once is
//! not refused later: an update is only as strict as the old object already was ([`ratchet`]).
//!
//! Go: apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go
//!
//! Read in this order.

pub mod approval;
pub mod columns;
pub mod conversion;
pub mod decl;
pub mod defaults;
pub mod fieldpath;
pub mod internal;
pub mod lists;
pub mod names;
pub mod openapi;
pub mod ratchet;
pub mod rules;
pub mod spec;
pub mod structural;
pub mod versions;

use api::node::Node;
use apimachinery::{
    api::validation::{
        name::name_is_dns_subdomain,
        object_meta::{Scope, validate_object_meta, validate_object_meta_update},
    },
    meta::object_meta::ObjectMeta,
    runtime::object::Object,
    validation::field::{Error, ErrorList, Path},
};

use ratchet::Strictness;

/// Checks a new definition.
///
/// Go: ValidateCustomResourceDefinition
pub fn validate_create(definition: &Object) -> ErrorList {
    let metadata = Path::new("metadata");
    let mut errors = validate_object_meta(ObjectMeta::of(definition), Scope::Cluster, name_is_dns_subdomain, &metadata);
    errors.extend(own_name(definition, &metadata));
    errors.extend(check(definition, None, &Strictness::full()));
    errors
}

/// Checks a changed definition against what it was.
///
/// Go: ValidateCustomResourceDefinitionUpdate
pub fn validate_update(definition: &Object, old: &Object) -> ErrorList {
    let metadata = Path::new("metadata");
    let mut errors = validate_object_meta_update(ObjectMeta::of(definition), ObjectMeta::of(old), &metadata);
    let strictness = Strictness::after(&internal::from_v1(old), &internal::from_v1(definition));
    errors.extend(check(definition, Some(old), &strictness));
    errors
}

/// Checks a changed status.
///
/// Go: ValidateUpdateCustomResourceDefinitionStatus
pub fn validate_status_update(definition: &Object, old: &Object) -> ErrorList {
    let metadata = Path::new("metadata");
    let mut errors = validate_object_meta_update(ObjectMeta::of(definition), ObjectMeta::of(old), &metadata);
    names::well_formed(&mut errors, &Node::of(definition, "status").child("acceptedNames"));
    errors
}

fn check(definition: &Object, old: Option<&Object>, strictness: &Strictness) -> ErrorList {
    let (internal, before) = (internal::from_v1(definition), old.map(internal::from_v1));
    let root = Node::root(&internal);
    let (definition_spec, status) = (root.child("spec"), root.child("status"));
    let mut errors = ErrorList::new();
    spec::validate(&mut errors, &definition_spec, strictness);
    if let Some(before) = &before {
        spec::immutable(&mut errors, &definition_spec, &Node::root(before).child("spec"), strictness);
    }
    names::well_formed(&mut errors, &status.child("acceptedNames"));
    versions::stored(&mut errors, &status.child("storedVersions"), &definition_spec);
    approval::validate(&mut errors, definition, old);
    let preserved = |spec: &Node<'_>| spec.flag("preserveUnknownFields");
    if preserved(&definition_spec) && !before.is_some_and(|before| preserved(&Node::root(&before).child("spec"))) {
        errors.push(definition_spec.child("preserveUnknownFields").invalid(
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
        ));
    }
    errors
}

/// A definition is named after what it defines, so that no two define the same.
fn own_name(definition: &Object, metadata: &Path) -> ErrorList {
    let wanted = format!("{}.{}", definition.str(&["spec", "names", "plural"]), definition.str(&["spec", "group"]));
    let wrong = |field: &str, name: &str| {
        let refused = !name.is_empty() && name != wanted;
        refused.then(|| Error::invalid(&metadata.child(field), name, "must be spec.names.plural+\".\"+spec.group"))
    };
    let generated = definition.str(&["metadata", "generateName"]);
    wrong("generateName", generated).into_iter().chain(wrong("name", definition.name())).collect()
}
