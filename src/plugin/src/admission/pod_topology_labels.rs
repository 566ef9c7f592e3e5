//! A pod bears the zone and region of the node it is bound to.
//!
//! Go: plugin/pkg/admission/podtopologylabels/admission.go

use std::sync::Arc;

use apimachinery::{api::errors::StatusError, runtime::schema::GroupVersion};
use apiserver::{
    admission::{
        attributes::{Attributes, Operation},
        errors,
        initializer::Initializers,
        interfaces::{Interface, MutationInterface},
    },
    request::context::Context,
};
use client::cache::informer::SharedInformer;
use phase::BoxFuture;

/// The plugin's name.
pub const NAME: &str = "PodTopologyLabels";

/// The labels that are copied.
const LABELS: [&str; 2] = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];

struct PodTopologyLabels {
    nodes: Arc<SharedInformer>,
}

/// Makes the plugin.
pub fn new(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    let nodes = GroupVersion::new("", "v1").with_resource("nodes");
    Ok(Arc::new(PodTopologyLabels { nodes: initializers.informers.informer(&nodes) }))
}

impl Interface for PodTopologyLabels {
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

impl MutationInterface for PodTopologyLabels {
    /// Labels the Binding, from which the registry takes them over, or a pod that is made with its node.
    fn admit<'a>(&'a self, _cx: &'a Context, attributes: &'a mut Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let path: &[&str] = match attributes.subresource.as_str() {
                "binding" => &["target", "name"],
                "" => &["spec", "nodeName"],
                _ => return Ok(()),
            };
            if !attributes.is("", "pods", &attributes.subresource) {
                return Ok(());
            }
            let node = attributes.object.as_ref().map(|object| object.str(path)).unwrap_or_default().to_owned();
            if node.is_empty() {
                return Ok(());
            }
            errors::wait_for_ready(attributes, &[&self.nodes]).await?;
            // A node that is not there is no reason to refuse: that has always been allowed.
            let Some(node) = self.nodes.store().get("", &node) else { return Ok(()) };
            let labels = node.labels();
            if let Some(object) = &mut attributes.object {
                for label in LABELS {
                    if let Some(value) = labels.get(label) {
                        object.set(&["metadata", "labels", label], value.as_str());
                    }
                }
            }
            Ok(())
        })
    }
}
