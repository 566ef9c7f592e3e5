//! What kubelets may write: their own node, their own pods, their own leases.
//!
//! Go: plugin/pkg/admission/noderestriction/admission.go
//!
//! The Node authorizer decides by names in the request; what stands in the body is judged here.
//!
//! Simplified: the audiences of tokens that a kubelet asks for are not compared with the volumes of the pod.

mod labels;
mod pods;

use std::sync::Arc;

use apimachinery::{
    api::errors::StatusError,
    runtime::{object::Object, schema::GroupVersion},
};
use apiserver::{
    admission::{
        attributes::{Attributes, Operation},
        errors,
        initializer::Initializers,
        interfaces::{Interface, MutationInterface},
    },
    request::context::Context,
};
use client::rest::{Client, Resource};
use phase::BoxFuture;

use crate::{admission::certificates, node};

/// The plugin's name.
pub const NAME: &str = "NodeRestriction";

/// Namespace of the leases by which nodes say that they live.
const LEASE_NAMESPACE: &str = "kube-node-lease";

/// Go: plugin/pkg/admission/noderestriction/admission.go Plugin
struct NodeRestriction {
    client: Client,
}

/// Makes the plugin.
pub fn new(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    Ok(Arc::new(NodeRestriction { client: initializers.client.clone() }))
}

impl Interface for NodeRestriction {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handles(&self, operation: Operation) -> bool {
        operation != Operation::Connect
    }

    fn mutation(&self) -> Option<&dyn MutationInterface> {
        Some(self)
    }
}

impl MutationInterface for NodeRestriction {
    /// Go: plugin/pkg/admission/noderestriction/admission.go Admit
    fn admit<'a>(&'a self, _cx: &'a Context, attributes: &'a mut Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let user = attributes.user.clone();
            let Some(node) = node::identity(&user) else { return Ok(()) };
            if node.is_empty() {
                let reason = format!("could not determine node from user {:?}", user.name);
                return Err(errors::forbidden(attributes, reason));
            }
            self.check(attributes, node).await
        })
    }
}

/// Refuses with a reason.
fn refuse<T>(attributes: &Attributes, reason: impl std::fmt::Display) -> Result<T, StatusError> {
    Err(errors::forbidden(attributes, reason))
}

impl NodeRestriction {
    async fn check(&self, attributes: &Attributes, node: &str) -> Result<(), StatusError> {
        let subresource = attributes.subresource.as_str();
        match (attributes.resource.group.as_str(), attributes.resource.resource.as_str(), subresource) {
            ("", "pods", "") => self.pod(attributes, node).await,
            ("", "pods", "status") => pods::status(attributes, node),
            ("", "pods", "eviction") => self.eviction(attributes, node).await,
            ("", "pods", other) => refuse(
                attributes,
                format!("unexpected pod subresource {other:?}, only 'status' and 'eviction' are allowed"),
            ),
            ("", "nodes", _) => labels::node(attributes, node),
            ("", "persistentvolumeclaims", "status") => claim_status(attributes, node),
            ("", "persistentvolumeclaims", _) => refuse(attributes, "may only update PVC status"),
            ("", "serviceaccounts", "token") => self.token(attributes, node).await,
            ("coordination.k8s.io", "leases", _) => lease(attributes, node),
            ("storage.k8s.io", "csinodes", _) => same_name(attributes, node, "CSINode"),
            ("resource.k8s.io", "resourceslices", "") => resource_slice(attributes, node),
            ("certificates.k8s.io", "certificatesigningrequests", "") => signing_request(attributes, node),
            _ => Ok(()),
        }
    }

    fn pods(&self, namespace: &str) -> Resource {
        self.client.resource(&GroupVersion::new("", "v1").with_resource("pods")).namespace(namespace)
    }

    /// Go: plugin/pkg/admission/noderestriction/admission.go admitPod
    async fn pod(&self, attributes: &Attributes, node: &str) -> Result<(), StatusError> {
        match attributes.operation {
            Operation::Create => pods::create(attributes, node),
            Operation::Delete => {
                let pod = self.pods(&attributes.namespace).get(&attributes.name).await?;
                if pod.str(&["spec", "nodeName"]) != node {
                    let reason = format!("node {node:?} can only delete pods with spec.nodeName set to itself");
                    return refuse(attributes, reason);
                }
                Ok(())
            }
            other => {
                let operation = other.as_str();
                let reason =
                    format!("unexpected operation {operation:?}, node {node:?} can only create and delete mirror pods");
                refuse(attributes, reason)
            }
        }
    }

    /// Go: plugin/pkg/admission/noderestriction/admission.go admitPodEviction
    async fn eviction(&self, attributes: &Attributes, node: &str) -> Result<(), StatusError> {
        if attributes.operation != Operation::Create {
            return refuse(attributes, format!("unexpected operation {}", attributes.operation.as_str()));
        }
        let named = attributes.object.as_ref().map(Object::name).unwrap_or_default();
        let name = if named.is_empty() { attributes.name.as_str() } else { named };
        let pod = self.pods(&attributes.namespace).get(name).await?;
        if pod.str(&["spec", "nodeName"]) != node {
            return refuse(attributes, format!("node {node} can only evict pods with spec.nodeName set to itself"));
        }
        Ok(())
    }

    /// Go: plugin/pkg/admission/noderestriction/admission.go admitServiceAccount
    async fn token(&self, attributes: &Attributes, node: &str) -> Result<(), StatusError> {
        let Some(request) = attributes.object.as_ref().filter(|_| attributes.operation == Operation::Create) else {
            return Ok(());
        };
        let bound = |field: &str| request.str(&["spec", "boundObjectRef", field]);
        if bound("apiVersion") != "v1" || bound("kind") != "Pod" || bound("name").is_empty() {
            return refuse(attributes, "node requested token not bound to a pod");
        }
        if bound("uid").is_empty() {
            return refuse(attributes, "node requested token with a pod binding without a uid");
        }
        let pod = self.pods(&attributes.namespace).get(bound("name")).await?;
        if pod.uid() != bound("uid") {
            let (asked, known) = (bound("uid"), pod.uid());
            let reason = format!(
                "the UID in the bound object reference ({asked}) does not match the UID in record ({known}). \
                 The object might have been deleted and then recreated"
            );
            return refuse(attributes, reason);
        }
        if pod.str(&["spec", "nodeName"]) != node {
            return refuse(attributes, "node requested token bound to a pod scheduled on a different node");
        }
        Ok(())
    }
}

/// A kubelet may tell how far it has grown a volume, and nothing else of a claim.
///
/// Go: plugin/pkg/admission/noderestriction/admission.go admitPVCStatus
fn claim_status(attributes: &Attributes, node: &str) -> Result<(), StatusError> {
    if attributes.operation != Operation::Update {
        return refuse(attributes, format!("unexpected operation {:?}", attributes.operation.as_str()));
    }
    let rest = |object: &Option<Object>| {
        let mut rest = object.clone().unwrap_or_default();
        for field in ["capacity", "conditions", "allocatedResources", "allocatedResourceStatuses"] {
            rest.remove(&["status", field]);
        }
        for field in ["managedFields", "resourceVersion"] {
            rest.remove(&["metadata", field]);
        }
        rest
    };
    if rest(&attributes.object) == rest(&attributes.old_object) {
        return Ok(());
    }
    let reason =
        format!("node {node:?} is not allowed to update fields other than status.quantity and status.conditions");
    refuse(attributes, reason)
}

/// Go: plugin/pkg/admission/noderestriction/admission.go admitLease
fn lease(attributes: &Attributes, node: &str) -> Result<(), StatusError> {
    if attributes.namespace != LEASE_NAMESPACE {
        return refuse(attributes, format!("can only access leases in the {LEASE_NAMESPACE:?} system namespace"));
    }
    same_name(attributes, node, "node lease")
}

/// Refuses objects that are not named after the node.
fn same_name(attributes: &Attributes, node: &str, what: &str) -> Result<(), StatusError> {
    let created = attributes.object.as_ref().filter(|_| attributes.operation == Operation::Create);
    let name = created.map_or(attributes.name.as_str(), Object::name);
    if name == node {
        return Ok(());
    }
    refuse(attributes, format!("can only access {what} with the same name as the requesting node"))
}

/// Go: plugin/pkg/admission/noderestriction/admission.go admitResourceSlice
fn resource_slice(attributes: &Attributes, node: &str) -> Result<(), StatusError> {
    let created = attributes.object.as_ref().filter(|_| attributes.operation == Operation::Create);
    match created.map(|slice| slice.str(&["spec", "nodeName"])) {
        Some(of) if of != node => {
            refuse(attributes, "can only create ResourceSlice with the same NodeName as the requesting node")
        }
        _ => Ok(()),
    }
}

/// A kubelet may ask for certificates in its own name only.
///
/// Go: plugin/pkg/admission/noderestriction/admission.go admitCSR
fn signing_request(attributes: &Attributes, node: &str) -> Result<(), StatusError> {
    const SIGNERS: [&str; 2] = ["kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet"];
    let Some(request) = attributes.object.as_ref().filter(|_| attributes.operation == Operation::Create) else {
        return Ok(());
    };
    if !SIGNERS.contains(&request.str(&["spec", "signerName"])) {
        return Ok(());
    }
    let name = certificates::common_name(request.str(&["spec", "request"]));
    let name = name.or_else(|error| refuse(attributes, format!("unable to parse csr: {error}")))?;
    let expected = format!("system:node:{node}");
    if name == expected { Ok(()) } else { refuse(attributes, format!("can only create a node CSR with CN={expected}")) }
}
