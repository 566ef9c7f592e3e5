//! Authorizers that need to look at nothing but the request.
//!
//! Go: apiserver/pkg/authorization/authorizerfactory/builtin.go

use phase::{BoxFuture, trace::Trace};
use serde_json::json;

use crate::{
    authorization::{Attributes, Authorizer, RuleResolver, Rules, Verdict},
    user,
};

/// Allows everything.
#[derive(Clone, Copy, Debug)]
pub struct AlwaysAllow;

impl Authorizer for AlwaysAllow {
    fn name(&self) -> &'static str {
        "AlwaysAllow"
    }

    fn authorize<'a>(&'a self, _trace: &'a Trace, _attributes: &'a Attributes) -> BoxFuture<'a, Verdict> {
        Box::pin(async { Verdict::allow("") })
    }
}

impl RuleResolver for AlwaysAllow {
    fn rules_for<'a>(&'a self, _user: &'a user::Info, _namespace: &'a str) -> BoxFuture<'a, Rules> {
        let all = ["*"];
        let rules = Rules {
            resource_rules: vec![json!({"verbs": all, "apiGroups": all, "resources": all})],
            non_resource_rules: vec![json!({"verbs": all, "nonResourceURLs": all})],
            ..Rules::default()
        };
        Box::pin(async { rules })
    }
}

/// Allows nothing, but lets others speak.
#[derive(Clone, Copy, Debug)]
pub struct AlwaysDeny;

impl Authorizer for AlwaysDeny {
    fn name(&self) -> &'static str {
        "AlwaysDeny"
    }

    fn authorize<'a>(&'a self, _trace: &'a Trace, _attributes: &'a Attributes) -> BoxFuture<'a, Verdict> {
        Box::pin(async { Verdict { reason: "Everything is forbidden.".into(), ..Verdict::no_opinion() } })
    }
}

impl RuleResolver for AlwaysDeny {
    fn rules_for<'a>(&'a self, _user: &'a user::Info, _namespace: &'a str) -> BoxFuture<'a, Rules> {
        Box::pin(async { Rules::default() })
    }
}

/// Allows everything to the members of some groups.
///
/// Go: apiserver/pkg/authorization/authorizerfactory/builtin.go privilegedGroupAuthorizer
#[derive(Clone, Debug)]
pub struct PrivilegedGroups(pub Vec<String>);

impl PrivilegedGroups {
    /// Returns the one that stands first in every server: `system:masters`.
    pub fn masters() -> Self {
        Self(vec![user::SYSTEM_PRIVILEGED_GROUP.to_owned()])
    }
}

impl Authorizer for PrivilegedGroups {
    fn name(&self) -> &'static str {
        "privileged-group"
    }

    fn authorize<'a>(&'a self, _trace: &'a Trace, attributes: &'a Attributes) -> BoxFuture<'a, Verdict> {
        let member = self.0.iter().any(|group| attributes.user.in_group(group));
        Box::pin(async move { if member { Verdict::allow("") } else { Verdict::no_opinion() } })
    }
}
