//! discovery.k8s.io: EndpointSlice.
//!
//! Go: pkg/apis/discovery/validation/validation.go, pkg/registry/discovery/endpointslice/strategy.go

use std::{collections::BTreeSet, net::IpAddr};

use apimachinery::{
    api::validation::name::NameUsage,
    runtime::object::Object,
    util::{
        ip::{self, Strictness},
        validation::{is_fully_qualified_domain_name, is_qualified_name, is_valid_label_value},
    },
    validation::field::{Error, ErrorList},
};

use serde_json::Value;

use crate::{
    defaults::{absent, items},
    node::Node,
    rules::{Generation, Rules, all_differs, differs},
    validation::{SUBDOMAIN, dns_label, each, immutable, labels, named, non_special_ip, supported},
};

const MOST_ENDPOINTS: usize = 1000;
const MOST_ADDRESSES: usize = 100;
const MOST_PORTS: usize = 20_000;
const MOST_TOPOLOGY_LABELS: usize = 16;
const MOST_HINTS: usize = 8;

/// Returns the rules of a kind of this group.
pub fn rules(kind: &str) -> Option<&'static Rules> {
    static SLICE: Rules = Rules {
        default,
        prepare_for_create: |_, slice| drop_topology(slice, None),
        prepare_for_update: |_, slice, old| {
            // What is dropped counts as a change.
            if all_differs(slice, old) {
                slice.set(&["metadata", "generation"], old.generation() + 1);
            }
            drop_topology(slice, Some(old));
        },
        generation: Generation::All,
        warnings_on_create: warnings,
        warnings_on_update: |slice, _| warnings(slice),
        validate,
        validate_update,
        ..Rules::PLAIN
    };
    (kind == "EndpointSlice").then_some(&SLICE)
}

/// Go: SetDefaults_EndpointPort
fn default(object: &mut Object) {
    let mut ports = object.remove(&["ports"]).unwrap_or_default();
    let mut holder = serde_json::json!({"ports": ports.take()});
    for port in items(&mut holder, "ports") {
        absent(port, "name", "");
        absent(port, "protocol", "TCP");
    }
    if let Some(ports) = holder.get_mut("ports").filter(|ports| !ports.is_null()) {
        object.set(&["ports"], ports.take());
    }
}

/// Go: pkg/registry/discovery/endpointslice/strategy.go warningsForEndpointSlice
fn warnings(slice: &Object) -> Vec<String> {
    let kind = slice.str(&["addressType"]);
    if kind == "FQDN" {
        return vec!["spec.addressType: FQDN endpoints are deprecated".to_owned()];
    }
    let endpoints = Node::of(slice, "endpoints").items_here();
    let addresses = endpoints.iter().flat_map(|endpoint| endpoint.items("addresses"));
    addresses.flat_map(|address| ip::warnings_for_ip(&address.path, address.as_str())).collect()
}

/// Topology cannot be written any more. What it said of nodes before goes where nodes are named now.
///
/// Go: dropTopologyOnV1
fn drop_topology(slice: &mut Object, old: Option<&Object>) {
    const HOSTNAME: &str = "kubernetes.io/hostname";
    if old.is_some_and(|old| !differs(slice, old, "endpoints")) {
        return;
    }
    let before = old.map(|old| Node::of(old, "endpoints").items_here()).unwrap_or_default();
    let known =
        |name: &str| before.iter().any(|endpoint| endpoint.child("deprecatedTopology").key(HOSTNAME).as_str() == name);
    let endpoints = slice.0.get_mut("endpoints").and_then(Value::as_array_mut);
    for endpoint in endpoints.into_iter().flatten().filter_map(Value::as_object_mut) {
        let Some(topology) = endpoint.remove("deprecatedTopology") else { continue };
        let Some(name) = topology.get(HOSTNAME).and_then(Value::as_str) else { continue };
        if !endpoint.contains_key("nodeName") && known(name) && SUBDOMAIN(name, NameUsage::Whole).is_empty() {
            endpoint.insert("nodeName".to_owned(), name.into());
        }
    }
}

fn validate(slice: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let kind = Node::of(slice, "addressType");
    if kind.as_str().is_empty() {
        errors.push(kind.required(""));
    } else {
        supported(&mut errors, &kind, &["FQDN", "IPv4", "IPv6"]);
    }
    let endpoints = Node::of(slice, "endpoints").items_here();
    if endpoints.len() > MOST_ENDPOINTS {
        errors.push(Error::too_many(&Node::of(slice, "endpoints").path, endpoints.len(), MOST_ENDPOINTS));
    } else {
        endpoints.iter().for_each(|endpoint| validate_endpoint(&mut errors, endpoint, kind.as_str()));
    }
    ports(&mut errors, &Node::of(slice, "ports"));
    errors
}

fn validate_update(slice: &Object, old: &Object) -> ErrorList {
    let mut errors = validate(slice);
    let kind = |object| Node::of(object, "addressType").or_empty();
    immutable(&mut errors, &kind(slice), &kind(old));
    errors
}

/// Refuses a list or map of more than `most`.
fn at_most(errors: &mut ErrorList, node: &Node<'_>, count: usize, most: usize) {
    if count > most {
        errors.push(Error::too_many(&node.path, count, most));
    }
}

fn validate_endpoint(errors: &mut ErrorList, endpoint: &Node<'_>, kind: &str) {
    let addresses = endpoint.child("addresses");
    match endpoint.len("addresses") {
        0 => errors.push(addresses.required("must contain at least 1 address")),
        count => at_most(errors, &addresses, count, MOST_ADDRESSES),
    }
    for address in addresses.items_here() {
        match kind {
            "IPv4" | "IPv6" => ip_address(errors, &address, kind),
            "FQDN" => errors.extend(is_fully_qualified_domain_name(&address.path, address.as_str())),
            _ => {}
        }
    }
    for name in ["nodeName", "hostname"] {
        let node = endpoint.child(name);
        if node.is_set() {
            if name == "hostname" { dns_label(errors, &node) } else { named(errors, &node, SUBDOMAIN) }
        }
    }
    let topology = endpoint.child("deprecatedTopology");
    at_most(errors, &topology, endpoint.len("deprecatedTopology"), MOST_TOPOLOGY_LABELS);
    labels(errors, &topology);
    let hints = endpoint.child("hints");
    hint_names(errors, &hints.child("forZones"), |errors, name| {
        each(errors, name, is_valid_label_value(name.as_str()));
    });
    hint_names(errors, &hints.child("forNodes"), |errors, name| named(errors, name, SUBDOMAIN));
}

/// An address of the slice's family, not special, as strict as fields of before strict rules are.
fn ip_address(errors: &mut ErrorList, address: &Node<'_>, kind: &str) {
    let malformed = ip::is_valid_ip_for_legacy_field(&address.path, address.as_str(), Strictness::Sloppy, &[]);
    if !malformed.is_empty() {
        return errors.extend(malformed);
    }
    let is_ipv4 = matches!(ip::parse_ip_sloppy(address.as_str()), Some(IpAddr::V4(_)));
    if is_ipv4 != (kind == "IPv4") {
        errors.push(address.invalid(format!("must be an {kind} address")));
    }
    non_special_ip(errors, address);
}

fn hint_names(errors: &mut ErrorList, list: &Node<'_>, check: impl Fn(&mut ErrorList, &Node<'_>)) {
    let hints = list.items_here();
    if hints.len() > MOST_HINTS {
        return at_most(errors, list, hints.len(), MOST_HINTS);
    }
    let mut seen = BTreeSet::new();
    for name in hints.iter().map(|hint| hint.child("name").or_empty()) {
        if !seen.insert(name.as_str()) {
            errors.push(name.duplicate());
        }
        check(errors, &name);
    }
}

fn ports(errors: &mut ErrorList, list: &Node<'_>) {
    let ports = list.items_here();
    if ports.len() > MOST_PORTS {
        return at_most(errors, list, ports.len(), MOST_PORTS);
    }
    let mut names = BTreeSet::new();
    for port in ports {
        let (name, protocol, app) = (port.child("name"), port.child("protocol"), port.child("appProtocol"));
        if !name.as_str().is_empty() {
            dns_label(errors, &name);
        }
        if !names.insert(name.as_str()) {
            errors.push(name.or_empty().duplicate());
        }
        if protocol.is_set() {
            supported(errors, &protocol, &["SCTP", "TCP", "UDP"]);
        } else {
            errors.push(protocol.required(""));
        }
        if app.is_set() {
            each(errors, &app, is_qualified_name(app.as_str()));
        }
    }
}
