//! Claims, volumes and volume attribute classes do not vanish while they are used.
//!
//! Go: plugin/pkg/admission/storage/storageobjectinuseprotection/admission.go

use std::sync::Arc;

use apimachinery::api::errors::StatusError;
use apiserver::admission::{
    attributes::{Attributes, Operation},
    initializer::Initializers,
    interfaces::Interface,
};

use crate::admission::plain::Plain;

/// The plugin's name.
pub const NAME: &str = "StorageObjectInUseProtection";

/// Makes the plugin.
pub fn new(_initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    Ok(Plain { name: NAME, operations: &[Operation::Create], admit: Some(admit), validate: None }.shared())
}

/// Adds the finalizer that a controller removes once nobody uses the object.
fn admit(attributes: &mut Attributes) -> Result<(), StatusError> {
    let finalizer = match (attributes.resource.group.as_str(), attributes.resource.resource.as_str()) {
        ("", "persistentvolumeclaims") => "kubernetes.io/pvc-protection",
        ("", "persistentvolumes") => "kubernetes.io/pv-protection",
        ("storage.k8s.io", "volumeattributesclasses") => "kubernetes.io/vac-protection",
        _ => return Ok(()),
    };
    if attributes.subresource.is_empty()
        && let Some(object) = &mut attributes.object
    {
        let mut finalizers: Vec<String> = object.finalizers().into_iter().map(str::to_owned).collect();
        if !finalizers.iter().any(|known| known == finalizer) {
            finalizers.push(finalizer.to_owned());
            object.set(&["metadata", "finalizers"], finalizers);
        }
    }
    Ok(())
}
