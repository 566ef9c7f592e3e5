//! The admission plugins, one file each.
//!
//! Go: plugin/pkg/admission, pkg/kubeapiserver/options/plugins.go
//!
//! [`plugins`] lists them in the order in which they run. Most look at one kind of object in one operation; each
//! says so in its first lines and lets everything else pass.

pub mod plugins;

pub mod default_toleration_seconds;
pub mod namespace_lifecycle;
pub mod priority;
pub mod service_account;
pub mod taint_nodes_by_condition;
