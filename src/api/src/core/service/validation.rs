//! What the fields of a service may say.
//!
//! Go: pkg/apis/core/validation/validation.go ValidateService

use std::collections::BTreeSet;

use apimachinery::{
    runtime::object::Object,
    util::ip::{Strictness, is_valid_cidr_for_legacy_field, is_valid_ip_for_legacy_field},
    validation::field::{Error, ErrorList, Path},
};
use serde_json::{Value, json};

use super::{
    facts::{externally_accessible, is_headless, kind, needs_health_check, spec},
    families,
};
use crate::{
    core::endpoints::PROTOCOLS,
    node::Node,
    validation::{
        dns_label, dns_subdomain, go_struct, labels, non_special_ip, one_of, port_number, port_number_or_name,
        qualified_name, supported,
    },
};

const PORT: &str = "Name Protocol AppProtocol? Port# TargetPort# NodePort#";
const KUBELET_PORT: i64 = 10250;
const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";
const LOAD_BALANCER_ONLY: &str = "may only be used when `type` is 'LoadBalancer'";
const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

pub(super) fn validate(service: &Object, old: Option<&Object>) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = spec(service);
    if spec.len("ports") == 0 && !is_headless(service) && kind(service) != "ExternalName" {
        errors.push(spec.child("ports").required(""));
    }
    by_type(&mut errors, service, &spec);
    ports(&mut errors, &spec);
    labels(&mut errors, &spec.child("selector"));
    affinity(&mut errors, &spec);
    errors.extend(families::validate(service, old));
    external_ips(&mut errors, &spec, old);
    one_of(&mut errors, &spec.child("type"), &TYPES);
    repeated_ports(&mut errors, &spec);
    source_ranges(&mut errors, service, &spec, old);
    load_balancer(&mut errors, service, &spec);
    external_traffic(&mut errors, service, &spec);
    let internal = spec.child("internalTrafficPolicy");
    if internal.is_set() {
        supported(&mut errors, &internal, &["Cluster", "Local"]);
    } else if matches!(kind(service), "ClusterIP" | "NodePort" | "LoadBalancer") {
        errors.push(internal.required(""));
    }
    let distribution = spec.child("trafficDistribution");
    if distribution.is_set() {
        supported(&mut errors, &distribution, &["PreferClose", "PreferSameZone", "PreferSameNode"]);
    }
    errors
}

fn by_type(errors: &mut ErrorList, service: &Object, spec: &Node<'_>) {
    match kind(service) {
        "LoadBalancer" => {
            for port in spec.items("ports").iter().filter(|port| port.int("port") == KUBELET_PORT) {
                let text = format!("may not expose port {KUBELET_PORT} externally since it is used by kubelet");
                errors.push(Error::invalid(&port.path, KUBELET_PORT, text));
            }
            headless_is_refused(errors, service, spec);
        }
        "NodePort" => headless_is_refused(errors, service, spec),
        "ExternalName" => {
            for field in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                if spec.len(field) > 0 || field == "ipFamilyPolicy" && spec.has(field) {
                    errors.push(spec.child(field).forbidden("may not be set for ExternalName services"));
                }
            }
            let name = spec.child("externalName");
            let shown = Value::from(name.as_str().trim_end_matches('.'));
            if shown == "" {
                errors.push(name.required(""));
            } else {
                dns_subdomain(errors, &Node::new(Some(&shown), name.path));
            }
        }
        _ => {}
    }
}

fn headless_is_refused(errors: &mut ErrorList, service: &Object, spec: &Node<'_>) {
    if is_headless(service) {
        let text = format!("may not be set to 'None' for {} services", kind(service));
        errors.push(spec.child("clusterIPs").index(0).invalid(text));
    }
}

/// Go: validateServicePort
fn ports(errors: &mut ErrorList, spec: &Node<'_>) {
    let ports = spec.items("ports");
    let mut names = BTreeSet::new();
    for port in &ports {
        let name = port.child("name");
        if name.as_str().is_empty() {
            if ports.len() > 1 {
                errors.push(name.required(""));
            }
        } else {
            dns_label(errors, &name);
            if !names.insert(name.as_str()) {
                errors.push(name.duplicate());
            }
        }
        let zero = json!(0);
        let number = port.child("port");
        port_number(errors, &if number.is_set() { number } else { Node::new(Some(&zero), number.path) });
        one_of(errors, &port.child("protocol"), &PROTOCOLS);
        port_number_or_name(errors, &port.child("targetPort"));
        if port.has("appProtocol") {
            qualified_name(errors, &port.child("appProtocol"));
        }
    }
}

/// Go: validateClientIPAffinityConfig
fn affinity(errors: &mut ErrorList, spec: &Node<'_>) {
    one_of(errors, &spec.child("sessionAffinity"), &["ClientIP", "None"]);
    let config = spec.child("sessionAffinityConfig");
    match spec.text("sessionAffinity") {
        "ClientIP" if !config.is_set() => {
            errors.push(config.required("when session affinity type is ClientIP"));
        }
        "ClientIP" if !config.has("clientIP") => {
            errors.push(config.child("clientIP").required("when session affinity type is ClientIP"));
        }
        "ClientIP" => {
            let seconds = config.child("clientIP.timeoutSeconds");
            if !seconds.is_set() {
                errors.push(seconds.required("when session affinity type is ClientIP"));
            } else if !(1..=86_400).contains(&seconds.as_int()) {
                errors.push(seconds.invalid("must be greater than 0 and less than 86400"));
            }
        }
        "None" if config.is_set() => {
            errors.push(config.forbidden("must not be set when session affinity is None"));
        }
        _ => {}
    }
}

fn external_ips(errors: &mut ErrorList, spec: &Node<'_>, old: Option<&Object>) {
    let before = old.map(|old| Node::of(old, "spec").texts("externalIPs")).unwrap_or_default();
    for address in spec.items("externalIPs") {
        let found = is_valid_ip_for_legacy_field(&address.path, address.as_str(), Strictness::Strict, &before);
        if found.is_empty() {
            non_special_ip(errors, &address);
        }
        errors.extend(found);
    }
}

/// Two ports may not be one: neither on the service's address nor on nodes.
fn repeated_ports(errors: &mut ErrorList, spec: &Node<'_>) {
    let ports = spec.items("ports");
    if spec.text("type") == "ClusterIP" {
        for port in ports.iter().filter(|port| port.int("nodePort") != 0) {
            errors.push(port.child("nodePort").forbidden("may not be used when `type` is 'ClusterIP'"));
        }
    }
    let mut on_nodes = BTreeSet::new();
    for port in ports.iter().filter(|port| port.int("nodePort") != 0) {
        if !on_nodes.insert((port.text("protocol"), port.int("nodePort"))) {
            errors.push(port.child("nodePort").duplicate());
        }
    }
    let mut known = BTreeSet::new();
    for port in &ports {
        if !known.insert((port.text("protocol"), port.int("port"))) {
            let shown = json!({"protocol": port.text("protocol"), "port": port.int("port")});
            errors.push(Error::duplicate(&port.path, go_struct(Some(&shown), PORT)));
        }
    }
}

fn source_ranges(errors: &mut ErrorList, service: &Object, spec: &Node<'_>, old: Option<&Object>) {
    let balanced = kind(service) == "LoadBalancer";
    if spec.len("loadBalancerSourceRanges") > 0 {
        // The path is written as Go's field is.
        let ranges = spec.child("loadBalancerSourceRanges").at(spec.path.child("LoadBalancerSourceRanges"));
        if !balanced {
            errors.push(ranges.forbidden(LOAD_BALANCER_ONLY));
        }
        let before = old.map(|old| Node::of(old, "spec").texts("loadBalancerSourceRanges")).unwrap_or_default();
        for range in ranges.items_here() {
            let found = is_valid_cidr_for_legacy_field(&range.path, range.as_str(), Strictness::Strict, &before);
            errors.extend(found);
        }
    } else if let Some(text) = service.annotations().get(SOURCE_RANGES) {
        let path = Path::new("metadata").child("annotations").key(SOURCE_RANGES);
        if !balanced {
            errors.push(Error::forbidden(&path, LOAD_BALANCER_ONLY));
        }
        for range in text.split(',').map(str::trim).filter(|_| !text.trim().is_empty()) {
            errors.extend(is_valid_cidr_for_legacy_field(&path, range, Strictness::Strict, &[]));
        }
    }
}

fn load_balancer(errors: &mut ErrorList, service: &Object, spec: &Node<'_>) {
    let balanced = kind(service) == "LoadBalancer";
    let allocate = spec.child("allocateLoadBalancerNodePorts");
    match (balanced, allocate.is_set()) {
        (false, true) => errors.push(allocate.forbidden(LOAD_BALANCER_ONLY)),
        (true, false) => errors.push(allocate.required("")),
        _ => {}
    }
    let class = spec.child("loadBalancerClass");
    if class.is_set() {
        if balanced {
            qualified_name(errors, &class);
        } else {
            errors.push(class.forbidden(LOAD_BALANCER_ONLY));
        }
    }
}

/// Go: validateServiceExternalTrafficPolicy
fn external_traffic(errors: &mut ErrorList, service: &Object, spec: &Node<'_>) {
    let policy = spec.child("externalTrafficPolicy");
    if externally_accessible(service) {
        one_of(errors, &policy, &["Cluster", "Local"]);
    } else if !policy.as_str().is_empty() {
        errors.push(policy.invalid("may only be set for externally-accessible services"));
    }
    let port = spec.child("healthCheckNodePort");
    if needs_health_check(service) {
        if port.as_int() == 0 {
            errors.push(port.required(""));
        } else {
            port_number(errors, &port);
        }
    } else if port.as_int() != 0 {
        let text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        errors.push(port.invalid(text));
    }
}

/// Checks what a load balancer says of itself.
///
/// Go: ValidateLoadBalancerStatus
pub(super) fn load_balancer_status(service: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let status = Node::of(service, "status.loadBalancer");
    if kind(service) != "LoadBalancer" && status.len("ingress") > 0 {
        errors.push(status.child("ingress").forbidden("may only be used when `spec.type` is \"LoadBalancer\""));
        return errors;
    }
    for ingress in status.items("ingress") {
        let (address, name, mode) = (ingress.child("ip"), ingress.child("hostname"), ingress.child("ipMode"));
        if !address.as_str().is_empty() {
            errors.extend(is_valid_ip_for_legacy_field(&address.path, address.as_str(), Strictness::Strict, &[]));
        }
        match (address.as_str().is_empty(), mode.is_set()) {
            (false, false) => errors.push(mode.required("must be specified when `ip` is set")),
            (true, true) => errors.push(mode.forbidden("may not be specified when `ip` is not set")),
            (_, true) => supported(&mut errors, &mode, &["Proxy", "VIP"]),
            _ => {}
        }
        if !name.as_str().is_empty() {
            dns_subdomain(&mut errors, &name);
            if apimachinery::util::ip::parse_ip_sloppy(name.as_str()).is_some() {
                errors.push(name.invalid("must be a DNS name, not an IP address"));
            }
        }
    }
    errors
}
