//! The labels of field selectors: which fields of a kind a list may be selected by.
//!
//! A kind that says nothing has name and namespace. The others refuse in words of their own what they do not know.
//!
//! Go: pkg/apis/*/v1/conversion.go AddFieldLabelConversionsFor*, apimachinery/pkg/runtime/conversion.go

use apimachinery::runtime::{object::Object, schema::GroupVersionKind};

use crate::rules;

/// Translates a label that clients of a kind use into that of the version it is stored in; `None` for a kind without
/// particular labels, the refusal for a label that it does not have.
pub fn convert(kind: &GroupVersionKind, label: &str) -> Option<Result<String, String>> {
    let known: Vec<&str> = (rules::of(kind).fields)(&Object::default()).into_iter().map(|(name, _)| name).collect();
    if known.is_empty() {
        return None;
    }
    let of_metadata = match label {
        "metadata.name" => true,
        "metadata.namespace" => !matches!(kind.kind.as_str(), "Node" | "Namespace" | "CertificateSigningRequest"),
        _ => false,
    };
    Some(match (kind.kind.as_str(), label) {
        // The older name of the field.
        ("Pod", "spec.host") => Ok("spec.nodeName".to_owned()),
        // Accepted, although no pod has a value for it.
        ("Pod", "status.podIPs") => Ok(label.to_owned()),
        ("Event", _) if kind.group == "events.k8s.io" && known.contains(&label) => Ok(core_event(label)),
        _ if of_metadata || known.contains(&label) => Ok(label.to_owned()),
        ("Job", _) => Err(format!("field label {label:?} not supported for Job")),
        ("ResourceSlice", _) => Err(format!("field label not supported for {kind}: {label}")),
        _ => Err(format!("field label not supported: {label}")),
    })
}

/// Names a field of an event of the newer group as the core group does, in whose version events are stored.
fn core_event(label: &str) -> String {
    match label.strip_prefix("regarding.") {
        Some(field) => format!("involvedObject.{field}"),
        None if label == "reportingController" => "reportingComponent".to_owned(),
        None => label.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_labels_of_their_own() {
        let convert = |group: &str, kind: &str, label: &str| convert(&GroupVersionKind::new(group, "v1", kind), label);
        assert_eq!(convert("", "ConfigMap", "data"), None);
        assert_eq!(convert("", "Pod", "spec.host"), Some(Ok("spec.nodeName".to_owned())));
        assert_eq!(
            convert("", "Pod", "spec.priority"),
            Some(Err("field label not supported: spec.priority".to_owned()))
        );
        let involved = Some(Ok("involvedObject.kind".to_owned()));
        assert_eq!(convert("events.k8s.io", "Event", "regarding.kind"), involved);
        let refused = Some(Err("field label not supported: involvedObject.kind".to_owned()));
        assert_eq!(convert("events.k8s.io", "Event", "involvedObject.kind"), refused);
        let refused = Some(Err("field label \"spec.x\" not supported for Job".to_owned()));
        assert_eq!(convert("batch", "Job", "spec.x"), refused);
    }
}
