//! The authorization group: questions about permissions. Nothing of it is stored.
//!
//! Go: pkg/apis/authorization/validation/validation.go

use apimachinery::{
    runtime::object::Object,
    validation::field::{BadValue, Error, ErrorList},
};

use crate::{
    node::Node,
    validation::{go_struct, qualified_name},
};

/// Which of the three questions about one permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessReview {
    /// SubjectAccessReview: about anybody, anywhere.
    Subject,
    /// LocalSubjectAccessReview: about anybody, in one namespace.
    Local,
    /// SelfSubjectAccessReview: about the one who asks.
    Oneself,
}

/// Checks a question.
///
/// Go: ValidateSubjectAccessReview, ValidateLocalSubjectAccessReview, ValidateSelfSubjectAccessReview
pub fn validate(review: AccessReview, object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(object, "spec");
    let (resource, path) = (spec.child("resourceAttributes"), spec.child("nonResourceAttributes"));
    let shown = || go_struct(path.value, "Path Verb");
    if resource.is_set() && path.is_set() {
        let detail = "cannot be specified in combination with resourceAttributes";
        errors.push(Error::invalid(&path.path, shown(), detail));
    }
    if !resource.is_set() && !path.is_set() {
        let detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        errors.push(Error::invalid(&resource.path, shown(), detail));
    }
    if review != AccessReview::Oneself && spec.text("user").is_empty() && spec.len("groups") == 0 {
        errors.push(spec.child("user").or_empty().invalid("at least one of user or group must be specified"));
    }
    validate_selectors(&mut errors, &resource);
    validate_metadata(&mut errors, review, object);
    if review == AccessReview::Local {
        let namespace = resource.child("namespace").or_empty();
        if resource.is_set() && namespace.as_str() != object.namespace() {
            errors.push(namespace.invalid("must match metadata.namespace"));
        }
        if path.is_set() {
            errors.push(Error::invalid(&path.path, shown(), "disallowed on this kind of request"));
        }
    }
    errors
}

/// A question has no name: it is not kept.
fn validate_metadata(errors: &mut ErrorList, review: AccessReview, object: &Object) {
    let metadata = Node::of(object, "metadata");
    let mut meaning = metadata.value.cloned().unwrap_or_default();
    if let Some(fields) = meaning.as_object_mut() {
        fields.remove("managedFields");
        if review == AccessReview::Local {
            fields.remove("namespace");
        }
        fields.retain(|_, value| !value.is_null() && value.as_str() != Some(""));
    }
    if meaning.as_object().is_some_and(|fields| !fields.is_empty()) {
        let detail = if review == AccessReview::Local { "must be empty except for namespace" } else { "must be empty" };
        errors.push(Error::invalid(&metadata.path, BadValue::Text(go_metadata(&metadata)), detail));
    }
}

/// The fields of metadata, and of an entry of its managed fields, in the order in which Go writes them.
const METADATA: [&str; 15] = [
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
];
const MANAGED: [&str; 7] = ["manager", "operation", "apiVersion", "time", "fieldsType", "fieldsV1", "subresource"];

/// Writes metadata as Go does; what is empty is left out.
fn go_metadata(metadata: &Node<'_>) -> String {
    let parts = METADATA.iter().filter(|field| metadata.has(field)).map(|field| match *field {
        "managedFields" => {
            let entries: Vec<String> = metadata.items(field).iter().map(|entry| ordered(entry, &MANAGED)).collect();
            format!("\"managedFields\":[{}]", entries.join(","))
        }
        field => format!("\"{field}\":{}", metadata.get(field).map_or_else(String::new, ToString::to_string)),
    });
    format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
}

fn ordered(node: &Node<'_>, fields: &[&str]) -> String {
    let there = fields.iter().filter_map(|field| Some(format!("\"{field}\":{}", node.get(field)?)));
    format!("{{{}}}", there.collect::<Vec<_>>().join(","))
}

/// Go: validateFieldSelectorAttributes, validateLabelSelectorAttributes
fn validate_selectors(errors: &mut ErrorList, attributes: &Node<'_>) {
    for name in ["fieldSelector", "labelSelector"] {
        let selector = attributes.child(name);
        if !selector.is_set() {
            continue;
        }
        let raw = selector.child("rawSelector");
        match (raw.as_str().is_empty(), selector.len("requirements") == 0) {
            (false, false) => errors.push(raw.invalid("may not specified at the same time as requirements")),
            (true, true) => {
                let detail = format!("when {} is specified, requirements or rawSelector is required", selector.path);
                errors.push(selector.child("requirements").required(detail));
            }
            _ => {}
        }
        for requirement in selector.items("requirements") {
            let key = requirement.child("key").or_empty();
            if name == "labelSelector" {
                qualified_name(errors, &key);
            } else if key.as_str().is_empty() {
                errors.push(key.required("must be specified"));
            }
            validate_values(errors, &requirement);
        }
    }
}

/// An operator that is not known may be one that a newer client knows: an authorizer will say what it makes of it.
fn validate_values(errors: &mut ErrorList, requirement: &Node<'_>) {
    let values = requirement.child("values");
    match (requirement.text("operator"), requirement.len("values") > 0) {
        ("In" | "NotIn", false) => {
            errors.push(values.required("must be specified when `operator` is 'In' or 'NotIn'"));
        }
        ("Exists" | "DoesNotExist", true) => {
            errors.push(values.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn faults(review: AccessReview, spec: Value, metadata: Value) -> String {
        let object = Object::from_value(json!({"metadata": metadata, "spec": spec})).expect("an object");
        validate(review, &object).to_string()
    }

    #[test]
    fn a_question_names_one_thing_and_somebody() {
        let spec = json!({"resourceAttributes": {"verb": "get"}, "user": "ann"});
        assert_eq!(faults(AccessReview::Subject, spec.clone(), json!({})), "");
        let named = json!({"uid": "1", "name": "x"});
        assert_eq!(
            faults(AccessReview::Subject, spec.clone(), named),
            r#"metadata: Invalid value: {"name":"x","uid":"1"}: must be empty"#
        );
        assert_eq!(
            faults(AccessReview::Local, spec, json!({"namespace": "n"})),
            "spec.resourceAttributes.namespace: Invalid value: \"\": must match metadata.namespace"
        );
        let nobody = json!({"nonResourceAttributes": {"path": "/", "verb": "get"}});
        assert_eq!(faults(AccessReview::Oneself, nobody, json!({})), "");
    }
}
