//! Cluster addresses and IP families: what fits together.
//!
//! Go: pkg/apis/core/validation/validation.go ValidateServiceClusterIPsRelatedFields

use std::net::IpAddr;

use apimachinery::{
    runtime::object::Object,
    util::ip::{Strictness, is_valid_ip_for_legacy_field, parse_ip_sloppy},
    validation::field::{Error, ErrorList},
};

use super::facts::{cluster_ips, is_headless, kind, spec};
use crate::node::Node;

/// Returns the family of an address; of none for what is no address.
pub fn family_of(address: &str) -> Option<&'static str> {
    parse_ip_sloppy(address).map(|address| match address {
        IpAddr::V4(_) => "IPv4",
        IpAddr::V6(_) => "IPv6",
    })
}

/// Checks `clusterIP`, `clusterIPs`, `ipFamilies` and `ipFamilyPolicy` together.
pub fn validate(service: &Object, old: Option<&Object>) -> ErrorList {
    let mut errors = ErrorList::new();
    if kind(service) == "ExternalName" {
        // None of them may be set, which is checked elsewhere.
        return errors;
    }
    let spec = spec(service);
    let addresses = spec.child("clusterIPs");
    singular_and_plural(&mut errors, &spec, &addresses);
    let families = spec.texts("ipFamilies");
    for (index, family) in spec.items("ipFamilies").into_iter().enumerate() {
        if !matches!(family.as_str(), "IPv4" | "IPv6") {
            errors.push(family.not_supported(&["IPv4", "IPv6"]));
        }
        if families[..index].contains(&family.as_str()) {
            errors.push(family.duplicate());
        }
    }
    let policy = spec.child("ipFamilyPolicy");
    if policy.is_set() && !matches!(policy.as_str(), "PreferDualStack" | "RequireDualStack" | "SingleStack") {
        errors.push(policy.not_supported(&["PreferDualStack", "RequireDualStack", "SingleStack"]));
    }
    let found = well_formed(&addresses, old);
    let broken = !found.is_empty();
    errors.extend(found);
    let list = spec.texts("clusterIPs");
    if list.len() > 2 {
        errors.push(Error::invalid(&addresses.path, addresses.shown(), "may only hold up to 2 values"));
    }
    if broken {
        return errors;
    }
    let known: Vec<&str> = list.iter().filter_map(|address| family_of(address)).collect();
    if list.len() > 1 && !(known.contains(&"IPv4") && known.contains(&"IPv6") && known.len() == 2) {
        let text = "may specify no more than one IP for each IP family";
        errors.push(Error::invalid(&addresses.path, addresses.shown(), text));
    }
    if !is_headless(service) {
        for (index, (address, family)) in addresses.items_here().iter().zip(&families).enumerate() {
            if matches!(*family, "IPv4" | "IPv6") && family_of(address.as_str()) != Some(*family) {
                let text = format!("expected an {family} value as indicated by `ipFamilies[{index}]`");
                errors.push(address.invalid(text));
            }
        }
    }
    errors
}

fn singular_and_plural(errors: &mut ErrorList, spec: &Node<'_>, addresses: &Node<'_>) {
    let list = spec.texts("clusterIPs");
    match (spec.text("clusterIP"), list.first()) {
        ("", Some(_)) => {
            let text = "must be empty when `clusterIP` is not specified";
            errors.push(Error::invalid(&addresses.path, addresses.shown(), text));
        }
        ("", None) => {}
        (_, None) => errors.push(addresses.required("")),
        (one, Some(first)) if one != *first => {
            errors.push(Error::invalid(&addresses.path, addresses.shown(), "first value must match `clusterIP`"));
        }
        _ => {}
    }
}

fn well_formed(addresses: &Node<'_>, old: Option<&Object>) -> ErrorList {
    let mut errors = ErrorList::new();
    let before = old.map(cluster_ips).unwrap_or_default();
    let items = addresses.items_here();
    for (index, address) in items.iter().enumerate() {
        if index == 0 && address.as_str() == "None" {
            if items.len() > 1 {
                let text = "'None' must be the first and only value";
                errors.push(Error::invalid(&addresses.path, addresses.shown(), text));
            }
            continue;
        }
        let strictness = Strictness::Strict;
        errors.extend(is_valid_ip_for_legacy_field(&address.path, address.as_str(), strictness, &before));
    }
    errors
}
