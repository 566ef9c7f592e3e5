//! Which plugins there are, and which of them run.
//!
//! Go: apiserver/pkg/admission/plugins.go, apiserver/pkg/server/options/admission.go

use std::{collections::BTreeSet, sync::Arc};

use phase::{catalog::Phase, snapshot::Nothing, trace::Trace};

use crate::admission::{chain::Chain, initializer::Initializers, interfaces::Interface};

/// Makes a plugin; fails on an unusable configuration.
pub type Factory = fn(&Initializers) -> Result<Arc<dyn Interface>, String>;

/// A plugin that can be enabled.
#[derive(Clone, Copy, Debug)]
pub struct Registered {
    /// Its name.
    pub name: &'static str,
    /// Whether it runs when no flag speaks of it.
    pub default: Default,
    /// Makes it.
    pub factory: Factory,
}

/// What happens to a plugin of which no flag speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// It runs.
    On,
    /// It does not.
    Off,
}

/// Checks `--enable-admission-plugins` and `--disable-admission-plugins`, and returns all mistakes.
///
/// Go: apiserver/pkg/server/options/admission.go Validate
pub fn validate(registered: &[Registered], enable: &[String], disable: &[String]) -> Vec<String> {
    let known = |name: &String| registered.iter().any(|plugin| plugin.name == name);
    let mut mistakes = Vec::new();
    for (flag, names) in [("enable", enable), ("disable", disable)] {
        let unknown = names.iter().filter(|name| !known(name));
        mistakes.extend(unknown.map(|name| format!("{flag}-admission-plugins plugin {name:?} is unknown")));
    }
    let both: BTreeSet<_> = enable.iter().filter(|name| disable.contains(name)).map(String::as_str).collect();
    if !both.is_empty() {
        let both = both.into_iter().collect::<Vec<_>>().join(" ");
        mistakes.push(format!("[{both}] in enable-admission-plugins and disable-admission-plugins overlapped"));
    }
    mistakes
}

/// Returns the plugins that run, in the order in which they are registered; the order in the flags does not matter.
///
/// Go: apiserver/pkg/server/options/admission.go enabledPluginNames
pub fn enabled(registered: &[Registered], enable: &[String], disable: &[String]) -> Vec<Registered> {
    let named = |names: &[String], plugin: &Registered| names.iter().any(|name| name == plugin.name);
    let runs =
        |plugin: &&Registered| !named(disable, plugin) && (plugin.default == Default::On || named(enable, plugin));
    registered.iter().filter(runs).copied().collect()
}

/// Makes the chain of the enabled plugins.
///
/// Go: apiserver/pkg/admission/plugins.go NewFromPlugins
pub async fn new_from_plugins(
    trace: &Trace,
    enabled: &[Registered],
    initializers: &Initializers,
) -> Result<Chain, String> {
    let mut plugins = Vec::with_capacity(enabled.len());
    for plugin in enabled {
        let phase = trace
            .enter_labelled(Phase::BuildAdmissionPlugin, plugin.name, &mut Nothing)
            .await
            .map_err(|interrupted| interrupted.to_string())?;
        match (plugin.factory)(initializers) {
            Ok(made) => {
                phase.done();
                plugins.push(made);
            }
            Err(error) => {
                let error = format!("couldn't init admission plugin {:?}: {error}", plugin.name);
                phase.fail(&error);
                return Err(error);
            }
        }
    }
    Ok(Chain::new(plugins))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(name: &'static str, default: Default) -> Registered {
        Registered { name, default, factory: |_| Err("not made here".to_owned()) }
    }

    #[test]
    fn flags_add_to_and_take_from_the_defaults() {
        let registered = [plugin("A", Default::On), plugin("B", Default::Off), plugin("C", Default::On)];
        let names = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let enabled: Vec<_> = enabled(&registered, &names("B"), &names("C")).iter().map(|plugin| plugin.name).collect();
        assert_eq!(enabled, ["A", "B"]);
        let mistakes = validate(&registered, &names("B X"), &names("B"));
        let overlap = "[B] in enable-admission-plugins and disable-admission-plugins overlapped";
        assert_eq!(mistakes, ["enable-admission-plugins plugin \"X\" is unknown", overlap]);
    }
}
