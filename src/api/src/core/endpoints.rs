//! Endpoints.
//!
//! Go: pkg/apis/core/validation/validation.go ValidateEndpoints, pkg/registry/core/endpoint/strategy.go

use apimachinery::{
    api::validation::name::name_is_dns_subdomain,
    runtime::object::Object,
    util::ip::{self, Strictness},
    validation::field::ErrorList,
};
use serde_json::{Value, json};

use crate::{
    node::Node,
    rules::Rules,
    validation::{dns_label, named, non_special_ip, one_of, port_number, qualified_name},
};

/// The protocols of a port.
pub const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

pub(super) const ENDPOINTS: Rules = Rules {
    default: default_protocols,
    validate: |object| validate(object, &[]),
    validate_update: |object, old| validate(object, &addresses(old)),
    warnings_on_create: warnings,
    warnings_on_update: |object, _| warnings(object),
    ..Rules::PLAIN
};

fn default_protocols(object: &mut Object) {
    let subsets = object.0.get_mut("subsets").and_then(Value::as_array_mut).into_iter().flatten();
    for port in subsets.filter_map(|subset| subset.get_mut("ports")?.as_array_mut()).flatten() {
        if port["protocol"].as_str().unwrap_or_default().is_empty() {
            port["protocol"] = json!("TCP");
        }
    }
}

/// The addresses that an object holds; they stay valid.
fn addresses(object: &Object) -> Vec<&str> {
    let subsets = object.get(&["subsets"]).and_then(Value::as_array).into_iter().flatten();
    let lists = subsets.flat_map(|subset| [subset.get("addresses"), subset.get("notReadyAddresses")]);
    let addresses = lists.filter_map(|list| list?.as_array()).flatten();
    addresses.filter_map(|address| address.get("ip")?.as_str()).collect()
}

fn subsets(object: &Object) -> Vec<Node<'_>> {
    Node::of(object, "subsets").items_here()
}

fn validate(object: &Object, old: &[&str]) -> ErrorList {
    let mut errors = ErrorList::new();
    for subset in subsets(object) {
        if subset.len("addresses") == 0 && subset.len("notReadyAddresses") == 0 {
            errors.push(subset.required("must specify `addresses` or `notReadyAddresses`"));
        }
        for address in subset.items("addresses").iter().chain(&subset.items("notReadyAddresses")) {
            validate_address(&mut errors, address, old);
        }
        let ports = subset.items("ports");
        for port in &ports {
            validate_port(&mut errors, port, ports.len() > 1);
        }
    }
    errors
}

fn validate_address(errors: &mut ErrorList, address: &Node<'_>, old: &[&str]) {
    let ip = address.child("ip");
    errors.extend(ip::is_valid_ip_for_legacy_field(&ip.path, ip.as_str(), Strictness::Strict, old));
    if !address.text("hostname").is_empty() {
        dns_label(errors, &address.child("hostname"));
    }
    if address.has("nodeName") {
        named(errors, &address.child("nodeName"), name_is_dns_subdomain);
    }
    non_special_ip(errors, &ip);
}

fn validate_port(errors: &mut ErrorList, port: &Node<'_>, needs_name: bool) {
    let name = port.child("name");
    if !name.as_str().is_empty() {
        dns_label(errors, &name);
    } else if needs_name {
        errors.push(name.required(""));
    }
    port_number(errors, &port.child("port"));
    one_of(errors, &port.child("protocol"), &PROTOCOLS);
    if port.has("appProtocol") {
        qualified_name(errors, &port.child("appProtocol"));
    }
}

fn warnings(object: &Object) -> Vec<String> {
    let subsets = subsets(object);
    let addresses = subsets.iter().flat_map(|subset| [subset.items("addresses"), subset.items("notReadyAddresses")]);
    addresses.flatten().flat_map(|address| ip::warnings_for_ip(&address.path.child("ip"), address.text("ip"))).collect()
}
