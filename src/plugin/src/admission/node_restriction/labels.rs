//! What kubelets may write of their node: not its taints, and not all of its labels.
//!
//! Go: plugin/pkg/admission/noderestriction/admission.go admitNode

use std::collections::BTreeSet;

use apimachinery::{api::errors::StatusError, runtime::object::Object};
use apiserver::admission::attributes::{Attributes, Operation};

use crate::admission::node_restriction::refuse;

/// Labels of Kubernetes that kubelets set.
///
/// Go: k8s.io/kubelet/pkg/apis/well_known_labels.go
const KUBELET_LABELS: [&str; 11] = [
    "kubernetes.io/hostname",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
    "node.kubernetes.io/instance-type",
    "beta.kubernetes.io/instance-type",
    "kubernetes.io/os",
    "kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "beta.kubernetes.io/arch",
];

/// Groups of such labels.
const KUBELET_LABEL_NAMESPACES: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];

/// Checks a write of a node or of its status.
pub(super) fn node(attributes: &Attributes, node: &str) -> Result<(), StatusError> {
    let created = attributes.object.as_ref().filter(|_| attributes.operation == Operation::Create);
    if let Some(new) = created {
        // An administrator marks nodes with these labels; a node must not mark itself.
        let forbidden = forbidden(&modified(new, &Object::default()));
        if !forbidden.is_empty() {
            let reason = format!("is not allowed to set the following labels: {}", forbidden.join(", "));
            return refuse(attributes, reason);
        }
    }
    if let (Operation::Update, Some(new), Some(old)) =
        (attributes.operation, &attributes.object, &attributes.old_object)
    {
        let part = |object: &Object, path: &[&str]| object.get(path).cloned().unwrap_or_default();
        if part(new, &["spec", "taints"]) != part(old, &["spec", "taints"]) {
            return refuse(attributes, format!("node {node:?} is not allowed to modify taints"));
        }
        let forbidden = forbidden(&modified(new, old));
        if !forbidden.is_empty() {
            return refuse(attributes, format!("is not allowed to modify labels: {}", forbidden.join(", ")));
        }
        let owners = ["metadata", "ownerReferences"];
        if part(new, &owners) != part(old, &owners) {
            return refuse(attributes, format!("node {node:?} is not allowed to modify ownerReferences"));
        }
    }
    let name = created.map_or(attributes.name.as_str(), Object::name);
    if name == node {
        Ok(())
    } else {
        refuse(attributes, format!("node {node:?} is not allowed to modify node {name:?}"))
    }
}

/// Returns the labels that differ.
fn modified(new: &Object, old: &Object) -> BTreeSet<String> {
    let (new, old) = (new.labels(), old.labels());
    new.keys().chain(old.keys()).filter(|key| new.get(*key) != old.get(*key)).cloned().collect()
}

/// Returns those that a kubelet must not touch.
///
/// Go: plugin/pkg/admission/noderestriction/admission.go getForbiddenLabels
fn forbidden(modified: &BTreeSet<String>) -> Vec<String> {
    let within = |namespace: &str, of: &str| namespace == of || namespace.ends_with(&format!(".{of}"));
    let is_forbidden = |label: &&String| {
        let namespace = label.split_once('/').map(|(namespace, _)| namespace).unwrap_or_default();
        if within(namespace, "node-restriction.kubernetes.io") {
            return true;
        }
        let kubernetes = within(namespace, "kubernetes.io") || within(namespace, "k8s.io");
        let known = KUBELET_LABELS.contains(&label.as_str())
            || KUBELET_LABEL_NAMESPACES.iter().any(|known| within(namespace, known));
        kubernetes && !known
    };
    modified.iter().filter(is_forbidden).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn administrators_marks_are_out_of_reach() {
        let labels =
            ["app", "node-restriction.kubernetes.io/secure", "kubernetes.io/os", "x.node.kubernetes.io/y", "k8s.io/z"];
        let labels = labels.iter().map(ToString::to_string).collect();
        assert_eq!(forbidden(&labels), ["k8s.io/z", "node-restriction.kubernetes.io/secure"]);
    }
}
