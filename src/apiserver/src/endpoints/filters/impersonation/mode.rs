//! The ways in which one may act as somebody else, and the permissions that each needs.
//!
//! A constrained mode asks twice: may the user do what the request is about in somebody's name
//! (`impersonate-on:MODE:VERB`), and may the user be that somebody (`impersonate:MODE`).
//!
//! Go: apiserver/pkg/endpoints/filters/impersonation/mode.go

use std::sync::Arc;

use auth::{
    authorization::{Attributes, Authorizer, Decision},
    user,
};
use phase::trace::Trace;

/// A way to act as somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// A service account acts as the node that its pod runs on.
    AssociatedNode,
    /// As any node.
    ArbitraryNode,
    /// As a service account, with the groups that it has.
    ServiceAccount,
    /// As a user with any groups, uid and extra attributes.
    UserInfo,
    /// As anybody, for everything.
    Legacy,
}

/// All modes, in the order in which they are tried.
///
/// Go: apiserver/pkg/endpoints/filters/impersonation/mode.go allImpersonationModes
pub(super) const MODES: [Mode; 5] =
    [Mode::AssociatedNode, Mode::ArbitraryNode, Mode::ServiceAccount, Mode::UserInfo, Mode::Legacy];

/// What was asked of the authorizer and not allowed.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) attributes: Attributes,
    pub(super) reason: String,
}

/// The group of resources whose names are users, groups and the like.
const AUTHENTICATION: &str = "authentication.k8s.io";
/// The attribute by which the token of a pod names its node.
const NODE_NAME_KEY: &str = "authentication.kubernetes.io/node-name";
const NODE_PREFIX: &str = "system:node:";
const NODES_GROUP: &str = "system:nodes";
const SERVICE_ACCOUNT_PREFIX: &str = "system:serviceaccount:";

impl Mode {
    pub(super) fn is_constrained(self) -> bool {
        self != Self::Legacy
    }

    fn name(self) -> &'static str {
        match self {
            Self::AssociatedNode => "associated-node",
            Self::ArbitraryNode => "arbitrary-node",
            Self::ServiceAccount => "serviceaccount",
            Self::UserInfo => "user-info",
            Self::Legacy => "",
        }
    }

    /// Returns the verb that allows to be somebody: also what the audit event calls the constraint.
    fn verb(self) -> String {
        if self.is_constrained() { format!("impersonate:{}", self.name()) } else { "impersonate".to_owned() }
    }

    /// Returns how the impersonation was constrained; empty if it was not.
    pub(super) fn constraint(self) -> String {
        if self.is_constrained() { self.verb() } else { String::new() }
    }

    /// Returns the user to act as, a refusal, or `None` where this mode is not for that user.
    pub(super) async fn check(
        self,
        authorizer: &dyn Authorizer,
        trace: &Trace,
        wanted: &user::Info,
        request: &Attributes,
    ) -> Option<Result<user::Info, Refusal>> {
        if !self.is_for(wanted, &request.user) {
            return None;
        }
        let mut questions = Vec::new();
        if self.is_constrained() {
            let verb = format!("impersonate-on:{}:{}", self.name(), request.verb);
            questions.push(Attributes { verb, ..request.clone() });
        }
        questions.extend(self.questions(wanted, &request.user));
        for attributes in questions {
            let verdict = authorizer.authorize(trace, &attributes).await;
            if verdict.decision != Decision::Allow {
                return Some(Err(Refusal { attributes, reason: verdict.reason.into_owned() }));
            }
        }
        Some(Ok(self.complete(wanted)))
    }

    fn is_for(self, wanted: &user::Info, requestor: &user::Info) -> bool {
        let node = wanted.name.strip_prefix(NODE_PREFIX).filter(|node| !node.is_empty());
        let account = split_service_account(&wanted.name);
        let only_name = wanted.uid.is_empty() && wanted.groups.is_empty() && wanted.extra.is_empty();
        match self {
            Self::AssociatedNode => {
                let own = requestor.extra.get(NODE_NAME_KEY).map(Vec::as_slice);
                only_name
                    && split_service_account(&requestor.name).is_some()
                    && node.is_some_and(|node| matches!(own, Some([own]) if own == node))
            }
            Self::ArbitraryNode => only_name && node.is_some(),
            Self::ServiceAccount => only_name && account.is_some(),
            Self::UserInfo => node.is_none() && account.is_none(),
            Self::Legacy => true,
        }
    }

    /// What must be allowed to be the wanted user.
    fn questions(self, wanted: &user::Info, requestor: &Arc<user::Info>) -> Vec<Attributes> {
        let about = |api_group: &str, resource: &str, name: &str| Attributes {
            user: requestor.clone(),
            verb: self.verb(),
            resource_request: true,
            api_group: api_group.to_owned(),
            api_version: "v1".to_owned(),
            resource: resource.to_owned(),
            name: name.to_owned(),
            ..Attributes::default()
        };
        // The older permissions on users, groups and service accounts are about the core group.
        let group = if self.is_constrained() { AUTHENTICATION } else { "" };
        let node = wanted.name.strip_prefix(NODE_PREFIX).unwrap_or_default();
        match self {
            // Which node it is follows from the requestor, so it is not asked for by name.
            Self::AssociatedNode => return vec![about(group, "nodes", "*")],
            Self::ArbitraryNode => return vec![about(group, "nodes", node)],
            Self::ServiceAccount | Self::UserInfo | Self::Legacy => {}
        }
        let mut questions = vec![match split_service_account(&wanted.name) {
            Some((namespace, name)) => {
                Attributes { namespace: namespace.to_owned(), ..about(group, "serviceaccounts", name) }
            }
            None => about(group, "users", &wanted.name),
        }];
        questions.extend(wanted.groups.iter().map(|name| about(group, "groups", name)));
        for (key, values) in &wanted.extra {
            questions.extend(
                values
                    .iter()
                    .map(|value| Attributes { subresource: key.clone(), ..about(AUTHENTICATION, "userextras", value) }),
            );
        }
        if !wanted.uid.is_empty() {
            questions.push(about(AUTHENTICATION, "uids", &wanted.uid));
        }
        questions
    }

    /// Adds the groups that the user would have.
    fn complete(self, wanted: &user::Info) -> user::Info {
        let mut user = wanted.clone();
        if matches!(self, Self::AssociatedNode | Self::ArbitraryNode) {
            user.groups = vec![NODES_GROUP.to_owned()];
        } else if let Some((namespace, _)) = split_service_account(&user.name)
            && user.groups.is_empty()
        {
            user.groups = vec!["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")];
        }
        let everybody = if user.name == user::ANONYMOUS { user::ALL_UNAUTHENTICATED } else { user::ALL_AUTHENTICATED };
        // Who asks to be nobody in particular does not become an authenticated user by it.
        let settled = user.in_group(everybody) || user.in_group(user::ALL_UNAUTHENTICATED);
        if !settled {
            user.groups.push(everybody.to_owned());
        }
        user
    }
}

/// Splits `system:serviceaccount:NAMESPACE:NAME`.
///
/// Go: apiserver/pkg/authentication/serviceaccount/util.go SplitUsername
fn split_service_account(name: &str) -> Option<(&str, &str)> {
    let (namespace, name) = name.strip_prefix(SERVICE_ACCOUNT_PREFIX)?.split_once(':')?;
    let valid = |part: &str| apimachinery::util::validation::is_dns1123_label(part).is_empty();
    let valid_name = apimachinery::util::validation::is_dns1123_subdomain(name).is_empty();
    (valid(namespace) && valid_name).then_some((namespace, name))
}
