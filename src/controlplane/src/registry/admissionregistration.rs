//! Policies and their bindings: whoever makes the server read parameters must be allowed to read them.
//!
//! Go: pkg/registry/admissionregistration/{validating,mutating}admissionpolicy{,binding}/authz.go

use std::sync::Arc;

use api::{resources, rules};
use apimachinery::{
    api::errors::StatusError,
    runtime::{
        object::Object,
        schema::{GroupVersion, GroupVersionKind},
    },
    validation::field::{Error, ErrorList, Path},
};
use apiserver::{registry::rest::Result, request::context::Context};
use auth::{
    authorization::{Attributes, Authorizer, Decision},
    user::{Info, SYSTEM_PRIVILEGED_GROUP},
};
use client::rest::Client;
use phase::BoxFuture;

use crate::registry::{
    checked::{self, WriteCheck},
    provider::Storages,
};

/// Puts the check before policies and bindings.
pub fn protect(storages: &mut Storages, authorizer: &Arc<dyn Authorizer>, client: &Client) {
    let check: Arc<dyn WriteCheck> = Arc::new(Params { authorizer: authorizer.clone(), client: client.clone() });
    let names = [
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
    ];
    checked::protect(storages, &names, &check);
}

struct Params {
    authorizer: Arc<dyn Authorizer>,
    /// The policy that a binding names is read from the server.
    client: Client,
}

impl WriteCheck for Params {
    fn check<'a>(
        &'a self,
        cx: &'a Context,
        kind: &'a GroupVersionKind,
        object: &'a Object,
        old: Option<&'a Object>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let field = if kind.kind.ends_with("Binding") { "paramRef" } else { "paramKind" };
            let reference = |object: &Object| object.get(&["spec", field]).filter(|value| !value.is_null()).cloned();
            let unchanged = old.is_some_and(|old| reference(old) == reference(object));
            let is_sound = || (rules::of(kind).validate)(object).is_empty();
            // What is not valid is refused by the store, with everything that is wrong.
            if reference(object).is_none() || unchanged || cx.user().in_group(SYSTEM_PRIVILEGED_GROUP) || !is_sound() {
                return Ok(());
            }
            let refusal = match field {
                "paramRef" => self.check_binding(cx, kind, object).await,
                _ => self.check_policy(cx, object).await,
            };
            let Some(refusal) = refusal else { return Ok(()) };
            let errors = ErrorList::from(vec![Error::forbidden(&Path::new("spec").child(field), refusal)]);
            Err(StatusError::new_invalid(&kind.group_kind(), object.name(), errors))
        })
    }
}

impl Params {
    /// Whoever writes a policy must be able to read all objects of the kind of its parameters.
    async fn check_policy(&self, cx: &Context, policy: &Object) -> Option<String> {
        let wanted = param_kind(policy);
        if self.allows(cx, "get", &wanted, "*", "*").await {
            return None;
        }
        let text = |field: &str| policy.str(&["spec", "paramKind", field]).to_owned();
        Some(format!(
            "user {} must have \"get\" permission on all objects of the referenced paramKind (kind={}, apiVersion={})",
            shown(&cx.user()),
            text("kind"),
            text("apiVersion")
        ))
    }

    /// Whoever writes a binding must be able to read the parameters that it names.
    async fn check_binding(&self, cx: &Context, kind: &GroupVersionKind, binding: &Object) -> Option<String> {
        let policies = if kind.kind.starts_with("Mutating") { "mutating" } else { "validating" };
        let resource = kind.group_version().with_resource(&format!("{policies}admissionpolicies"));
        let policy = self.client.resource(&resource).get(binding.str(&["spec", "policyName"])).await;
        // Of a policy that is not there, any parameters may be meant.
        let wanted = policy.ok().map_or_else(any, |policy| param_kind(&policy));
        let name = binding.str(&["spec", "paramRef", "name"]);
        let verb = if name.is_empty() { "list" } else { "get" };
        if self.allows(cx, verb, &wanted, binding.str(&["spec", "paramRef", "namespace"]), name).await {
            return None;
        }
        let user = shown(&cx.user());
        Some(format!("user {user} does not have \"{verb}\" permission on the object referenced by paramRef"))
    }

    async fn allows(&self, cx: &Context, verb: &str, wanted: &Wanted, namespace: &str, name: &str) -> bool {
        let asked = Attributes {
            user: cx.user(),
            verb: verb.to_owned(),
            resource_request: true,
            namespace: namespace.to_owned(),
            api_group: wanted.version.group.clone(),
            api_version: wanted.version.version.clone(),
            resource: wanted.resource.clone(),
            name: name.to_owned(),
            ..Attributes::default()
        };
        self.authorizer.authorize(&cx.trace, &asked).await.decision == Decision::Allow
    }
}

/// The resource that is read.
struct Wanted {
    version: GroupVersion,
    resource: String,
}

fn any() -> Wanted {
    Wanted { version: GroupVersion::new("*", "*"), resource: "*".to_owned() }
}

/// Returns the resource of a policy's parameters; any resource of the group if the kind is not known here.
fn param_kind(policy: &Object) -> Wanted {
    let text = |field: &str| policy.str(&["spec", "paramKind", field]);
    let Some(version) = GroupVersion::parse(text("apiVersion")).filter(|_| !text("kind").is_empty()) else {
        return any();
    };
    let resource = resources::of_kind(&version.with_kind(text("kind"))).map_or("*", |resource| resource.plural);
    Wanted { version, resource: resource.to_owned() }
}

/// A user as Go prints one.
fn shown(user: &Info) -> String {
    let extra: Vec<String> = user.extra.iter().map(|(key, values)| format!("{key}:[{}]", values.join(" "))).collect();
    format!("&{{{} {} [{}] map[{}]}}", user.name, user.uid, user.groups.join(" "), extra.join(" "))
}
