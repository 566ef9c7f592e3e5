//! One rule: what it allows, and what other rules it includes.
//!
//! Go: component-helpers/auth/rbac/validation/policy_comparator.go, pkg/apis/rbac/v1/evaluation_helpers.go

use std::collections::{BTreeMap, BTreeSet};

use auth::authorization::Attributes;
use serde::{Deserialize, Serialize};

/// `rbac.authorization.k8s.io/v1 PolicyRule`: verbs on resources, or on paths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyRule {
    /// Groups of the resources; `*`: all.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "list")]
    pub api_groups: Vec<String>,
    /// Paths outside of the API; `*` at the end stands for whatever follows.
    #[serde(rename = "nonResourceURLs", skip_serializing_if = "Vec::is_empty", deserialize_with = "list")]
    pub non_resource_urls: Vec<String>,
    /// The only names; empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "list")]
    pub resource_names: Vec<String>,
    /// `pods`, `pods/log`, `*/scale`, `*`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "list")]
    pub resources: Vec<String>,
    /// `get`, `create`...; `*`: all.
    #[serde(deserialize_with = "list")]
    pub verbs: Vec<String>,
}

/// A list may be written as null.
fn list<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The word for all verbs, groups, resources or paths.
const ALL: &str = "*";

fn has(list: &[String], one: &str) -> bool {
    list.iter().any(|other| other == one)
}

fn has_all(list: &[String], wanted: &[String]) -> bool {
    wanted.iter().all(|one| has(list, one))
}

impl PolicyRule {
    /// Returns the rules that allow everything.
    pub fn full_authority() -> [Self; 2] {
        let all = || vec![ALL.to_owned()];
        [
            Self { verbs: all(), api_groups: all(), resources: all(), ..Self::default() },
            Self { verbs: all(), non_resource_urls: all(), ..Self::default() },
        ]
    }

    /// Says whether the rule allows a request.
    ///
    /// Go: plugin/pkg/auth/authorizer/rbac/rbac.go RuleAllows
    pub fn allows(&self, attributes: &Attributes) -> bool {
        if !(has(&self.verbs, ALL) || has(&self.verbs, &attributes.verb)) {
            return false;
        }
        if !attributes.resource_request {
            return self.non_resource_urls.iter().any(|rule| path_covers(rule, &attributes.path));
        }
        (has(&self.api_groups, ALL) || has(&self.api_groups, &attributes.api_group))
            && self.resources.iter().any(|rule| resource_matches(rule, &attributes.resource, &attributes.subresource))
            // Requests for a collection have no name, so a rule with names never allows them.
            && (self.resource_names.is_empty() || has(&self.resource_names, &attributes.name))
    }

    /// Says whether whoever has this rule has `other` too; `other` is broken down: one verb, one resource or path.
    ///
    /// Go: component-helpers/auth/rbac/validation/policy_comparator.go ruleCovers
    fn covers(&self, other: &Self) -> bool {
        (has(&self.verbs, ALL) || has_all(&self.verbs, &other.verbs))
            && (has(&self.api_groups, ALL) || has_all(&self.api_groups, &other.api_groups))
            && other.resources.iter().all(|resource| self.covers_resource(resource))
            && other
                .non_resource_urls
                .iter()
                .all(|path| self.non_resource_urls.iter().any(|rule| path_covers(rule, path)))
            && (self.resource_names.is_empty()
                || !other.resource_names.is_empty() && has_all(&self.resource_names, &other.resource_names))
    }

    fn covers_resource(&self, resource: &str) -> bool {
        let with_subresource =
            |resource: &str| resource.split_once('/').map(|(_, subresource)| format!("*/{subresource}"));
        has(&self.resources, ALL)
            || has(&self.resources, resource)
            || with_subresource(resource).is_some_and(|pattern| has(&self.resources, &pattern))
    }

    /// Splits the rule into rules of one verb on one resource or path each.
    ///
    /// Go: component-helpers/auth/rbac/validation/policy_comparator.go BreakdownRule
    fn break_down(&self) -> Vec<Self> {
        let one = |text: &String| vec![text.clone()];
        let mut parts = Vec::new();
        for group in &self.api_groups {
            for resource in &self.resources {
                for verb in &self.verbs {
                    let part =
                        Self { api_groups: one(group), resources: one(resource), verbs: one(verb), ..Self::default() };
                    if self.resource_names.is_empty() {
                        parts.push(part.clone());
                    }
                    parts.extend(
                        self.resource_names.iter().map(|name| Self { resource_names: one(name), ..part.clone() }),
                    );
                }
            }
        }
        for path in &self.non_resource_urls {
            let part = |verb| Self { non_resource_urls: one(path), verbs: one(verb), ..Self::default() };
            parts.extend(self.verbs.iter().map(part));
        }
        parts
    }

    /// Writes the rule as messages do: `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`.
    ///
    /// Go: pkg/apis/rbac/v1/evaluation_helpers.go CompactString
    pub fn compact_string(&self) -> String {
        let parts = [
            ("APIGroups", &self.api_groups),
            ("Resources", &self.resources),
            ("NonResourceURLs", &self.non_resource_urls),
            ("ResourceNames", &self.resource_names),
            ("Verbs", &self.verbs),
        ];
        let shown = parts.iter().filter(|(_, list)| !list.is_empty());
        let shown: Vec<_> = shown.map(|(name, list)| format!("{name}:{}", quoted(list))).collect();
        format!("{{{}}}", shown.join(", "))
    }
}

/// Writes a list as Go's `%q` does: `["a" "b"]`.
pub(super) fn quoted(list: &[String]) -> String {
    format!("[{}]", list.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(" "))
}

/// Go: pkg/apis/rbac/v1/evaluation_helpers.go ResourceMatches
fn resource_matches(rule: &str, resource: &str, subresource: &str) -> bool {
    if rule == ALL {
        return true;
    }
    match rule.split_once('/') {
        None => subresource.is_empty() && rule == resource,
        Some((of, sub)) => !subresource.is_empty() && sub == subresource && (of == ALL || of == resource),
    }
}

/// Go: pkg/apis/rbac/v1/evaluation_helpers.go NonResourceURLMatches
fn path_covers(rule: &str, path: &str) -> bool {
    rule == ALL || rule == path || rule.ends_with(ALL) && path.starts_with(rule.trim_end_matches(ALL))
}

/// Returns the parts of `wanted` that `held` does not include.
///
/// Go: component-helpers/auth/rbac/validation/policy_comparator.go Covers
pub fn uncovered(held: &[PolicyRule], wanted: &[PolicyRule]) -> Vec<PolicyRule> {
    let parts = wanted.iter().flat_map(PolicyRule::break_down);
    parts.filter(|part| !held.iter().any(|rule| rule.covers(part))).collect()
}

/// Puts rules for the same resource together again, so that a message is short.
///
/// Go: pkg/registry/rbac/validation/policy_compact.go CompactRules
pub fn compact(rules: Vec<PolicyRule>) -> Vec<PolicyRule> {
    type Simple = (Vec<String>, Vec<String>, Vec<String>);
    let (mut others, mut simple) = (Vec::new(), BTreeMap::<Simple, PolicyRule>::new());
    for rule in rules {
        let is_simple = rule.api_groups.len() == 1
            && rule.resources.len() == 1
            && rule.resource_names.len() <= 1
            && rule.non_resource_urls.is_empty();
        if !is_simple {
            others.push(rule);
            continue;
        }
        let key = (rule.api_groups.clone(), rule.resources.clone(), rule.resource_names.clone());
        match simple.get_mut(&key) {
            None => drop(simple.insert(key, rule)),
            Some(known) => {
                let new: Vec<_> = rule.verbs.into_iter().filter(|verb| !has(&known.verbs, verb)).collect();
                known.verbs.extend(new);
            }
        }
    }
    others.extend(simple.into_values());
    others
}

/// Describes rules, each once, in the order of their texts.
pub fn describe(rules: &[PolicyRule]) -> BTreeSet<String> {
    rules.iter().map(PolicyRule::compact_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(verbs: &str, resources: &str) -> PolicyRule {
        let list = |text: &str| text.split(',').map(str::to_owned).collect();
        PolicyRule { verbs: list(verbs), resources: list(resources), api_groups: list(""), ..PolicyRule::default() }
    }

    fn request(verb: &str, resource: &str, subresource: &str, name: &str) -> Attributes {
        Attributes {
            verb: verb.to_owned(),
            resource_request: true,
            resource: resource.to_owned(),
            subresource: subresource.to_owned(),
            name: name.to_owned(),
            ..Attributes::default()
        }
    }

    #[test]
    fn subresources_are_allowed_by_their_own_name_only() {
        assert!(rule("get", "pods").allows(&request("get", "pods", "", "web")));
        assert!(!rule("get", "pods").allows(&request("get", "pods", "log", "web")));
        assert!(rule("get", "*/log").allows(&request("get", "pods", "log", "web")));
        assert!(rule("*", "*").allows(&request("get", "pods", "log", "web")));
    }

    #[test]
    fn names_do_not_allow_collections() {
        let rule = PolicyRule { resource_names: vec!["web".to_owned()], ..rule("get,list", "pods") };
        assert!(rule.allows(&request("get", "pods", "", "web")));
        assert!(!rule.allows(&request("list", "pods", "", "")));
    }

    #[test]
    fn paths_end_in_a_star_or_match_exactly() {
        let rule = PolicyRule {
            non_resource_urls: vec!["/apis/*".to_owned()],
            verbs: vec!["get".to_owned()],
            ..PolicyRule::default()
        };
        let path = |path: &str| Attributes { verb: "get".to_owned(), path: path.to_owned(), ..Attributes::default() };
        assert!(rule.allows(&path("/apis/apps")));
        assert!(!rule.allows(&path("/apis")));
    }

    #[test]
    fn what_is_missing_is_told_by_resource() {
        let missing =
            uncovered(&[rule("get", "pods"), rule("get", "*/log")], &[rule("get,list,watch", "pods,pods/log")]);
        let described: Vec<_> = describe(&compact(missing)).into_iter().collect();
        assert_eq!(
            described,
            [
                r#"{APIGroups:[""], Resources:["pods"], Verbs:["list" "watch"]}"#,
                r#"{APIGroups:[""], Resources:["pods/log"], Verbs:["list" "watch"]}"#
            ]
        );
    }
}
