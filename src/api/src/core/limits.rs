//! LimitRange and ResourceQuota.
//!
//! Go: pkg/apis/core/validation/validation.go ValidateLimitRange, ValidateResourceQuota

use std::collections::BTreeSet;

use apimachinery::{
    api::resource::Quantity,
    runtime::object::Object,
    util::validation,
    validation::field::{Error, ErrorList},
};
use serde_json::Value;

use super::pod::resources::may_be_overcommitted;
use crate::{
    gostruct,
    node::Node,
    rules::{Part, Request, Rules},
    validation::{
        FIELD_IMMUTABLE, container_resource_name, each, is_standard_quota_resource, less, resource_name,
        resource_quantity,
    },
};

pub(super) const LIMIT_RANGE: Rules = Rules {
    default: default_limits,
    prepare_for_create: name_by_uid,
    validate: validate_limit_range,
    validate_update: |object, _| validate_limit_range(object),
    ..Rules::PLAIN
};

pub(super) const RESOURCE_QUOTA: Rules = Rules {
    has_status: true,
    validate: validate_quota,
    validate_update: validate_quota_update,
    status: Part { validate_update: validate_quota_status, ..Part::PLAIN },
    ..Rules::PLAIN
};

fn name_by_uid(request: &Request, object: &mut Object) {
    if object.name().is_empty() {
        object.set(&["metadata", "name"], request.uid.as_str());
    }
}

/// A container's default limit is its maximum, its default request the limit, or else the minimum.
///
/// Go: SetDefaults_LimitRangeItem
fn default_limits(object: &mut Object) {
    let Some(Value::Array(items)) = object.0.get_mut("spec").and_then(|spec| spec.get_mut("limits")) else { return };
    for item in items.iter_mut().filter(|item| item["type"] == "Container") {
        for (to, from) in [("default", "max"), ("defaultRequest", "default"), ("defaultRequest", "min")] {
            let Some(Value::Object(from)) = item.get(from).cloned() else { continue };
            let Some(fields) = item.as_object_mut() else { continue };
            let to = fields.entry(to).or_insert_with(|| Value::Object(serde_json::Map::new()));
            let Some(to) = to.as_object_mut() else { continue };
            for (name, quantity) in from {
                to.entry(name).or_insert(quantity);
            }
        }
    }
}

fn validate_limit_range(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let items = Node::of(object, "spec").items("limits");
    for (index, item) in items.iter().enumerate() {
        let kind = item.child("type");
        limit_type(&mut errors, &kind);
        if items[..index].iter().any(|other| other.text("type") == kind.as_str()) {
            errors.push(kind.duplicate());
        }
        limit_range_item(&mut errors, item, kind.as_str());
    }
    errors
}

/// Go: validateLimitRangeTypeName
fn limit_type(errors: &mut ErrorList, kind: &Node<'_>) {
    let sentences = validation::is_qualified_name(kind.as_str());
    if !sentences.is_empty() {
        // An absent type is the empty one.
        errors.extend(sentences.into_iter().map(|text| Error::invalid(&kind.path, kind.as_str(), text)));
    } else if !kind.as_str().contains('/') && !matches!(kind.as_str(), "Pod" | "Container" | "PersistentVolumeClaim") {
        errors.push(kind.invalid("must be a standard limit type or fully qualified"));
    }
}

fn limit_range_item(errors: &mut ErrorList, item: &Node<'_>, kind: &str) {
    let mut names = BTreeSet::new();
    let mut check = |errors: &mut ErrorList, field: &str| {
        for (name, entry) in item.entries(field) {
            if matches!(kind, "Pod" | "Container") {
                container_resource_name(errors, &entry, name);
            } else {
                resource_name(errors, &entry, name);
            }
            names.insert(name);
        }
    };
    check(errors, "max");
    check(errors, "min");
    for field in ["default", "defaultRequest"] {
        if kind != "Pod" {
            check(errors, field);
        } else if item.len(field) > 0 {
            errors.push(item.child(field).forbidden("may not be specified when `type` is 'Pod'"));
        }
    }
    if kind == "PersistentVolumeClaim" && !item.has("min.storage") && !item.has("max.storage") {
        let text = "either minimum or maximum storage value is required, but neither was provided";
        errors.push(item.child("limits").required(text));
    }
    check(errors, "maxLimitRequestRatio");
    for name in names {
        limits_in_order(errors, item, name);
    }
}

/// Minimum, default request, default and maximum must rise in this order.
fn limits_in_order(errors: &mut ErrorList, item: &Node<'_>, name: &str) {
    // Which must not be greater than which, and of which of the two the error is about: path, then value.
    const RULES: [(&str, &str, &str, &str); 6] = [
        ("min", "max", "min", "min"),
        ("min", "defaultRequest", "defaultRequest", "defaultRequest"),
        ("defaultRequest", "max", "defaultRequest", "defaultRequest"),
        ("defaultRequest", "default", "defaultRequest", "defaultRequest"),
        ("min", "default", "default", "min"),
        ("default", "max", "default", "max"),
    ];
    let words = |field| match field {
        "min" => "min value",
        "max" => "max value",
        "default" => "default value",
        _ => "default request value",
    };
    let quantity = |field: &str| item.child(field).key(name).as_quantity();
    for (low, high, about, shown) in RULES {
        let (Some(a), Some(b)) = (quantity(low), quantity(high)) else { continue };
        if less(b, a) {
            let (low_words, mut high_words) = (words(low), words(high));
            if low == "defaultRequest" && high == "default" {
                high_words = "default limit value";
            }
            let value = item.child(shown).key(name).shown();
            let text = format!("{low_words} {a} is greater than {high_words} {b}");
            errors.push(Error::invalid(&item.child(about).key(name).path, value, text));
        }
    }
    if let (Some(default), Some(request)) = (quantity("default"), quantity("defaultRequest"))
        && !may_be_overcommitted(name)
        && (less(default, request) || less(request, default))
    {
        let entry = item.child("defaultRequest").key(name);
        let text = format!("default value {default} must equal to defaultRequest value {request} in {name}");
        errors.push(entry.invalid(text));
    }
    ratio(errors, item, name);
}

fn ratio(errors: &mut ErrorList, item: &Node<'_>, name: &str) {
    let entry = item.child("maxLimitRequestRatio").key(name);
    let Some(ratio) = entry.as_quantity() else { return };
    if less(ratio, Quantity::new(1, ratio.format())) {
        errors.push(entry.invalid(format!("ratio {ratio} is less than 1")));
    }
    let quantity = |field: &str| item.child(field).key(name).as_quantity();
    if let (Some(min), Some(max)) = (quantity("min"), quantity("max")) {
        let limit = max.as_f64() / min.as_f64();
        if ratio.as_f64() > limit {
            errors.push(entry.invalid(format!("ratio {ratio} is greater than max/min = {limit:.6}")));
        }
    }
}

fn validate_quota(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(object, "spec");
    quota_resources(&mut errors, &spec, "hard");
    quota_scopes(&mut errors, &spec);
    scope_selector(&mut errors, &spec);
    errors
}

fn validate_quota_update(object: &Object, old: &Object) -> ErrorList {
    let mut errors = validate_quota(object);
    let (scopes, old) = (Node::of(object, "spec.scopes"), Node::of(old, "spec"));
    let sorted = |mut scopes: Vec<&str>| {
        scopes.sort_unstable();
        scopes.dedup();
        scopes.join(",")
    };
    if sorted(Node::of(object, "spec").texts("scopes")) != sorted(old.texts("scopes")) {
        errors.push(Error::invalid(&scopes.path, scopes.shown(), FIELD_IMMUTABLE));
    }
    errors
}

fn validate_quota_status(object: &Object, _: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let status = Node::of(object, "status");
    quota_resources(&mut errors, &status, "hard");
    quota_resources(&mut errors, &status, "used");
    errors
}

fn quota_resources(errors: &mut ErrorList, node: &Node<'_>, field: &str) {
    for (name, entry) in node.entries(field) {
        resource_name(errors, &entry, name);
        if !name.contains('/') && !is_standard_quota_resource(name) {
            errors.push(Error::invalid(&entry.path, name, "must be a standard resource for quota"));
        }
        resource_quantity(errors, name, &entry);
    }
}

const SCOPES: [&str; 7] = [
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];

/// Says whether a scope can narrow a resource. Go: IsResourceQuotaScopeValidForResource
fn scope_fits(scope: &str, resource: &str) -> bool {
    const COMPUTE: [&str; 8] = [
        "cpu",
        "memory",
        "limits.cpu",
        "limits.memory",
        "requests.cpu",
        "requests.memory",
        "requests.ephemeral-storage",
        "limits.ephemeral-storage",
    ];
    match scope {
        "Terminating" | "NotTerminating" | "NotBestEffort" | "PriorityClass" | "CrossNamespacePodAffinity" => {
            resource == "pods" || COMPUTE.contains(&resource)
        }
        "BestEffort" => resource == "pods",
        "VolumeAttributesClass" => matches!(resource, "persistentvolumeclaims" | "requests.storage"),
        _ => true,
    }
}

/// Adds an error for each pair of scopes that exclude one another. The list of scopes is shown, wherever they stand.
fn conflicting(errors: &mut ErrorList, scopes: &[&str], spec: &Node<'_>, list: &Node<'_>) {
    for pair in [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]] {
        if pair.iter().all(|scope| scopes.contains(scope)) {
            errors.push(Error::invalid(&list.path, spec.child("scopes").shown(), "conflicting scopes"));
        }
    }
}

/// Go: validateResourceQuotaScopes
fn quota_scopes(errors: &mut ErrorList, spec: &Node<'_>) {
    let (scopes, list) = (spec.texts("scopes"), spec.child("scopes"));
    for scope in &scopes {
        if !SCOPES.contains(scope) {
            errors.push(list.invalid("unsupported scope"));
        }
        for (resource, _) in spec.entries("hard") {
            if is_standard_quota_resource(resource) && !scope_fits(scope, resource) {
                errors.push(list.invalid("unsupported scope applied to resource"));
            }
        }
    }
    conflicting(errors, &scopes, spec, &list);
}

/// Go: validateScopedResourceSelectorRequirement
fn scope_selector(errors: &mut ErrorList, spec: &Node<'_>) {
    let selector = spec.child("scopeSelector");
    let list = selector.child("matchExpressions");
    let mut scopes = Vec::new();
    for requirement in selector.items("matchExpressions") {
        let scope = requirement.text("scopeName");
        let requirement = requirement.at(list.path.clone());
        if !SCOPES.contains(&scope) {
            errors.push(requirement.child("scopeName").invalid("unsupported scope"));
        }
        for (resource, _) in spec.entries("hard") {
            if is_standard_quota_resource(resource) && !scope_fits(scope, resource) {
                let shown = gostruct::shown(selector.value, "io.k8s.api.core.v1.ScopeSelector");
                errors.push(Error::invalid(&list.path, shown, "unsupported scope applied to resource"));
            }
        }
        let (operator, values) = (requirement.child("operator"), requirement.child("values"));
        if !matches!(scope, "PriorityClass" | "VolumeAttributesClass")
            && SCOPES.contains(&scope)
            && operator.as_str() != "Exists"
        {
            let text = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, \
                ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or \
                ResourceQuotaScopeCrossNamespacePodAffinity";
            errors.push(operator.invalid(text));
        }
        match (operator.as_str(), requirement.len("values")) {
            ("In" | "NotIn", 0) => errors.push(
                values.required("must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"),
            ),
            ("Exists" | "DoesNotExist", 1..) => errors.push(
                values.invalid("must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"),
            ),
            ("In" | "NotIn" | "Exists" | "DoesNotExist", _) => {}
            _ => each(errors, &operator, vec!["not a valid selector operator".to_owned()]),
        }
        scopes.push(scope);
    }
    conflicting(errors, &scopes, spec, &list);
}
