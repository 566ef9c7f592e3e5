//! Node.
//!
//! Go: pkg/apis/core/validation/validation.go ValidateNode, pkg/registry/core/node/strategy.go

use apimachinery::{
    runtime::object::Object,
    util::{
        ip::{self, Strictness},
        strconv::quote,
    },
    validation::field::{Error, ErrorList, Path},
};
use serde_json::{Value, json};

use super::pod::scheduling::taints;
use crate::{
    defaults::made,
    node::Node,
    rules::{Part, Rules, keep},
    validation::{duplicate_struct, resource_quantity},
};

pub(super) const NODE: Rules = Rules {
    default: |node| {
        same_cidrs(made(&mut node.0, "spec"));
        same_resources(node);
    },
    // A kubelet registers its node with the status it has; only updates keep it.
    prepare_for_create: |_, node| drop_configuration(node, None),
    prepare_for_update: |_, node, old| {
        keep(node, old, &["status"]);
        drop_configuration(node, Some(old));
    },
    validate: |node| validate(node, &[]),
    validate_update: |node, old| {
        let mut errors = validate(node, &Node::of(old, "spec").texts("podCIDRs"));
        errors.extend(validate_update(node, old));
        errors
    },
    warnings_on_create: warnings,
    warnings_on_update: |node, _| warnings(node),
    status: Part {
        prepare_for_update: |_, node, old| {
            keep(node, old, &["spec"]);
            drop_configuration(node, Some(old));
        },
        validate_update: |node, old| {
            let mut errors = validate_update(node, old);
            features(&mut errors, &Node::of(node, "status"));
            errors
        },
        ..Part::PLAIN
    },
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

/// What a node has is what it gives away, unless it says otherwise. Go: SetDefaults_NodeStatus
fn same_resources(node: &mut Object) {
    if node.get(&["status", "allocatable"]).is_none_or(Value::is_null)
        && let Some(capacity) = node.get(&["status", "capacity"]).filter(|capacity| !capacity.is_null()).cloned()
    {
        node.set(&["status", "allocatable"], capacity);
    }
}

/// Kubelets are not configured through the API any more: what says so is forgotten, unless it was there.
///
/// Go: pkg/registry/core/node/strategy.go dropDisabledFields
fn drop_configuration(node: &mut Object, old: Option<&Object>) {
    for path in [["spec", "configSource"], ["status", "config"]] {
        if old.and_then(|old| old.get(&path)).is_none_or(Value::is_null) {
            node.remove(&path);
        }
    }
}

/// Go: fieldIsDeprecatedWarnings
fn warnings(node: &Object) -> Vec<String> {
    let mut warnings = Vec::new();
    let spec = Node::of(node, "spec");
    if spec.has("configSource") {
        warnings.push("spec.configSource: the feature is removed".to_owned());
    }
    if !spec.text("externalID").is_empty() {
        warnings.push("spec.externalID: this field is deprecated, and is unused by Kubernetes".to_owned());
    }
    for range in spec.items("podCIDRs") {
        warnings.extend(ip::warnings_for_cidr(&range.path, range.as_str()));
    }
    warnings
}

/// Checks how much of everything a node has. Go: ValidateNodeResources
fn resources(errors: &mut ErrorList, object: &Object) {
    let status = Node::of(object, "status");
    for list in ["capacity", "allocatable"] {
        for (name, entry) in status.entries(list) {
            resource_quantity(errors, name, &entry.at(status.path.child(list).child(name)));
        }
    }
}

fn node_taints(errors: &mut ErrorList, object: &Object) {
    taints(errors, &Node::of(object, "spec.taints").at(Path::new("metadata").child("taints")));
}

/// Names of features that a node declares: `Feature` or `Feature/part`, sorted.
fn features(errors: &mut ErrorList, status: &Node<'_>) {
    let names = status.items("declaredFeatures");
    for (index, name) in names.iter().enumerate() {
        let text = name.as_str();
        let starts_well = text.starts_with(|char: char| char.is_ascii_uppercase());
        let is_part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !starts_well || !text.split('/').all(is_part) {
            errors.push(name.invalid(format!(
                "invalid feature name {}: must start with an UpperCamelCase segment, with subsequent segments \
                 separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric \
                 characters and slashes",
                quote(text)
            )));
        }
        match index.checked_sub(1).map(|before| names[before].as_str()) {
            Some(before) if before == text => errors.push(name.duplicate()),
            Some(before) if before > text => errors.push(name.invalid("list must be sorted alphabetically")),
            _ => {}
        }
    }
}

/// Go: ValidateNode
fn validate(object: &Object, held: &[&str]) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(object, "spec");
    node_taints(&mut errors, object);
    resources(&mut errors, object);
    let ranges = spec.child("podCIDRs");
    for range in ranges.items_here() {
        errors.extend(ip::is_valid_cidr_for_legacy_field(&range.path, range.as_str(), Strictness::Strict, held));
    }
    both_families(&mut errors, &ranges);
    errors
}

/// More than one range are one of each family. Go: IsDualStackCIDRStrings
fn both_families(errors: &mut ErrorList, ranges: &Node<'_>) {
    let items = ranges.items_here();
    if items.len() < 2 {
        return;
    }
    let parsed: Vec<_> = items.iter().map_while(|range| ip::parse_cidr_sloppy(range.as_str())).collect();
    if let Some(broken) = items.get(parsed.len()) {
        let text = format!("invalid CIDR[{}]: <nil> (invalid CIDR address: {})", parsed.len(), broken.as_str());
        let text = format!("invalid PodCIDRs. failed to check with dual stack with error:{text}");
        errors.push(Error::internal_error(&ranges.path, text));
    }
    let is_v4: Vec<bool> = parsed.iter().map(|(_, range)| range.network().is_ipv4()).collect();
    if items.len() > 2 || is_v4.len() < items.len() || is_v4[0] == is_v4[1] {
        let shown: Vec<&str> = items.iter().map(Node::as_str).collect();
        let text = "may specify no more than one CIDR for each IP family";
        errors.push(Error::invalid(&ranges.path, json!(shown), text));
    }
}

/// Go: ValidateNodeUpdate
fn validate_update(object: &Object, old: &Object) -> ErrorList {
    let (spec, before) = (Node::of(object, "spec"), Node::of(old, "spec"));
    let held = before.texts("podCIDRs");
    let mut errors = ErrorList::new();
    resources(&mut errors, object);
    let addresses = Node::of(object, "status").items("addresses");
    for (index, address) in addresses.iter().enumerate() {
        if addresses[..index].iter().any(|other| other.value == address.value) {
            errors.push(duplicate_struct(address, "Type Address"));
        }
    }
    let now = spec.texts("podCIDRs");
    let changed = match held.len() == now.len() {
        true => held.iter().zip(&now).filter(|(old, new)| old != new).count(),
        false => usize::from(!held.is_empty()),
    };
    for _ in 0..changed {
        let text = "node updates may not change podCIDR except from \"\" to valid";
        errors.push(spec.child("podCIDRs").forbidden(text));
    }
    let id = before.text("providerID");
    if !id.is_empty() && spec.text("providerID") != id {
        let text = "node updates may not change providerID except from \"\" to valid";
        errors.push(Error::forbidden(&spec.path.child("providerID"), text));
    }
    node_taints(&mut errors, object);
    if spec.text("externalID") != before.text("externalID") {
        errors.push(spec.child("externalID").forbidden("may not be updated"));
    }
    errors
}
