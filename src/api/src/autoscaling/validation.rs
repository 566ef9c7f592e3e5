//! What an autoscaler may say.
//!
//! Go: pkg/apis/autoscaling/validation/validation.go

use apimachinery::{
    api::validation::{
        name::name_is_dns_subdomain,
        object_meta::{Scope, validate_object_meta},
    },
    meta::object_meta::ObjectMeta,
    runtime::{object::Object, schema::GroupVersion},
    util::validation::is_path_segment_name,
    validation::field::{Error, ErrorList, Path},
};

use crate::{
    node::Node,
    validation::{container_resource_name, dns_label, each, not_negative, quantity_not_negative, supported},
};

const SOURCES: [&str; 5] = ["ContainerResource", "External", "Object", "Pods", "Resource"];

/// Checks a scale, whatever is scaled.
///
/// Go: ValidateScale
pub fn validate_scale(scale: &Object) -> ErrorList {
    let (meta, metadata) = (ObjectMeta::of(scale), Path::new("metadata"));
    let mut errors = validate_object_meta(meta, Scope::Namespaced, name_is_dns_subdomain, &metadata);
    not_negative(&mut errors, &Node::of(scale, "spec.replicas"));
    errors
}

pub(super) fn validate(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(object, "spec");
    if spec.opt_int("minReplicas").is_some_and(|min| min < 1) {
        errors.push(spec.child("minReplicas").invalid("must be greater than or equal to 1"));
    }
    let max = spec.child("maxReplicas");
    if max.as_int() == 0 {
        errors.push(max.required("must be set and greater than 0"));
    } else if max.as_int() < 1 {
        errors.push(max.invalid("must be greater than or equal to 1"));
    }
    if spec.opt_int("minReplicas").is_some_and(|min| max.as_int() < min) {
        errors.push(Error::invalid(&max.path, max.as_int(), "must be greater than or equal to `minReplicas`"));
    }
    let target = spec.child("scaleTargetRef");
    reference(&mut errors, &target);
    api_version(&mut errors, &target);
    for metric in spec.items("metrics") {
        metric_spec(&mut errors, &metric);
    }
    let from_outside = |metric: &Node<'_>| matches!(metric.text("type"), "Object" | "External");
    if spec.opt_int("minReplicas") == Some(0) && !spec.items("metrics").iter().any(from_outside) {
        let text = "must specify at least one Object or External metric to support scaling to zero replicas";
        errors.push(spec.child("metrics").forbidden(text));
    }
    for direction in ["behavior.scaleUp", "behavior.scaleDown"] {
        scaling_rules(&mut errors, &spec.child(direction));
    }
    errors
}

pub(super) fn validate_status(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let status = Node::of(object, "status");
    not_negative(&mut errors, &status.child("currentReplicas"));
    not_negative(&mut errors, &status.child("desiredReplicas"));
    errors
}

/// Go: ValidateCrossVersionObjectReference
fn reference(errors: &mut ErrorList, reference: &Node<'_>) {
    for field in ["kind", "name"] {
        let text = reference.child(field);
        if text.as_str().is_empty() {
            errors.push(text.required(""));
        } else {
            each(errors, &text, is_path_segment_name(text.as_str()));
        }
    }
}

/// Only the core group's ReplicationController can be scaled, so anything else names a group.
///
/// Go: ValidateAPIVersion
fn api_version(errors: &mut ErrorList, reference: &Node<'_>) {
    let version = reference.child("apiVersion").or_empty();
    match GroupVersion::parse(version.as_str()) {
        None => errors.push(version.invalid(format!("unexpected GroupVersion string: {}", version.as_str()))),
        Some(found) if found.group.is_empty() && reference.text("kind") != "ReplicationController" => {
            errors.push(version.invalid("apiVersion must specify API group"));
        }
        Some(_) => {}
    }
}

fn metric_spec(errors: &mut ErrorList, metric: &Node<'_>) {
    let kind = metric.child("type").or_empty();
    if kind.as_str().is_empty() {
        errors.push(kind.required("must specify a metric source type"));
    }
    supported(errors, &kind, &SOURCES);
    let mut present = Vec::new();
    for name in ["object", "external", "pods", "resource", "containerResource"] {
        let source = metric.child(name);
        if !source.is_set() {
            continue;
        }
        present.push(name);
        if present.len() == 1 {
            metric_source(errors, name, &source);
        }
    }
    let expected = match kind.as_str() {
        "Object" => "object",
        "External" => "external",
        "Pods" => "pods",
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        _ => {
            // Said again where Go finds no branch for it.
            supported(errors, &kind, &SOURCES);
            ""
        }
    };
    if !expected.is_empty() && !present.contains(&expected) {
        let text = "must populate information for the given metric source";
        errors.push(metric.child(expected).required(text));
    }
    if present.len() != 1 {
        for other in present.iter().filter(|name| **name != expected) {
            errors.push(metric.child(other).forbidden("must populate the given metric source only"));
        }
    }
}

fn metric_source(errors: &mut ErrorList, name: &str, source: &Node<'_>) {
    let target = source.child("target");
    let has = |field: &str| target.has(field);
    let require = |errors: &mut ErrorList, field: &str, text: &str| errors.push(target.child(field).required(text));
    match name {
        "object" => {
            reference(errors, &source.child("describedObject"));
            identifier(errors, source);
            metric_target(errors, &target);
            if !has("value") && !has("averageValue") {
                require(errors, "averageValue", "must set either a target value or averageValue");
            }
        }
        "external" => {
            identifier(errors, source);
            metric_target(errors, &target);
            if !has("value") && !has("averageValue") {
                require(errors, "averageValue", "must set either a target value for metric or a per-pod target");
            }
            if has("value") && has("averageValue") {
                let text = "may not set both a target value for metric and a per-pod target";
                errors.push(target.child("value").forbidden(text));
            }
        }
        "pods" => {
            identifier(errors, source);
            metric_target(errors, &target);
            if !has("averageValue") {
                require(errors, "averageValue", "must specify a positive target averageValue");
            }
        }
        _ => {
            let (resource, container) = (source.child("name"), source.child("container"));
            if resource.as_str().is_empty() {
                errors.push(resource.required("must specify a resource name"));
            } else if name == "containerResource" {
                container_resource_name(errors, &resource, resource.as_str());
            }
            if name == "containerResource" && container.as_str().is_empty() {
                errors.push(container.required("must specify a container"));
            } else if name == "containerResource" {
                dns_label(errors, &container);
            }
            metric_target(errors, &target);
            if !has("averageUtilization") && !has("averageValue") {
                let text = "must set either a target raw value or a target utilization";
                require(errors, "averageUtilization", text);
            }
            if has("averageUtilization") && has("averageValue") {
                let text = "may not set both a target raw value and a target utilization";
                errors.push(target.child("averageValue").forbidden(text));
            }
        }
    }
}

fn identifier(errors: &mut ErrorList, source: &Node<'_>) {
    let name = source.child("metric.name");
    if name.as_str().is_empty() {
        errors.push(name.required("must specify a metric name"));
    } else {
        each(errors, &name, is_path_segment_name(name.as_str()));
    }
}

fn metric_target(errors: &mut ErrorList, target: &Node<'_>) {
    let kind = target.child("type").or_empty();
    if kind.as_str().is_empty() {
        errors.push(kind.required("must specify a metric target type"));
    }
    if !matches!(kind.as_str(), "Utilization" | "Value" | "AverageValue") {
        errors.push(kind.invalid("must be either Utilization, Value, or AverageValue"));
    }
    for field in ["value", "averageValue"] {
        if target.quantity(field).is_some_and(|value| value.sign() != 1) {
            errors.push(target.child(field).invalid("must be positive"));
        }
    }
    if target.opt_int("averageUtilization").is_some_and(|value| value < 1) {
        errors.push(target.child("averageUtilization").invalid("must be greater than 0"));
    }
}

/// Go: validateScalingRules
fn scaling_rules(errors: &mut ErrorList, rules: &Node<'_>) {
    if !rules.is_set() {
        return;
    }
    let window = rules.child("stabilizationWindowSeconds");
    if window.as_int() < 0 {
        errors.push(window.invalid("must be greater than or equal to zero"));
    }
    if window.as_int() > 3600 {
        errors.push(window.invalid("must be less than or equal to 3600"));
    }
    quantity_not_negative(errors, &rules.child("tolerance"));
    let choice = rules.child("selectPolicy");
    if choice.is_set() {
        supported(errors, &choice, &["Disabled", "Max", "Min"]);
    }
    if rules.len("policies") == 0 {
        errors.push(rules.child("policies").required("must specify at least one Policy"));
    }
    for policy in rules.items("policies") {
        supported(errors, &policy.child("type").or_empty(), &["Percent", "Pods"]);
        for field in ["value", "periodSeconds"] {
            if policy.int(field) <= 0 {
                let path = policy.path.child(field);
                errors.push(Error::invalid(&path, policy.int(field), "must be greater than zero"));
            }
        }
        if policy.int("periodSeconds") > 1800 {
            errors.push(policy.child("periodSeconds").invalid("must be less than or equal to 1800"));
        }
    }
}
