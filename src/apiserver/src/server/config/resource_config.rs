//! Which versions and which of their resources are served.
//!
//! Go: apiserver/pkg/server/storage/resource_config.go

use std::collections::BTreeMap;

use apimachinery::runtime::schema::{GroupVersion, GroupVersionResource};

/// What is served. A word on a resource wins over one on its version.
///
/// Go: apiserver/pkg/server/storage/resource_config.go ResourceConfig
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceConfig {
    versions: BTreeMap<GroupVersion, bool>,
    resources: BTreeMap<GroupVersionResource, bool>,
}

impl ResourceConfig {
    /// Says whether a version is served.
    pub fn set_version(&mut self, version: GroupVersion, enabled: bool) {
        self.versions.insert(version, enabled);
    }

    /// Says it for all known versions that a condition holds for.
    pub fn set_versions(&mut self, matches: impl Fn(&str) -> bool, enabled: bool) {
        let matching = self.versions.iter_mut().filter(|(version, _)| matches(&version.version));
        matching.for_each(|(_, value)| *value = enabled);
        let matching = self.resources.iter_mut().filter(|(resource, _)| matches(&resource.version));
        matching.for_each(|(_, value)| *value = enabled);
    }

    /// Says whether a resource is served.
    pub fn set_resource(&mut self, resource: GroupVersionResource, enabled: bool) {
        self.resources.insert(resource, enabled);
    }

    /// Returns whether a version is served.
    pub fn version_enabled(&self, version: &GroupVersion) -> bool {
        self.versions.get(version).copied().unwrap_or(false)
    }

    /// Returns whether a resource is served.
    ///
    /// Go: apiserver/pkg/server/storage/resource_config.go ResourceEnabled
    pub fn resource_enabled(&self, resource: &GroupVersionResource) -> bool {
        let explicit = self.resources.get(resource).copied();
        explicit.unwrap_or_else(|| self.version_enabled(&GroupVersion::new(&resource.group, &resource.version)))
    }

    /// Returns whether anything of a group is served.
    ///
    /// Go: apiserver/pkg/server/storage/resource_config.go AnyResourceForGroupEnabled
    pub fn any_resource_for_group_enabled(&self, group: &str) -> bool {
        self.versions.iter().any(|(version, enabled)| *enabled && version.group == group)
            || self.resources.iter().any(|(resource, enabled)| *enabled && resource.group == group)
    }

    /// Returns the versions that are served.
    pub fn enabled_versions(&self) -> impl Iterator<Item = &GroupVersion> {
        self.versions.iter().filter(|(_, enabled)| **enabled).map(|(version, _)| version)
    }
}
