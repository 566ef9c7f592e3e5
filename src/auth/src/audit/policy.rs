//! How much is written down of which requests.
//!
//! Go: apiserver/pkg/apis/audit/v1/types.go, apiserver/pkg/audit/policy/{reader,checker}.go

use std::{fs, path::Path};

use serde::Deserialize;

use crate::authorization::Attributes;

/// How much of a request is written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum Level {
    /// Nothing.
    #[default]
    None,
    /// Who asked for what and what was answered, without bodies.
    Metadata,
    /// Also the request's body.
    Request,
    /// Also the answer's body.
    RequestResponse,
}

/// When an event is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Stage {
    /// The request has arrived.
    RequestReceived,
    /// The head of a long answer was sent.
    ResponseStarted,
    /// The answer is complete.
    ResponseComplete,
    /// The server panicked.
    Panic,
}

impl Stage {
    /// Returns the name in events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RequestReceived => "RequestReceived",
            Self::ResponseStarted => "ResponseStarted",
            Self::ResponseComplete => "ResponseComplete",
            Self::Panic => "Panic",
        }
    }
}

/// Go: apiserver/pkg/apis/audit/v1/types.go Policy
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Policy {
    /// In order; the first that matches decides.
    pub rules: Vec<PolicyRule>,
    /// Stages that are never written down.
    pub omit_stages: Vec<Stage>,
    /// Whether managed fields are left out of bodies.
    pub omit_managed_fields: bool,
}

/// Go: apiserver/pkg/apis/audit/v1/types.go PolicyRule
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are those of the API")]
pub struct PolicyRule {
    pub level: Level,
    pub users: Vec<String>,
    pub user_groups: Vec<String>,
    pub verbs: Vec<String>,
    pub resources: Vec<GroupResources>,
    pub namespaces: Vec<String>,
    #[serde(rename = "nonResourceURLs")]
    pub non_resource_urls: Vec<String>,
    pub omit_stages: Vec<Stage>,
    pub omit_managed_fields: Option<bool>,
}

/// Go: apiserver/pkg/apis/audit/v1/types.go GroupResources
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are those of the API")]
pub struct GroupResources {
    pub group: String,
    pub resources: Vec<String>,
    pub resource_names: Vec<String>,
}

/// What the policy says about a request.
///
/// Go: apiserver/pkg/audit/evaluator.go RequestAuditConfig
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestAuditConfig {
    /// How much.
    pub level: Level,
    /// Stages that are not written down.
    pub omit_stages: Vec<Stage>,
    /// Whether managed fields are left out of bodies.
    pub omit_managed_fields: bool,
}

impl Policy {
    /// Reads a policy file.
    ///
    /// Go: apiserver/pkg/audit/policy/reader.go LoadPolicyFromFile
    pub fn load(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("failed to read file path {path:?}: {error}"))?;
        let policy: Self = serde_saphyr::from_str(&text).map_err(|error| format!("failed decoding: {error}"))?;
        policy.validate()?;
        Ok(policy)
    }

    fn validate(&self) -> Result<(), String> {
        if self.rules.is_empty() {
            return Err("loaded illegal policy with 0 rules".to_owned());
        }
        for rule in &self.rules {
            let resources = !rule.resources.is_empty() || !rule.namespaces.is_empty();
            if resources && !rule.non_resource_urls.is_empty() {
                return Err("rules cannot apply to both regular resources and non-resource URLs".to_owned());
            }
        }
        Ok(())
    }

    /// Finds the rule of a request.
    ///
    /// Go: apiserver/pkg/audit/policy/checker.go EvaluatePolicyRule
    pub fn evaluate(&self, attributes: &Attributes) -> RequestAuditConfig {
        let Some(rule) = self.rules.iter().find(|rule| rule.matches(attributes)) else {
            return RequestAuditConfig { omit_stages: self.omit_stages.clone(), ..RequestAuditConfig::default() };
        };
        let omit_stages = self.omit_stages.iter().chain(&rule.omit_stages).copied().collect();
        let omit_managed_fields = rule.omit_managed_fields.unwrap_or(self.omit_managed_fields);
        RequestAuditConfig { level: rule.level, omit_stages, omit_managed_fields }
    }
}

fn named(list: &[String], name: &str) -> bool {
    list.is_empty() || list.iter().any(|one| one == name)
}

impl PolicyRule {
    /// Go: apiserver/pkg/audit/policy/checker.go ruleMatches
    fn matches(&self, a: &Attributes) -> bool {
        let in_groups = self.user_groups.is_empty() || self.user_groups.iter().any(|group| a.user.in_group(group));
        if !named(&self.users, &a.user.name) || !in_groups || !named(&self.verbs, &a.verb) {
            return false;
        }
        if !self.namespaces.is_empty() || !self.resources.is_empty() {
            return a.resource_request
                && named(&self.namespaces, &a.namespace)
                && (self.resources.is_empty() || self.resources.iter().any(|resources| resources.matches(a)));
        }
        if !self.non_resource_urls.is_empty() {
            return !a.resource_request && self.non_resource_urls.iter().any(|url| url_matches(url, &a.path));
        }
        true
    }
}

impl GroupResources {
    /// `pods` is not `pods/log`; `pods/*` and `*/log` are.
    fn matches(&self, a: &Attributes) -> bool {
        if self.group != a.api_group && self.group != "*" {
            return false;
        }
        let combined =
            if a.subresource.is_empty() { a.resource.clone() } else { format!("{}/{}", a.resource, a.subresource) };
        let matches = |pattern: &String| {
            let (resource, subresource) = pattern.split_once('/').unwrap_or((pattern, ""));
            pattern == "*"
                || *pattern == combined
                || (resource == "*" && !subresource.is_empty() && subresource == a.subresource)
                || (subresource == "*" && resource == a.resource && !a.subresource.is_empty())
        };
        (self.resources.is_empty() || self.resources.iter().any(matches)) && named(&self.resource_names, &a.name)
    }
}

fn url_matches(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => path.starts_with(prefix),
        None => pattern == path,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::user;

    const POLICY: &str = r#"
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  users: ["system:kube-proxy"]
  verbs: ["watch"]
- level: RequestResponse
  resources:
  - group: ""
    resources: ["pods", "*/status"]
- level: Metadata
  nonResourceURLs: ["/healthz*", "/version"]
- level: Request
  namespaces: ["kube-system"]
"#;

    fn level(user: &str, verb: &str, resource: &str, namespace: &str) -> Level {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let attributes = Attributes {
            user: Arc::new(user::Info::new(user, &[])),
            verb: verb.to_owned(),
            resource_request: true,
            resource: resource.to_owned(),
            subresource: subresource.to_owned(),
            namespace: namespace.to_owned(),
            ..Attributes::default()
        };
        let policy: Policy = serde_saphyr::from_str(POLICY).expect("policy");
        policy.evaluate(&attributes).level
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        assert_eq!(level("system:kube-proxy", "watch", "pods", "a"), Level::None);
        assert_eq!(level("bob", "watch", "pods", "a"), Level::RequestResponse);
        assert_eq!(level("bob", "get", "pods/log", "a"), Level::None);
        assert_eq!(level("bob", "get", "nodes/status", ""), Level::RequestResponse);
        assert_eq!(level("bob", "get", "secrets", "kube-system"), Level::Request);
    }

    #[test]
    fn paths_and_stages() {
        let policy: Policy = serde_saphyr::from_str(POLICY).expect("policy");
        let path = |path: &str| policy.evaluate(&Attributes { path: path.to_owned(), ..Attributes::default() });
        assert_eq!(path("/healthz/etcd").level, Level::Metadata);
        assert_eq!(path("/healthz/etcd").omit_stages, [Stage::RequestReceived]);
        assert_eq!(path("/metrics").level, Level::None);
        let both: Policy =
            serde_saphyr::from_str("rules: [{namespaces: [a], nonResourceURLs: ['/x']}]").expect("policy");
        assert!(both.validate().is_err_and(|error| error.starts_with("rules cannot apply to both")));
    }
}
