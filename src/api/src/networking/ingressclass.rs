//! IngressClass: which controller serves an Ingress.
//!
//! Go: pkg/apis/networking/validation/validation.go ValidateIngressClass

use apimachinery::{
    api::validation::name::{NameUsage, name_is_dns_label},
    runtime::object::Object,
    util::validation::is_domain_prefixed_path,
    validation::field::{Error, ErrorList},
};

use super::typed_reference;
use crate::{
    defaults::{absent, field, made},
    node::Node,
    rules::{Generation, Rules},
    validation::{each, immutable, supported},
};

const MAX_LEN_CONTROLLER: usize = 250;

pub(super) const INGRESS_CLASS: Rules = Rules {
    default: |class| {
        if let Some(parameters) = field(made(&mut class.0, "spec"), "parameters") {
            absent(parameters, "scope", "Cluster");
        }
    },
    generation: Generation::Fields(&["spec"]),
    validate,
    validate_update: |class, old| {
        let mut errors = ErrorList::new();
        let controller = |object| Node::of(object, "spec").child("controller").or_empty();
        immutable(&mut errors, &controller(class), &controller(old));
        errors.extend(validate(class));
        errors
    },
    ..Rules::PLAIN
};

fn validate(class: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(class, "spec");
    let controller = spec.child("controller");
    if controller.as_str().len() > MAX_LEN_CONTROLLER {
        errors.push(Error::too_long(&controller.path, MAX_LEN_CONTROLLER));
    }
    errors.extend(is_domain_prefixed_path(&controller.path, controller.as_str()));
    let parameters = spec.child("parameters");
    if !parameters.is_set() {
        return errors;
    }
    typed_reference(&mut errors, &parameters);
    let (scope, namespace) = (parameters.child("scope"), parameters.child("namespace"));
    if !scope.is_set() {
        errors.push(scope.required(""));
        return errors;
    }
    supported(&mut errors, &scope, &["Cluster", "Namespace"]);
    match (scope.as_str(), namespace.is_set()) {
        ("Namespace", false) => errors.push(namespace.required("`parameters.scope` is set to 'Namespace'")),
        ("Namespace", true) => {
            each(&mut errors, &namespace, name_is_dns_label(namespace.as_str(), NameUsage::Whole));
        }
        ("Cluster", true) => errors.push(namespace.forbidden("`parameters.scope` is set to 'Cluster'")),
        _ => {}
    }
    errors
}
