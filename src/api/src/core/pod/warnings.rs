//! What the author of a pod, or of a template, should know.
//!
//! Go: pkg/api/pod/warnings.go

use apimachinery::runtime::object::Object;

use crate::node::Node;

/// Go: GetWarningsForPod
pub(super) fn of_pod(object: &Object) -> Vec<String> {
    of_spec(&Node::of(object, "metadata"), &Node::of(object, "spec"))
}

pub(super) fn of_pod_update(object: &Object, old: &Object) -> Vec<String> {
    // Only a change of the spec, which the generation tells, warns again.
    if object.generation() == old.generation() { Vec::new() } else { of_pod(object) }
}

/// The warnings about `spec.template`. Go: GetWarningsForPodTemplate
pub fn of_workload(object: &Object) -> Vec<String> {
    of_template_at(object, "spec.template")
}

/// The same of a change.
pub fn of_workload_update(object: &Object, old: &Object) -> Vec<String> {
    if object.generation() == old.generation() { Vec::new() } else { of_workload(object) }
}

/// The warnings about a template somewhere in an object.
pub fn of_template_at(object: &Object, names: &str) -> Vec<String> {
    let template = Node::of(object, names);
    of_spec(&template.child("metadata"), &template.child("spec"))
}

/// Go: warningsForPodSpecAndMeta
fn of_spec(_: &Node<'_>, _: &Node<'_>) -> Vec<String> {
    Vec::new()
}
