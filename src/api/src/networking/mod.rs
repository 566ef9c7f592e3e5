//! The networking group: Ingress, IngressClass, NetworkPolicy, IPAddress, ServiceCIDR.
//!
//! Go: pkg/apis/networking, pkg/registry/networking

mod ingress;
mod ingressclass;
mod ipaddress;
mod networkpolicy;
mod servicecidr;

use apimachinery::validation::field::ErrorList;

use crate::{
    node::Node,
    rules::Rules,
    validation::{dns_subdomain, each},
};

/// Returns the rules of a kind of this group.
pub fn rules(kind: &str) -> Option<&'static Rules> {
    static INGRESS: Rules = ingress::INGRESS;
    static INGRESS_CLASS: Rules = ingressclass::INGRESS_CLASS;
    static IP_ADDRESS: Rules = ipaddress::IP_ADDRESS;
    static NETWORK_POLICY: Rules = networkpolicy::NETWORK_POLICY;
    static SERVICE_CIDR: Rules = servicecidr::SERVICE_CIDR;
    Some(match kind {
        "Ingress" => &INGRESS,
        "IngressClass" => &INGRESS_CLASS,
        "IPAddress" => &IP_ADDRESS,
        "NetworkPolicy" => &NETWORK_POLICY,
        "ServiceCIDR" => &SERVICE_CIDR,
        _ => return None,
    })
}

/// Requires a text that may stand in a path.
fn path_segment(errors: &mut ErrorList, node: &Node<'_>) {
    each(errors, node, apimachinery::util::validation::is_path_segment_name(node.as_str()));
}

/// Requires the kind and the name of another object of the namespace.
///
/// Go: pkg/apis/networking/validation/validation.go validateIngressTypedLocalObjectReference
fn typed_reference(errors: &mut ErrorList, reference: &Node<'_>) {
    if reference.has("apiGroup") {
        dns_subdomain(errors, &reference.child("apiGroup"));
    }
    for field in ["kind", "name"] {
        let text = reference.child(field);
        if text.as_str().is_empty() {
            errors.push(text.required(""));
        } else {
            path_segment(errors, &text);
        }
    }
}
