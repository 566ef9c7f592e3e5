//! Nodes.
//!
//! Go: pkg/printers/internalversion/printers.go printNode

use std::{collections::BTreeSet, time::Duration};

use apimachinery::runtime::object::Object;
use serde_json::Value;

use super::cells::{NONE, UNKNOWN, age, or, spec, status};

pub(super) fn cells(object: &Object, now: Duration) -> Vec<Value> {
    let status = status(object);
    let mut words: Vec<&str> = status
        .items("conditions")
        .iter()
        .filter(|condition| condition.text("type") == "Ready")
        .map(|condition| if condition.text("status") == "True" { "Ready" } else { "NotReady" })
        .collect();
    if words.is_empty() {
        words.push("Unknown");
    }
    if spec(object).flag("unschedulable") {
        words.push("SchedulingDisabled");
    }
    let addresses = status.items("addresses");
    let address = |kind: &str| {
        let found = addresses.iter().find(|address| address.text("type") == kind);
        or(found.map(|address| address.text("address")).unwrap_or_default(), NONE)
    };
    let info = status.child("nodeInfo");
    vec![
        words.join(",").into(),
        roles(object),
        age(object, now),
        info.text("kubeletVersion").into(),
        address("InternalIP"),
        address("ExternalIP"),
        or(info.text("osImage"), UNKNOWN),
        kernel(info.text("kernelVersion"), info.text("architecture")),
        or(info.text("containerRuntimeVersion"), UNKNOWN),
    ]
}

/// The kernel's version, and for which machine.
fn kernel(version: &str, architecture: &str) -> Value {
    match (version, architecture) {
        ("", _) => UNKNOWN.into(),
        (version, "") => version.into(),
        (version, architecture) => format!("{version} ({architecture})").into(),
    }
}

fn roles(object: &Object) -> Value {
    let labels = object.labels();
    let roles: BTreeSet<&str> = labels
        .iter()
        .filter_map(|(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
            Some(role) if !role.is_empty() => Some(role),
            _ if key == "kubernetes.io/role" && !value.is_empty() => Some(value),
            _ => None,
        })
        .collect();
    or(&roles.into_iter().collect::<Vec<_>>().join(","), NONE)
}
