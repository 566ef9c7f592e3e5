//! Objects live in namespaces that exist and are not going away.
//!
//! Go: apiserver/pkg/admission/plugin/namespace/lifecycle/admission.go

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use apimachinery::{
    api::errors::{Cause, StatusError},
    runtime::schema::{GroupVersion, GroupVersionResource},
};
use apiserver::{
    admission::{
        attributes::{Attributes, Operation},
        errors,
        initializer::Initializers,
        interfaces::{Interface, MutationInterface},
    },
    request::context::Context,
};
use client::{cache::informer::SharedInformer, rest::Client};
use parking_lot::Mutex;
use phase::{
    BoxFuture,
    clock::{Clock, Nanos},
};

/// The plugin's name.
pub const NAME: &str = "NamespaceLifecycle";

/// Namespaces that may not be deleted.
const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

/// For so long after a namespace's deletion a copy that still shows it alive is not believed.
const FORCE_LIVE_LOOKUP_TTL: Duration = Duration::from_secs(30);

/// Go: apiserver/pkg/admission/plugin/namespace/lifecycle/admission.go Lifecycle
struct Lifecycle {
    namespaces: Arc<SharedInformer>,
    client: Client,
    clock: Arc<dyn Clock>,
    /// Until when a namespace is looked up live, by name. Written when one is deleted; swept at the same time.
    deleted: Mutex<BTreeMap<String, Nanos>>,
}

/// Returns the resource of namespaces.
pub(super) fn namespaces() -> GroupVersionResource {
    GroupVersion::new("", "v1").with_resource("namespaces")
}

/// Makes the plugin.
pub fn new(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    Ok(Arc::new(Lifecycle {
        namespaces: initializers.informers.informer(&namespaces()),
        client: initializers.client.clone(),
        clock: initializers.clock.clone(),
        deleted: Mutex::default(),
    }))
}

impl Interface for Lifecycle {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handles(&self, operation: Operation) -> bool {
        operation != Operation::Connect
    }

    fn mutation(&self) -> Option<&dyn MutationInterface> {
        Some(self)
    }
}

impl MutationInterface for Lifecycle {
    fn admit<'a>(&'a self, _cx: &'a Context, attributes: &'a mut Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(self.check(attributes))
    }
}

impl Lifecycle {
    /// Go: apiserver/pkg/admission/plugin/namespace/lifecycle/admission.go Admit
    async fn check(&self, attributes: &Attributes) -> Result<(), StatusError> {
        let delete = attributes.operation == Operation::Delete;
        if attributes.kind.group.is_empty() && attributes.kind.kind == "Namespace" {
            if delete && IMMORTAL.contains(&attributes.name.as_str()) {
                let resource = attributes.resource.group_resource();
                return Err(StatusError::new_forbidden(
                    &resource,
                    &attributes.name,
                    "this namespace may not be deleted",
                ));
            }
            if delete {
                self.remember_deletion(&attributes.name);
            }
            return Ok(());
        }
        let review = attributes.is("authorization.k8s.io", "localsubjectaccessreviews", "");
        if attributes.namespace.is_empty() || delete || review {
            return Ok(());
        }
        errors::wait_for_ready(attributes, &[&self.namespaces]).await?;
        let terminating = self.is_terminating(&attributes.namespace).await?;
        if terminating && attributes.operation == Operation::Create {
            return Err(being_terminated(attributes));
        }
        Ok(())
    }

    /// Says whether a namespace is going away; fails if it is not there.
    async fn is_terminating(&self, name: &str) -> Result<bool, StatusError> {
        if let Some(namespace) = self.namespaces.store().get("", name) {
            let terminating = namespace.str(&["status", "phase"]) == "Terminating";
            if terminating || !self.was_just_deleted(name) {
                return Ok(terminating);
            }
        }
        // The copy may lag behind a namespace that was made, or deleted, a moment ago.
        match self.client.resource(&namespaces()).get(name).await {
            Ok(namespace) => Ok(namespace.str(&["status", "phase"]) == "Terminating"),
            Err(error) if error.is_not_found() => Err(error.into()),
            Err(error) => Err(StatusError::new_internal_error(error)),
        }
    }

    fn remember_deletion(&self, name: &str) {
        let now = self.clock.now();
        let mut deleted = self.deleted.lock();
        deleted.retain(|_, until| *until > now);
        deleted.insert(name.to_owned(), now + FORCE_LIVE_LOOKUP_TTL.as_nanos() as Nanos);
    }

    fn was_just_deleted(&self, name: &str) -> bool {
        self.deleted.lock().get(name).is_some_and(|until| *until > self.clock.now())
    }
}

/// Returns the refusal, whose cause tells controllers not to try again.
fn being_terminated(attributes: &Attributes) -> StatusError {
    let namespace = &attributes.namespace;
    let reason = format!("unable to create new content in namespace {namespace} because it is being terminated");
    let mut error = errors::forbidden(attributes, reason);
    if let Some(details) = &mut error.details {
        details.causes.push(Cause {
            reason: "NamespaceTerminating".to_owned(),
            message: format!("namespace {namespace} is being terminated"),
            field: "metadata.namespace".to_owned(),
        });
    }
    error
}
