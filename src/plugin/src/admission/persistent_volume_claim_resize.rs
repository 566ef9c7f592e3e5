//! Only claims whose storage class allows it may grow.
//!
//! Go: plugin/pkg/admission/storage/persistentvolume/resize/admission.go

use std::sync::Arc;

use apimachinery::{
    api::errors::StatusError,
    runtime::{object::Object, schema::GroupVersion},
};
use apiserver::{
    admission::{
        attributes::{Attributes, Operation},
        errors,
        initializer::Initializers,
        interfaces::{Interface, ValidationInterface},
    },
    request::context::Context,
};
use client::cache::informer::SharedInformer;
use phase::BoxFuture;
use serde_json::Value;

use crate::admission::pod_resources;

/// The plugin's name.
pub const NAME: &str = "PersistentVolumeClaimResize";

struct PersistentVolumeClaimResize {
    classes: Arc<SharedInformer>,
}

/// Makes the plugin.
pub fn new(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    let classes = GroupVersion::new("storage.k8s.io", "v1").with_resource("storageclasses");
    Ok(Arc::new(PersistentVolumeClaimResize { classes: initializers.informers.informer(&classes) }))
}

impl Interface for PersistentVolumeClaimResize {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handles(&self, operation: Operation) -> bool {
        operation == Operation::Update
    }

    fn validation(&self) -> Option<&dyn ValidationInterface> {
        Some(self)
    }
}

impl ValidationInterface for PersistentVolumeClaimResize {
    fn validate<'a>(&'a self, _cx: &'a Context, attributes: &'a Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let (Some(claim), Some(old)) = (&attributes.object, &attributes.old_object) else { return Ok(()) };
            if !attributes.is("", "persistentvolumeclaims", "") || size(claim) <= size(old) {
                return Ok(());
            }
            if old.str(&["status", "phase"]) != "Bound" {
                return Err(errors::forbidden(attributes, "Only bound persistent volume claims can be expanded"));
            }
            errors::wait_for_ready(attributes, &[&self.classes]).await?;
            if self.allows_resize(claim, old) {
                return Ok(());
            }
            let reason = "only dynamically provisioned pvc can be resized and \
                          the storageclass that provisions the pvc must support resize";
            Err(errors::forbidden(attributes, reason))
        })
    }
}

fn size(claim: &Object) -> Option<apimachinery::api::resource::Quantity> {
    claim.get(&["spec", "resources", "requests", "storage"]).and_then(pod_resources::quantity)
}

/// Returns the class of a claim, which older ones name in an annotation.
fn class_of(claim: &Object) -> &str {
    let annotation = claim.str(&["metadata", "annotations", "volume.beta.kubernetes.io/storage-class"]);
    if annotation.is_empty() { claim.str(&["spec", "storageClassName"]) } else { annotation }
}

impl PersistentVolumeClaimResize {
    fn allows_resize(&self, claim: &Object, old: &Object) -> bool {
        let class = class_of(claim);
        let class = Some(class).filter(|class| !class.is_empty() && *class == class_of(old));
        let class = class.and_then(|class| self.classes.store().get("", class));
        class.is_some_and(|class| class.get(&["allowVolumeExpansion"]).and_then(Value::as_bool) == Some(true))
    }
}
