//! ResourceClaim, and the template that claims are made from.
//!
//! Go: pkg/apis/resource/validation/validation.go ValidateResourceClaim, pkg/registry/resource/resourceclaim/strategy.go

use apimachinery::{
    runtime::object::Object,
    validation::field::{Error, ErrorList, Path},
};
use serde_json::Value;

use super::{requests, selector::Age, status};
use crate::{
    defaults, gostruct,
    node::Node,
    rules::{Part, Rules, differs},
    validation::{FIELD_IMMUTABLE, template_metadata},
};

pub(super) const CLAIM: Rules = Rules {
    default: |claim| {
        if let Some(spec) = claim.0.get_mut("spec") {
            requests::default_devices(spec);
        }
    },
    has_status: true,
    validate: |claim| {
        let mut errors = ErrorList::new();
        requests::devices(&mut errors, &Node::of(claim, "spec").child("devices"), Age::New);
        errors
    },
    validate_update: |claim, old| immutable_spec(claim, old, "io.k8s.api.resource.v1.ResourceClaimSpec"),
    status: Part {
        prepare_for_update: status::prepare_for_update,
        validate_update: status::validate_update,
        ..Part::WITH_METADATA
    },
    ..Rules::PLAIN
};

pub(super) const TEMPLATE: Rules = Rules {
    default: |template| {
        if let Some(spec) = template.0.get_mut("spec").and_then(|spec| defaults::field(spec, "spec")) {
            requests::default_devices(spec);
        }
    },
    validate: validate_template,
    validate_update: |template, old| {
        let mut errors = validate_template(template);
        errors.extend(immutable_spec(template, old, "io.k8s.api.resource.v1.ResourceClaimTemplateSpec"));
        errors
    },
    ..Rules::PLAIN
};

/// Go: ValidateResourceClaimTemplate
fn validate_template(template: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(template, "spec");
    template_metadata(&mut errors, &spec.child("metadata"));
    requests::devices(&mut errors, &spec.child("spec").child("devices"), Age::New);
    errors
}

/// A spec never changes; that of a claim was checked when it was new.
fn immutable_spec(object: &Object, old: &Object, definition: &str) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(object, "spec");
    if differs(object, old, "spec") {
        errors.push(Error::invalid(&spec.path, gostruct::shown(spec.value, definition), FIELD_IMMUTABLE));
    }
    errors
}

/// Returns the first request that asks for administrative access, which a namespace must allow. What is said of it is
/// said of a claim's, also where it is a template's.
///
/// Go: pkg/registry/resource/utils.go AuthorizedForAdmin
pub fn admin_access<'a>(spec: &Node<'a>) -> Option<Node<'a>> {
    let requests = spec.clone().at(Path::new("spec")).items("devices.requests");
    let asking = requests.into_iter().find(|request| request.get("exactly.adminAccess") == Some(&Value::Bool(true)));
    asking.map(|request| request.child("adminAccess"))
}
