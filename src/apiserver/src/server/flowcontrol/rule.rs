//! Whether a flow schema is about a request.
//!
//! Go: apiserver/pkg/util/flowcontrol/rule.go

use auth::user;
use serde_json::Value;

use crate::request::requestinfo::RequestInfo;

/// Who and what: any of the subjects, and any of the resources or paths.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    subjects: Vec<Subject>,
    resources: Vec<ResourceRule>,
    non_resources: Vec<NonResourceRule>,
}

#[derive(Clone, Debug)]
enum Subject {
    User(String),
    Group(String),
    /// Namespace, and name or `*`.
    ServiceAccount(String, String),
}

#[derive(Clone, Debug)]
struct ResourceRule {
    verbs: Vec<String>,
    api_groups: Vec<String>,
    resources: Vec<String>,
    cluster_scope: bool,
    namespaces: Vec<String>,
}

#[derive(Clone, Debug)]
struct NonResourceRule {
    verbs: Vec<String>,
    urls: Vec<String>,
}

fn strings(value: &Value, name: &str) -> Vec<String> {
    let list = value[name].as_array().into_iter().flatten();
    list.filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

fn has(list: &[String], wanted: &str) -> bool {
    list.iter().any(|one| one == "*" || one == wanted)
}

impl Rule {
    /// Reads a `PolicyRulesWithSubjects`.
    pub(super) fn read(value: &Value) -> Self {
        let list = |name: &str| value[name].as_array().cloned().unwrap_or_default();
        Self {
            subjects: list("subjects").iter().filter_map(Subject::read).collect(),
            resources: list("resourceRules").iter().map(ResourceRule::read).collect(),
            non_resources: list("nonResourceRules").iter().map(NonResourceRule::read).collect(),
        }
    }

    /// Says whether the rule is about a request.
    ///
    /// Go: apiserver/pkg/util/flowcontrol/rule.go matchesPolicyRule
    pub fn matches(&self, user: &user::Info, info: &RequestInfo) -> bool {
        if !self.subjects.iter().any(|subject| subject.matches(user)) {
            return false;
        }
        if info.is_resource_request {
            self.resources.iter().any(|rule| rule.matches(info))
        } else {
            self.non_resources.iter().any(|rule| rule.matches(info))
        }
    }
}

impl Subject {
    fn read(value: &Value) -> Option<Self> {
        let text = |path: &str| value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        match value["kind"].as_str()? {
            "User" => Some(Self::User(text("/user/name"))),
            "Group" => Some(Self::Group(text("/group/name"))),
            "ServiceAccount" => {
                Some(Self::ServiceAccount(text("/serviceAccount/namespace"), text("/serviceAccount/name")))
            }
            _ => None,
        }
    }

    fn matches(&self, user: &user::Info) -> bool {
        match self {
            Self::User(name) => name == "*" || *name == user.name,
            Self::Group(name) => name == "*" || user.in_group(name),
            Self::ServiceAccount(namespace, name) => {
                let account = user.name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
                account.is_some_and(|(ns, account)| ns == namespace && (name == "*" || name == account))
            }
        }
    }
}

impl ResourceRule {
    fn read(value: &Value) -> Self {
        Self {
            verbs: strings(value, "verbs"),
            api_groups: strings(value, "apiGroups"),
            resources: strings(value, "resources"),
            cluster_scope: value["clusterScope"].as_bool().unwrap_or(false),
            namespaces: strings(value, "namespaces"),
        }
    }

    fn matches(&self, info: &RequestInfo) -> bool {
        // A namespace itself is cluster-scoped, although its requests name it as their namespace.
        let cluster_scope = info.namespace.is_empty() || info.resource == "namespaces";
        let in_scope = if cluster_scope { self.cluster_scope } else { has(&self.namespaces, &info.namespace) };
        in_scope
            && has(&self.verbs, &info.verb)
            && has(&self.api_groups, &info.api_group)
            && self.matches_resource(info)
    }

    fn matches_resource(&self, info: &RequestInfo) -> bool {
        if info.subresource.is_empty() {
            return has(&self.resources, &info.resource);
        }
        self.resources.iter().any(|one| {
            one == "*" || one.split_once('/').is_some_and(|(a, b)| a == info.resource && b == info.subresource)
        })
    }
}

impl NonResourceRule {
    fn read(value: &Value) -> Self {
        Self { verbs: strings(value, "verbs"), urls: strings(value, "nonResourceURLs") }
    }

    fn matches(&self, info: &RequestInfo) -> bool {
        has(&self.verbs, &info.verb) && self.urls.iter().any(|url| covers(url, &info.path))
    }
}

/// A path covers itself and all below it; with `*` at its end, what begins so.
fn covers(url: &str, path: &str) -> bool {
    if let Some(prefix) = url.strip_suffix('*') {
        return path.starts_with(prefix);
    }
    path.strip_prefix(url.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::request::testing;

    fn rule(subject: &Value, rules: Value) -> Rule {
        let mut rule = rules;
        rule["subjects"] = json!([subject]);
        Rule::read(&rule)
    }

    fn matches(rule: &Rule, user: &user::Info, method: &str, path: &str) -> bool {
        rule.matches(user, &testing::context(method, path).info)
    }

    #[test]
    fn subjects() {
        let all = json!({"nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]});
        let account = user::Info::new("system:serviceaccount:kube-system:job", &["system:serviceaccounts"]);
        for (subject, expected) in [
            (json!({"kind": "User", "user": {"name": "*"}}), true),
            (json!({"kind": "User", "user": {"name": "bob"}}), false),
            (json!({"kind": "Group", "group": {"name": "system:serviceaccounts"}}), true),
            (json!({"kind": "ServiceAccount", "serviceAccount": {"namespace": "kube-system", "name": "*"}}), true),
            (json!({"kind": "ServiceAccount", "serviceAccount": {"namespace": "kube-system", "name": "a"}}), false),
        ] {
            assert_eq!(matches(&rule(&subject, all.clone()), &account, "GET", "/version"), expected, "{subject}");
        }
    }

    #[test]
    fn resources_by_scope_and_paths_with_what_is_below() {
        let bob = user::Info::new("bob", &[]);
        let subject = json!({"kind": "User", "user": {"name": "bob"}});
        let resources = |resources: &[&str], cluster_scope: bool| {
            let namespaces = if cluster_scope { json!([]) } else { json!(["shop"]) };
            let rule_of = json!({"verbs": ["get", "list"], "apiGroups": [""], "resources": resources,
                "clusterScope": cluster_scope, "namespaces": namespaces});
            rule(&subject, json!({"resourceRules": [rule_of]}))
        };
        let pods = resources(&["pods"], false);
        assert!(matches(&pods, &bob, "GET", "/api/v1/namespaces/shop/pods/a"));
        assert!(!matches(&pods, &bob, "GET", "/api/v1/namespaces/shop/pods/a/log"));
        assert!(!matches(&pods, &bob, "GET", "/api/v1/namespaces/other/pods"));
        assert!(!matches(&pods, &bob, "POST", "/api/v1/namespaces/shop/pods"));
        assert!(matches(&resources(&["nodes/status"], true), &bob, "GET", "/api/v1/nodes/a/status"));
        let probes = rule(&subject, json!({"nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/livez"]}]}));
        assert!(matches(&probes, &bob, "GET", "/livez/ping") && !matches(&probes, &bob, "GET", "/livezx"));
    }
}
