//! Service: its defaults and what its fields may say. Addresses and ports are given out by the registry.
//!
//! Go: pkg/apis/core/v1/defaults.go SetDefaults_Service, pkg/apis/core/validation/validation.go ValidateService

use apimachinery::{
    api::validation::name::name_is_dns1035_label,
    runtime::object::Object,
    util::ip::{self, Strictness},
    validation::field::{Error, ErrorList},
};
use serde_json::{Value, json};

use super::endpoints::PROTOCOLS;
use crate::{
    defaults::{absent, items, made, zero},
    node::Node,
    rules::Rules,
    validation::{
        dns_label, dns_subdomain, go_struct, labels, non_special_ip, one_of, port_number, port_number_or_name,
        qualified_name, supported,
    },
};

const PORT: &str = "Name Protocol AppProtocol? Port# TargetPort# NodePort#";

pub(super) const SERVICE: Rules = Rules {
    validate_name: name_is_dns1035_label,
    default,
    has_status: true,
    validate: |service| validate(service),
    validate_update: |service, _| validate(service),
    fields: |service| {
        vec![
            ("spec.clusterIP", service.str(&["spec", "clusterIP"]).to_owned()),
            ("spec.type", service.str(&["spec", "type"]).to_owned()),
        ]
    },
    ..Rules::PLAIN
};

/// Go: SetDefaults_Service
fn default(object: &mut Object) {
    let spec = made(&mut object.0, "spec");
    zero(spec, "sessionAffinity", "None");
    if spec["sessionAffinity"] == "None" {
        spec.as_object_mut().and_then(|spec| spec.remove("sessionAffinityConfig"));
    } else if spec["sessionAffinity"] == "ClientIP" {
        absent(spec, "sessionAffinityConfig", json!({}));
        absent(&mut spec["sessionAffinityConfig"], "clientIP", json!({}));
        absent(&mut spec["sessionAffinityConfig"]["clientIP"], "timeoutSeconds", 10_800);
    }
    zero(spec, "type", "ClusterIP");
    for port in items(spec, "ports") {
        zero(port, "protocol", "TCP");
        let number = port.get("port").cloned().unwrap_or(json!(0));
        zero(port, "targetPort", number);
    }
    let kind = spec["type"].as_str().unwrap_or_default().to_owned();
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
        zero(spec, "externalTrafficPolicy", "Cluster");
    }
    if matches!(kind.as_str(), "ClusterIP" | "NodePort" | "LoadBalancer") {
        absent(spec, "internalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        absent(spec, "allocateLoadBalancerNodePorts", true);
    }
}

fn validate(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(object, "spec");
    let kind = spec.text("type");
    if spec.len("ports") == 0 && spec.text("clusterIP") != "None" && kind != "ExternalName" {
        errors.push(spec.child("ports").required(""));
    }
    if kind == "ExternalName" {
        let name = spec.child("externalName");
        if name.as_str().is_empty() {
            errors.push(name.required(""));
        } else {
            dns_subdomain(&mut errors, &name.at(spec.path.child("externalName")));
        }
    }
    ports(&mut errors, &spec);
    labels(&mut errors, &spec.child("selector"));
    one_of(&mut errors, &spec.child("sessionAffinity"), &["ClientIP", "None"]);
    let seconds = spec.child("sessionAffinityConfig.clientIP.timeoutSeconds");
    if spec.text("sessionAffinity") == "ClientIP" && !(1..=86400).contains(&seconds.as_int()) {
        errors.push(seconds.invalid("must be greater than 0 and less than 86400"));
    }
    one_of(&mut errors, &spec.child("type"), &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]);
    for address in spec.items("externalIPs") {
        let found = ip::is_valid_ip_for_legacy_field(&address.path, address.as_str(), Strictness::Strict, &[]);
        if found.is_empty() {
            non_special_ip(&mut errors, &address);
        }
        errors.extend(found);
    }
    policies(&mut errors, &spec, kind);
    errors
}

fn ports(errors: &mut ErrorList, spec: &Node<'_>) {
    let ports = spec.items("ports");
    let headless = spec.text("clusterIP") == "None";
    let mut names = Vec::new();
    for (index, port) in ports.iter().enumerate() {
        let name = port.child("name");
        if !name.as_str().is_empty() {
            dns_label(errors, &name);
            if names.contains(&name.as_str()) {
                errors.push(name.duplicate());
            }
            names.push(name.as_str());
        } else if ports.len() > 1 {
            errors.push(name.required(""));
        }
        let number = port.child("port");
        if number.is_set() {
            port_number(errors, &number);
        } else {
            port_number(errors, &Node::new(Some(&json!(0)), number.path));
        }
        one_of(errors, &port.child("protocol"), &PROTOCOLS);
        port_number_or_name(errors, &port.child("targetPort"));
        if port.has("appProtocol") {
            qualified_name(errors, &port.child("appProtocol"));
        }
        if spec.text("type") == "ClusterIP" && port.int("nodePort") != 0 {
            errors.push(port.child("nodePort").forbidden("may not be used when `type` is 'ClusterIP'"));
        }
        let key = |port: &Node<'_>| (port.text("protocol").to_owned(), port.int("port"));
        if !headless && ports[..index].iter().any(|other| key(other) == key(port)) {
            let kept = json!({"protocol": port.text("protocol"), "port": port.int("port")});
            errors.push(Error::duplicate(&port.path, go_struct(Some(&kept), PORT)));
        }
    }
}

fn policies(errors: &mut ErrorList, spec: &Node<'_>, kind: &str) {
    let balanced = kind == "LoadBalancer";
    for field in ["allocateLoadBalancerNodePorts", "loadBalancerClass"] {
        if spec.has(field) && !balanced {
            errors.push(spec.child(field).forbidden("may only be used when `type` is 'LoadBalancer'"));
        }
    }
    if spec.has("loadBalancerClass") {
        qualified_name(errors, &spec.child("loadBalancerClass"));
    }
    let ranges = spec.child("loadBalancerSourceRanges").at(spec.path.child("LoadBalancerSourceRanges"));
    if ranges.value.and_then(Value::as_array).is_some_and(|list| !list.is_empty()) && !balanced {
        errors.push(ranges.forbidden("may only be used when `type` is 'LoadBalancer'"));
    }
    for range in ranges.items_here() {
        errors.extend(ip::is_valid_cidr_for_legacy_field(&range.path, range.as_str(), Strictness::Strict, &[]));
    }
    let external = spec.child("externalTrafficPolicy");
    if !external.as_str().is_empty() {
        if matches!(kind, "NodePort" | "LoadBalancer") || spec.len("externalIPs") > 0 {
            supported(errors, &external, &["Cluster", "Local"]);
        } else {
            errors.push(external.invalid("may only be set for externally-accessible services"));
        }
    }
    let internal = spec.child("internalTrafficPolicy");
    if internal.is_set() {
        supported(errors, &internal, &["Cluster", "Local"]);
    }
    let distribution = spec.child("trafficDistribution");
    if distribution.is_set() {
        supported(errors, &distribution, &["PreferClose", "PreferSameZone", "PreferSameNode"]);
    }
}
