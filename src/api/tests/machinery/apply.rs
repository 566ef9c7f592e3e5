//! Managers of fields: what the real server noted, refused and merged.
//!
//! A case is walked through with the objects that the server answered as the live state. Where a recording
//! leaves managers out, those worked out here are kept, so that later conflicts can still be compared.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use apimachinery::{
    api::errors::StatusError,
    jsonmergepatch,
    managedfields::{
        fieldpath::Set,
        manager::{ConvertError, FieldManager, Versions},
        updater::Force,
    },
    runtime::{
        object::Object,
        schema::{GroupVersion, GroupVersionKind},
    },
    schema::{decode, registry::Kinds, tidy},
};
use serde_json::{Value, json};

use crate::recorded;

/// Converts by name only.
struct Scheme;

impl Versions for Scheme {
    fn convert(&self, mut object: Object, version: &GroupVersion) -> Result<Object, ConvertError> {
        object.set(&["apiVersion"], version.to_string());
        Ok(object)
    }

    fn empty(&self, gvk: &GroupVersionKind) -> Object {
        let mut value = Object::new(gvk).into_value();
        tidy::tidy(&api::scheme::Scheme.schema(gvk).expect("a built-in kind"), &mut value);
        Object::from_value(value).expect("an object")
    }
}

/// The last second of the time that stands for all times.
const NOW: Duration = Duration::from_secs(1_577_836_800);

#[derive(Default)]
struct World {
    live: BTreeMap<String, Object>,
    same: usize,
    wrong: Vec<String>,
}

/// What a request is about: the object's path, its subresource.
fn place(step: &Value) -> (String, String) {
    let path = step["path"].as_str().unwrap_or_default();
    match path.strip_suffix("/status") {
        Some(path) => (path.to_owned(), "status".to_owned()),
        None => (path.to_owned(), String::new()),
    }
}

impl World {
    fn step(&mut self, name: &str, case: &Value, step: &Value, answer: Option<&Value>) {
        let (mut path, subresource) = place(step);
        let method = match step["method"].as_str() {
            Some(method) => method,
            None if step["patch"].is_string() => "PATCH",
            None if step.get("body").is_some() || step.get("raw").is_some() => "POST",
            None => "GET",
        };
        let Some(answer) = answer else { return self.imagine(case, step, method, path) };
        if answer["body"].as_object().is_some_and(|body| body.keys().any(|key| key.starts_with('/'))) {
            // Only a part was recorded.
            self.imagine(case, step, method, path.clone());
            if let (Some(live), Some(wanted)) = (self.live.get(&path), answer["body"].get("/metadata/managedFields")) {
                let (live, wanted) = (live.clone(), json!({"metadata": {"managedFields": recorded::timed(wanted)}}));
                self.check(&format!("{name} {}", step["id"]), &json!({}), 200, &wanted, &Ok(live));
            }
            return;
        }
        let body = recorded::timed(&answer["body"]);
        let status = answer["status"].as_u64().unwrap_or_default();
        if method == "POST" {
            path = format!("{path}/{}", body["metadata"]["name"].as_str().unwrap_or_default());
        }
        if method == "GET" || method == "DELETE" || step["query"]["dryRun"].is_string() {
            return;
        }
        let applied = recorded::body(step, case);
        let Some(applied) = Object::from_value(applied) else { return };
        let manager = step["query"]["fieldManager"].as_str().unwrap_or("parity");
        if manager.is_empty() {
            return;
        }
        let gvk = if status < 300 { Object::from_value(body.clone()).map(|object| object.gvk()) } else { None };
        let live = self.live.get(&path).cloned();
        let gvk = gvk.or_else(|| live.as_ref().map(Object::gvk)).unwrap_or_else(|| applied.gvk());
        if api::scheme::Scheme.schema(&gvk).is_none() || gvk.kind == "Status" {
            return;
        }
        // What the strategies of these kinds reset, and the versions they convert to, stand with the kinds.
        if ["CertificateSigningRequest", "HorizontalPodAutoscaler"].contains(&&*gvk.kind) {
            return;
        }
        let reset = if subresource.is_empty() {
            Set::of_fields(&[&["status"]])
        } else {
            Set::of_fields(&[&["spec"], &["metadata"]])
        };
        let reset_fields = [(gvk.group_version().to_string(), reset)].into();
        let managers =
            FieldManager::new(Arc::new(api::scheme::Scheme), Arc::new(Scheme), gvk.clone(), &subresource, reset_fields);
        let live = live.unwrap_or_default();
        let outcome = if step["patch"] == "apply" {
            let force = if step["query"]["force"] == "true" { Force::Yes } else { Force::No };
            managers.apply(&live, &applied, manager, force, NOW)
        } else if status < 300 && answer["body"].get("metadata").is_some() {
            let mut new = Object::from_value(body.clone()).expect("an object");
            match applied.get(&["metadata", "managedFields"]) {
                Some(sent) => new.set(&["metadata", "managedFields"], sent.clone()),
                None => drop(new.remove(&["metadata", "managedFields"])),
            }
            managers.try_update(&live, new, manager, NOW)
        } else {
            return;
        };
        self.check(&format!("{name} {}", step["id"]), step, status, &body, &outcome);
        if status < 300 && body.get("metadata").is_some() {
            let mut next = Object::from_value(body).expect("an object");
            if step.to_string().contains("/metadata/managedFields") {
                let entries = outcome.ok().and_then(|mut object| object.remove(&["metadata", "managedFields"]));
                if let Some(entries) = entries {
                    next.set(&["metadata", "managedFields"], entries);
                }
            }
            self.live.insert(path, next);
        }
    }

    /// Does what a request whose answer was not recorded did, as far as that needs no rules of its kind.
    fn imagine(&mut self, case: &Value, step: &Value, method: &str, path: String) {
        let body = recorded::body(step, case);
        let manager = step["query"]["fieldManager"].as_str().unwrap_or("parity");
        let (path, live, new) = match (method, step["patch"].as_str()) {
            ("POST", _) => {
                (format!("{path}/{}", body["metadata"]["name"].as_str().unwrap_or_default()), Object::default(), body)
            }
            ("PATCH", Some("merge")) if self.live.contains_key(&path) => {
                let live = self.live[&path].clone();
                let mut merged = live.0.clone();
                jsonmergepatch::merge(&mut merged, body.as_object().expect("an object").clone());
                (path, live, Value::Object(merged))
            }
            ("PATCH", Some("apply")) => {
                return self.imagine_apply(path, step, Object::from_value(body).unwrap_or_default());
            }
            ("GET", _) => return,
            _ => return self.live.clear(),
        };
        let Some(schema) = recorded::schema_of(&new) else { return };
        let Ok(decoded) = decode::from_value(&schema, new) else { return };
        let mut value = decoded.value;
        tidy::tidy(&schema, &mut value);
        let mut new = Object::from_value(value).expect("an object");
        let managers =
            FieldManager::new(Arc::new(api::scheme::Scheme), Arc::new(Scheme), new.gvk(), "", BTreeMap::new());
        new.set(&["metadata", "uid"], "uid");
        self.live.insert(path, managers.update(&live, new, manager, NOW));
    }

    fn imagine_apply(&mut self, path: String, step: &Value, applied: Object) {
        let live = self.live.get(&path).cloned().unwrap_or_default();
        let manager = step["query"]["fieldManager"].as_str().unwrap_or("parity");
        let managers =
            FieldManager::new(Arc::new(api::scheme::Scheme), Arc::new(Scheme), applied.gvk(), "", BTreeMap::new());
        let Ok(merged) = managers.apply(&live, &applied, manager, Force::No, NOW) else { return };
        let Some(schema) = api::scheme::Scheme.schema(&merged.gvk()) else { return };
        let mut value = decode::from_unstructured(&schema, merged.into_value()).expect("applied").value;
        tidy::tidy(&schema, &mut value);
        let mut merged = Object::from_value(value).expect("an object");
        merged.set(&["metadata", "uid"], "uid");
        self.live.insert(path, merged);
    }

    fn check(&mut self, name: &str, step: &Value, status: u64, body: &Value, outcome: &Result<Object, StatusError>) {
        let ours = |message: &str| message.starts_with("Apply failed") || message.starts_with("failed to create typed");
        let difference = match outcome {
            Err(error) if status >= 300 && body["message"] == error.message.as_str() && error.code == status as u16 => {
                let causes = |causes: &Value| -> BTreeSet<String> {
                    causes.as_array().into_iter().flatten().map(Value::to_string).collect()
                };
                let found = serde_json::to_value(error).expect("encodes");
                let (found, wanted) = (causes(&found["details"]["causes"]), causes(&body["details"]["causes"]));
                (found != wanted).then(|| format!("{found:?}\n  {wanted:?}"))
            }
            Err(error) if status < 300 || ours(&error.message) => {
                Some(format!("{} {}\n  {status} {}", error.code, error.message, body["message"]))
            }
            Err(_) => None,
            Ok(_) if status >= 300 => {
                let message = body["message"].as_str().unwrap_or_default();
                ours(message).then(|| format!("taken, not {message}"))
            }
            Ok(_) if step.to_string().contains("/metadata/managedFields") => None,
            Ok(object) => {
                let sorted = |entries: Option<&Value>| {
                    let mut entries: Vec<String> =
                        entries.and_then(Value::as_array).into_iter().flatten().map(Value::to_string).collect();
                    entries.sort();
                    entries
                };
                let found = sorted(object.get(&["metadata", "managedFields"]));
                let wanted = sorted(body.get("metadata").and_then(|metadata| metadata.get("managedFields")));
                (found != wanted)
                    .then(|| format!("{}\n  {}", found.join("\n  "), wanted.join("\n  ")))
                    .or_else(|| self.check_object(step, object, body))
            }
        };
        match difference {
            None => self.same += 1,
            Some(difference) => self.wrong.push(format!("{name}:\n  {difference}")),
        }
    }

    /// What is applied and decoded is part of what the server made of it.
    fn check_object(&self, step: &Value, object: &Object, body: &Value) -> Option<String> {
        // Admission, allocation and conversion of these is not this machinery's.
        let is_plain = !["Pod", "Node", "Secret"].contains(&object.kind()) && place(step).1.is_empty();
        if step["patch"] != "apply" || !is_plain {
            return None;
        }
        let schema = recorded::schema_of(body)?;
        match decode::from_unstructured(&schema, object.clone().into_value()) {
            Err(error) => Some(error.0),
            Ok(decoded) => {
                let mut value = decoded.value;
                for theirs in ["managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"] {
                    value["metadata"].as_object_mut().expect("an object").remove(theirs);
                }
                value.as_object_mut().expect("an object").remove("status");
                recorded::is_part(&value, body, "").err()
            }
        }
    }
}

fn replay(area: &str, at_least: usize) {
    let Some(cases) = recorded::recorded(area) else { return };
    let mut total = World::default();
    for (name, case, answers) in cases {
        let mut world = World::default();
        let mut answers = answers.iter().peekable();
        // This one's first object has defaults that stand with its kind.
        if name == "last-applied-deployment" {
            continue;
        }
        for step in case["steps"].as_array().expect("steps") {
            let answer = answers.next_if(|(answered, _)| answered == step).map(|(_, answer)| answer);
            world.step(&name, &case, step, answer);
        }
        total.same += world.same;
        total.wrong.append(&mut world.wrong);
    }
    assert!(total.wrong.is_empty(), "{} equal, {} not:\n{}", total.same, total.wrong.len(), total.wrong.join("\n"));
    assert!(total.same >= at_least, "{}", total.same);
}

#[test]
fn applied_objects() {
    replay("apply", 200);
}
