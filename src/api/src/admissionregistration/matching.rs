//! What a webhook or policy is about: rules and selectors.
//!
//! Go: validateRule, validateResources, validateMatchResources

use apimachinery::validation::field::{Error, ErrorList};

use super::expressions;
use crate::{
    node::Node,
    validation::{label_selector, supported},
};

const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const SCOPES: [&str; 3] = ["*", "Cluster", "Namespaced"];
/// What happens if the verdict cannot be had.
pub const FAILURE_POLICIES: [&str; 2] = ["Fail", "Ignore"];
/// Whether other versions of a resource count.
pub const MATCH_POLICIES: [&str; 2] = ["Equivalent", "Exact"];

/// Checks one of an enumeration that must be there; the empty text is one that does not exist.
pub fn required_choice(errors: &mut ErrorList, node: &Node<'_>, choices: &[&str]) {
    if node.is_set() { supported(errors, node, choices) } else { errors.push(node.required("")) }
}

/// Checks one of an enumeration that may be absent.
pub fn choice(errors: &mut ErrorList, node: &Node<'_>, choices: &[&str]) {
    if node.is_set() {
        supported(errors, node, choices);
    }
}

/// Checks a rule: operations on resources.
pub fn rule(errors: &mut ErrorList, rule: &Node<'_>) {
    let operations = rule.child("operations");
    alone(errors, &operations, "operations");
    for operation in operations.items_here() {
        supported(errors, &operation.or_empty(), &OPERATIONS);
    }
    alone(errors, &rule.child("apiGroups"), "API groups");
    let versions = rule.child("apiVersions");
    alone(errors, &versions, "API versions");
    for version in versions.items_here() {
        if version.as_str().is_empty() {
            errors.push(version.required(""));
        }
    }
    resources(errors, &rule.child("resources"));
    choice(errors, &rule.child("scope"), &SCOPES);
}

/// Requires at least one item, and nothing besides `*`.
fn alone(errors: &mut ErrorList, list: &Node<'_>, what: &str) {
    let items = list.items_here();
    if items.is_empty() {
        errors.push(list.required(""));
    }
    if items.len() > 1 && items.iter().any(|item| item.as_str() == "*") {
        errors.push(list.invalid(format!("if '*' is present, must not specify other {what}")));
    }
}

/// Resources and subresources: `pods`, `pods/log`, `pods/*`, `*/scale`, `*`, `*/*`.
fn resources(errors: &mut ErrorList, list: &Node<'_>) {
    let items = list.items_here();
    if items.is_empty() {
        errors.push(list.required(""));
    }
    let (mut all_subresources, mut of_all): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    // Only the last resource without subresource decides, as in kube-apiserver.
    let mut ends_plain = false;
    for item in &items {
        let text = item.as_str();
        if text.is_empty() {
            errors.push(item.required(""));
            continue;
        }
        let Some((resource, subresource)) = text.split_once('/') else {
            ends_plain = text != "*";
            continue;
        };
        if all_subresources.contains(&resource) {
            errors.push(item.invalid(format!("if '{resource}/*' is present, must not specify {text}")));
        }
        if of_all.contains(&subresource) {
            errors.push(item.invalid(format!("if '*/{subresource}' is present, must not specify {text}")));
        }
        if subresource == "*" {
            all_subresources.push(resource);
        }
        if resource == "*" {
            of_all.push(subresource);
        }
    }
    let has = |wanted: &str| items.iter().any(|item| item.as_str() == wanted);
    if items.len() > 1 && has("*/*") {
        errors.push(list.invalid("if '*/*' is present, must not specify other resources"));
    }
    if has("*") && ends_plain {
        errors.push(list.invalid("if '*' is present, must not specify other resources without subresources"));
    }
}

/// Only what creates and changes can be mutated; errors name no rule.
pub fn mutating_operations(errors: &mut ErrorList, resources: &Node<'_>) {
    const MUTATING: [&str; 4] = ["*", "CONNECT", "CREATE", "UPDATE"];
    let path = resources.path.child("resourceRules").child("operations");
    for operation in resources.items("resourceRules").iter().flat_map(|rule| rule.items("operations")) {
        if !MUTATING.contains(&operation.as_str()) {
            errors.push(Error::not_supported(&path, operation.as_str(), &MUTATING));
        }
    }
}

/// Checks `matchConstraints` of a policy and `matchResources` of a binding.
pub fn match_resources(errors: &mut ErrorList, resources: &Node<'_>) {
    required_choice(errors, &resources.child("matchPolicy"), &MATCH_POLICIES);
    for field in ["namespaceSelector", "objectSelector"] {
        let selector = resources.child(field);
        if selector.is_set() {
            label_selector(errors, &selector);
        } else {
            errors.push(selector.required(""));
        }
    }
    for rules in ["resourceRules", "excludeResourceRules"] {
        for named in resources.items(rules) {
            let mut seen: Vec<&str> = Vec::new();
            for name in named.items("resourceNames") {
                let name = name.or_empty();
                expressions::path_segment(errors, &name);
                if seen.contains(&name.as_str()) {
                    errors.push(name.duplicate());
                }
                seen.push(name.as_str());
            }
            rule(errors, &named);
        }
    }
}
