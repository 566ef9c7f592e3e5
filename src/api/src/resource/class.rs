//! DeviceClass: selectors and configuration that many claims share; and the configuration of devices anywhere.
//!
//! Go: pkg/apis/resource/validation/validation.go ValidateDeviceClass, validateDeviceConfiguration

use apimachinery::{
    api::validation::name::mask_trailing_dash,
    runtime::object::Object,
    util::validation::is_dns1123_subdomain_bytes,
    validation::field::{Error, ErrorList},
};
use serde_json::Value;

use super::{
    each_of, names,
    selector::{Age, selectors},
};
use crate::{
    node::Node,
    rules::{Generation, Rules, differs},
    validation::is_extended_resource,
};

pub(super) const MOST_CONFIGS: usize = 32;
const LONGEST_PARAMETERS: usize = 10 << 10;

pub(super) const CLASS: Rules = Rules {
    // The one kind whose name has a limit in bytes, which only the error shows.
    validate_name: |name, usage| is_dns1123_subdomain_bytes(&mask_trailing_dash(name, usage)),
    generation: Generation::Fields(&["spec"]),
    validate: |class| validate(class, None),
    validate_update: |class, old| validate(class, Some(old)),
    ..Rules::PLAIN
};

fn validate(class: &Object, old: Option<&Object>) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(class, "spec");
    // Any change of a list makes all that is in it new.
    let age = |field| if old.is_some_and(|old| !differs(class, old, field)) { Age::Stored } else { Age::New };
    selectors(&mut errors, &spec.child("selectors"), age("spec.selectors"));
    each_of(&mut errors, &spec.child("config"), MOST_CONFIGS, |errors, config| {
        configuration(errors, config, age("spec.config"));
    });
    let name = spec.child("extendedResourceName");
    if name.is_set() && !is_extended_resource(name.as_str()) {
        errors.push(name.invalid("must be a valid extended resource name"));
    }
    errors
}

/// Checks what is told a driver. Go: validateDeviceConfiguration
pub(super) fn configuration(errors: &mut ErrorList, config: &Node<'_>, age: Age) {
    let opaque = config.child("opaque");
    if !opaque.is_set() {
        return errors.push(opaque.required(""));
    }
    names::driver(errors, &opaque.child("driver"));
    let parameters = opaque.child("parameters");
    json_object(errors, &parameters, if age == Age::New { LONGEST_PARAMETERS } else { usize::MAX });
}

/// Requires a JSON object of at most so many bytes. Go: validateRawExtension
pub(super) fn json_object(errors: &mut ErrorList, node: &Node<'_>, longest: usize) {
    match node.value {
        None => errors.push(node.required("")),
        Some(value) if value.to_string().len() > longest => errors.push(Error::too_long(&node.path, longest)),
        Some(Value::Object(_)) => {}
        Some(_) => errors.push(Error::invalid(&node.path, "<value omitted>", "must be a valid JSON object")),
    }
}
