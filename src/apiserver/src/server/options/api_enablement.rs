//! Which versions and resources are served.
//!
//! Go: apiserver/pkg/server/options/api_enablement.go, apiserver/pkg/server/resourceconfig

use std::collections::BTreeMap;

use apimachinery::runtime::schema::{GroupVersion, GroupVersionResource};
use component_base::flagset::{FlagSet, Kind, Values, flag};

use crate::server::config::{Config, resource_config::ResourceConfig};

/// The flags of this group.
#[rustfmt::skip]
pub const FLAGS: FlagSet = FlagSet {
    section: "API enablement",
    flags: &[
        flag("runtime-config", Kind::Map, "", "What is served: group/version[/resource]=bool, api/all, api/ga, api/beta, api/alpha."),
    ],
};

/// Go: apiserver/pkg/server/options/api_enablement.go APIEnablementOptions
#[derive(Clone, Debug, Default)]
pub struct APIEnablementOptions {
    /// `--runtime-config`, its keys brought into one form.
    pub runtime_config: BTreeMap<String, String>,
}

impl APIEnablementOptions {
    /// Reads the flags.
    pub fn from_values(values: &mut Values) -> Self {
        let given = values.map("runtime-config").into_iter();
        Self { runtime_config: given.filter_map(|(key, value)| Some((normalized(&key)?, value))).collect() }
    }

    /// Returns all mistakes. `known` says which groups exist.
    ///
    /// Go: apiserver/pkg/server/options/api_enablement.go Validate
    pub fn validate(&self, known: impl Fn(&str) -> bool) -> Vec<String> {
        let mut mistakes = Vec::new();
        let mut unknown = Vec::new();
        for (key, value) in &self.runtime_config {
            if value.parse::<bool>().is_err() && !value.is_empty() {
                mistakes.push(format!("--runtime-config: invalid value {value:?} of {key:?}: must be true or false"));
            }
            if let Some((group, _)) = key.split_once('/')
                && group != "api"
                && !group.is_empty()
                && !known(group)
            {
                unknown.push(group);
            }
        }
        if !unknown.is_empty() {
            mistakes.push(format!("unknown api groups {}", unknown.join(",")));
        }
        if self.runtime_config.get("api/all").is_some_and(|all| all == "false") && self.runtime_config.len() == 1 {
            mistakes.push("invalid key with only api/all=false".to_owned());
        }
        mistakes
    }

    /// Merges the flag into what is served by default.
    ///
    /// Go: apiserver/pkg/server/options/api_enablement.go ApplyTo, resourceconfig/helpers.go MergeAPIResourceConfigs
    pub fn apply_to(&self, c: &mut Config, default: &ResourceConfig) {
        let mut merged = default.clone();
        let enabled = |value: &String| value.is_empty() || value == "true";
        for matcher in ["api/all", "api/ga", "api/beta", "api/alpha"] {
            if let Some(value) = self.runtime_config.get(matcher) {
                merged.set_versions(|version| stage_matches(matcher, version), enabled(value));
            }
        }
        for (key, value) in &self.runtime_config {
            match key.split('/').collect::<Vec<_>>()[..] {
                ["api", _] => {}
                [group, version] => merged.set_version(GroupVersion::new(group, version), enabled(value)),
                [group, version, resource] => {
                    let resource = GroupVersionResource {
                        group: group.to_owned(),
                        version: version.to_owned(),
                        resource: resource.to_owned(),
                    };
                    merged.set_resource(resource, enabled(value));
                }
                _ => {}
            }
        }
        c.merged_resource_config = Some(merged);
    }
}

/// Brings the spellings of the core group together; `None` for what has no meaning any more.
///
/// Go: pkg/controlplane/apiserver/options/options.go Complete
fn normalized(key: &str) -> Option<String> {
    match key {
        "v1" | "api/v1" => Some("/v1".to_owned()),
        "api/legacy" => None,
        other => Some(other.to_owned()),
    }
}

/// `v1` is GA, `v1beta1` is beta, `v2alpha3` is alpha.
fn stage_matches(matcher: &str, version: &str) -> bool {
    match matcher {
        "api/alpha" => version.contains("alpha"),
        "api/beta" => version.contains("beta"),
        "api/ga" => !version.contains("alpha") && !version.contains("beta"),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use phase::trace::Tracer;

    use super::*;
    use crate::request::testing;

    fn merged(runtime_config: &str) -> ResourceConfig {
        let given = BTreeMap::from([("runtime-config".to_owned(), vec![runtime_config.to_owned()])]);
        let options = APIEnablementOptions::from_values(&mut Values::new(&[FLAGS], given));
        let mut default = ResourceConfig::default();
        default.set_version(GroupVersion::new("", "v1"), true);
        default.set_version(GroupVersion::new("apps", "v1"), true);
        default.set_version(GroupVersion::new("apps", "v1beta1"), false);
        let services = testing::services();
        let mut config = Config::new(services.clone(), Tracer::new(services.clock));
        options.apply_to(&mut config, &default);
        config.merged_resource_config.expect("merged")
    }

    #[test]
    fn the_more_exact_word_wins() {
        let config = merged("api/all=false,v1=true,apps/v1/deployments=true");
        let enabled = |group, version, resource| {
            config.resource_enabled(&GroupVersionResource {
                group: String::from(group),
                version: String::from(version),
                resource: String::from(resource),
            })
        };
        assert!(enabled("", "v1", "pods"));
        assert!(enabled("apps", "v1", "deployments"));
        assert!(!enabled("apps", "v1", "daemonsets"));
        assert!(merged("api/beta=true").version_enabled(&GroupVersion::new("apps", "v1beta1")));
        assert!(!merged("").version_enabled(&GroupVersion::new("apps", "v1beta1")));
    }

    #[test]
    fn every_mistake_is_told() {
        let given = BTreeMap::from([("runtime-config".to_owned(), vec!["nope/v1=true,apps/v1=maybe".to_owned()])]);
        let options = APIEnablementOptions::from_values(&mut Values::new(&[FLAGS], given));
        assert_eq!(options.validate(|group| group == "apps").len(), 2);
    }
}
