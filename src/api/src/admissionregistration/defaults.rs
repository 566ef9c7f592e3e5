//! What a webhook or policy is if it does not say.
//!
//! Go: pkg/apis/admissionregistration/v1/defaults.go

use apimachinery::runtime::object::Object;
use serde_json::{Value, json};

use crate::defaults::{absent, items};

/// Completes the webhooks of a configuration; only those that change objects can be asked again.
pub fn webhooks(object: &mut Object, is_mutating: bool) {
    with_value(object, |configuration| {
        for hook in items(configuration, "webhooks") {
            absent(hook, "failurePolicy", "Fail");
            absent(hook, "timeoutSeconds", 10);
            match_resources(hook, "rules");
            if is_mutating {
                absent(hook, "reinvocationPolicy", "Never");
            }
            if let Some(service) = hook.pointer_mut("/clientConfig/service").filter(|service| service.is_object()) {
                absent(service, "port", 443);
            }
        }
    });
}

/// Completes a policy.
pub fn policy(object: &mut Object) {
    with_value(object, |policy| {
        if !policy["spec"].is_object() {
            policy["spec"] = json!({});
        }
        absent(&mut policy["spec"], "failurePolicy", "Fail");
        constraints(&mut policy["spec"], "matchConstraints");
    });
}

/// Completes a binding.
pub fn binding(object: &mut Object) {
    with_value(object, |binding| {
        if let Some(spec) = binding.get_mut("spec").filter(|spec| spec.is_object()) {
            constraints(spec, "matchResources");
        }
    });
}

fn constraints(spec: &mut Value, field: &str) {
    if let Some(resources) = spec.get_mut(field).filter(|resources| resources.is_object()) {
        match_resources(resources, "resourceRules");
        scopes(resources, "excludeResourceRules");
    }
}

/// Everything is meant, in all versions of the resources.
fn match_resources(resources: &mut Value, rules: &str) {
    absent(resources, "matchPolicy", "Equivalent");
    absent(resources, "namespaceSelector", json!({}));
    absent(resources, "objectSelector", json!({}));
    scopes(resources, rules);
}

fn scopes(resources: &mut Value, rules: &str) {
    for rule in items(resources, rules) {
        absent(rule, "scope", "*");
    }
}

/// Changes an object as a value.
fn with_value(object: &mut Object, change: impl FnOnce(&mut Value)) {
    let mut value = std::mem::take(object).into_value();
    change(&mut value);
    *object = Object::from_value(value).unwrap_or_default();
}
