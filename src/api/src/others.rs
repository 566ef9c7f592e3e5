//! The groups of which only generations, status and a few defaults are particular.
//!
//! Go: pkg/registry/{scheduling,discovery,flowcontrol,resource,admissionregistration,networking,storage}/*/strategy.go

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
    static STATUS_AND_METADATA: Rules = Rules { status: Part::WITH_METADATA, ..Rules::WITH_STATUS };
    static STATUS_ONLY: Rules = Rules { has_status: true, status: Part::WITH_METADATA, ..Rules::PLAIN };
    static WEBHOOKS: Rules = Rules { generation: Generation::Fields(&["webhooks"]), ..Rules::PLAIN };
    static SLICE: Rules = Rules { default: default_slice, generation: Generation::All, ..Rules::PLAIN };
    static NETWORK_POLICY: Rules = Rules { default: default_network_policy, ..SPEC };
    static STORAGE_CLASS: Rules = Rules { default: default_storage_class, ..Rules::PLAIN };
    static DRIVER: Rules =
        Rules { default: default_driver, generation: Generation::FieldsLater(&["spec"]), ..Rules::PLAIN };
    static PRIORITY: Rules =
        Rules { default: default_priority_class, generation: Generation::Fields(&[]), ..Rules::PLAIN };
    static LEASE: Rules = Rules {
        prepare_for_create: |_, lease| drop_coordination(lease),
        prepare_for_update: |_, lease, _| drop_coordination(lease),
        ..Rules::PLAIN
    };
    static DEVICES: Rules = Rules {
        fields: |slice| {
            let text = |field: &str| slice.str(&["spec", field]).to_owned();
            vec![("spec.nodeName", text("nodeName")), ("spec.driver", text("driver"))]
        },
        ..SPEC
    };
    static TOKEN: Rules = Rules { default: default_token_request, ..Rules::PLAIN };
    Some(match (group, kind) {
        ("authentication.k8s.io", "TokenRequest") => &TOKEN,
        ("scheduling.k8s.io", "PriorityClass") => &PRIORITY,
        ("coordination.k8s.io", "Lease") => &LEASE,
        ("discovery.k8s.io", "EndpointSlice") => &SLICE,
        ("networking.k8s.io", "NetworkPolicy") => &NETWORK_POLICY,
        ("networking.k8s.io", "Ingress") => &STATUS,
        ("networking.k8s.io", "IngressClass") => &SPEC_COUNTS,
        ("networking.k8s.io", "ServiceCIDR") => &STATUS_ONLY,
        ("storage.k8s.io", "StorageClass") => &STORAGE_CLASS,
        ("storage.k8s.io", "CSIDriver") => &DRIVER,
        ("storage.k8s.io", "VolumeAttachment") => &STATUS_ONLY,
        ("flowcontrol.apiserver.k8s.io", _) => &STATUS_AND_METADATA,
        ("resource.k8s.io", "ResourceSlice") => &DEVICES,
        ("resource.k8s.io", "DeviceClass") => &SPEC_COUNTS,
        ("resource.k8s.io", "ResourceClaim") => &STATUS_ONLY,
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration") => {
            &WEBHOOKS
        }
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy") => &STATUS_AND_METADATA,
        ("admissionregistration.k8s.io", _) => &SPEC_COUNTS,
        _ => return None,
    })
}

/// Changes an object as a value.
fn with_value(object: &mut Object, change: impl FnOnce(&mut Value)) {
    let mut value = std::mem::take(object).into_value();
    change(&mut value);
    *object = Object::from_value(value).unwrap_or_default();
}

/// Go: SetDefaults_EndpointPort
fn default_slice(object: &mut Object) {
    with_value(object, |slice| {
        for port in items(slice, "ports") {
            absent(port, "name", "");
            absent(port, "protocol", "TCP");
        }
    });
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

/// Go: SetDefaults_StorageClass
fn default_storage_class(object: &mut Object) {
    with_value(object, |class| {
        absent(class, "reclaimPolicy", "Delete");
        absent(class, "volumeBindingMode", "Immediate");
    });
}

/// Go: SetDefaults_CSIDriver
fn default_driver(object: &mut Object) {
    let spec = made(&mut object.0, "spec");
    for (field, value) in [
        ("attachRequired", true),
        ("podInfoOnMount", false),
        ("storageCapacity", false),
        ("requiresRepublish", false),
        ("seLinuxMount", false),
    ] {
        absent(spec, field, value);
    }
    absent(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType");
    if spec.get("volumeLifecycleModes").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        spec["volumeLifecycleModes"] = json!(["Persistent"]);
    }
}

/// Go: SetDefaults_TokenRequestSpec
fn default_token_request(object: &mut Object) {
    absent(made(&mut object.0, "spec"), "expirationSeconds", 3600);
}

/// Go: SetDefaults_PriorityClass
fn default_priority_class(object: &mut Object) {
    with_value(object, |class| absent(class, "preemptionPolicy", "PreemptLowerPriority"));
}

/// Fields of coordinated leader election, which is off.
fn drop_coordination(object: &mut Object) {
    object.remove(&["spec", "strategy"]);
    object.remove(&["spec", "preferredHolder"]);
}
