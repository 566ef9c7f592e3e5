//! Nobody may grant what they do not have.
//!
//! Go: pkg/registry/rbac/{escalation_check,helpers}.go, pkg/registry/rbac/*/policybased/storage.go,
//! pkg/registry/rbac/validation/rule.go ConfirmNoEscalation

use std::sync::Arc;

use apimachinery::{
    api::errors::StatusError,
    runtime::{object::Object, schema::GroupResource},
};
use apiserver::request::context::Context;
use auth::authorization::{Attributes, Authorizer, Decision};
use auth::user::SYSTEM_PRIVILEGED_GROUP;
use client::rest::Client;

use crate::rbac::{
    index::{self, GROUP, Index, RoleRef},
    rule::{self, PolicyRule},
};

/// Checks writes of roles and bindings, before the registry takes them.
pub struct EscalationCheck {
    index: Arc<Index>,
    authorizer: Arc<dyn Authorizer>,
    /// The role that a new binding names is read from the server, for the index may not know it yet.
    client: Client,
}

impl EscalationCheck {
    /// Checks by what `index` says users have, and `authorizer` says about the verbs `escalate` and `bind`.
    pub fn new(index: Arc<Index>, authorizer: Arc<dyn Authorizer>, client: Client) -> Self {
        Self { index, authorizer, client }
    }

    /// Checks a new or changed Role or ClusterRole.
    ///
    /// Go: pkg/registry/rbac/{role,clusterrole}/policybased/storage.go Create, Update
    pub async fn check_role(&self, cx: &Context, object: &Object, old: Option<&Object>) -> Result<(), StatusError> {
        if self.privileged(cx)
            || self.may_escalate(cx).await
            || old.is_some_and(|old| only_gc_fields_differ(object, old))
        {
            return Ok(());
        }
        let rules: Vec<PolicyRule> = index::read(object.get(&["rules"]));
        self.confirm_no_escalation(cx, &rules).map_err(|error| forbidden(cx, object, &error))?;
        // An aggregation rule may gather anything later, so it takes the right to everything now.
        let aggregates = |object: &Object| object.get(&["aggregationRule"]).is_some_and(|rule| !rule.is_null());
        if aggregates(object) || old.is_some_and(aggregates) {
            let error = "must have cluster-admin privileges to use the aggregationRule";
            let full = PolicyRule::full_authority();
            return self.confirm_no_escalation(cx, &full).map_err(|_| forbidden(cx, object, error));
        }
        Ok(())
    }

    /// Checks a new or changed RoleBinding or ClusterRoleBinding.
    ///
    /// Go: pkg/registry/rbac/{rolebinding,clusterrolebinding}/policybased/storage.go Create, Update
    pub async fn check_binding(&self, cx: &Context, object: &Object, old: Option<&Object>) -> Result<(), StatusError> {
        if self.privileged(cx) || old.is_some_and(|old| only_gc_fields_differ(object, old)) {
            return Ok(());
        }
        let role: RoleRef = index::read(object.get(&["roleRef"]));
        if self.may_bind(cx, &role).await {
            return Ok(());
        }
        let rules = self.rules_of(cx, &role).await?;
        self.confirm_no_escalation(cx, &rules).map_err(|error| forbidden(cx, object, &error))
    }

    /// Says whether the user may do everything anyway.
    ///
    /// Go: pkg/registry/rbac/escalation_check.go EscalationAllowed
    fn privileged(&self, cx: &Context) -> bool {
        cx.user().in_group(SYSTEM_PRIVILEGED_GROUP)
    }

    /// Go: pkg/registry/rbac/escalation_check.go RoleEscalationAuthorized
    async fn may_escalate(&self, cx: &Context) -> bool {
        let asked = Attributes {
            verb: "escalate".to_owned(),
            resource: cx.info.resource.clone(),
            name: cx.info.name.clone(),
            ..attributes(cx)
        };
        self.authorizer.authorize(&cx.trace, &asked).await.decision == Decision::Allow
    }

    /// Go: pkg/registry/rbac/escalation_check.go BindingAuthorized
    async fn may_bind(&self, cx: &Context, role: &RoleRef) -> bool {
        let resource = match role.kind.as_str() {
            "ClusterRole" => "clusterroles",
            "Role" => "roles",
            _ => return false,
        };
        let asked = Attributes {
            verb: "bind".to_owned(),
            resource: resource.to_owned(),
            name: role.name.clone(),
            ..attributes(cx)
        };
        self.authorizer.authorize(&cx.trace, &asked).await.decision == Decision::Allow
    }

    async fn rules_of(&self, cx: &Context, role: &RoleRef) -> Result<Vec<PolicyRule>, StatusError> {
        let (resource, namespace) = match role.kind.as_str() {
            "ClusterRole" => ("clusterroles", ""),
            "Role" => ("roles", cx.info.namespace.as_str()),
            other => {
                return Err(StatusError::new_internal_error(format!("unsupported role reference kind: {other:?}")));
            }
        };
        let found = self.client.resource(&index::resource(resource)).namespace(namespace).get(&role.name).await;
        match found {
            Ok(object) => Ok(index::read(object.get(&["rules"]))),
            // The storage speaks of the resource of the request, whatever it looked for.
            Err(error) if error.is_not_found() => Err(StatusError::new_not_found(&requested(cx), &role.name)),
            Err(error) => Err(error.into()),
        }
    }

    /// Refuses rules that the user does not hold, and says which.
    ///
    /// Go: pkg/registry/rbac/validation/rule.go ConfirmNoEscalation
    fn confirm_no_escalation(&self, cx: &Context, rules: &[PolicyRule]) -> Result<(), String> {
        let user = cx.user();
        let (held, errors) = self.index.rules_for(&user, &cx.info.namespace);
        let missing = rule::uncovered(&held, rules);
        if missing.is_empty() {
            return Ok(());
        }
        let missing: Vec<_> = rule::describe(&rule::compact(missing)).into_iter().collect();
        let mut message = format!(
            "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
            user.name,
            rule::quoted(&user.groups),
            missing.join("\n")
        );
        if !errors.is_empty() {
            message.push_str(&format!("; resolution errors: [{}]", errors.join(" ")));
        }
        Err(message)
    }
}

fn attributes(cx: &Context) -> Attributes {
    Attributes {
        user: cx.user(),
        resource_request: true,
        namespace: cx.info.namespace.clone(),
        api_group: GROUP.to_owned(),
        api_version: "*".to_owned(),
        ..Attributes::default()
    }
}

fn requested(cx: &Context) -> GroupResource {
    GroupResource::new(GROUP, &cx.info.resource)
}

fn forbidden(cx: &Context, object: &Object, error: &str) -> StatusError {
    StatusError::new_forbidden(&requested(cx), object.name(), error)
}

/// Says whether an update touches only what the garbage collector needs to touch to delete an object.
///
/// Go: pkg/registry/rbac/helpers.go IsOnlyMutatingGCFields
fn only_gc_fields_differ(object: &Object, old: &Object) -> bool {
    let rest = |object: &Object| {
        let mut rest = object.clone();
        for field in ["ownerReferences", "finalizers", "managedFields"] {
            rest.remove(&["metadata", field]);
        }
        rest
    };
    rest(object) == rest(old)
}
