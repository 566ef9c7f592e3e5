//! Pods stay for a while on a node that is not ready or not reachable, and are then evicted.
//!
//! Go: plugin/pkg/admission/defaulttolerationseconds/admission.go

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
pub const NAME: &str = "DefaultTolerationSeconds";

/// Go: plugin/pkg/admission/defaulttolerationseconds/admission.go Plugin
struct DefaultTolerationSeconds {
    /// The taints with the seconds for which they are tolerated.
    taints: [(&'static str, i64); 2],
}

/// Makes the plugin.
pub fn new(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    Ok(Arc::new(DefaultTolerationSeconds {
        taints: [
            ("node.kubernetes.io/not-ready", initializers.default_not_ready_toleration_seconds),
            ("node.kubernetes.io/unreachable", initializers.default_unreachable_toleration_seconds),
        ],
    }))
}

impl Interface for DefaultTolerationSeconds {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handles(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    fn mutation(&self) -> Option<&dyn MutationInterface> {
        Some(self)
    }
}

impl MutationInterface for DefaultTolerationSeconds {
    fn admit<'a>(&'a self, _cx: &'a Context, attributes: &'a mut Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        if attributes.is("", "pods", "")
            && let Some(pod) = &mut attributes.object
        {
            let tolerations = pod.get(&["spec", "tolerations"]).and_then(Value::as_array);
            let mut tolerations = tolerations.cloned().unwrap_or_default();
            let before = tolerations.len();
            for (key, seconds) in self.taints {
                if !tolerations.iter().any(|toleration| tolerates(toleration, key)) {
                    tolerations.push(
                        json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}),
                    );
                }
            }
            if tolerations.len() > before {
                pod.set(&["spec", "tolerations"], tolerations);
            }
        }
        Box::pin(async { Ok(()) })
    }
}

/// Says whether a toleration speaks of the `NoExecute` taint `key`; an empty key or effect speaks of all.
fn tolerates(toleration: &Value, key: &str) -> bool {
    let field = |name: &str| toleration[name].as_str().unwrap_or_default();
    ["", key].contains(&field("key")) && ["", "NoExecute"].contains(&field("effect"))
}
