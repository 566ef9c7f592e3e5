//! Condition `KubernetesAPIApprovalPolicyConformant`: groups of Kubernetes itself name the review that approved them.
//!
//! Go: apiextensions-apiserver/pkg/controller/apiapproval/apiapproval_controller.go, pkg/apihelpers/helpers.go

use std::sync::Arc;

use apimachinery::{
    meta::conditions::{Condition, Status},
    runtime::object::Object,
    util::strconv::quote,
};
use tokio_util::sync::CancellationToken;

use crate::controller::{
    Tools,
    queue::{self, WorkQueue},
};

/// The condition.
const CONFORMANT: &str = "KubernetesAPIApprovalPolicyConformant";
/// The annotation that names the review. Go: KubeAPIApprovedAnnotation
const ANNOTATION: &str = "api-approved.kubernetes.io";

/// Runs the controller.
///
/// Go: KubernetesAPIApprovalPolicyConformantConditionController
pub async fn run(tools: Tools, queue: Arc<WorkQueue>, stop: CancellationToken) {
    let tools = &tools;
    queue::run("api approval", queue, stop, |name| async move { sync(tools, &name).await }).await;
}

async fn sync(tools: &Tools, name: &str) -> Result<(), String> {
    let Some(object) = tools.definitions.get("", name) else { return Ok(()) };
    if !is_protected(object.str(&["spec", "group"])) {
        return Ok(());
    }
    let annotations = object.annotations();
    let (status, reason, message) = judge(annotations.get(ANNOTATION).map(String::as_str));
    let mut changed = Object::clone(&object);
    tools.set_condition(&mut changed, Condition { kind: CONFORMANT, status, reason, message: &message });
    if changed == *object {
        return Ok(());
    }
    tools.update_status(&changed).await.map(drop).map_err(|error| error.to_string())
}

/// Says whether a group belongs to Kubernetes.
///
/// Go: IsProtectedCommunityGroup
fn is_protected(group: &str) -> bool {
    ["k8s.io", "kubernetes.io"]
        .into_iter()
        .any(|domain| group.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// Go: GetAPIApprovalState, calculateCondition
fn judge(annotation: Option<&str>) -> (Status, &'static str, String) {
    let link = "see https://github.com/kubernetes/enhancements/pull/1111";
    match annotation {
        None | Some("") => (
            Status::False,
            "MissingAnnotation",
            format!("protected groups must have approval annotation {}, {link}", quote(ANNOTATION)),
        ),
        Some(text) if text.starts_with("unapproved") => {
            (Status::False, "UnapprovedAnnotation", format!("not approved: {}", quote(text)))
        }
        Some(text) if is_url(text) => (Status::True, "ApprovedAnnotation", format!("approved in {text}")),
        Some(_) => (
            Status::False,
            "InvalidAnnotation",
            format!(
                "protected groups must have approval annotation {} with either a URL or a reason starting with \
                 \"unapproved\", {link}",
                quote(ANNOTATION)
            ),
        ),
    }
}

fn is_url(text: &str) -> bool {
    text.split_once("://")
        .is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty() && !rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_kubernetes_need_a_review() {
        assert!(is_protected("k8s.io") && is_protected("a.k8s.io") && !is_protected("notk8s.io"));
        assert_eq!(judge(Some("https://github.com/kubernetes/kubernetes/pull/1")).1, "ApprovedAnnotation");
        assert_eq!(judge(Some("unapproved, experimental")).1, "UnapprovedAnnotation");
        assert_eq!((judge(None).1, judge(Some("no")).1), ("MissingAnnotation", "InvalidAnnotation"));
    }
}
