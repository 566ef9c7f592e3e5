//! Webhooks and policies.
//!
//! Go: pkg/printers/internalversion/printers.go printValidatingWebhook, printValidatingAdmissionPolicy...

use std::time::Duration;

use apimachinery::runtime::object::Object;
use serde_json::{Value, json};

use super::{
    Printer,
    cells::{UNSET, age, spec},
};
use crate::node::Node;

const GROUP: &str = "admissionregistration.k8s.io";
const WEBHOOKS: Printer = Printer::new("Webhooks:integer Age", |object, now| {
    let count = object.get(&["webhooks"]).and_then(Value::as_array).map_or(0, Vec::len);
    vec![json!(count), age(object, now)]
});
const BINDING: Printer = Printer::new("PolicyName ParamRef Age", binding);

pub(super) const PRINTERS: &[(&str, &str, Printer)] = &[
    (GROUP, "MutatingWebhookConfiguration", WEBHOOKS),
    (GROUP, "ValidatingWebhookConfiguration", WEBHOOKS),
    (
        GROUP,
        "ValidatingAdmissionPolicy",
        Printer::new("Validations:integer ParamKind Age", |object, now| policy(object, now, "validations")),
    ),
    (
        GROUP,
        "MutatingAdmissionPolicy",
        Printer::new("Mutations:integer ParamKind Age", |object, now| policy(object, now, "mutations")),
    ),
    (GROUP, "ValidatingAdmissionPolicyBinding", BINDING),
    (GROUP, "MutatingAdmissionPolicyBinding", BINDING),
];

fn policy(object: &Object, now: Duration, list: &str) -> Vec<Value> {
    let spec = spec(object);
    let kind = spec.child("paramKind");
    let shown =
        if kind.is_set() { format!("{}/{}", kind.text("apiVersion"), kind.text("kind")) } else { UNSET.to_owned() };
    vec![json!(spec.len(list)), shown.into(), age(object, now)]
}

fn binding(object: &Object, now: Duration) -> Vec<Value> {
    let spec = spec(object);
    let reference = spec.child("paramRef");
    let shown = if !reference.is_set() {
        UNSET.to_owned()
    } else if reference.has("selector") {
        go_selector(&reference.child("selector"))
    } else {
        match (reference.text("namespace"), reference.text("name")) {
            ("", name) => format!("*/{name}"),
            (namespace, name) => format!("{namespace}/{name}"),
        }
    };
    vec![spec.text("policyName").into(), shown.into(), age(object, now)]
}

/// A label selector as the String method of its protobuf message writes it.
fn go_selector(selector: &Node<'_>) -> String {
    let labels: Vec<String> =
        selector.entries("matchLabels").iter().map(|(key, value)| format!("{key}: {},", value.as_str())).collect();
    let expressions: Vec<String> = selector
        .items("matchExpressions")
        .iter()
        .map(|requirement| {
            format!(
                "LabelSelectorRequirement{{Key:{},Operator:{},Values:[{}],}},",
                requirement.text("key"),
                requirement.text("operator"),
                requirement.texts("values").join(" ")
            )
        })
        .collect();
    let (labels, expressions) = (labels.concat(), expressions.concat());
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )
}
