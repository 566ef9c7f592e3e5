//! Allows what some rule allows; never denies.
//!
//! Go: plugin/pkg/auth/authorizer/rbac/rbac.go

use std::sync::Arc;

use apimachinery::validation::field;
use auth::{
    authorization::{Attributes, Authorizer, RuleResolver, Rules, Verdict},
    user,
};
use phase::{BoxFuture, trace::Trace};
use serde_json::json;

use crate::rbac::index::Index;

/// The authorizer of `--authorization-mode=RBAC`.
///
/// Go: plugin/pkg/auth/authorizer/rbac/rbac.go RBACAuthorizer
pub struct RBACAuthorizer {
    index: Arc<Index>,
}

impl RBACAuthorizer {
    /// Decides by the roles and bindings of `index`.
    pub fn new(index: Arc<Index>) -> Self {
        Self { index }
    }

    /// Go: plugin/pkg/auth/authorizer/rbac/rbac.go Authorize
    fn decide(&self, attributes: &Attributes) -> Verdict {
        let (mut allowed, mut errors) = (None, Vec::new());
        self.index.visit_rules_for(&attributes.user, &attributes.namespace, |visit| {
            match visit {
                Ok((source, rule)) if rule.allows(attributes) => {
                    allowed = Some(format!("RBAC: allowed by {source}"));
                    return true;
                }
                Ok(_) => {}
                Err(error) => errors.push(error),
            }
            false
        });
        match allowed {
            Some(reason) => Verdict::allow(reason),
            None if errors.is_empty() => Verdict::no_opinion(),
            None => Verdict { reason: format!("RBAC: {}", field::aggregate(errors)).into(), ..Verdict::no_opinion() },
        }
    }
}

impl Authorizer for RBACAuthorizer {
    fn name(&self) -> &'static str {
        "RBAC"
    }

    fn authorize<'a>(&'a self, _trace: &'a Trace, attributes: &'a Attributes) -> BoxFuture<'a, Verdict> {
        Box::pin(async move { self.decide(attributes) })
    }
}

impl RuleResolver for RBACAuthorizer {
    /// Go: plugin/pkg/auth/authorizer/rbac/rbac.go RulesFor
    fn rules_for<'a>(&'a self, user: &'a user::Info, namespace: &'a str) -> BoxFuture<'a, Rules> {
        Box::pin(async move {
            let (rules, errors) = self.index.rules_for(user, namespace);
            let mut found = Rules { evaluation_error: field::aggregate(errors), ..Rules::default() };
            for rule in rules {
                if !rule.resources.is_empty() {
                    let mut shown =
                        json!({"verbs": rule.verbs, "apiGroups": rule.api_groups, "resources": rule.resources});
                    if !rule.resource_names.is_empty() {
                        shown["resourceNames"] = json!(rule.resource_names);
                    }
                    found.resource_rules.push(shown);
                }
                if !rule.non_resource_urls.is_empty() {
                    found
                        .non_resource_rules
                        .push(json!({"verbs": rule.verbs, "nonResourceURLs": rule.non_resource_urls}));
                }
            }
            found
        })
    }
}

#[cfg(test)]
mod tests {
    use apimachinery::runtime::object::Object;
    use auth::authorization::Decision;
    use serde_json::Value;

    use super::*;

    fn authorizer(objects: &[Value]) -> RBACAuthorizer {
        let objects = objects.iter().cloned().filter_map(Object::from_value);
        RBACAuthorizer::new(Arc::new(Index::from_objects(objects)))
    }

    fn get_pods(user: user::Info, namespace: &str) -> Attributes {
        Attributes {
            user: Arc::new(user),
            verb: "get".to_owned(),
            resource_request: true,
            namespace: namespace.to_owned(),
            resource: "pods".to_owned(),
            ..Attributes::default()
        }
    }

    #[test]
    fn reasons_name_binding_role_and_subject() {
        let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]);
        let authorizer = authorizer(&[
            json!({"kind": "ClusterRole", "metadata": {"name": "reader"}, "rules": rules}),
            json!({"kind": "ClusterRoleBinding", "metadata": {"name": "x"},
                "roleRef": {"kind": "ClusterRole", "name": "reader"}, "subjects": [{"kind": "Group", "name": "devs"}]}),
            json!({"kind": "RoleBinding", "metadata": {"name": "y", "namespace": "shop"},
                "roleRef": {"kind": "ClusterRole", "name": "reader"},
                "subjects": [{"kind": "ServiceAccount", "name": "web"}]}),
            json!({"kind": "RoleBinding", "metadata": {"name": "z", "namespace": "shop"},
                "roleRef": {"kind": "Role", "name": "gone"}, "subjects": [{"kind": "User", "name": "bob"}]}),
        ]);
        let verdict = authorizer.decide(&get_pods(user::Info::new("alice", &["devs"]), ""));
        assert_eq!(
            verdict.reason,
            r#"RBAC: allowed by ClusterRoleBinding "x" of ClusterRole "reader" to Group "devs""#
        );

        let account = user::Info::new("system:serviceaccount:shop:web", &[]);
        let verdict = authorizer.decide(&get_pods(account.clone(), "shop"));
        let expected = r#"RBAC: allowed by RoleBinding "y/shop" of ClusterRole "reader" to ServiceAccount "web/shop""#;
        assert_eq!(verdict.reason, expected);
        assert_eq!(authorizer.decide(&get_pods(account, "other")).decision, Decision::NoOpinion);

        let verdict = authorizer.decide(&get_pods(user::Info::new("bob", &[]), "shop"));
        assert_eq!(verdict.decision, Decision::NoOpinion);
        assert_eq!(verdict.reason, r#"RBAC: role.rbac.authorization.k8s.io "gone" not found"#);
    }
}
