//! IPAddress: who has a cluster address. Its name is the address.
//!
//! Go: pkg/apis/networking/validation/validation.go ValidateIPAddress

use apimachinery::{
    runtime::object::Object,
    util::ip::is_valid_ip,
    validation::field::{BadValue, Error, ErrorList, Path},
};

use super::path_segment;
use crate::{
    node::Node,
    rules::{Rules, same},
    validation::{FIELD_IMMUTABLE, dns_subdomain, go_struct},
};

pub(super) const IP_ADDRESS: Rules = Rules {
    validate_name: |name, _| is_valid_ip(&Path::default(), name).0.into_iter().map(|error| error.detail).collect(),
    validate,
    validate_update: |address, old| {
        let mut errors = validate(address);
        let (new, before) = (Node::of(address, "spec.parentRef"), Node::of(old, "spec.parentRef"));
        if !same(new.value, before.value) {
            let shown = match new.value {
                Some(_) => go_struct(new.value, "Group Resource Namespace Name"),
                None => BadValue::Value(serde_json::Value::Null),
            };
            errors.push(Error::invalid(&new.path, shown, FIELD_IMMUTABLE));
        }
        errors
    },
    ..Rules::PLAIN
};

/// Go: validateIPAddressParentReference
fn validate(address: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let parent = Node::of(address, "spec.parentRef");
    if !parent.is_set() {
        errors.push(parent.required(""));
        return errors;
    }
    if !parent.text("group").is_empty() {
        dns_subdomain(&mut errors, &parent.child("group"));
    }
    for field in ["resource", "name"] {
        let text = parent.child(field);
        if text.as_str().is_empty() {
            errors.push(text.required(""));
        } else {
            path_segment(&mut errors, &text);
        }
    }
    if !parent.text("namespace").is_empty() {
        path_segment(&mut errors, &parent.child("namespace"));
    }
    errors
}
