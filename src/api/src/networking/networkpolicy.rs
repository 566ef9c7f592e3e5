//! NetworkPolicy: who may talk to pods, and whom they may talk to.
//!
//! Go: pkg/apis/networking/validation/validation.go ValidateNetworkPolicySpec,
//! pkg/registry/networking/networkpolicy/strategy.go

use apimachinery::{
    runtime::object::Object,
    util::{
        intstr::IntOrString,
        ip::{Strictness, is_valid_cidr_for_legacy_field, parse_cidr_sloppy, warnings_for_cidr},
    },
    validation::field::{Error, ErrorList},
};
use serde_json::{Value, json};

use crate::{
    defaults::{absent, items, made},
    node::Node,
    rules::{Generation, Rules},
    validation::{label_selector, port_number, port_number_or_name},
};

const DIRECTIONS: [(&str, &str); 2] = [("ingress", "from"), ("egress", "to")];

pub(super) const NETWORK_POLICY: Rules = Rules {
    default,
    generation: Generation::Fields(&["spec"]),
    validate: |policy| validate(policy, &[]),
    validate_update: |policy, old| {
        let blocks = blocks(old);
        let known: Vec<&str> =
            blocks.iter().flat_map(|block| [vec![block.text("cidr")], block.texts("except")].concat()).collect();
        validate(policy, &known)
    },
    warnings_on_create: warnings,
    warnings_on_update: |policy, _| warnings(policy),
    ..Rules::PLAIN
};

/// Go: SetDefaults_NetworkPolicy
fn default(policy: &mut Object) {
    let spec = made(&mut policy.0, "spec");
    for list in ["ingress", "egress"] {
        for rule in items(spec, list) {
            for port in items(rule, "ports") {
                absent(port, "protocol", "TCP");
            }
        }
    }
    let is_empty = |spec: &Value, list: &str| spec.get(list).and_then(Value::as_array).is_none_or(Vec::is_empty);
    if is_empty(spec, "policyTypes") {
        spec["policyTypes"] = if is_empty(spec, "egress") { json!(["Ingress"]) } else { json!(["Ingress", "Egress"]) };
    }
}

/// All ranges of addresses that a policy names.
fn blocks(policy: &Object) -> Vec<Node<'_>> {
    let spec = Node::of(policy, "spec");
    let peers = DIRECTIONS.into_iter().flat_map(|(list, peers)| {
        spec.items(list).into_iter().flat_map(move |rule| rule.items(peers)).collect::<Vec<_>>()
    });
    peers.filter(|peer| peer.has("ipBlock")).map(|peer| peer.child("ipBlock")).collect()
}

fn warnings(policy: &Object) -> Vec<String> {
    let mut warnings = Vec::new();
    for block in blocks(policy) {
        for range in std::iter::once(block.child("cidr")).chain(block.items("except")) {
            warnings.extend(warnings_for_cidr(&range.path, range.as_str()));
        }
    }
    warnings
}

fn validate(policy: &Object, known: &[&str]) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(policy, "spec");
    label_selector(&mut errors, &spec.child("podSelector"));
    for (list, peers) in DIRECTIONS {
        for rule in spec.items(list) {
            for port in rule.items("ports") {
                self::port(&mut errors, &port);
            }
            for peer in rule.items(peers) {
                self::peer(&mut errors, &peer, known);
            }
        }
    }
    let types = spec.child("policyTypes");
    if spec.len("policyTypes") > 2 {
        errors.push(Error::invalid(&types.path, types.shown(), "may not specify more than two policyTypes"));
        return errors;
    }
    for kind in types.items_here() {
        if !matches!(kind.as_str(), "Ingress" | "Egress") {
            errors.push(kind.or_empty().not_supported(&["Ingress", "Egress"]));
        }
    }
    errors
}

/// Go: ValidateNetworkPolicyPort
fn port(errors: &mut ErrorList, node: &Node<'_>) {
    let (protocol, port, end) = (node.child("protocol"), node.child("port"), node.child("endPort"));
    if protocol.is_set() && !matches!(protocol.as_str(), "TCP" | "UDP" | "SCTP") {
        errors.push(protocol.not_supported(&["TCP", "UDP", "SCTP"]));
    }
    match node.int_or_string("port") {
        None if end.is_set() => errors.push(end.invalid("may not be specified when `port` is not specified")),
        None => {}
        Some(IntOrString::Int(number)) => {
            port_number_or_name(errors, &port);
            if end.is_set() {
                let number = i64::from(number);
                if end.as_int() < number {
                    errors.push(Error::invalid(&end.path, number, "must be greater than or equal to `port`"));
                }
                port_number(errors, &end);
            }
        }
        Some(IntOrString::String(_)) => {
            if end.is_set() {
                errors.push(end.invalid("may not be specified when `port` is non-numeric"));
            }
            port_number_or_name(errors, &port);
        }
    }
}

/// Go: ValidateNetworkPolicyPeer
fn peer(errors: &mut ErrorList, peer: &Node<'_>, known: &[&str]) {
    let mut kinds = 0;
    for selector in ["podSelector", "namespaceSelector"] {
        if peer.has(selector) {
            kinds += 1;
            label_selector(errors, &peer.child(selector));
        }
    }
    if peer.has("ipBlock") {
        kinds += 1;
        block(errors, &peer.child("ipBlock"), known);
    }
    if kinds == 0 {
        errors.push(peer.required("must specify a peer"));
    } else if kinds > 1 && peer.has("ipBlock") {
        errors.push(peer.forbidden("may not specify both ipBlock and another peer"));
    }
}

/// Go: ValidateIPBlock
fn block(errors: &mut ErrorList, block: &Node<'_>, known: &[&str]) {
    let cidr = block.child("cidr");
    if cidr.as_str().is_empty() {
        errors.push(cidr.required(""));
        return;
    }
    errors.extend(is_valid_cidr_for_legacy_field(&cidr.path, cidr.as_str(), Strictness::Strict, known));
    let Some((_, whole)) = parse_cidr_sloppy(cidr.as_str()) else { return };
    for except in block.items("except") {
        errors.extend(is_valid_cidr_for_legacy_field(&except.path, except.as_str(), Strictness::Strict, known));
        let Some((_, part)) = parse_cidr_sloppy(except.as_str()) else { continue };
        if !whole.contains(&part.network()) || whole.prefix_len() >= part.prefix_len() {
            errors.push(except.invalid("must be a strict subset of `cidr`"));
        }
    }
}
