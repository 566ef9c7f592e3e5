//! All plugins, in the order in which they run.
//!
//! Go: pkg/kubeapiserver/options/plugins.go AllOrderedPlugins, DefaultOffAdmissionPlugins

use apiserver::admission::{
    plugins::{
        Default::{Off, On},
        Factory, Registered,
    },
    policy,
    webhook::{mutating, validating},
};

use crate::admission::{
    always, certificates, default_class, default_toleration_seconds, event_rate_limit, limit_ranger,
    namespace_lifecycle, namespaces, node_restriction, owner_references, persistent_volume_claim_resize, pod_placement,
    pod_security, pod_topology_labels, pods, priority, resource_quota, runtime_class, service_account,
    storage_object_in_use_protection, taint_nodes_by_condition,
};

const fn on(name: &'static str, factory: Factory) -> Registered {
    Registered { name, default: On, factory }
}

const fn off(name: &'static str, factory: Factory) -> Registered {
    Registered { name, default: Off, factory }
}

/// Every plugin that a flag may enable or disable.
///
/// The order is that of the mutating pass and again of the validating pass; policies, webhooks and quota come last
/// because they judge what the others made of the object.
pub const ALL: &[Registered] = &[
    off(always::ADMIT, always::new_admit),
    off(namespaces::AUTO_PROVISION, namespaces::new_auto_provision),
    on(namespace_lifecycle::NAME, namespace_lifecycle::new),
    off(namespaces::EXISTS, namespaces::new_exists),
    off(pods::HARD_ANTI_AFFINITY, pods::new_hard_anti_affinity),
    on(limit_ranger::NAME, limit_ranger::new),
    on(service_account::NAME, service_account::new),
    off(node_restriction::NAME, node_restriction::new),
    on(taint_nodes_by_condition::NAME, taint_nodes_by_condition::new),
    off(pods::ALWAYS_PULL_IMAGES, pods::new_always_pull_images),
    on(pod_security::NAME, pod_security::new),
    off(pod_placement::NODE_SELECTOR, pod_placement::new_node_selector),
    on(priority::NAME, priority::new),
    on(default_toleration_seconds::NAME, default_toleration_seconds::new),
    off(pod_placement::TOLERATION_RESTRICTION, pod_placement::new_toleration_restriction),
    off(event_rate_limit::NAME, event_rate_limit::new),
    off(pods::EXTENDED_RESOURCE_TOLERATION, pods::new_extended_resource_toleration),
    on(default_class::STORAGE, default_class::new_storage),
    on(storage_object_in_use_protection::NAME, storage_object_in_use_protection::new),
    on("PodGroupProtection", |_| Ok(always::silent("PodGroupProtection"))),
    off(owner_references::NAME, owner_references::new),
    on(persistent_volume_claim_resize::NAME, persistent_volume_claim_resize::new),
    on(runtime_class::NAME, runtime_class::new),
    on(certificates::APPROVAL, certificates::new_approval),
    on(certificates::SIGNING, certificates::new_signing),
    on(certificates::ATTEST, certificates::new_attest),
    on(certificates::SUBJECT_RESTRICTION, certificates::new_subject_restriction),
    on(default_class::INGRESS, default_class::new_ingress),
    off(pods::DENY_EXTERNAL_IPS, pods::new_deny_external_ips),
    on(pod_topology_labels::NAME, pod_topology_labels::new),
    on("PodGroupWorkloadExists", |_| Ok(always::silent("PodGroupWorkloadExists"))),
    on("NodeDeclaredFeatureValidator", |_| Ok(always::silent("NodeDeclaredFeatureValidator"))),
    on("JobValidation", |_| Ok(always::silent("JobValidation"))),
    on("PodResizeValidator", |_| Ok(always::silent("PodResizeValidator"))),
    on(policy::mutating::NAME, policy::mutating::new),
    on(mutating::NAME, mutating::new),
    on(policy::validating::NAME, policy::validating::new),
    on(validating::NAME, validating::new),
    on(resource_quota::NAME, resource_quota::new),
    off(always::DENY, always::new_deny),
];
