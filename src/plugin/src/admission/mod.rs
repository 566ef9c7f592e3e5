//! The admission plugins, one file each.
//!
//! Go: plugin/pkg/admission, pkg/kubeapiserver/options/plugins.go
//!
//! [`plugins`] lists them in the order in which they run. Most look at one kind of object in one operation; each
//! says so in its first lines and lets everything else pass. Very small ones share a file.

pub mod plugins;

pub mod always;
pub mod plain;

pub mod namespace_lifecycle;
pub mod namespaces;

pub mod limit_ranger;
pub mod pod_resources;
pub mod service_account;
pub mod taint_nodes_by_condition;

pub mod default_toleration_seconds;
pub mod pod_placement;
pub mod pods;
pub mod priority;
pub mod runtime_class;
pub mod tolerations;

pub mod default_class;
pub mod persistent_volume_claim_resize;
pub mod storage_object_in_use_protection;

pub mod certificates;
pub mod node_restriction;
pub mod pod_security;
pub mod pod_topology_labels;

pub mod event_rate_limit;
pub mod owner_references;
pub mod resource_quota;
