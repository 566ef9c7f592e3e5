//! Refusals as the real server wrote them: each is a `StatusError` and becomes the same answer again; and the
//! refusals of selectors and options are made alike.

use apimachinery::{
    api::errors::StatusError,
    meta::{options::ListOptions, query::Query},
    runtime::object::Object,
};
use serde_json::Value;

use crate::recorded;

#[test]
fn recorded_refusals_become_themselves_again() {
    let mut count = 0;
    for area in ["verbs", "list", "delete", "bodies", "metadata", "names", "apply", "rbac", "watch"] {
        let Some(cases) = recorded::recorded(area) else { return };
        for (name, _, answers) in cases {
            for (step, answer) in answers {
                let body = &answer["body"];
                if body["kind"] != "Status" || body["status"] != "Failure" {
                    continue;
                }
                let mut object = Object::from_value(body.clone()).expect("an object");
                // What a recording picks of a list is noted even where there is none.
                object.remove(&["items"]);
                let error = StatusError::from_object(&object).expect("a refusal");
                assert_eq!(error.to_object(), object, "{area}/{name} {}", step["id"]);
                count += 1;
            }
        }
    }
    assert!(count > 300, "{count}");
}

fn pairs(query: &Value) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in query.as_object().into_iter().flatten() {
        let one = std::slice::from_ref(value);
        let values = value.as_array().map_or(one, Vec::as_slice);
        pairs.extend(values.iter().filter_map(Value::as_str).map(|value| (name.clone(), substituted(value))));
    }
    pairs
}

/// Puts a word in the place of each variable.
fn substituted(text: &str) -> String {
    let mut parts = text.split("${");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| format!("{text}1{}", part.split_once('}').map_or("", |(_, rest)| rest)))
}

/// Lists that were refused for their selectors or options.
#[test]
fn recorded_lists_are_refused_alike() {
    let (mut refused, mut read) = (0, 0);
    let Some(cases) = recorded::recorded("list") else { return };
    for (name, _, answers) in cases {
        for (step, answer) in answers {
            if !step["method"].is_null() && step["method"] != "GET" || step["query"].is_null() {
                continue;
            }
            let pairs = pairs(&step["query"]);
            let found = ListOptions::decode(Query(&pairs)).and_then(|options| options.validate());
            let message = answer["body"]["message"].as_str().unwrap_or_default();
            if let Err(error) = found {
                assert_eq!(error.message, message, "{name} {}", step["id"]);
                assert_eq!(answer["status"], error.code, "{name} {}", step["id"]);
                refused += 1;
            } else {
                let ours = ["unable to parse", "expected:", "invalid selector", "ListOptions", "invalid field"];
                assert!(!ours.iter().any(|part| message.contains(part)), "{name} {}: {message}", step["id"]);
                read += 1;
            }
        }
    }
    assert!(refused > 20 && read > 50, "{refused} {read}");
}
