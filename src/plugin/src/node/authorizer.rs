//! Allows kubelets what concerns their node.
//!
//! Go: plugin/pkg/auth/authorizer/node/node_authorizer.go

use std::{borrow::Cow, sync::Arc};

use auth::{
    authorization::{Attributes, Authorizer, RuleResolver, Rules, Verdict},
    user,
};
use phase::{BoxFuture, trace::Trace};

use crate::{
    node::{
        self,
        graph::{Graph, Kind},
    },
    rbac::{bootstrap_policy, index, rule::PolicyRule},
};

/// Namespace of the leases by which nodes say that they live.
const LEASE_NAMESPACE: &str = "kube-node-lease";

/// The authorizer of `--authorization-mode=Node`.
///
/// Go: plugin/pkg/auth/authorizer/node/node_authorizer.go NodeAuthorizer
pub struct NodeAuthorizer {
    graph: Arc<Graph>,
    /// What every node may do: the rules of the ClusterRole `system:node`.
    rules: Vec<PolicyRule>,
}

/// Yes, or why not.
type Answer = Result<(), Cow<'static, str>>;

impl NodeAuthorizer {
    /// Decides by the objects of `graph`.
    pub fn new(graph: Arc<Graph>) -> Self {
        let policy = bootstrap_policy::objects();
        let role = policy.iter().find(|object| object.kind() == "ClusterRole" && object.name() == "system:node");
        let rules = role.map(|role| index::read(role.get(&["rules"]))).unwrap_or_default();
        Self { graph, rules }
    }

    /// Go: plugin/pkg/auth/authorizer/node/node_authorizer.go Authorize
    fn decide(&self, attributes: &Attributes) -> Verdict {
        let Some(node) = node::identity(&attributes.user) else { return Verdict::no_opinion() };
        let refuse = |reason: Cow<'static, str>| Verdict { reason, ..Verdict::no_opinion() };
        if node.is_empty() {
            return refuse(format!("unknown node for user {:?}", attributes.user.name).into());
        }
        match self.by_resource(node, attributes) {
            Some(Ok(())) => Verdict::allow(""),
            Some(Err(reason)) => refuse(reason),
            // Everything else is the same for all nodes.
            None if self.rules.iter().any(|rule| rule.allows(attributes)) => Verdict::allow(""),
            None => Verdict::no_opinion(),
        }
    }

    /// Decides about the resources to which access is divided by node.
    fn by_resource(&self, node: &str, attributes: &Attributes) -> Option<Answer> {
        if !attributes.resource_request {
            return None;
        }
        let reaches = |kind| self.graph.reaches(node, kind, &attributes.namespace, &attributes.name);
        let name = attributes.name.as_str();
        Some(match (attributes.api_group.as_str(), attributes.resource.as_str()) {
            ("", "secrets") => read_namespaced(node, attributes, || reaches(Kind::Secret)),
            ("", "configmaps") => read_namespaced(node, attributes, || reaches(Kind::ConfigMap)),
            ("", "persistentvolumeclaims") if attributes.subresource == "status" => {
                one_of(&attributes.verb, &["update", "patch"], "can only get/update/patch this type")
                    .and_then(|()| related(node, attributes, || reaches(Kind::Claim)))
            }
            ("", "persistentvolumeclaims") => get(node, attributes, || reaches(Kind::Claim)),
            ("", "persistentvolumes") => get(node, attributes, || self.graph.volume_on(node, name)),
            ("resource.k8s.io", "resourceclaims") => get(node, attributes, || reaches(Kind::ResourceClaim)),
            ("storage.k8s.io", "volumeattachments") => get(node, attributes, || self.graph.attachment_on(node, name)),
            ("", "serviceaccounts") => service_account(node, attributes, || reaches(Kind::ServiceAccount)),
            ("coordination.k8s.io", "leases") => lease(node, attributes),
            ("storage.k8s.io", "csinodes") => csi_node(node, attributes),
            ("resource.k8s.io", "resourceslices") => {
                resource_slice(node, attributes, || self.graph.slice_on(node, name))
            }
            ("", "nodes") => own_node(node, attributes),
            ("", "pods") => pod(node, attributes, || self.graph.pod_on(node, &attributes.namespace, name)),
            _ => return None,
        })
    }
}

fn one_of(verb: &str, verbs: &[&str], reason: &'static str) -> Answer {
    if verbs.contains(&verb) { Ok(()) } else { Err(reason.into()) }
}

/// Allows what is connected with the node.
fn related(node: &str, attributes: &Attributes, connected: impl FnOnce() -> bool) -> Answer {
    if attributes.name.is_empty() {
        return Err("No Object name found".into());
    }
    if connected() {
        Ok(())
    } else {
        Err(format!("no relationship found between node '{node}' and this object").into())
    }
}

/// Go: plugin/pkg/auth/authorizer/node/node_authorizer.go authorizeGet
fn get(node: &str, attributes: &Attributes, connected: impl FnOnce() -> bool) -> Answer {
    one_of(&attributes.verb, &["get"], "can only get individual resources of this type")?;
    if !attributes.subresource.is_empty() {
        return Err("cannot get subresource".into());
    }
    related(node, attributes, connected)
}

/// Go: plugin/pkg/auth/authorizer/node/node_authorizer.go authorizeReadNamespacedObject
fn read_namespaced(node: &str, attributes: &Attributes, connected: impl FnOnce() -> bool) -> Answer {
    one_of(&attributes.verb, &["get", "list", "watch"], "can only read resources of this type")?;
    if !attributes.subresource.is_empty() {
        return Err("cannot read subresource".into());
    }
    if attributes.namespace.is_empty() {
        return Err("can only read namespaced object of this type".into());
    }
    related(node, attributes, connected)
}

/// Go: plugin/pkg/auth/authorizer/node/node_authorizer.go authorizeServiceAccount
fn service_account(node: &str, attributes: &Attributes, connected: impl FnOnce() -> bool) -> Answer {
    if attributes.verb == "get" && attributes.subresource.is_empty() {
        return get(node, attributes, connected);
    }
    if attributes.verb != "create" || attributes.name.is_empty() {
        return Err("can only create tokens for individual service accounts".into());
    }
    if attributes.subresource != "token" {
        return Err("can only create token subresource of service account".into());
    }
    related(node, attributes, connected)
}

/// Go: plugin/pkg/auth/authorizer/node/node_authorizer.go authorizeLease
fn lease(node: &str, attributes: &Attributes) -> Answer {
    let verbs = ["get", "create", "update", "patch", "delete"];
    one_of(&attributes.verb, &verbs, "can only get, create, update, patch, or delete a node lease")?;
    if attributes.namespace != LEASE_NAMESPACE {
        return Err(format!("can only access leases in the {LEASE_NAMESPACE:?} system namespace").into());
    }
    // The name of a new lease is in its body; NodeRestriction looks there.
    if attributes.verb != "create" && attributes.name != node {
        return Err("can only access node lease with the same name as the requesting node".into());
    }
    Ok(())
}

/// Go: plugin/pkg/auth/authorizer/node/node_authorizer.go authorizeCSINode
fn csi_node(node: &str, attributes: &Attributes) -> Answer {
    let verbs = ["get", "create", "update", "patch", "delete"];
    one_of(&attributes.verb, &verbs, "can only get, create, update, patch, or delete a CSINode")?;
    if !attributes.subresource.is_empty() {
        return Err("cannot authorize CSINode subresources".into());
    }
    if attributes.verb != "create" && attributes.name != node {
        return Err("can only access CSINode with the same name as the requesting node".into());
    }
    Ok(())
}

/// Go: plugin/pkg/auth/authorizer/node/node_authorizer.go authorizeResourceSlice
fn resource_slice(node: &str, attributes: &Attributes, connected: impl FnOnce() -> bool) -> Answer {
    if !attributes.subresource.is_empty() {
        return Err("cannot authorize ResourceSlice subresources".into());
    }
    match attributes.verb.as_str() {
        "create" => Ok(()),
        "get" | "update" | "patch" | "delete" => related(node, attributes, connected),
        "list" | "watch" | "deletecollection" if selects_node(node, attributes) => Ok(()),
        "list" | "watch" | "deletecollection" => {
            Err("can only list/watch/deletecollection resourceslices with nodeName field selector".into())
        }
        _ => Err("only the following verbs are allowed for a ResourceSlice: \
                  get, watch, list, create, update, patch, delete, deletecollection"
            .into()),
    }
}

/// Says whether a field selector asks for the objects of the node alone.
fn selects_node(node: &str, attributes: &Attributes) -> bool {
    attributes.field_selector.iter().any(|(field, operator, value)| {
        field == "spec.nodeName" && ["=", "==", "In"].contains(&operator.as_str()) && value == node
    })
}

/// Go: plugin/pkg/auth/authorizer/node/node_authorizer.go authorizeNode
fn own_node(node: &str, attributes: &Attributes) -> Answer {
    match (attributes.subresource.as_str(), attributes.verb.as_str()) {
        // NodeRestriction keeps a kubelet to its own node here.
        ("", "create" | "update" | "patch") | ("status", "update" | "patch") => Ok(()),
        // By name and not by the graph, for a kubelet asks before its node exists.
        ("", "get" | "list" | "watch") => match attributes.name.as_str() {
            name if name == node => Ok(()),
            "" => Err(format!("node '{node}' cannot read all nodes, only its own Node object").into()),
            name => Err(format!("node '{node}' cannot read '{name}', only its own Node object").into()),
        },
        _ => Err(Cow::Borrowed("")),
    }
}

/// Go: plugin/pkg/auth/authorizer/node/node_authorizer.go authorizePod
fn pod(node: &str, attributes: &Attributes, connected: impl FnOnce() -> bool) -> Answer {
    match (attributes.subresource.as_str(), attributes.verb.as_str()) {
        ("", "get") => get(node, attributes, connected),
        ("", "list" | "watch") if selects_node(node, attributes) => Ok(()),
        ("", "list" | "watch") if !attributes.name.is_empty() => related(node, attributes, connected),
        ("", "list" | "watch") => Err("can only list/watch pods with spec.nodeName field selector".into()),
        // NodeRestriction keeps a kubelet to its own pods here.
        ("", "create" | "delete") | ("status", "update" | "patch") | ("eviction", "create") => Ok(()),
        _ => Err(Cow::Borrowed("")),
    }
}

impl Authorizer for NodeAuthorizer {
    fn name(&self) -> &'static str {
        "Node"
    }

    fn authorize<'a>(&'a self, _trace: &'a Trace, attributes: &'a Attributes) -> BoxFuture<'a, Verdict> {
        Box::pin(async move { self.decide(attributes) })
    }
}

impl RuleResolver for NodeAuthorizer {
    /// Go: plugin/pkg/auth/authorizer/node/node_authorizer.go RulesFor
    fn rules_for<'a>(&'a self, user: &'a user::Info, _namespace: &'a str) -> BoxFuture<'a, Rules> {
        let mut rules = Rules::default();
        if node::identity(user).is_some() {
            rules.incomplete = true;
            let name = &user.name;
            rules.evaluation_error = format!("node authorizer does not support user rule resolution for user {name:?}");
        }
        Box::pin(async move { rules })
    }
}

#[cfg(test)]
mod tests {
    use auth::authorization::Decision;

    use super::*;

    fn ask(verb: &str, group: &str, resource: &str, name: &str, selector: Option<&str>) -> Verdict {
        let authorizer = NodeAuthorizer::new(Arc::default());
        let selector = selector.map(|node| ("spec.nodeName".to_owned(), "=".to_owned(), node.to_owned()));
        authorizer.decide(&Attributes {
            user: Arc::new(user::Info::new("system:node:n1", &["system:nodes"])),
            verb: verb.to_owned(),
            resource_request: true,
            namespace: "shop".to_owned(),
            api_group: group.to_owned(),
            resource: resource.to_owned(),
            name: name.to_owned(),
            field_selector: selector.into_iter().collect(),
            ..Attributes::default()
        })
    }

    #[test]
    fn a_kubelet_sees_its_own_node_and_pods() {
        assert_eq!(ask("get", "", "nodes", "n1", None).decision, Decision::Allow);
        assert_eq!(
            ask("list", "", "nodes", "", None).reason,
            "node 'n1' cannot read all nodes, only its own Node object"
        );
        assert_eq!(ask("list", "", "pods", "", Some("n1")).decision, Decision::Allow);
        assert_eq!(ask("list", "", "pods", "", Some("n2")).decision, Decision::NoOpinion);
        let expected = "no relationship found between node 'n1' and this object";
        assert_eq!(ask("get", "", "secrets", "s", None).reason, expected);
        // By the rules that all nodes share.
        assert_eq!(ask("list", "", "services", "", None).decision, Decision::Allow);
    }
}
