//! Which operations on which resources a webhook or policy wants to see.
//!
//! Go: apiserver/pkg/admission/plugin/webhook/predicates/rules/rules.go

use apimachinery::runtime::{object, schema::GroupVersionResource};
use serde_json::Value;

use crate::admission::attributes::{Attributes, Operation};

/// The word for everything.
const ALL: &str = "*";

/// One rule of `rules`.
///
/// Go: admissionregistration/v1 RuleWithOperations
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    operations: Vec<String>,
    groups: Vec<String>,
    versions: Vec<String>,
    /// `pods`, `pods/log`, `*/scale`, `pods/*`, `*/*`, `*`.
    resources: Vec<String>,
    scope: Scope,
}

/// Whether objects in namespaces, or others, or all are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Scope {
    #[default]
    All,
    Cluster,
    Namespaced,
}

impl Rule {
    /// Reads a rule.
    pub fn read(value: &Value) -> Self {
        let list = |field: &str| object::strings(value.get(field)).into_iter().map(str::to_owned).collect();
        Self {
            operations: list("operations"),
            groups: list("apiGroups"),
            versions: list("apiVersions"),
            resources: list("resources"),
            scope: match value["scope"].as_str() {
                Some("Cluster") => Scope::Cluster,
                Some("Namespaced") => Scope::Namespaced,
                _ => Scope::All,
            },
        }
    }

    /// Says whether a write is meant, were it on `resource`.
    ///
    /// Go: apiserver/pkg/admission/plugin/webhook/predicates/rules/rules.go Matches
    pub fn matches(
        &self,
        operation: Operation,
        resource: &GroupVersionResource,
        subresource: &str,
        namespace: &str,
    ) -> bool {
        let has = |list: &[String], item: &str| list.iter().any(|known| known == ALL || known == item);
        self.in_scope(resource, namespace)
            && has(&self.operations, operation.as_str())
            && has(&self.groups, &resource.group)
            && has(&self.versions, &resource.version)
            && self.resources.iter().any(|pattern| resource_matches(pattern, &resource.resource, subresource))
    }

    /// A namespace counts as an object of the cluster, though requests for it name it as their namespace.
    fn in_scope(&self, resource: &GroupVersionResource, namespace: &str) -> bool {
        let is_namespace = resource.group.is_empty() && resource.resource == "namespaces";
        let namespaced = !is_namespace && !namespace.is_empty();
        match self.scope {
            Scope::All => true,
            Scope::Cluster => !namespaced,
            Scope::Namespaced => namespaced,
        }
    }
}

fn resource_matches(pattern: &str, resource: &str, subresource: &str) -> bool {
    let (of, sub) = pattern.split_once('/').unwrap_or((pattern, ""));
    (of == ALL || of == resource) && (sub == ALL || sub == subresource)
}

/// Says whether a write is one of webhooks or policies themselves: nobody may lock the way to their own removal.
///
/// Go: apiserver/pkg/admission/plugin/webhook/predicates/rules/rules.go IsExemptAdmissionConfigurationResource
pub fn is_exempt(attributes: &Attributes) -> bool {
    const EXEMPT: [&str; 6] = [
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
    ];
    attributes.resource.group == "admissionregistration.k8s.io"
        && EXEMPT.contains(&attributes.resource.resource.as_str())
}

#[cfg(test)]
mod tests {
    use apimachinery::runtime::schema::GroupVersion;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_bare_star_does_not_mean_subresources() {
        let rule = |resources: &str| {
            Rule::read(
                &json!({"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": [resources]}),
            )
        };
        let pods = GroupVersion::new("", "v1").with_resource("pods");
        let matches = |resources: &str, sub: &str| rule(resources).matches(Operation::Create, &pods, sub, "shop");
        assert!(matches("*", "") && !matches("*", "status"));
        assert!(matches("*/*", "") && matches("*/*", "status") && matches("pods/*", "status"));
        assert!(!matches("services", ""));
    }

    #[test]
    fn a_namespace_is_an_object_of_the_cluster() {
        let rule = Rule::read(&json!({"operations": ["CREATE"], "apiGroups": ["*"], "apiVersions": ["*"],
            "resources": ["*"], "scope": "Namespaced"}));
        let resource = |name| GroupVersion::new("", "v1").with_resource(name);
        assert!(rule.matches(Operation::Create, &resource("pods"), "", "shop"));
        assert!(!rule.matches(Operation::Create, &resource("namespaces"), "", "shop"));
        assert!(!rule.matches(Operation::Create, &resource("nodes"), "", ""));
    }
}
