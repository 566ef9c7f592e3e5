//! What a claim asks for: requests, constraints among them, configuration for them; and tolerations and taints.
//!
//! Go: pkg/apis/resource/validation/validation.go validateDeviceClaim

use apimachinery::{
    meta::validation::validate_label_name,
    util::validation::is_valid_label_value,
    validation::field::{BadValue, Error, ErrorList},
};
use serde_json::Value;

use super::{
    class::{MOST_CONFIGS, configuration},
    each_of, each_once, names,
    selector::{Age, selectors},
};
use crate::{
    defaults::{field, items, zero},
    node::Node,
    validation::{dns_subdomain, each, one_of, one_of_or_empty},
};

pub(super) const MOST_REQUESTS: usize = 32;
const MOST_ALTERNATIVES: usize = 8;
const MOST_CONSTRAINTS: usize = 32;
const ONE_TYPE: &str = "exactly one of `exactly` or `firstAvailable` is required";
const EFFECTS: [&str; 3] = ["NoExecute", "NoSchedule", "None"];

/// Fills in how many devices each request is about.
///
/// Go: pkg/apis/resource/v1/defaults.go
pub(super) fn default_devices(spec: &mut Value) {
    for request in items(spec, "devices.requests") {
        if let Some(exactly) = field(request, "exactly") {
            default_request(exactly);
        }
        items(request, "firstAvailable").for_each(default_request);
    }
}

fn default_request(request: &mut Value) {
    zero(request, "allocationMode", "ExactCount");
    if request["allocationMode"] == "ExactCount" {
        zero(request, "count", 1);
    }
    items(request, "tolerations").for_each(|toleration| zero(toleration, "operator", "Equal"));
}

/// Checks `devices` of a claim.
pub(super) fn devices(errors: &mut ErrorList, devices: &Node<'_>, age: Age) {
    each_once(
        errors,
        &devices.child("requests"),
        MOST_REQUESTS,
        |item| item.text("name"),
        |errors, item| {
            request(errors, item, age);
        },
    );
    each_of(errors, &devices.child("constraints"), MOST_CONSTRAINTS, |errors, constraint| {
        references(errors, &constraint.child("requests"), devices);
        let (same, distinct) = (constraint.child("matchAttribute"), constraint.child("distinctAttribute"));
        match (same.is_set(), distinct.is_set()) {
            (true, _) => names::fully_qualified(errors, &same),
            (false, true) => names::fully_qualified(errors, &distinct),
            (false, false) => errors.push(constraint.required(
                "exactly one of \"matchAttribute\" or \"distinctAttribute\" is required, but multiple fields are set",
            )),
        }
    });
    each_of(errors, &devices.child("config"), MOST_CONFIGS, |errors, config| {
        references(errors, &config.child("requests"), devices);
        configuration(errors, config, age);
    });
}

/// Checks a list of names of requests of the claim.
pub(super) fn references(errors: &mut ErrorList, list: &Node<'_>, devices: &Node<'_>) {
    each_once(
        errors,
        list,
        MOST_REQUESTS,
        |item| item.as_str(),
        |errors, name| {
            names::request_reference(errors, name, devices);
        },
    );
}

/// Go: validateDeviceRequest
fn request(errors: &mut ErrorList, request: &Node<'_>, age: Age) {
    names::label(errors, &request.child("name").or_empty());
    match (request.has("exactly"), request.len("firstAvailable") > 0) {
        (false, false) => errors.push(request.required(ONE_TYPE)),
        (true, true) => {
            let text = format!("{ONE_TYPE}, but multiple fields are set");
            errors.push(Error::invalid(&request.path, BadValue::Value(Value::Null), text));
        }
        (true, false) => exact(errors, &request.child("exactly"), age),
        (false, true) => {
            let list = request.child("firstAvailable");
            each_once(
                errors,
                &list,
                MOST_ALTERNATIVES,
                |item| item.text("name"),
                |errors, item| {
                    names::label(errors, &item.child("name").or_empty());
                    exact(errors, item, age);
                },
            );
        }
    }
}

/// Go: validateExactDeviceRequest, validateDeviceSubRequest
fn exact(errors: &mut ErrorList, request: &Node<'_>, age: Age) {
    let class = request.child("deviceClassName");
    if class.as_str().is_empty() {
        errors.push(class.required(""));
    } else {
        dns_subdomain(errors, &class);
    }
    selectors(errors, &request.child("selectors"), age);
    let (mode, count) = (request.child("allocationMode"), request.child("count"));
    match mode.as_str() {
        "All" if count.as_int() != 0 => {
            errors.push(count.invalid("must not be specified when allocationMode is 'All'"));
        }
        "ExactCount" if count.as_int() <= 0 => {
            errors.push(Error::invalid(&count.path, count.as_int(), "must be greater than zero"));
        }
        "All" | "ExactCount" => {}
        _ => errors.push(mode.not_supported(&["All", "ExactCount"])),
    }
    request.items("tolerations").iter().for_each(|item| toleration(errors, item));
}

/// Go: validateDeviceToleration
pub(super) fn toleration(errors: &mut ErrorList, toleration: &Node<'_>) {
    let (key, operator, value) = (toleration.child("key"), toleration.child("operator"), toleration.child("value"));
    if !key.as_str().is_empty() {
        errors.extend(validate_label_name(key.as_str(), &key.path));
    }
    one_of(errors, &operator, &["Equal", "Exists"]);
    match operator.as_str() {
        "Exists" if !value.as_str().is_empty() => errors.push(value.invalid("must be empty for operator `Exists`")),
        "Equal" => each(errors, &value, is_valid_label_value(value.as_str())),
        _ => {}
    }
    one_of_or_empty(errors, &toleration.child("effect"), &EFFECTS);
}

/// Go: validateDeviceTaint
pub(super) fn taint(errors: &mut ErrorList, taint: &Node<'_>) {
    let (key, value) = (taint.child("key"), taint.child("value"));
    errors.extend(validate_label_name(key.as_str(), &key.path));
    each(errors, &value, is_valid_label_value(value.as_str()));
    one_of(errors, &taint.child("effect"), &EFFECTS);
}
