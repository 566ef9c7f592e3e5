//! The groups of which only generations, status and a few defaults are particular.
//!
//! Go: pkg/registry/{flowcontrol,networking}/*/strategy.go

use apimachinery::runtime::object::Object;
use serde_json::{Value, json};

use crate::{
    defaults::{absent, items, made, zero},
    rules::{Generation, Part, Rules},
};

const SPEC: Rules = Rules { generation: Generation::Fields(&["spec"]), ..Rules::PLAIN };

/// Returns the rules of a kind of one of these groups.
pub fn rules(group: &str, kind: &str) -> Option<&'static Rules> {
    static SPEC_COUNTS: Rules = SPEC;
    static STATUS: Rules = Rules::WITH_STATUS;
    static STATUS_ONLY: Rules = Rules { has_status: true, status: Part::WITH_METADATA, ..Rules::PLAIN };
    static NETWORK_POLICY: Rules = Rules { default: default_network_policy, ..SPEC };
    static TOKEN: Rules = Rules { default: default_token_request, ..Rules::PLAIN };
    Some(match (group, kind) {
        ("authentication.k8s.io", "TokenRequest") => &TOKEN,
        ("networking.k8s.io", "NetworkPolicy") => &NETWORK_POLICY,
        ("networking.k8s.io", "Ingress") => &STATUS,
        ("networking.k8s.io", "IngressClass") => &SPEC_COUNTS,
        ("networking.k8s.io", "ServiceCIDR") => &STATUS_ONLY,
        _ => return None,
    })
}

/// Go: SetDefaults_NetworkPolicy
fn default_network_policy(object: &mut Object) {
    let spec = made(&mut object.0, "spec");
    for list in ["ingress", "egress"] {
        for rule in items(spec, list) {
            for port in items(rule, "ports") {
                zero(port, "protocol", "TCP");
            }
        }
    }
    let is_empty = |spec: &Value, list: &str| spec.get(list).and_then(Value::as_array).is_none_or(Vec::is_empty);
    if is_empty(spec, "policyTypes") {
        spec["policyTypes"] = if is_empty(spec, "egress") { json!(["Ingress"]) } else { json!(["Ingress", "Egress"]) };
    }
}

/// Go: SetDefaults_TokenRequestSpec
fn default_token_request(object: &mut Object) {
    absent(made(&mut object.0, "spec"), "expirationSeconds", 3600);
}
