//! What may change of a service.
//!
//! Go: pkg/apis/core/validation/validation.go ValidateServiceUpdate

use apimachinery::{
    runtime::object::Object,
    validation::field::{Error, ErrorList},
};

use super::{
    facts::{is_headless, kind, spec},
    validation,
};
use crate::{node::Node, rules::differs};

const ONCE: &str = "may not change once set";

pub(super) fn validate(service: &Object, old: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let external = kind(service) == "ExternalName" || kind(old) == "ExternalName";
    if !external {
        cluster_ips(&mut errors, service, old);
        families(&mut errors, service, old);
    }
    if kind(service) == "LoadBalancer" && kind(old) == "LoadBalancer" && differs(service, old, "spec.loadBalancerClass")
    {
        errors.push(spec(service).child("loadBalancerClass").or_empty().invalid(ONCE));
    }
    errors.extend(validation::validate(service, Some(old)));
    errors
}

/// The first address stays; the second may come, and go where the policy says so.
///
/// Go: validateUpgradeDowngradeClusterIPs
fn cluster_ips(errors: &mut ErrorList, service: &Object, old: &Object) {
    if is_headless(service) && is_headless(old) {
        return;
    }
    let spec = spec(service);
    let list = spec.child("clusterIPs");
    let (new, before) = (spec.texts("clusterIPs"), Node::of(old, "spec").texts("clusterIPs"));
    let changed = |index: usize, text: &str| Error::invalid(&list.path.index(index), list.shown(), text);
    if new.len() == before.len() {
        for index in 0..new.len() {
            if new[index] != before[index] {
                errors.push(changed(index, ONCE));
            }
        }
        return;
    }
    if new.is_empty() {
        errors.push(changed(0, "primary clusterIP can not be unset"));
    } else if before.first().is_some_and(|first| *first != new[0]) {
        errors.push(changed(0, ONCE));
    }
    if before.len() > new.len() && new.len() == 1 && spec.text("ipFamilyPolicy") != "SingleStack" {
        let text = "must be set to 'SingleStack' when releasing the secondary clusterIP";
        errors.push(spec.child("ipFamilyPolicy").invalid(text));
    }
}

/// Go: validateUpgradeDowngradeIPFamilies
fn families(errors: &mut ErrorList, service: &Object, old: &Object) {
    if is_headless(service) || is_headless(old) {
        return;
    }
    let spec = spec(service);
    let list = spec.child("ipFamilies");
    let (new, before) = (spec.texts("ipFamilies"), Node::of(old, "spec").texts("ipFamilies"));
    let changed = |text: &str| Error::invalid(&list.path.index(0), list.shown(), text);
    if new.len() == before.len() {
        let count = new.iter().zip(&before).filter(|(new, old)| new != old).count();
        (0..count).for_each(|_| errors.push(changed(ONCE)));
        return;
    }
    if before.len() > new.len() && new.is_empty() {
        errors.push(changed("primary ipFamily can not be unset"));
    }
    if let (Some(new), Some(before)) = (new.first(), before.first())
        && new != before
    {
        errors.push(changed(ONCE));
    }
    if before.len() > new.len() && new.len() == 1 && spec.text("ipFamilyPolicy") != "SingleStack" {
        let text = "must be set to 'SingleStack' when releasing the secondary ipFamily";
        errors.push(spec.child("ipFamilyPolicy").invalid(text));
    }
}
