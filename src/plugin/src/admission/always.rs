//! The plugins that say always the same, and those that have nothing to say with the default feature gates.
//!
//! Go: plugin/pkg/admission/{admit,deny}/admission.go

use std::sync::Arc;

use apimachinery::api::errors::StatusError;
use apiserver::admission::{
    attributes::{Attributes, Operation},
    errors,
    initializer::Initializers,
    interfaces::Interface,
};

use crate::admission::plain::Plain;

/// The plugin that lets everything pass.
pub const ADMIT: &str = "AlwaysAdmit";
/// The plugin that lets nothing pass.
pub const DENY: &str = "AlwaysDeny";

/// All operations.
const EVERYTHING: &[Operation] = &[Operation::Create, Operation::Update, Operation::Delete, Operation::Connect];

/// Makes AlwaysAdmit.
pub fn new_admit(_initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    Ok(silent(ADMIT))
}

/// Makes AlwaysDeny.
pub fn new_deny(_initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    let deny = |attributes: &Attributes| -> Result<(), StatusError> {
        Err(errors::forbidden(attributes, "admission control is denying all modifications"))
    };
    Ok(Plain { name: DENY, operations: EVERYTHING, admit: None, validate: Some(deny) }.shared())
}

/// Returns a plugin that is asked about nothing.
///
/// PodGroupProtection, PodGroupWorkloadExists and JobValidation belong to features that are off by default, and are
/// silent then in kube-apiserver too.
///
/// Simplified: NodeDeclaredFeatureValidator and PodResizeValidator do not look at nodes and resizes.
pub(super) fn silent(name: &'static str) -> Arc<dyn Interface> {
    Plain { name, operations: &[], admit: None, validate: None }.shared()
}
