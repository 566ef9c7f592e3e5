//! Features that can be turned on and off by name.
//!
//! `gates` is the catalogue of Kubernetes 1.36.
//!
//! Go: component-base/featuregate/feature_gate.go

use std::{collections::BTreeMap, sync::LazyLock};

mod gates;

/// How settled a feature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Off unless it is turned on.
    Alpha,
    /// Mostly on.
    Beta,
    /// On, and usually not to be turned off.
    GA,
    /// About to go.
    Deprecated,
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
    /// Whether it cannot be set to anything but its default.
    pub locked: bool,
}

/// The features of Kubernetes 1.36, in the order of their names. Most have no effect here: they concern other
/// components, or what this server does not do otherwise.
pub static FEATURES: LazyLock<Vec<FeatureSpec>> = LazyLock::new(|| {
    let mut features: Vec<FeatureSpec> = gates::all().collect();
    features.sort_by_key(|feature| feature.name);
    features
});

/// Returns a feature by its name.
pub fn find(name: &str) -> Option<&'static FeatureSpec> {
    let index = FEATURES.binary_search_by_key(&name, |feature| feature.name).ok()?;
    FEATURES.get(index)
}

/// Which features are on.
///
/// Go: component-base/featuregate/feature_gate.go FeatureGate
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeatureGate {
    set: BTreeMap<String, bool>,
}

impl FeatureGate {
    /// Says whether a feature is on; one that nobody knows is off.
    ///
    /// Go: component-base/featuregate/feature_gate.go Enabled
    pub fn enabled(&self, name: &str) -> bool {
        self.set.get(name).copied().unwrap_or_else(|| find(name).is_some_and(|feature| feature.default))
    }

    /// Turns features on and off as `--feature-gates` says; returns what is wrong with it, in Go's words.
    ///
    /// A name may bear its component, `kube:Name`. `AllAlpha` and `AllBeta` speak of all that are not named.
    ///
    /// Simplified: that a feature needs another one is not checked.
    ///
    /// Go: component-base/featuregate/feature_gate.go SetFromMap
    pub fn set(&mut self, given: &BTreeMap<String, String>) -> Vec<String> {
        let mut mistakes = Vec::new();
        let mut named = BTreeMap::new();
        for (name, value) in given {
            let name = name.strip_prefix("kube:").unwrap_or(name);
            match parse_bool(value) {
                Ok(value) => drop(named.insert(name, value)),
                Err(error) => mistakes.push(format!("invalid value of {name}={value}, err: {error}")),
            }
        }
        for (all, stage) in [("AllAlpha", Stage::Alpha), ("AllBeta", Stage::Beta)] {
            if let Some(value) = named.remove(all) {
                let of_stage = FEATURES.iter().filter(|feature| feature.stage == stage && !feature.locked);
                self.set.extend(of_stage.map(|feature| (feature.name.to_owned(), value)));
            }
        }
        for (name, value) in named {
            match find(name) {
                None => mistakes.push(format!("unrecognized feature gate: {name}")),
                Some(feature) if feature.locked && feature.default != value => mistakes.push(format!(
                    "cannot set feature gate {name} to {value}, feature is locked to {}",
                    feature.default
                )),
                Some(_) => drop(self.set.insert(name.to_owned(), value)),
            }
        }
        mistakes
    }

    /// Returns what to tell about features that were set and will not be there for long.
    pub fn warnings(&self) -> Vec<String> {
        let set = self.set.iter().filter_map(|(name, value)| Some((find(name)?, value)));
        let word = |stage| match stage {
            Stage::GA => Some("GA"),
            Stage::Deprecated => Some("deprecated"),
            Stage::Alpha | Stage::Beta => None,
        };
        let warning = |(feature, value): (&FeatureSpec, &bool)| {
            let word = word(feature.stage)?;
            Some(format!(
                "setting {word} feature gate {}={value}; it will be removed in a future release",
                feature.name
            ))
        };
        set.filter_map(warning).collect()
    }
}

/// Reads a truth value in one of Go's twelve spellings.
///
/// Go: strconv/atob.go ParseBool
pub fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        other => Err(format!("strconv.ParseBool: parsing {other:?}: invalid syntax")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(gate: &mut FeatureGate, given: &[(&str, &str)]) -> Vec<String> {
        gate.set(&given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn what_is_named_wins_over_all_of_its_stage() {
        let mut gate = FeatureGate::default();
        assert!(gate.enabled("WatchList") && !gate.enabled("StorageVersionAPI") && !gate.enabled("Nope"));
        assert_eq!(set(&mut gate, &[("AllBeta", "false"), ("AllAlpha", "T"), ("kube:WatchList", "true")]), [""; 0]);
        assert!(gate.enabled("WatchList") && !gate.enabled("ComponentStatusz") && gate.enabled("StorageVersionAPI"));
        assert!(gate.enabled("APIServerTracing"));
    }

    #[test]
    fn mistakes_are_told_in_gos_words() {
        let mut gate = FeatureGate::default();
        let given =
            [("Nope", "true"), ("StorageVersionAPI", "perhaps"), ("APIServerTracing", "false"), ("KMSv1", "true")];
        assert_eq!(
            set(&mut gate, &given),
            [
                "invalid value of StorageVersionAPI=perhaps, err: strconv.ParseBool: parsing \"perhaps\": invalid syntax",
                "cannot set feature gate APIServerTracing to false, feature is locked to true",
                "unrecognized feature gate: Nope",
            ]
        );
        assert_eq!(
            gate.warnings(),
            ["setting deprecated feature gate KMSv1=true; it will be removed in a future release"]
        );
    }

    #[test]
    fn the_catalogue_names_each_feature_once() {
        assert!(FEATURES.len() > 200);
        assert!(FEATURES.windows(2).all(|pair| pair[0].name < pair[1].name));
        let wrong = FEATURES.iter().find(|feature| feature.stage == Stage::Alpha && feature.default);
        assert!(wrong.is_none(), "{wrong:?}");
    }
}
