//! Service: its defaults and what its fields may say. Addresses and ports are given out by the registry.
//!
//! ```text
//!   facts       what a service needs: a cluster address, node ports, a port for health checks
//!   linked      clusterIP and clusterIPs say the same; an update keeps what it does not name
//!   validation  the fields     families  addresses and IP families     update  what may change
//! ```
//!
//! Go: pkg/apis/core/v1/defaults.go SetDefaults_Service, pkg/registry/core/service/strategy.go
//!
//! Read in this order.

pub mod facts;

pub mod linked;

pub mod families;
mod update;
mod validation;
mod warnings;

use apimachinery::{api::validation::name::name_is_dns_label, runtime::object::Object};
use serde_json::{Value, json};

use crate::{
    defaults::{absent, items, made, zero},
    rules::{Part, Rules},
};

pub(super) const SERVICE: Rules = Rules {
    validate_name: name_is_dns_label,
    default,
    has_status: true,
    prepare_for_update: |_, service, old| linked::drop_type_dependent_fields(service, old),
    validate: |service| validation::validate(service, None),
    validate_update: update::validate,
    warnings_on_create: warnings::of_service,
    warnings_on_update: |service, _| warnings::of_service(service),
    status: Part { validate_update: |service, _| validation::load_balancer_status(service), ..Part::PLAIN },
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
    let outside = spec.get("externalIPs").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") || (kind == "ClusterIP" && outside) {
        zero(spec, "externalTrafficPolicy", "Cluster");
    }
    if matches!(kind.as_str(), "ClusterIP" | "NodePort" | "LoadBalancer") {
        absent(spec, "internalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        absent(spec, "allocateLoadBalancerNodePorts", true);
        if let Some(status) = object.0.get_mut("status") {
            let addressed = |ingress: &Value| ingress["ip"].as_str().is_some_and(|address| !address.is_empty());
            for ingress in items(status, "loadBalancer.ingress").filter(|ingress| addressed(ingress)) {
                absent(ingress, "ipMode", "VIP");
            }
        }
    }
}
