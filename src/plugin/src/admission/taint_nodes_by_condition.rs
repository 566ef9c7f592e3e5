//! A new node takes no pods before it is ready.
//!
//! Go: plugin/pkg/admission/nodetaint/admission.go

use std::sync::Arc;

use apimachinery::api::errors::StatusError;
use apiserver::{
    admission::{
        attributes::{Attributes, Operation},
        initializer::Initializers,
        interfaces::{Interface, MutationInterface},
    },
    request::context::Context,
};
use phase::BoxFuture;
use serde_json::{Value, json};

/// The plugin's name.
pub const NAME: &str = "TaintNodesByCondition";

/// Key of the taint. The node lifecycle controller removes it.
const NOT_READY: &str = "node.kubernetes.io/not-ready";

/// Go: plugin/pkg/admission/nodetaint/admission.go Plugin
struct TaintNodesByCondition;

/// Makes the plugin.
pub fn new(_initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    Ok(Arc::new(TaintNodesByCondition))
}

impl Interface for TaintNodesByCondition {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handles(&self, operation: Operation) -> bool {
        operation == Operation::Create
    }

    fn mutation(&self) -> Option<&dyn MutationInterface> {
        Some(self)
    }
}

impl MutationInterface for TaintNodesByCondition {
    fn admit<'a>(&'a self, _cx: &'a Context, attributes: &'a mut Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
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
        Box::pin(async { Ok(()) })
    }
}
