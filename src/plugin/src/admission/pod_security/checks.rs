//! What a pod must not do, one function a rule.
//!
//! Go: pod-security-admission/policy
//!
//! [`evaluate`] runs the rules of a level and version in the order of their names, those of the baseline first.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::admission::pod_security::{
    baseline,
    policy::{Level, LevelVersion},
    restricted,
};

/// A pod, or the template of one.
#[derive(Clone, Copy, Debug)]
pub struct Pod<'a> {
    /// Its annotations; older ways to name profiles.
    pub annotations: &'a Value,
    /// Its spec.
    pub spec: &'a Value,
}

/// A rule that a pod breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule in a few words.
    pub reason: String,
    /// Who breaks it, and what they must do instead; may be empty.
    pub detail: String,
}

/// A rule.
pub struct Check {
    /// Its name, by which rules are ordered and replaced.
    pub id: &'static str,
    /// The level to which it belongs.
    pub level: Level,
    /// The minor versions for which it holds, the last one excluded.
    pub versions: (u32, Option<u32>),
    /// The rule of the baseline that it makes superfluous.
    pub replaces: Option<&'static str>,
    /// Returns what is wrong.
    pub run: fn(Pod<'_>) -> Option<Violation>,
}

impl Check {
    fn applies(&self, policy: LevelVersion) -> bool {
        self.level <= policy.level && policy.version.includes(self.versions.0, self.versions.1)
    }
}

/// Returns all violations of a level at a version.
///
/// Go: pod-security-admission/policy/registry.go EvaluatePod
pub fn evaluate(policy: LevelVersion, pod: Pod<'_>) -> Vec<Violation> {
    let restricted = restricted::CHECKS.iter().filter(|check| check.applies(policy));
    let replaced: Vec<_> = restricted.clone().filter_map(|check| check.replaces).collect();
    let baseline = baseline::CHECKS.iter().filter(|check| check.applies(policy) && !replaced.contains(&check.id));
    baseline.chain(restricted).filter_map(|check| (check.run)(pod)).collect()
}

/// Joins the reasons of violations.
pub fn reasons(violations: &[Violation]) -> String {
    violations.iter().map(|violation| violation.reason.as_str()).collect::<Vec<_>>().join(", ")
}

/// Joins reasons with their details: `privileged (container "main" must not ...)`.
pub fn details(violations: &[Violation]) -> String {
    let shown = violations.iter().map(|violation| match violation.detail.as_str() {
        "" => violation.reason.clone(),
        detail => format!("{} ({detail})", violation.reason),
    });
    shown.collect::<Vec<_>>().join(", ")
}

impl<'a> Pod<'a> {
    /// Returns all containers, those that run first first.
    pub fn containers(self) -> impl Iterator<Item = &'a Value> {
        let lists = ["initContainers", "containers", "ephemeralContainers"];
        lists.into_iter().flat_map(move |list| self.spec[list].as_array().into_iter().flatten())
    }

    /// Says whether the pod is for Windows, where some rules mean nothing.
    pub fn is_windows(self) -> bool {
        self.spec["os"]["name"] == "windows"
    }

    /// Returns the names of containers for which something holds.
    pub fn names(self, holds: impl Fn(&Value) -> bool) -> Vec<&'a str> {
        self.containers().filter(|container| holds(container)).map(name).collect()
    }
}

/// Returns a container's or volume's name.
pub fn name(named: &Value) -> &str {
    named["name"].as_str().unwrap_or_default()
}

/// Chooses a word by a number.
pub fn pluralize<'a>(one: &'a str, many: &'a str, count: usize) -> &'a str {
    if count == 1 { one } else { many }
}

/// Writes `"a", "b"`.
pub fn join_quote<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    items.into_iter().map(|item| format!("\"{item}\"")).collect::<Vec<_>>().join(", ")
}

/// Writes `container "main"` or `containers "a", "b"`.
pub fn containers(names: &[&str]) -> String {
    format!("{} {}", pluralize("container", "containers", names.len()), join_quote(names.iter().copied()))
}

/// Who sets something, pod and containers, and which values.
#[derive(Default)]
pub struct Setters<'a> {
    pod: bool,
    names: Vec<&'a str>,
    /// The values that were set, each once, sorted.
    pub values: BTreeSet<String>,
}

impl<'a> Setters<'a> {
    /// Collects those whose `securityContext` is bad. `bad` returns the value at fault.
    pub fn of(pod: Pod<'a>, bad: impl Fn(&Value) -> Option<String>) -> Self {
        let mut setters = Self::default();
        if let Some(value) = bad(&pod.spec["securityContext"]) {
            setters.pod = true;
            setters.values.insert(value);
        }
        for container in pod.containers() {
            if let Some(value) = bad(&container["securityContext"]) {
                setters.names.push(name(container));
                setters.values.insert(value);
            }
        }
        setters
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        !self.pod && self.names.is_empty()
    }

    /// Writes `pod and container "main"`.
    pub fn shown(&self) -> String {
        let containers = (!self.names.is_empty()).then(|| containers(&self.names));
        let pod = self.pod.then(|| "pod".to_owned());
        pod.into_iter().chain(containers).collect::<Vec<_>>().join(" and ")
    }

    /// Makes a violation of it: the setters, then `rest`, then the values in quotes.
    pub fn violation(&self, reason: &str, rest: &str) -> Option<Violation> {
        let values = join_quote(self.values.iter().map(String::as_str));
        let detail = format!("{} {rest} {values}", self.shown());
        (!self.is_empty()).then(|| Violation { reason: reason.to_owned(), detail })
    }

    /// The same without the values.
    pub fn plain(&self, reason: &str, rest: &str) -> Option<Violation> {
        let detail = format!("{} {rest}", self.shown());
        (!self.is_empty()).then(|| Violation { reason: reason.to_owned(), detail })
    }
}

/// Makes a violation of containers by name; none, if there are none.
pub fn by_containers(names: &[&str], reason: &str, rest: &str) -> Option<Violation> {
    let detail = format!("{} {rest}", containers(names));
    (!names.is_empty()).then(|| Violation { reason: reason.to_owned(), detail })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::admission::pod_security::policy::Version;

    fn told(level: Level, minor: Option<u32>, spec: Value) -> String {
        let pod = Pod { annotations: &Value::Null, spec: &spec };
        details(&evaluate(LevelVersion { level, version: Version(minor) }, pod))
    }

    #[test]
    fn baseline_rules_speak_kubernetes_words() {
        let spec = json!({
            "hostNetwork": true, "hostPID": true,
            "volumes": [{"name": "v", "hostPath": {"path": "/x"}}, {"name": "w", "hostPath": {"path": "/y"}}],
            "containers": [{"name": "main",
                "securityContext": {"privileged": true, "capabilities": {"add": ["X", "Y"]}},
                "ports": [{"containerPort": 1, "hostPort": 1}, {"containerPort": 2, "hostPort": 2}]}],
        });
        assert_eq!(
            told(Level::Baseline, None, spec),
            "non-default capabilities (container \"main\" must not include \"X\", \"Y\" in securityContext.capabilities.add), \
             host namespaces (hostNetwork=true, hostPID=true), hostPath volumes (volumes \"v\", \"w\"), \
             hostPort (container \"main\" uses hostPorts 1, 2), \
             privileged (container \"main\" must not set securityContext.privileged=true)"
        );
    }

    #[test]
    fn versions_know_the_rules_of_their_time() {
        let spec = json!({"containers": [{"name": "main"}]});
        let non_root = "runAsNonRoot != true (pod or container \"main\" must set securityContext.runAsNonRoot=true)";
        assert_eq!(told(Level::Restricted, Some(0), spec.clone()), non_root);
        let escalation = "allowPrivilegeEscalation != false \
                          (container \"main\" must set securityContext.allowPrivilegeEscalation=false), ";
        assert_eq!(told(Level::Restricted, Some(8), spec), format!("{escalation}{non_root}"));
    }
}
