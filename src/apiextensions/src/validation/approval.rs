//! Groups of the Kubernetes community need an approval, as a URL, or an admission that there is none.
//!
//! Go: apiextensions-apiserver/pkg/apihelpers/helpers.go

use apimachinery::{
    runtime::object::Object,
    util::url,
    validation::field::{Error, ErrorList, Path},
};

/// The annotation with the URL of the approval.
pub const ANNOTATION: &str = "api-approved.kubernetes.io";
const PULL: &str = "see https://github.com/kubernetes/enhancements/pull/1111";

/// What the annotation says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// Neither a URL nor an admission.
    Invalid,
    /// A URL.
    Approved,
    /// An admission.
    Bypassed,
    /// Nothing.
    Missing,
}

/// Returns what the annotation says and a sentence about it, which the condition `KubernetesAPIApprovalPolicyConformant`
/// repeats. Go: GetAPIApprovalState
pub fn state(annotation: &str) -> (Approval, String) {
    let has_host = || {
        let parsed = url::parse_request_uri(annotation);
        parsed.is_ok_and(|url| !url.host.is_empty() && !url.scheme.is_empty())
    };
    let wanted = format!("protected groups must have approval annotation \"{ANNOTATION}\"");
    if annotation.is_empty() {
        (Approval::Missing, format!("{wanted}, {PULL}"))
    } else if annotation.starts_with("unapproved") {
        (Approval::Bypassed, format!("not approved: {}", apimachinery::util::strconv::quote(annotation)))
    } else if has_host() {
        (Approval::Approved, format!("approved in {annotation}"))
    } else {
        (Approval::Invalid, format!("{wanted} with either a URL or a reason starting with \"unapproved\", {PULL}"))
    }
}

/// Says whether a group belongs to the community. Go: IsProtectedCommunityGroup
pub fn is_protected(group: &str) -> bool {
    ["k8s.io", "kubernetes.io"]
        .iter()
        .any(|domain| group.strip_suffix(domain).is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('.')))
}

/// Refuses a definition of a protected group without an approval, unless it had none before.
pub fn validate(errors: &mut ErrorList, definition: &Object, old: Option<&Object>) {
    if !is_protected(definition.str(&["spec", "group"])) {
        return;
    }
    let annotation = |object: &Object| object.str(&["metadata", "annotations", ANNOTATION]).to_owned();
    let given = annotation(definition);
    let (approval, reason) = state(&given);
    if old.is_some_and(|old| state(&annotation(old)).0 == approval) {
        return;
    }
    let path = Path::new("metadata").child("annotations").key(ANNOTATION);
    match approval {
        Approval::Missing => errors.push(Error::required(&path, reason)),
        Approval::Invalid => errors.push(Error::invalid(&path, given, reason)),
        Approval::Approved | Approval::Bypassed => {}
    }
}
