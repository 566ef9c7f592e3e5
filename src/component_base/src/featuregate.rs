//! Features that can be turned on and off by name.
//!
//! Go: component-base/featuregate/feature_gate.go

use std::collections::BTreeMap;

/// How settled a feature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Off unless it is turned on.
    Alpha,
    /// Mostly on.
    Beta,
    /// On, and usually not to be turned off.
    GA,
}

/// A feature as it comes.
#[derive(Clone, Copy, Debug)]
pub struct FeatureSpec {
    /// The name, as in `--feature-gates`.
    pub name: &'static str,
    /// Whether it is on when nobody says otherwise.
    pub default: bool,
    /// How settled it is.
    pub stage: Stage,
}

const fn feature(name: &'static str, default: bool, stage: Stage) -> FeatureSpec {
    FeatureSpec { name, default, stage }
}

/// The features of 1.36 that this server asks about, with their defaults there.
///
/// Simplified: Kubernetes has some two hundred more; they are accepted by name and have no effect here.
pub const FEATURES: &[FeatureSpec] = &[
    feature("APIResponseCompression", true, Stage::Beta),
    feature("APIServerIdentity", true, Stage::Beta),
    feature("APIServerTracing", true, Stage::GA),
    feature("AuthorizeWithSelectors", true, Stage::GA),
    feature("CBORServingAndStorage", false, Stage::Alpha),
    feature("ComponentFlagz", true, Stage::Beta),
    feature("ComponentStatusz", true, Stage::Beta),
    feature("ConstrainedImpersonation", true, Stage::Beta),
    feature("CoordinatedLeaderElection", false, Stage::Beta),
    feature("MultiCIDRServiceAllocator", true, Stage::GA),
    feature("SizeBasedListCostEstimate", true, Stage::Beta),
    feature("StorageVersionAPI", false, Stage::Alpha),
    feature("UnauthenticatedHTTP2DOSMitigation", true, Stage::Beta),
    feature("UnknownVersionInteroperabilityProxy", true, Stage::Beta),
    feature("WatchCacheInitializationPostStartHook", true, Stage::Beta),
    feature("WatchList", true, Stage::Beta),
];

/// Which features are on.
///
/// Go: component-base/featuregate/feature_gate.go FeatureGate
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeatureGate {
    set: BTreeMap<String, bool>,
}

impl FeatureGate {
    /// Says whether a feature is on; one that is not in the table is off.
    ///
    /// Go: component-base/featuregate/feature_gate.go Enabled
    pub fn enabled(&self, name: &str) -> bool {
        let default = || FEATURES.iter().any(|feature| feature.name == name && feature.default);
        self.set.get(name).copied().unwrap_or_else(default)
    }

    /// Turns features on and off as `--feature-gates` says; returns what is wrong with it.
    ///
    /// A name may bear its component, `kube:Name`. `AllAlpha` and `AllBeta` speak of all that are not named.
    ///
    /// Go: component-base/featuregate/feature_gate.go SetFromMap
    pub fn set(&mut self, given: &BTreeMap<String, String>) -> Vec<String> {
        let mut mistakes = Vec::new();
        let mut named = BTreeMap::new();
        for (name, value) in given {
            let name = name.strip_prefix("kube:").unwrap_or(name);
            match value.parse::<bool>() {
                Ok(value) => drop(named.insert(name, value)),
                Err(_) => mistakes.push(format!("invalid value of {name}: {value}, must be true or false")),
            }
        }
        for (all, stage) in [("AllAlpha", Stage::Alpha), ("AllBeta", Stage::Beta)] {
            if let Some(value) = named.remove(all) {
                let of_stage = FEATURES.iter().filter(|feature| feature.stage == stage);
                self.set.extend(of_stage.map(|feature| (feature.name.to_owned(), value)));
            }
        }
        self.set.extend(named.into_iter().map(|(name, value)| (name.to_owned(), value)));
        mistakes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_wins_over_all_of_its_stage() {
        let mut gate = FeatureGate::default();
        assert!(gate.enabled("WatchList") && !gate.enabled("StorageVersionAPI"));
        let given = [("AllBeta", "false"), ("kube:WatchList", "true"), ("StorageVersionAPI", "perhaps")];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(gate.set(&given).len(), 1);
        assert!(gate.enabled("WatchList") && !gate.enabled("ComponentStatusz") && gate.enabled("APIServerTracing"));
    }
}
