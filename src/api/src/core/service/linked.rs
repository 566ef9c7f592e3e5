//! Fields that say the same twice, and values that the server gave out and a client did not repeat.
//!
//! Go: pkg/registry/core/service/storage/storage.go normalizeClusterIPs, patchAllocatedValues;
//! pkg/registry/core/service/strategy.go dropTypeDependentFields

use std::collections::{BTreeMap, BTreeSet};

use apimachinery::runtime::object::Object;
use serde_json::{Value, json};

use super::facts::{
    cluster_ips, health_check_node_port, kind, needs_cluster_ip, needs_health_check, needs_node_port, node_ports, spec,
};
use crate::rules::{differs, keep};

const CLUSTER_IP: [&str; 2] = ["spec", "clusterIP"];
const CLUSTER_IPS: [&str; 2] = ["spec", "clusterIPs"];

/// Keeps what was given out where a client that updates does not name it.
///
/// Go: patchAllocatedValues
pub fn patch_allocated_values(service: &mut Object, old: &Object) {
    if needs_cluster_ip(old) && needs_cluster_ip(service) {
        if service.str(&CLUSTER_IP).is_empty() {
            keep(service, old, &CLUSTER_IP);
        }
        if cluster_ips(service).is_empty() && service.str(&CLUSTER_IP) == old.str(&CLUSTER_IP) {
            keep(service, old, &CLUSTER_IPS);
        }
    }
    if needs_node_port(old) && needs_node_port(service) {
        patch_node_ports(service, old);
    }
    if needs_health_check(old) && needs_health_check(service) && health_check_node_port(service) == 0 {
        keep(service, old, &["spec", "healthCheckNodePort"]);
    }
}

/// Gives ports their node ports of before, by name, unless another port has them now.
fn patch_node_ports(service: &mut Object, old: &Object) {
    let now: BTreeSet<i64> = node_ports(service).into_iter().collect();
    let mut used: BTreeSet<i64> = node_ports(old).into_iter().filter(|port| now.contains(port)).collect();
    let name = |port: &Value| port["name"].as_str().unwrap_or_default().to_owned();
    let by_name: BTreeMap<String, i64> = super::facts::ports(old)
        .iter()
        .map(|port| (name(port), port["nodePort"].as_i64().unwrap_or_default()))
        .collect();
    for port in ports_mut(service) {
        if port["nodePort"].as_i64().unwrap_or_default() == 0 {
            let before = by_name.get(&name(port)).copied().unwrap_or_default();
            if before != 0 && used.insert(before) {
                port["nodePort"] = before.into();
            }
        }
    }
}

/// Returns the ports for changing.
pub fn ports_mut(service: &mut Object) -> impl Iterator<Item = &mut Value> {
    let ports = service.0.get_mut("spec").and_then(|spec| spec.get_mut("ports"));
    ports.and_then(Value::as_array_mut).into_iter().flatten()
}

/// Guesses what a client means that sets one of `clusterIP` and `clusterIPs`; validation sees the result.
///
/// Go: normalizeClusterIPs
pub fn normalize_cluster_ips(service: &mut Object, old: Option<&Object>) {
    let one = service.str(&CLUSTER_IP).to_owned();
    let Some(old) = old else {
        // An older client knows the single address only.
        if !one.is_empty() && cluster_ips(service).is_empty() {
            service.set(&CLUSTER_IPS, json!([one]));
        }
        return;
    };
    let before = old.str(&CLUSTER_IP);
    if !cluster_ips(old).is_empty() && cluster_ips(service).is_empty() && before == one {
        keep(service, old, &CLUSTER_IPS);
    }
    if before != one && cluster_ips(service) == cluster_ips(old) {
        if one.is_empty() && !before.is_empty() {
            service.remove(&CLUSTER_IPS);
        } else {
            service.set(&CLUSTER_IPS, json!([one]));
        }
    }
}

/// Takes away what only the old type had, unless the client changed it: then it meant to.
///
/// Go: dropTypeDependentFields
pub fn drop_type_dependent_fields(service: &mut Object, old: &Object) {
    let same = |service: &Object, field: &str| !differs(service, old, &format!("spec.{field}"));
    let drop = |service: &mut Object, field: &str| {
        if same(service, field) {
            service.remove(&["spec", field]);
        }
    };
    if needs_cluster_ip(old) && !needs_cluster_ip(service) {
        if same(service, "clusterIPs") && same(service, "clusterIP") {
            service.remove(&CLUSTER_IP);
            service.remove(&CLUSTER_IPS);
        }
        drop(service, "ipFamilies");
        drop(service, "ipFamilyPolicy");
    }
    let set = |service: &Object| node_ports(service).into_iter().collect::<BTreeSet<i64>>();
    if needs_node_port(old) && !needs_node_port(service) && set(old) == set(service) {
        for port in ports_mut(service) {
            port.as_object_mut().and_then(|port| port.remove("nodePort"));
        }
    }
    if needs_health_check(old) && !needs_health_check(service) {
        drop(service, "healthCheckNodePort");
    }
    if kind(old) == "LoadBalancer" && kind(service) != "LoadBalancer" {
        if spec(service).has("allocateLoadBalancerNodePorts") {
            drop(service, "allocateLoadBalancerNodePorts");
        }
        drop(service, "loadBalancerClass");
    }
    let external = |service: &Object| super::facts::externally_accessible(service);
    if external(old) && !external(service) {
        drop(service, "externalTrafficPolicy");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(spec: Value) -> Object {
        Object::from_value(json!({"spec": spec})).expect("object")
    }

    #[test]
    fn an_update_keeps_what_was_given_out() {
        let old = service(json!({"type": "NodePort", "clusterIP": "10.0.0.9", "clusterIPs": ["10.0.0.9"],
            "ports": [{"name": "a", "nodePort": 30001}, {"name": "b", "nodePort": 30002}]}));
        let mut new = service(json!({"type": "NodePort", "ports": [{"name": "b"}, {"name": "c"}]}));
        patch_allocated_values(&mut new, &old);
        normalize_cluster_ips(&mut new, Some(&old));
        assert_eq!(cluster_ips(&new), ["10.0.0.9"]);
        assert_eq!(node_ports(&new), [30002]);
    }

    #[test]
    fn an_external_name_needs_no_address() {
        let old = service(json!({"type": "ClusterIP", "clusterIP": "10.0.0.9", "clusterIPs": ["10.0.0.9"],
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"}));
        let mut new = old.clone();
        new.set(&["spec", "type"], "ExternalName");
        drop_type_dependent_fields(&mut new, &old);
        assert_eq!(new, service(json!({"type": "ExternalName"})));
    }
}
