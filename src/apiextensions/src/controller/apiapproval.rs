//! Condition `KubernetesAPIApprovalPolicyConformant`: groups of Kubernetes itself name the review that approved them.
//!
//! Go: apiextensions-apiserver/pkg/controller/apiapproval/apiapproval_controller.go, pkg/apihelpers/helpers.go

use std::sync::Arc;

use apimachinery::{
    meta::conditions::{Condition, Status},
    runtime::object::Object,
};
use tokio_util::sync::CancellationToken;

use crate::{
    controller::{
        Tools,
        queue::{self, WorkQueue},
    },
    validation::approval::{self, Approval},
};

/// The condition.
const CONFORMANT: &str = "KubernetesAPIApprovalPolicyConformant";

/// Runs the controller.
///
/// Go: KubernetesAPIApprovalPolicyConformantConditionController
pub async fn run(tools: Tools, queue: Arc<WorkQueue>, stop: CancellationToken) {
    let tools = &tools;
    queue::run("api approval", queue, stop, |name| async move { sync(tools, &name).await }).await;
}

async fn sync(tools: &Tools, name: &str) -> Result<(), String> {
    let Some(object) = tools.definitions.get("", name) else { return Ok(()) };
    if !approval::is_protected(object.str(&["spec", "group"])) {
        return Ok(());
    }
    let annotation = object.str(&["metadata", "annotations", approval::ANNOTATION]).to_owned();
    let (status, reason, message) = judge(&annotation);
    let mut changed = Object::clone(&object);
    tools.set_condition(&mut changed, Condition { kind: CONFORMANT, status, reason, message: &message });
    if changed == *object {
        return Ok(());
    }
    tools.update_status(&changed).await.map(drop).map_err(|error| error.to_string())
}

/// Go: calculateCondition
fn judge(annotation: &str) -> (Status, &'static str, String) {
    let (approval, message) = approval::state(annotation);
    let (status, reason) = match approval {
        Approval::Approved => (Status::True, "ApprovedAnnotation"),
        Approval::Missing => (Status::False, "MissingAnnotation"),
        Approval::Bypassed => (Status::False, "UnapprovedAnnotation"),
        Approval::Invalid => (Status::False, "InvalidAnnotation"),
    };
    (status, reason, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_kubernetes_need_a_review() {
        assert_eq!(judge("https://github.com/kubernetes/kubernetes/pull/1").1, "ApprovedAnnotation");
        assert_eq!(judge("unapproved, experimental").1, "UnapprovedAnnotation");
        assert_eq!((judge("").1, judge("no").1), ("MissingAnnotation", "InvalidAnnotation"));
    }
}
