//! Two plugins for namespaces that are not there: one makes them, the other refuses.
//!
//! Go: plugin/pkg/admission/namespace/{autoprovision,exists}/admission.go

use std::sync::Arc;

use apimachinery::{
    api::errors::StatusError,
    runtime::{object::Object, schema::GroupVersionKind},
};
use apiserver::{
    admission::{
        attributes::{Attributes, Operation},
        errors,
        initializer::Initializers,
        interfaces::{Interface, MutationInterface, ValidationInterface},
    },
    request::context::Context,
};
use client::{cache::informer::SharedInformer, rest::Client};
use phase::BoxFuture;

use crate::admission::namespace_lifecycle;

/// The plugin that makes them.
pub const AUTO_PROVISION: &str = "NamespaceAutoProvision";
/// The plugin that refuses.
pub const EXISTS: &str = "NamespaceExists";

struct AutoProvision(Namespaces);
struct Exists(Namespaces);

struct Namespaces {
    informer: Arc<SharedInformer>,
    client: Client,
}

impl Namespaces {
    fn new(initializers: &Initializers) -> Self {
        let informer = initializers.informers.informer(&namespace_lifecycle::namespaces());
        Self { informer, client: initializers.client.clone() }
    }

    /// Says whether the copy lacks the namespace of an object.
    async fn lacks(&self, attributes: &Attributes) -> Result<bool, StatusError> {
        let is_namespace = attributes.kind.group.is_empty() && attributes.kind.kind == "Namespace";
        if attributes.namespace.is_empty() || is_namespace {
            return Ok(false);
        }
        errors::wait_for_ready(attributes, &[&self.informer]).await?;
        Ok(self.informer.store().get("", &attributes.namespace).is_none())
    }
}

/// Makes NamespaceAutoProvision.
pub fn new_auto_provision(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    Ok(Arc::new(AutoProvision(Namespaces::new(initializers))))
}

/// Makes NamespaceExists.
pub fn new_exists(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    Ok(Arc::new(Exists(Namespaces::new(initializers))))
}

impl Interface for AutoProvision {
    fn name(&self) -> &'static str {
        AUTO_PROVISION
    }

    fn handles(&self, operation: Operation) -> bool {
        operation == Operation::Create
    }

    fn mutation(&self) -> Option<&dyn MutationInterface> {
        Some(self)
    }
}

impl MutationInterface for AutoProvision {
    fn admit<'a>(&'a self, _cx: &'a Context, attributes: &'a mut Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            if attributes.dry_run || !self.0.lacks(attributes).await? {
                return Ok(());
            }
            let mut namespace = Object::new(&GroupVersionKind::new("", "v1", "Namespace"));
            namespace.set(&["metadata", "name"], attributes.namespace.as_str());
            match self.0.client.resource(&namespace_lifecycle::namespaces()).create(&namespace).await {
                Err(error) if !error.is_already_exists() => Err(errors::forbidden(attributes, error)),
                _ => Ok(()),
            }
        })
    }
}

impl Interface for Exists {
    fn name(&self) -> &'static str {
        EXISTS
    }

    fn handles(&self, operation: Operation) -> bool {
        operation != Operation::Connect
    }

    fn validation(&self) -> Option<&dyn ValidationInterface> {
        Some(self)
    }
}

impl ValidationInterface for Exists {
    fn validate<'a>(&'a self, _cx: &'a Context, attributes: &'a Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            if self.0.lacks(attributes).await? {
                let namespaces = self.0.client.resource(&namespace_lifecycle::namespaces());
                namespaces.get(&attributes.namespace).await?;
            }
            Ok(())
        })
    }
}
