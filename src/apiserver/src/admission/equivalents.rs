//! Which resources are the same objects under other names: other versions, and the two groups of events.
//!
//! Go: apimachinery/pkg/runtime/mapper.go EquivalentResourceRegistry

use std::collections::{BTreeMap, BTreeSet};

use apimachinery::runtime::schema::{GroupVersionKind, GroupVersionResource};
use parking_lot::RwLock;

/// All installed resources with their kinds. Filled by whoever installs a resource.
#[derive(Debug, Default)]
pub struct EquivalentResources {
    /// By key, then by sub-resource: what is installed, in the order of installation.
    resources: RwLock<BTreeMap<(String, String), Vec<(GroupVersionResource, GroupVersionKind)>>>,
    /// Those whose objects live in no namespace.
    of_cluster: RwLock<BTreeSet<GroupVersionResource>>,
}

/// Where objects live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In namespaces.
    Namespaced,
    /// In the cluster.
    Cluster,
}

/// Resources with the same key are stored in the same place.
fn key(resource: &GroupVersionResource) -> String {
    match resource.resource.as_str() {
        "events" => "events".to_owned(),
        name => format!("{}/{name}", resource.group),
    }
}

impl EquivalentResources {
    /// Notes an installed resource or sub-resource.
    ///
    /// Go: apimachinery/pkg/runtime/mapper.go RegisterKindFor
    pub fn register(&self, resource: &GroupVersionResource, subresource: &str, kind: &GroupVersionKind, scope: Scope) {
        if subresource.is_empty() && scope == Scope::Cluster {
            self.of_cluster.write().insert(resource.clone());
        }
        let mut resources = self.resources.write();
        let known = resources.entry((key(resource), subresource.to_owned())).or_default();
        match known.iter_mut().find(|(other, _)| other == resource) {
            Some((_, other)) => other.clone_from(kind),
            None => known.push((resource.clone(), kind.clone())),
        }
    }

    /// Forgets a resource with its sub-resources: a custom resource whose version is gone.
    pub fn forget(&self, resource: &GroupVersionResource) {
        for known in self.resources.write().values_mut() {
            known.retain(|(other, _)| other != resource);
        }
        self.of_cluster.write().remove(resource);
    }

    /// Returns a resource's other names, itself included, with their kinds.
    ///
    /// Go: apimachinery/pkg/runtime/mapper.go EquivalentResourcesFor, KindFor
    pub fn equivalents(
        &self,
        resource: &GroupVersionResource,
        subresource: &str,
    ) -> Vec<(GroupVersionResource, GroupVersionKind)> {
        let key = (key(resource), subresource.to_owned());
        self.resources.read().get(&key).cloned().unwrap_or_default()
    }

    /// Says whether objects of a resource live in namespaces.
    pub fn is_namespaced(&self, resource: &GroupVersionResource) -> bool {
        !self.of_cluster.read().contains(resource)
    }

    /// Returns the resources, without sub-resources, whose objects are of a kind.
    pub fn of_kind(&self, kind: &GroupVersionKind) -> Vec<GroupVersionResource> {
        let resources = self.resources.read();
        let whole = resources.iter().filter(|((_, subresource), _)| subresource.is_empty());
        let known = whole.flat_map(|(_, known)| known);
        known.filter(|(_, known)| known == kind).map(|(resource, _)| resource.clone()).collect()
    }
}
