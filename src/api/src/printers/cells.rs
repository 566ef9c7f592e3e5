//! Cells that many kinds show.
//!
//! Go: pkg/printers/internalversion/printers.go translateTimestampSince, layoutContainerCells

use std::time::Duration;

use apimachinery::{
    meta::{label_selector::LabelSelector, time},
    runtime::object::{Object, string_map},
};
use component_base::duration::{self, human_duration};
use serde_json::{Value, json};

use crate::node::Node;

/// Shown where there is nothing.
pub const NONE: &str = "<none>";
/// Shown where a field was left out.
pub const UNSET: &str = "<unset>";
/// Shown where nobody knows.
pub const UNKNOWN: &str = "<unknown>";

/// The name.
pub fn name(object: &Object) -> Value {
    object.name().into()
}

/// The time since the object was created.
pub fn age(object: &Object, now: Duration) -> Value {
    since(object.str(&["metadata", "creationTimestamp"]), now).into()
}

/// The time since a time, in few letters: `5m20s`.
pub fn since(text: &str, now: Duration) -> String {
    match time::parse(text) {
        Some(then) => between(then, now),
        None => UNKNOWN.to_owned(),
    }
}

/// The time between two times of day.
pub fn between(then: Duration, now: Duration) -> String {
    let nanos = now.as_nanos() as i128 - then.as_nanos() as i128;
    human_duration(duration::Duration { nanos: i64::try_from(nanos).unwrap_or(i64::MAX) })
}

/// Starts at the spec.
pub fn spec(object: &Object) -> Node<'_> {
    Node::of(object, "spec")
}

/// Starts at the status.
pub fn status(object: &Object) -> Node<'_> {
    Node::of(object, "status")
}

/// A text, or what is shown in its stead.
pub fn or(text: &str, stead: &str) -> Value {
    if text.is_empty() { stead.into() } else { text.into() }
}

/// The names and the images of the containers of a template.
pub fn containers(template: &Node<'_>) -> [Value; 2] {
    let containers = template.items("spec.containers");
    ["name", "image"]
        .map(|field| containers.iter().map(|container| container.text(field)).collect::<Vec<_>>().join(",").into())
}

/// A label selector as text. Go: metav1.FormatLabelSelector
pub fn selector(value: Option<&Value>) -> Value {
    match LabelSelector::new(value).as_selector() {
        Ok(selector) => or(&selector.to_string(), NONE),
        Err(_) => "<error>".into(),
    }
}

/// Labels as text. Go: labels.FormatLabels
pub fn labels(value: Option<&Value>) -> Value {
    let parts: Vec<String> = string_map(value).into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    or(&parts.join(","), NONE)
}

/// A number that may be missing.
pub fn number(value: i64) -> Value {
    json!(value)
}
