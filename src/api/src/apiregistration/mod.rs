//! The group of the aggregator: APIService, which says who serves a version of a group.
//!
//! Go: kube-aggregator/pkg/apis/apiregistration/validation/validation.go, kube-aggregator/pkg/registry/apiservice/strategy.go

use apimachinery::{
    meta::time,
    runtime::object::Object,
    util::validation::{is_path_segment_name, is_valid_port_num},
    validation::field::{BadValue, Error, ErrorList, Path},
};
use serde_json::json;

use crate::{
    defaults::{absent, at},
    node::Node,
    rules::{Part, Rules},
    validation::{dns_subdomain, dns1035_label, required_text, supported},
};

/// The port of a service that names none.
const DEFAULT_PORT: i64 = 443;

const API_SERVICE: Rules = Rules {
    has_status: true,
    default: default_service_reference,
    // What a name must be depends on the spec: `validate` says it.
    validate_name: |_, _| Vec::new(),
    prepare_for_create: |request, object| {
        if !Node::of(object, "spec.service").is_set() {
            object.set(&["status", "conditions"], json!([local_available(&time::rfc3339(request.now))]));
        }
    },
    validate,
    validate_update: |object, _| validate(object),
    status: Part { validate_update: |object, _| validate_status(object), ..Part::WITH_METADATA },
    ..Rules::PLAIN
};

/// Returns the rules of a kind of this group.
pub fn rules(kind: &str) -> Option<&'static Rules> {
    static RULES: Rules = API_SERVICE;
    (kind == "APIService").then_some(&RULES)
}

/// The condition of an APIService that the server itself answers.
///
/// Go: kube-aggregator/pkg/apis/apiregistration/v1/helper/helpers.go NewLocalAvailableAPIServiceCondition
pub fn local_available(now: &str) -> serde_json::Value {
    json!({
        "type": "Available",
        "status": "True",
        "lastTransitionTime": now,
        "reason": "Local",
        "message": "Local APIServices are always available",
    })
}

/// Go: kube-aggregator/pkg/apis/apiregistration/v1/defaults.go SetDefaults_ServiceReference
fn default_service_reference(object: &mut Object) {
    if let Some(service) = object.0.get_mut("spec").and_then(|spec| at(spec, "service")) {
        absent(service, "port", DEFAULT_PORT);
    }
}

/// Go: ValidateAPIService
fn validate(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(object, "spec");
    validate_name(&mut errors, object, &spec);
    let group = spec.child("group");
    if group.as_str().is_empty() {
        if spec.text("version") != "v1" {
            errors.push(group.required("only v1 may have an empty group and it better be legacy kube"));
        }
    } else {
        dns_subdomain(&mut errors, &group);
    }
    dns1035_label(&mut errors, &spec.child("version").or_empty());
    for (field, most) in [("groupPriorityMinimum", 20000), ("versionPriority", 1000)] {
        let priority = spec.int(field);
        if !(1..=most).contains(&priority) {
            let detail = format!("must be positive and less than {most}");
            errors.push(Error::invalid(&spec.path.child(field), BadValue::Value(priority.into()), detail));
        }
    }
    validate_service(&mut errors, &spec);
    errors
}

/// The name says the version and the group, and nothing else.
fn validate_name(errors: &mut ErrorList, object: &Object, spec: &Node<'_>) {
    let wanted = format!("{}.{}", spec.text("version"), spec.text("group"));
    for field in ["generateName", "name"] {
        let name = object.str(&["metadata", field]);
        // A missing name is told by the rules that all metadata has.
        if name.is_empty() {
            continue;
        }
        let path = Path::new("metadata").child(field);
        let failures = is_path_segment_name(name);
        if failures.is_empty() && name != wanted {
            errors.push(Error::invalid(&path, name, format!("must be `spec.version+\".\"+spec.group`: {wanted:?}")));
        }
        for failure in failures {
            errors.push(Error::invalid(&path, name, failure));
        }
    }
}

/// A service and how it is trusted; without one, there is nobody to trust.
fn validate_service(errors: &mut ErrorList, spec: &Node<'_>) {
    let bundle = spec.text("caBundle");
    let insecure = spec.child("insecureSkipTLSVerify");
    let service = spec.child("service");
    if !service.is_set() {
        if !bundle.is_empty() {
            let shown = format!("{} bytes", base64_len(bundle));
            errors.push(Error::invalid(
                &spec.path.child("caBundle"),
                shown.as_str(),
                "local APIServices may not have a caBundle",
            ));
        }
        if spec.flag("insecureSkipTLSVerify") {
            errors.push(insecure.invalid("local APIServices may not have insecureSkipTLSVerify"));
        }
        return;
    }
    for field in ["namespace", "name"] {
        required_text(errors, &service.child(field));
    }
    let port = service.int("port");
    let mistakes = is_valid_port_num(port);
    if !mistakes.is_empty() {
        let detail = format!("port is not valid: {}", mistakes.join(", "));
        errors.push(Error::invalid(&service.path.child("port"), BadValue::Value(port.into()), detail));
    }
    if spec.flag("insecureSkipTLSVerify") && !bundle.is_empty() {
        errors.push(insecure.invalid("may not be true if caBundle is present"));
    }
}

/// How many bytes a base64 text stands for.
fn base64_len(text: &str) -> usize {
    let padding = text.bytes().rev().take_while(|byte| *byte == b'=').count();
    text.len() / 4 * 3 - padding.min(text.len())
}

/// Go: ValidateAPIServiceStatus
fn validate_status(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    for condition in Node::of(object, "status").items("conditions") {
        supported(&mut errors, &condition.child("status").or_empty(), &["True", "False", "Unknown"]);
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str, spec: serde_json::Value) -> Object {
        let mut object = Object::from_value(json!({"metadata": {"name": name}})).expect("an object");
        object.set(&["spec"], spec);
        object
    }

    #[test]
    fn the_name_follows_from_the_spec_and_trust_needs_a_service() {
        let spec = json!({"group": "a.io", "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1});
        assert!(validate(&object("v1.a.io", spec.clone())).is_empty());
        let mut local = spec;
        local["caBundle"] = "AAAA".into();
        local["versionPriority"] = 1001.into();
        let errors: Vec<String> = validate(&object("v2.a.io", local)).causes().into_iter().map(|c| c.field).collect();
        assert_eq!(errors, ["metadata.name", "spec.versionPriority", "spec.caBundle"]);
    }
}
