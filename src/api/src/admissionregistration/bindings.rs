//! Bindings, which put a policy in force.
//!
//! Go: validateValidatingAdmissionPolicyBindingSpec, validateMutatingAdmissionPolicyBindingSpec, validateParamRef

use apimachinery::{
    runtime::object::Object,
    validation::field::{Error, ErrorList},
};

use super::{expressions, matching};
use crate::{
    node::Node,
    validation::{label_selector, supported},
};

const ACTIONS: [&str; 3] = ["Audit", "Deny", "Warn"];

/// Checks the binding of a mutating policy.
pub fn validate_mutating(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(object, "spec");
    common(&mut errors, &spec);
    matching::mutating_operations(&mut errors, &spec.child("matchResources"));
    errors
}

/// Checks the binding of a validating policy.
pub fn validate_validating(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(object, "spec");
    common(&mut errors, &spec);
    actions(&mut errors, &spec.child("validationActions"));
    errors
}

fn common(errors: &mut ErrorList, spec: &Node<'_>) {
    expressions::policy_name(errors, &spec.child("policyName"));
    let reference = spec.child("paramRef");
    if reference.is_set() {
        param_ref(errors, &reference);
    }
    let resources = spec.child("matchResources");
    if resources.is_set() {
        matching::match_resources(errors, &resources);
    }
}

/// A parameter is named or selected.
fn param_ref(errors: &mut ErrorList, reference: &Node<'_>) {
    let (name, selector) = (reference.child("name"), reference.child("selector"));
    if !name.as_str().is_empty() {
        expressions::path_segment(errors, &name);
    }
    if selector.is_set() {
        label_selector(errors, &selector);
    }
    match (name.as_str().is_empty(), selector.is_set()) {
        (false, true) => {
            for node in [&name, &selector] {
                errors.push(node.forbidden("name and selector are mutually exclusive"));
            }
        }
        (true, false) => errors.push(reference.required("one of name or selector must be specified")),
        _ => {}
    }
    let action = reference.child("parameterNotFoundAction");
    if action.as_str().is_empty() {
        errors.push(action.required(""));
    } else {
        supported(errors, &action, &["Deny", "Allow"]);
    }
}

fn actions(errors: &mut ErrorList, actions: &Node<'_>) {
    let items = actions.items_here();
    let mut seen: Vec<&str> = Vec::new();
    for action in &items {
        let action = action.clone().or_empty();
        supported(errors, &action, &ACTIONS);
        if seen.contains(&action.as_str()) {
            errors.push(action.duplicate());
        }
        seen.push(action.as_str());
    }
    if seen.contains(&"Deny") && seen.contains(&"Warn") {
        let detail = "must not contain both Deny and Warn (repeating the same validation failure information in the API \
                      response and headers serves no purpose)";
        errors.push(Error::invalid(&actions.path, actions.shown(), detail));
    }
    if items.is_empty() {
        errors.push(actions.required("at least one validation action is required"));
    }
}
