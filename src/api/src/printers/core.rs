//! The core group, without workloads and storage.
//!
//! Go: pkg/printers/internalversion/printers.go printNamespace, printSecret, printEvent...

use std::time::Duration;

use apimachinery::{meta::time, runtime::object::Object};
use serde_json::{Value, json};

use super::{
    Printer,
    cells::{UNKNOWN, age, between, name, since, status},
    node, pod,
};
use crate::node::Node;

const EVENT: Printer = Printer {
    columns: "Last_Seen Type Reason Object Subobject* Source* Message First_Seen* Count* Name*",
    name_first: false,
    cells: event,
};

pub(super) const PRINTERS: &[(&str, &str, Printer)] = &[
    ("", "Pod", Printer::new("Ready Status Restarts Age IP* Node* Nominated_Node* Readiness_Gates*", pod::cells)),
    (
        "",
        "Node",
        Printer::new(
            "Status Roles Age Version Internal-IP* External-IP* OS-Image* Kernel-Version* Container-Runtime*",
            node::cells,
        ),
    ),
    ("", "Event", EVENT),
    ("events.k8s.io", "Event", EVENT),
    (
        "",
        "Namespace",
        Printer::new("Status Age", |object, now| vec![status(object).text("phase").into(), age(object, now)]),
    ),
    (
        "",
        "Secret",
        Printer::new("Type Data Age", |object, now| {
            vec![object.str(&["type"]).into(), count(object, &["data"]), age(object, now)]
        }),
    ),
    (
        "",
        "ConfigMap",
        Printer::new("Data Age", |object, now| vec![count(object, &["data", "binaryData"]), age(object, now)]),
    ),
    ("", "ServiceAccount", Printer::new("Age", |object, now| vec![age(object, now)])),
    ("", "ResourceQuota", Printer::new("Request Limit Age", quota)),
    ("", "ComponentStatus", Printer::new("Status Message Error", component)),
];

fn count(object: &Object, fields: &[&str]) -> Value {
    let entries =
        fields.iter().map(|field| object.get(&[field]).and_then(Value::as_object).map_or(0, serde_json::Map::len));
    json!(entries.sum::<usize>())
}

fn component(object: &Object, _: Duration) -> Vec<Value> {
    let list = object.get(&["conditions"]).and_then(Value::as_array);
    let found = list.into_iter().flatten().find(|condition| condition["type"] == "Healthy");
    let text = |field: &str| found.and_then(|found| found[field].as_str()).unwrap_or_default().to_owned();
    let status = match text("status").as_str() {
        "True" => "Healthy",
        "False" => "Unhealthy",
        _ => "Unknown",
    };
    vec![status.into(), text("message").into(), text("error").into()]
}

fn quota(object: &Object, now: Duration) -> Vec<Value> {
    let (hard, used) = (status(object).child("hard"), status(object).child("used"));
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    for (resource, entry) in hard.entries_here() {
        let text = format!("{resource}: {}/{}", or_zero(used.key(resource).as_str()), entry.as_str());
        if resource.starts_with("limits.") { limits.push(text) } else { requests.push(text) }
    }
    vec![requests.join(", ").into(), limits.join(", ").into(), age(object, now)]
}

fn or_zero(text: &str) -> &str {
    if text.is_empty() { "0" } else { text }
}

/// Events of both versions: this one sees the stored form.
fn event(object: &Object, now: Duration) -> Vec<Value> {
    let text = |path: &[&str]| object.str(path);
    let first_seen = match (text(&["firstTimestamp"]), text(&["eventTime"])) {
        ("", "") => UNKNOWN.to_owned(),
        ("", at) => since(at, now),
        (at, _) => since(at, now),
    };
    let series = Node::of(object, "series");
    let last_seen = if series.is_set() {
        since(series.text("lastObservedTime"), now)
    } else {
        match time::parse(text(&["lastTimestamp"])) {
            Some(at) => between(at, now),
            None => first_seen.clone(),
        }
    };
    let involved = Node::of(object, "involvedObject");
    let target = match involved.text("name") {
        "" => involved.text("kind").to_ascii_lowercase(),
        name => format!("{}/{name}", involved.text("kind").to_ascii_lowercase()),
    };
    let source = |component: &str, host: &str| {
        [component, host].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(", ")
    };
    let mut shown = source(text(&["source", "component"]), text(&["source", "host"]));
    if shown.is_empty() {
        shown = source(text(&["reportingComponent"]), text(&["reportingInstance"]));
    }
    let count = match (series.opt_int("count"), object.get(&["count"]).and_then(Value::as_i64)) {
        (Some(count), _) => count,
        (None, Some(count)) if count > 0 => count,
        _ => 1,
    };
    vec![
        last_seen.into(),
        text(&["type"]).into(),
        text(&["reason"]).into(),
        target.into(),
        involved.text("fieldPath").into(),
        shown.into(),
        text(&["message"]).trim().into(),
        first_seen.into(),
        json!(count),
        name(object),
    ]
}
