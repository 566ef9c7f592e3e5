//! May they.
//!
//! Go: apiserver/pkg/authorization/authorizer/interfaces.go
//!
//! ```text
//! union: first Allow or Deny wins
//!   privileged group   system:masters may do everything                  `builtin`
//!   Node, RBAC, ...    in the order of --authorization-mode              crate `plugin`
//! ```
//!
//! Read in this order.

pub mod builtin;
pub mod union;

use std::{borrow::Cow, sync::Arc};

use phase::{
    BoxFuture,
    snapshot::{Snapshot, Subject},
    trace::Trace,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::user;

/// What is being asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attributes {
    /// Who.
    pub user: Arc<user::Info>,
    /// `get`, `list`, `create`... or, for a path, the HTTP method in lower case.
    pub verb: String,
    /// Whether the other fields name a resource; otherwise only `path` counts.
    pub resource_request: bool,
    /// The namespace; empty for cluster-scoped requests.
    pub namespace: String,
    /// The API group; empty for core.
    pub api_group: String,
    /// The API version.
    pub api_version: String,
    /// The resource: `pods`.
    pub resource: String,
    /// The sub-resource: `status`, `log`...
    pub subresource: String,
    /// The object's name; empty where the verb has none.
    pub name: String,
    /// The URL's path.
    pub path: String,
    /// The parsed field selector of a list, watch or deletecollection, as (field, operator, value).
    pub field_selector: Vec<(String, String, String)>,
    /// The parsed label selector, as (key, operator, values).
    pub label_selector: Vec<(String, String, Vec<String>)>,
}

impl Attributes {
    /// Says whether the verb only reads.
    pub fn is_read_only(&self) -> bool {
        matches!(self.verb.as_str(), "get" | "list" | "watch")
    }
}

/// The three answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Decision {
    /// Yes.
    Allow,
    /// No, and nobody else is asked.
    Deny,
    /// Ask the next one.
    NoOpinion,
}

/// A decision with its reason, also when it is yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The decision.
    pub decision: Decision,
    /// Why; shown to the client when refused.
    pub reason: Cow<'static, str>,
    /// What went wrong on the way, if anything.
    pub error: Option<String>,
}

impl Verdict {
    /// Returns "yes, because".
    pub fn allow(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { decision: Decision::Allow, reason: reason.into(), error: None }
    }

    /// Returns "no, because".
    pub fn deny(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { decision: Decision::Deny, reason: reason.into(), error: None }
    }

    /// Returns "ask someone else".
    pub fn no_opinion() -> Self {
        Self { decision: Decision::NoOpinion, reason: Cow::Borrowed(""), error: None }
    }
}

impl Subject for Verdict {
    fn snapshot(&self) -> Arc<Snapshot> {
        let Self { decision, reason, error } = self;
        Snapshot::value("Verdict", json!({"decision": decision, "reason": reason, "error": error}))
    }
}

impl Subject for Attributes {
    fn snapshot(&self) -> Arc<Snapshot> {
        Snapshot::value("Attributes", serde_json::to_value(self).unwrap_or_default())
    }
}

/// Decides about one request.
///
/// Go: apiserver/pkg/authorization/authorizer/interfaces.go Authorizer
pub trait Authorizer: Send + Sync {
    /// The name under which the phase is shown: `Node`, `RBAC`...
    fn name(&self) -> &'static str;
    /// Decides.
    fn authorize<'a>(&'a self, trace: &'a Trace, attributes: &'a Attributes) -> BoxFuture<'a, Verdict>;
}

/// What a user may do in a namespace, as SelfSubjectRulesReview shows it.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// `{verbs, apiGroups, resources, resourceNames}` each.
    pub resource_rules: Vec<Value>,
    /// `{verbs, nonResourceURLs}` each.
    pub non_resource_rules: Vec<Value>,
    /// Whether some authorizer could not enumerate its rules.
    pub incomplete: bool,
    /// What went wrong on the way.
    pub evaluation_error: String,
}

/// Enumerates what a user may do.
///
/// Go: apiserver/pkg/authorization/authorizer/interfaces.go RuleResolver
pub trait RuleResolver: Send + Sync {
    /// Returns the rules of a user in a namespace.
    fn rules_for<'a>(&'a self, user: &'a user::Info, namespace: &'a str) -> BoxFuture<'a, Rules>;
}
