//! Protobuf both ways: what a real server stored, and what it answered as JSON.

use std::collections::BTreeMap;

use apimachinery::{
    runtime::{
        object::Object,
        serializer::protobuf::{decode, encode, envelope::Unknown},
    },
    schema::tidy,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::recorded;

/// Everything a kube-apiserver stored: what we read, written again, reads as the same.
#[test]
fn what_a_server_stored_survives() {
    let Some(dump) = recorded::shared("reference/etcd-dump.jsonl") else { return };
    let text = std::fs::read_to_string(dump).expect("readable");
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for line in text.lines() {
        let entry: Value = serde_json::from_str(line).expect("JSON");
        let value = STANDARD.decode(entry["value"].as_str().expect("a value")).expect("base64");
        let key = entry["key"].as_str().expect("a key");
        let Ok(unknown) = Unknown::decode(&value) else { continue };
        let kind = json!({"apiVersion": unknown.api_version, "kind": unknown.kind});
        let Some(schema) = recorded::schema_of(&kind) else { continue };
        let object = decode::object(&schema, &unknown).unwrap_or_else(|error| panic!("{key}: {error}"));
        let written = encode::object(&schema, &object).unwrap_or_else(|error| panic!("{key}: {error}"));
        let again = decode::object(&schema, &Unknown::decode(&written).expect("an envelope")).expect("written by us");
        assert_eq!(again, object, "{key}");
        // The lease of a server has no name; allocators of addresses have no more than a range.
        let nameless = key.contains("leases/") || key.contains("/ranges/");
        assert!(nameless || (!object.name().is_empty() && !object.uid().is_empty()), "{key}: {object:?}");
        *kinds.entry(unknown.kind).or_default() += 1;
    }
    assert!(kinds.len() > 30, "{kinds:?}");
}

/// What a server answered as JSON is the same after a way through protobuf.
#[test]
fn recorded_objects_go_through_protobuf() {
    let Some(cases) = recorded::recorded("crud") else { return };
    let (mut same, mut wrong) = (0, Vec::new());
    for (name, _, answers) in cases {
        for (step, answer) in answers {
            if step["ignore"].to_string().contains("/status/") {
                continue;
            }
            let body = recorded::timed(&answer["body"]);
            // Definitions of custom resources are stored as JSON, since a schema may hold what protobuf cannot.
            if body["kind"] == "CustomResourceDefinition" {
                continue;
            }
            let Some(schema) = recorded::schema_of(&body) else { continue };
            let object = Object::from_value(body).expect("an object");
            let written = encode::object(&schema, &object).unwrap_or_else(|error| panic!("{name}: {error}"));
            let read = decode::object(&schema, &Unknown::decode(&written).expect("an envelope"));
            let mut read = read.unwrap_or_else(|error| panic!("{name}: {error}")).into_value();
            let mut object = object.into_value();
            // The kinds of claims are in no message: the conversion of stateful sets puts them in again.
            let claims = object.pointer_mut("/spec/volumeClaimTemplates").and_then(Value::as_array_mut);
            for claim in claims.into_iter().flatten() {
                claim.as_object_mut().expect("a claim").retain(|field, _| !matches!(&**field, "apiVersion" | "kind"));
            }
            tidy::tidy_stored(&schema, &mut read);
            tidy::tidy_stored(&schema, &mut object);
            if read == object {
                same += 1;
            } else {
                wrong.push(format!("{name}: {}", difference("", &read, &object)));
            }
        }
    }
    assert!(wrong.is_empty(), "{same} equal, {} not:\n{}", wrong.len(), wrong.join("\n"));
    assert!(same > 1000, "{same}");
}

/// Returns the first place where two values differ.
fn difference(path: &str, found: &Value, wanted: &Value) -> String {
    if let (Value::Object(found), Value::Object(wanted)) = (found, wanted) {
        let keys = found.keys().chain(wanted.keys());
        if let Some(key) = keys.into_iter().find(|key| found.get(*key) != wanted.get(*key)) {
            let [found, wanted] = [found, wanted].map(|fields| fields.get(key).unwrap_or(&Value::Null));
            return difference(&format!("{path}.{key}"), found, wanted);
        }
    }
    format!("{path} is {found}, not {wanted}")
}
