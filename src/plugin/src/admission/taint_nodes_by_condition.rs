//! A new node takes no pods before it is ready.
//!
//! Go: plugin/pkg/admission/nodetaint/admission.go

use std::sync::Arc;

use apimachinery::api::errors::StatusError;
use apiserver::admission::{
    attributes::{Attributes, Operation},
    initializer::Initializers,
    interfaces::Interface,
};
use serde_json::{Value, json};

use crate::admission::plain::Plain;

/// The plugin's name.
pub const NAME: &str = "TaintNodesByCondition";

/// Key of the taint. The node lifecycle controller removes it.
const NOT_READY: &str = "node.kubernetes.io/not-ready";

/// Makes the plugin.
pub fn new(_initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    Ok(Plain { name: NAME, operations: &[Operation::Create], admit: Some(admit), validate: None }.shared())
}

fn admit(attributes: &mut Attributes) -> Result<(), StatusError> {
    if attributes.is("", "nodes", "")
        && let Some(node) = &mut attributes.object
    {
        let taints = node.get(&["spec", "taints"]).and_then(Value::as_array);
        let mut taints = taints.cloned().unwrap_or_default();
        if !taints.iter().any(|taint| taint["key"] == NOT_READY && taint["effect"] == "NoSchedule") {
            taints.push(json!({"key": NOT_READY, "effect": "NoSchedule"}));
            node.set(&["spec", "taints"], taints);
        }
    }
    Ok(())
}
