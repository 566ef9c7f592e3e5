//! Whoever makes an object the property of another must be allowed to see it go with its owner.
//!
//! Go: plugin/pkg/admission/gc/gc_admission.go

use std::sync::Arc;

use apimachinery::{
    api::errors::StatusError,
    runtime::{
        object::Object,
        schema::{GroupVersion, GroupVersionResource},
    },
};
use apiserver::{
    admission::{
        attributes::{Attributes, Operation},
        equivalents::EquivalentResources,
        errors,
        initializer::Initializers,
        interfaces::{Interface, ValidationInterface},
    },
    request::context::Context,
};
use auth::authorization::{Attributes as Asked, Authorizer, Decision, Verdict};
use phase::BoxFuture;
use serde_json::Value;

/// The plugin's name.
pub const NAME: &str = "OwnerReferencesPermissionEnforcement";

/// Go: plugin/pkg/admission/gc/gc_admission.go gcPermissionsEnforcement
struct OwnerReferences {
    authorizer: Arc<dyn Authorizer>,
    /// Which resource a kind is.
    resources: Arc<EquivalentResources>,
}

/// Makes the plugin.
pub fn new(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    Ok(Arc::new(OwnerReferences {
        authorizer: initializers.authorizer.clone(),
        resources: initializers.equivalents.clone(),
    }))
}

impl Interface for OwnerReferences {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handles(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    fn validation(&self) -> Option<&dyn ValidationInterface> {
        Some(self)
    }
}

fn owners(object: Option<&Object>) -> Vec<Value> {
    let list = object.and_then(|object| object.get(&["metadata", "ownerReferences"])).and_then(Value::as_array);
    list.cloned().unwrap_or_default()
}

impl ValidationInterface for OwnerReferences {
    /// Go: plugin/pkg/admission/gc/gc_admission.go Validate
    fn validate<'a>(&'a self, cx: &'a Context, attributes: &'a Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let (new, old) = (owners(attributes.object.as_ref()), owners(attributes.old_object.as_ref()));
            // The status of pods is written by kubelets, which may delete nothing.
            if new == old || attributes.is("", "pods", "status") {
                return Ok(());
            }
            if attributes.operation != Operation::Create {
                let verdict = self
                    .ask(cx, attributes, "delete", &attributes.resource, &attributes.subresource, &attributes.name)
                    .await;
                refuse_unless_allowed(attributes, "cannot set an ownerRef on a resource you can't delete", &verdict)?;
            }
            for owner in new.iter().filter(|owner| is_new_block(owner, &old)) {
                self.check_block(cx, attributes, owner).await?;
            }
            Ok(())
        })
    }
}

/// Says whether a reference stops its owner's deletion, and did not before.
fn is_new_block(owner: &Value, old: &[Value]) -> bool {
    let blocks = |owner: &Value| owner["blockOwnerDeletion"] == true;
    blocks(owner) && !old.iter().any(|known| known["uid"] == owner["uid"] && blocks(known))
}

fn refuse_unless_allowed(attributes: &Attributes, what: &str, verdict: &Verdict) -> Result<(), StatusError> {
    if verdict.decision == Decision::Allow {
        return Ok(());
    }
    let error = verdict.error.as_deref().unwrap_or("<nil>");
    Err(errors::forbidden(attributes, format!("{what}: {}, {error}", verdict.reason)))
}

impl OwnerReferences {
    /// Requires the right to set finalizers on the owner, for blocking its deletion comes to the same.
    async fn check_block(&self, cx: &Context, attributes: &Attributes, owner: &Value) -> Result<(), StatusError> {
        let text = |field: &str| owner[field].as_str().unwrap_or_default();
        let version = GroupVersion::parse(text("apiVersion")).unwrap_or_default();
        let resources = self.resources.of_kind(&version.with_kind(text("kind")));
        if resources.is_empty() {
            let (version, kind) = (text("apiVersion"), text("kind"));
            let reason = format!(
                "cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion {version} \
                 Kind {kind}: no matches for kind {kind:?} in version {version:?}"
            );
            return Err(errors::forbidden(attributes, reason));
        }
        for resource in resources {
            let verdict = self.ask(cx, attributes, "update", &resource, "finalizers", text("name")).await;
            let what =
                "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on";
            refuse_unless_allowed(attributes, what, &verdict)?;
        }
        Ok(())
    }

    async fn ask(
        &self,
        cx: &Context,
        attributes: &Attributes,
        verb: &str,
        resource: &GroupVersionResource,
        subresource: &str,
        name: &str,
    ) -> Verdict {
        let asked = Asked {
            user: attributes.user.clone(),
            verb: verb.to_owned(),
            resource_request: true,
            namespace: attributes.namespace.clone(),
            api_group: resource.group.clone(),
            api_version: resource.version.clone(),
            resource: resource.resource.clone(),
            subresource: subresource.to_owned(),
            name: name.to_owned(),
            ..Asked::default()
        };
        self.authorizer.authorize(&cx.trace, &asked).await
    }
}
