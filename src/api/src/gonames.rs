//! Names of Go types that are seen in decoding errors only, `assets/api/gonames.txt`.
//!
//! Kubernetes names its enumerations and embeds structs; neither reaches the published schemas, but a refusal
//! says `into Go struct field PodSpec.spec.restartPolicy of type v1.RestartPolicy`.

use std::{collections::BTreeMap, sync::LazyLock};

const TABLE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/api/gonames.txt"));

static NAMES: LazyLock<BTreeMap<&str, &str>> = LazyLock::new(|| {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(' ')).map(|(key, name)| (key.trim_end_matches(':'), name)).collect()
});

/// Returns the structs, dotted, by which a type embeds the fields at a number path of this length; empty if none.
pub fn embedded(short_type: &str, path: &[u32]) -> &'static str {
    let all = if path.len() > 1 { NAMES.get(short_type).copied().unwrap_or_default() } else { "" };
    // A path of two numbers leads through the first struct only.
    match all.split_once('.') {
        Some((first, _)) if path.len() == 2 => first,
        _ => all,
    }
}

/// Returns the name of a field's type where it has one of its own: `v1.RestartPolicy`; empty if not.
pub fn type_name(definition: &str, field: &str) -> String {
    let (package, short_type) = definition.rsplit_once('.').unwrap_or(("", definition));
    let Some(name) = NAMES.get(&*format!("{short_type}.{field}")) else { return String::new() };
    let (list, name) = name.split_at(if name.starts_with("[]") { 2 } else { 0 });
    let version = package.rsplit('.').next().unwrap_or_default();
    if name.contains('.') { format!("{list}{name}") } else { format!("{list}{version}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found() {
        assert_eq!(embedded("NamedRuleWithOperations", &[2, 1]), "RuleWithOperations");
        assert_eq!(embedded("NamedRuleWithOperations", &[2, 2, 1]), "RuleWithOperations.Rule");
        assert_eq!(embedded("Volume", &[1]), "");
        assert_eq!(type_name("io.k8s.api.core.v1.Capabilities", "add"), "[]v1.Capability");
        assert_eq!(type_name("io.k8s.api.autoscaling.v2.MetricSpec", "type"), "v2.MetricSourceType");
        assert_eq!(type_name("io.k8s.api.core.v1.Pod", "spec"), "");
    }
}
