//! The core group.
//!
//! Go: pkg/apis/core, pkg/registry/core

pub mod claim;
pub mod config;
pub mod endpoints;
pub mod event;
pub mod limits;
pub mod namespace;
pub mod node;
pub mod persistentvolume;
pub mod pod;
pub mod replicationcontroller;
pub mod service;
mod tls;
pub mod volumes;

use apimachinery::{util::validation, validation::field::ErrorList};

use crate::{node::Node, rules::Rules};

/// Returns the rules of a kind of this group.
pub fn rules(kind: &str) -> Option<&'static Rules> {
    Some(match kind {
        "ConfigMap" => &config::CONFIG_MAP,
        "Secret" => &config::SECRET,
        "Namespace" => &namespace::NAMESPACE,
        "ServiceAccount" => &namespace::SERVICE_ACCOUNT,
        "LimitRange" => &limits::LIMIT_RANGE,
        "ResourceQuota" => &limits::RESOURCE_QUOTA,
        "Endpoints" => &endpoints::ENDPOINTS,
        "Event" => &event::EVENT,
        "PersistentVolumeClaim" => &claim::CLAIM,
        "Node" => &node::NODE,
        "PersistentVolume" => &persistentvolume::PERSISTENT_VOLUME,
        "Pod" => &pod::strategy::POD,
        "Service" => &service::SERVICE,
        "PodTemplate" => &replicationcontroller::POD_TEMPLATE,
        "ReplicationController" => &replicationcontroller::REPLICATION_CONTROLLER,
        _ => return None,
    })
}

/// Checks the finalizers in the spec of a namespace: all errors name the list, not its item.
///
/// Go: pkg/apis/core/validation/validation.go validateFinalizerName
fn finalizer_names(list: &Node<'_>) -> ErrorList {
    let mut errors = ErrorList::new();
    for item in list.items_here() {
        let item = item.at(list.path.clone());
        let sentences = validation::is_qualified_name(item.as_str());
        if !item.as_str().contains('/') && !matches!(item.as_str(), "kubernetes" | "orphan" | "foregroundDeletion") {
            let text = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(item.clone().or_empty().invalid(text));
        }
        errors.extend(sentences.into_iter().map(|sentence| item.clone().or_empty().invalid(sentence)));
    }
    errors
}
