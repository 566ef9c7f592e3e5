//! What the author of a pod, or of a template, should know.
//!
//! Go: pkg/api/pod/warnings.go

use apimachinery::runtime::object::Object;

use crate::node::Node;

/// Go: GetWarningsForPod
pub(super) fn of_pod(object: &Object) -> Vec<String> {
    of_template(&Node::root(&serde_json::Value::Null), &Node::of(object, "metadata"), &Node::of(object, "spec"))
}

pub(super) fn of_pod_update(object: &Object, old: &Object) -> Vec<String> {
    // Only a change of the spec, which its generation tells, warns again.
    if object.generation() == old.generation() {
        return Vec::new();
    }
    of_pod(object)
}

/// Go: warningsForPodSpecAndMeta
pub fn of_template(_: &Node<'_>, _meta: &Node<'_>, _spec: &Node<'_>) -> Vec<String> {
    Vec::new()
}
