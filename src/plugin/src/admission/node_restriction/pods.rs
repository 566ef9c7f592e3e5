//! What kubelets may write of pods.
//!
//! Go: plugin/pkg/admission/noderestriction/admission.go admitPodCreate, admitPodStatus

use apimachinery::{api::errors::StatusError, runtime::object::Object};
use apiserver::admission::attributes::{Attributes, Operation};
use serde_json::Value;

use crate::{
    admission::node_restriction::refuse,
    node::graph::{self, Kind},
};

/// Lets a kubelet make the mirror of a pod that it runs from a file: bound to it, owned by it, and without a way to
/// anything else.
pub(super) fn create(attributes: &Attributes, node: &str) -> Result<(), StatusError> {
    const MIRROR: &str = "kubernetes.io/config.mirror";
    let Some(pod) = &attributes.object else { return refuse(attributes, "unexpected type <nil>") };
    if pod.get(&["metadata", "annotations", MIRROR]).is_none() {
        let reason = format!("pod does not have {MIRROR:?} annotation, node {node:?} can only create mirror pods");
        return refuse(attributes, reason);
    }
    if pod.str(&["spec", "nodeName"]) != node {
        return refuse(attributes, format!("node {node:?} can only create pods with spec.nodeName set to itself"));
    }
    check_owners(attributes, pod, node)?;
    let start = format!("node {node:?} can not create pods that reference");
    if let Some((kind, _)) = graph::references(pod).into_iter().next() {
        let what = match kind {
            Kind::ServiceAccount => "a service account",
            Kind::Secret => "secrets",
            Kind::ConfigMap => "configmaps",
            Kind::Claim => "persistentvolumeclaims",
            Kind::ResourceClaim => "resourceclaims",
        };
        return refuse(attributes, format!("{start} {what}"));
    }
    let volumes = pod.get(&["spec", "volumes"]).and_then(Value::as_array).into_iter().flatten();
    let mut sources = volumes.flat_map(|volume| volume["projected"]["sources"].as_array().into_iter().flatten());
    if sources.any(|source| source["clusterTrustBundle"].is_object()) {
        return refuse(attributes, format!("{start} clustertrustbundles"));
    }
    Ok(())
}

fn check_owners(attributes: &Attributes, pod: &Object, node: &str) -> Result<(), StatusError> {
    let owners = pod.get(&["metadata", "ownerReferences"]).and_then(Value::as_array);
    let (owner, more) = match owners.map(Vec::as_slice).unwrap_or_default() {
        [] => return Ok(()),
        [owner, more @ ..] => (owner, more),
    };
    let start = format!("node {node:?} can only create pods with");
    if !more.is_empty() {
        return refuse(attributes, format!("{start} a single owner reference set to itself"));
    }
    if owner["apiVersion"] != "v1" || owner["kind"] != "Node" || owner["name"] != node {
        return refuse(attributes, format!("{start} an owner reference set to itself"));
    }
    if owner["controller"] != true {
        return refuse(attributes, format!("{start} a controller owner reference set to itself"));
    }
    if owner["blockOwnerDeletion"] == true {
        return refuse(attributes, format!("node {node:?} must not set blockOwnerDeletion on an owner reference"));
    }
    Ok(())
}

/// Lets a kubelet write the status of its own pods, without labels.
pub(super) fn status(attributes: &Attributes, node: &str) -> Result<(), StatusError> {
    let (Operation::Update, Some(new), Some(old)) = (attributes.operation, &attributes.object, &attributes.old_object)
    else {
        return refuse(attributes, format!("unexpected operation {:?}", attributes.operation.as_str()));
    };
    if old.str(&["spec", "nodeName"]) != node {
        let reason = format!("node {node:?} can only update pod status for pods with spec.nodeName set to itself");
        return refuse(attributes, reason);
    }
    if new.labels() != old.labels() {
        return refuse(attributes, format!("node {node:?} cannot update labels through pod status"));
    }
    let claims = |pod: &Object| pod.get(&["status", "resourceClaimStatuses"]).cloned().unwrap_or_default();
    if claims(new) != claims(old) {
        return refuse(attributes, format!("node {node:?} cannot update resource claim statuses"));
    }
    Ok(())
}
