//! How objects of a resource are counted.
//!
//! Go: pkg/quota/v1/evaluator/core, apiserver/pkg/quota/v1/generic/evaluator.go

use std::time::Duration;

use apimachinery::{
    api::resource::{Format, Quantity},
    runtime::{object::Object, schema::GroupResource},
};
use apiserver::admission::attributes::{Attributes, Operation};
use serde_json::Value;

use crate::admission::{
    pod_resources::{self, ResourceList},
    resource_quota::{check::Scope, pods},
};

/// Objects of the core group that have a name in quotas besides `count/...`.
const ALIASES: [&str; 4] = ["configmaps", "replicationcontrollers", "resourcequotas", "secrets"];

/// Counts the objects of one resource.
///
/// Simplified: devices of resource claims are not counted, only the claims.
pub(super) struct Evaluator {
    kind: Kind,
    /// `count/deployments.apps`
    count: String,
}

enum Kind {
    Pods,
    Services,
    Claims,
    /// Whatever is counted by number only; some have a second name.
    Objects(Option<&'static str>),
}

/// Returns the evaluator of a write, `None` if writes like this are not counted.
pub(super) fn of(attributes: &Attributes) -> Option<Evaluator> {
    let resource = attributes.resource.group_resource();
    let create = attributes.operation == Operation::Create;
    let kind = match (resource.group.as_str(), resource.resource.as_str()) {
        // Containers do not change, except when a pod is resized.
        ("", "pods") if create || attributes.subresource == "resize" => Kind::Pods,
        ("", "pods") => return None,
        ("", "services") => Kind::Services,
        ("", "persistentvolumeclaims") => Kind::Claims,
        _ if !create => return None,
        ("", name) => Kind::Objects(ALIASES.into_iter().find(|alias| *alias == name)),
        _ => Kind::Objects(None),
    };
    Some(Evaluator { kind, count: count(&resource) })
}

fn count(resource: &GroupResource) -> String {
    format!("count/{resource}")
}

/// Returns one of something.
pub(super) fn number(value: i64) -> Quantity {
    Quantity::new(value, Format::DecimalSI)
}

const CLASS_SUFFIX: &str = ".storageclass.storage.k8s.io/";

impl Evaluator {
    /// Says whether a name in a quota is about these objects.
    ///
    /// Go: MatchingResources
    pub(super) fn counts(&self, name: &str) -> bool {
        if name == self.count {
            return true;
        }
        match self.kind {
            Kind::Pods => pods::counts(name),
            Kind::Services => ["services", "services.nodeports", "services.loadbalancers"].contains(&name),
            Kind::Claims => {
                let by_class = name.split_once(CLASS_SUFFIX).map(|(_, what)| what);
                ["persistentvolumeclaims", "requests.storage"].contains(&by_class.unwrap_or(name))
            }
            Kind::Objects(alias) => alias == Some(name),
        }
    }

    /// Says whether an object is one of those that a quota is limited to.
    pub(super) fn in_scope(&self, scope: &Scope, object: &Object) -> bool {
        match self.kind {
            Kind::Pods => pods::in_scope(scope, object),
            Kind::Claims if scope.name == "VolumeAttributesClass" => {
                selects(scope, object.str(&["spec", "volumeAttributesClassName"]))
            }
            Kind::Services | Kind::Claims | Kind::Objects(_) => false,
        }
    }

    /// Refuses objects that do not say what a quota has to count.
    pub(super) fn check_constraints(&self, required: &[String], object: &Object) -> Result<(), String> {
        match self.kind {
            Kind::Pods => pods::check_constraints(required, object),
            Kind::Services | Kind::Claims | Kind::Objects(_) => Ok(()),
        }
    }

    /// Returns what an object uses.
    pub(super) fn usage(&self, object: &Object, wall: Duration) -> ResourceList {
        let mut usage = ResourceList::from([(self.count.clone(), number(1))]);
        match self.kind {
            Kind::Pods => pods::usage(object, wall, &mut usage),
            Kind::Services => services(object, &mut usage),
            Kind::Claims => claims(object, &mut usage),
            Kind::Objects(alias) => usage.extend(alias.map(|alias| (alias.to_owned(), number(1)))),
        }
        usage
    }
}

/// Says whether a scope selects a name.
pub(super) fn selects(scope: &Scope, name: &str) -> bool {
    let listed = scope.values.iter().any(|value| value == name);
    match scope.operator.as_str() {
        "Exists" => !name.is_empty(),
        "DoesNotExist" => name.is_empty(),
        "In" => listed,
        "NotIn" => !listed,
        _ => false,
    }
}

/// Go: pkg/quota/v1/evaluator/core/services.go Usage
fn services(service: &Object, usage: &mut ResourceList) {
    let ports = service.get(&["spec", "ports"]).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let allocates = service.get(&["spec", "allocateLoadBalancerNodePorts"]).and_then(Value::as_bool) != Some(false);
    let (node_ports, balancers) = match service.str(&["spec", "type"]) {
        "NodePort" => (ports.len(), 0),
        "LoadBalancer" if allocates => (ports.len(), 1),
        "LoadBalancer" => {
            (ports.iter().filter(|port| port["nodePort"].as_u64().is_some_and(|port| port > 0)).count(), 1)
        }
        _ => (0, 0),
    };
    usage.insert("services".to_owned(), number(1));
    usage.insert("services.nodeports".to_owned(), number(node_ports as i64));
    usage.insert("services.loadbalancers".to_owned(), number(balancers));
}

/// Go: pkg/quota/v1/evaluator/core/persistent_volume_claims.go Usage
fn claims(claim: &Object, usage: &mut ResourceList) {
    let annotation = claim.str(&["metadata", "annotations", "volume.beta.kubernetes.io/storage-class"]);
    let class = if annotation.is_empty() { claim.str(&["spec", "storageClassName"]) } else { annotation };
    let mut add = |what: &str, quantity: Quantity| {
        usage.insert(what.to_owned(), quantity);
        if !class.is_empty() {
            usage.insert(format!("{class}{CLASS_SUFFIX}{what}"), quantity);
        }
    };
    add("persistentvolumeclaims", number(1));
    let requested = claim.get(&["spec", "resources", "requests", "storage"]).and_then(pod_resources::quantity);
    if let Some(requested) = requested {
        add("requests.storage", requested);
    }
}
