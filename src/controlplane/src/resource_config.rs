//! Which versions are served unless a flag says otherwise.
//!
//! Go: pkg/controlplane/instance.go DefaultAPIResourceConfigSource

use apiserver::server::config::resource_config::ResourceConfig;

/// Returns every version of the table of resources: those of 1.36 that are generally available.
pub fn default_api_resource_config_source() -> ResourceConfig {
    let mut config = ResourceConfig::default();
    for resource in api::resources::RESOURCES.iter() {
        config.set_version(resource.group_version.clone(), true);
    }
    config
}
