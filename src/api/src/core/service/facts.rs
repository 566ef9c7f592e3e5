//! What a service needs.
//!
//! Go: pkg/registry/core/service/strategy.go needsClusterIP and its kin, pkg/api/service/util.go

use apimachinery::runtime::object::Object;
use serde_json::Value;

use crate::node::Node;

/// Views the spec.
pub fn spec(service: &Object) -> Node<'_> {
    Node::of(service, "spec")
}

/// Returns the type.
pub fn kind(service: &Object) -> &str {
    service.str(&["spec", "type"])
}

/// Returns all cluster addresses; `None` is one, too.
pub fn cluster_ips(service: &Object) -> Vec<&str> {
    spec(service).texts("clusterIPs")
}

/// Says whether it has no address of its own on purpose.
///
/// Go: isHeadlessService
pub fn is_headless(service: &Object) -> bool {
    cluster_ips(service) == ["None"]
}

/// Says whether it has a cluster address, or says that it wants none.
pub fn needs_cluster_ip(service: &Object) -> bool {
    matches!(kind(service), "ClusterIP" | "NodePort" | "LoadBalancer")
}

/// Says whether its ports are open on nodes.
pub fn needs_node_port(service: &Object) -> bool {
    match kind(service) {
        "NodePort" => true,
        "LoadBalancer" => spec(service).opt_flag("allocateLoadBalancerNodePorts") != Some(false),
        _ => false,
    }
}

/// Says whether a port of its own answers load balancers about health.
///
/// Go: apiservice.NeedsHealthCheck
pub fn needs_health_check(service: &Object) -> bool {
    kind(service) == "LoadBalancer" && spec(service).text("externalTrafficPolicy") == "Local"
}

/// Says whether anybody outside of the cluster may reach it.
///
/// Go: apiservice.ExternallyAccessible
pub fn externally_accessible(service: &Object) -> bool {
    match kind(service) {
        "LoadBalancer" | "NodePort" => true,
        "ClusterIP" => spec(service).len("externalIPs") > 0,
        _ => false,
    }
}

/// Returns the ports as values.
pub fn ports(service: &Object) -> &[Value] {
    service.get(&["spec", "ports"]).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Returns the node ports that are set.
///
/// Go: collectServiceNodePorts
pub fn node_ports(service: &Object) -> Vec<i64> {
    ports(service).iter().filter_map(|port| port["nodePort"].as_i64()).filter(|port| *port != 0).collect()
}

/// Returns the port for health checks; 0: none.
pub fn health_check_node_port(service: &Object) -> i64 {
    spec(service).int("healthCheckNodePort")
}
