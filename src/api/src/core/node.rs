//! Node.
//!
//! Go: pkg/apis/core/validation/validation.go ValidateNode, pkg/registry/core/node/strategy.go

use apimachinery::{
    runtime::object::Object,
    util::ip::{self, Strictness},
    validation::field::{Error, ErrorList, Path},
};
use serde_json::{Value, json};

use super::pod::scheduling::taints;
use crate::{
    defaults::made,
    node::Node,
    rules::{Part, Rules, keep, same},
    validation::{duplicate_struct, resource_quantity},
};

pub(super) const NODE: Rules = Rules {
    default: |node| same_cidrs(made(&mut node.0, "spec")),
    // A kubelet registers its node with the status it has; only updates keep it.
    prepare_for_update: |_, node, old| keep(node, old, &["status"]),
    validate: |node| validate(node, &[]),
    validate_update,
    status: Part { validate_update, ..Part::PLAIN },
    fields: |node| {
        let unschedulable = node.get(&["spec", "unschedulable"]).and_then(Value::as_bool).unwrap_or_default();
        vec![("spec.unschedulable", unschedulable.to_string())]
    },
    ..Rules::PLAIN
};

/// The older field is the first of the newer one.
fn same_cidrs(spec: &mut Value) {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let (one, first) = (text(spec.get("podCIDR")), text(spec.get("podCIDRs").and_then(|list| list.get(0))));
    if !one.is_empty() && one != first {
        spec["podCIDRs"] = json!([one]);
    } else if one.is_empty() && !first.is_empty() {
        spec["podCIDR"] = json!(first);
    }
}

fn validate(object: &Object, held: &[&str]) -> ErrorList {
    let mut errors = ErrorList::new();
    let (spec, status) = (Node::of(object, "spec"), Node::of(object, "status"));
    taints(&mut errors, &spec.child("taints").at(Path::new("metadata").child("taints")));
    for list in ["capacity", "allocatable"] {
        for (name, entry) in status.entries(list) {
            resource_quantity(&mut errors, name, &entry.at(status.path.child(list).child(name)));
        }
    }
    let ranges = spec.child("podCIDRs");
    for range in ranges.items_here() {
        errors.extend(ip::is_valid_cidr_for_legacy_field(&range.path, range.as_str(), Strictness::Strict, held));
    }
    let families: Vec<bool> = spec.texts("podCIDRs").iter().map(|range| range.contains(':')).collect();
    if families.len() > 2 || matches!(families[..], [a, b] if a == b) {
        errors.push(ranges.invalid("may specify no more than one CIDR for each IP family"));
    }
    errors
}

/// Go: ValidateNodeUpdate
fn validate_update(object: &Object, old: &Object) -> ErrorList {
    let (spec, before) = (Node::of(object, "spec"), Node::of(old, "spec"));
    let held = before.texts("podCIDRs");
    let mut errors = validate(object, &held);
    let addresses = Node::of(object, "status").items("addresses");
    for (index, address) in addresses.iter().enumerate() {
        if addresses[..index].iter().any(|other| other.value == address.value) {
            errors.push(duplicate_struct(address, "Type Address"));
        }
    }
    if !held.is_empty() && !same(spec.get("podCIDRs"), before.get("podCIDRs")) {
        let text = "node updates may not change podCIDR except from \"\" to valid";
        errors.push(spec.child("podCIDRs").forbidden(text));
    }
    let id = before.text("providerID");
    if !id.is_empty() && spec.text("providerID") != id {
        let text = "node updates may not change providerID except from \"\" to valid";
        errors.push(Error::forbidden(&spec.path.child("providerID"), text));
    }
    errors
}
