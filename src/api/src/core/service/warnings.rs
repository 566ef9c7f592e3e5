//! What a client should know of a service.
//!
//! Go: pkg/api/service/warnings.go GetWarningsForService

use apimachinery::{
    runtime::object::Object,
    util::ip::{warnings_for_cidr, warnings_for_ip},
};

use super::facts::{is_headless, kind, spec};

pub(super) fn of_service(service: &Object) -> Vec<String> {
    let mut warnings = Vec::new();
    let spec = spec(service);
    if service.annotations().contains_key("service.kubernetes.io/topology-aware-hints") {
        warnings.push(
            "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use \
             service.kubernetes.io/topology-mode instead"
                .to_owned(),
        );
    }
    if is_headless(service) {
        for field in ["loadBalancerIP", "externalIPs"] {
            if spec.len(field) > 0 || !spec.text(field).is_empty() {
                warnings.push(format!("spec.{field} is ignored for headless services"));
            }
        }
        if spec.text("sessionAffinity") != "None" {
            warnings.push("spec.SessionAffinity is ignored for headless services".to_owned());
        }
    } else {
        for address in spec.items("clusterIPs") {
            warnings.extend(warnings_for_ip(&address.path, address.as_str()));
        }
    }
    if spec.len("externalIPs") > 0 {
        let text = "spec.externalIPs is deprecated and may no longer be implemented in some clusters";
        warnings.push(text.to_owned());
    }
    for address in spec.items("externalIPs") {
        warnings.extend(warnings_for_ip(&address.path, address.as_str()));
    }
    if !spec.text("loadBalancerIP").is_empty() {
        let address = spec.child("loadBalancerIP");
        warnings.extend(warnings_for_ip(&address.path, address.as_str()));
    }
    for range in spec.items("loadBalancerSourceRanges") {
        warnings.extend(warnings_for_cidr(&range.path, range.as_str()));
    }
    if kind(service) == "ExternalName" && spec.len("externalIPs") > 0 {
        warnings.push("spec.externalIPs is ignored when spec.type is \"ExternalName\"".to_owned());
    }
    if kind(service) != "ExternalName" && !spec.text("externalName").is_empty() {
        warnings.push("spec.externalName is ignored when spec.type is not \"ExternalName\"".to_owned());
    }
    if spec.text("trafficDistribution") == "PreferClose" {
        let text = "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"";
        warnings.push(text.to_owned());
    }
    warnings
}
