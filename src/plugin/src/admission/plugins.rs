//! All plugins, in the order in which they run.
//!
//! Go: pkg/kubeapiserver/options/plugins.go AllOrderedPlugins, DefaultOffAdmissionPlugins

use apiserver::admission::plugins::{Default::On, Registered};

use crate::admission::{
    default_toleration_seconds, namespace_lifecycle, priority, service_account, taint_nodes_by_condition,
};

/// Every plugin that a flag may enable or disable.
///
/// The order is that of the mutating pass and again of the validating pass; policies, webhooks and quota come last
/// because they judge what the others made of the object.
pub const ALL: &[Registered] = &[
    Registered { name: namespace_lifecycle::NAME, default: On, factory: namespace_lifecycle::new },
    Registered { name: service_account::NAME, default: On, factory: service_account::new },
    Registered { name: taint_nodes_by_condition::NAME, default: On, factory: taint_nodes_by_condition::new },
    Registered { name: priority::NAME, default: On, factory: priority::new },
    Registered { name: default_toleration_seconds::NAME, default: On, factory: default_toleration_seconds::new },
];
