//! Event, in core/v1 and in events.k8s.io/v1.
//!
//! Both are one kind in one place. The older version accepts nearly everything; the newer is strict and does not let an
//! event change, except for its series.
//!
//! Go: pkg/apis/core/validation/events.go

use apimachinery::{
    runtime::object::Object,
    util::validation,
    validation::field::{BadValue, Error, ErrorList, Path},
};
use serde_json::Value;

use crate::{
    node::Node,
    rules::{Rules, any_name, same},
    validation::{FIELD_IMMUTABLE, each, go_struct},
};

const MAX_SHORT: usize = 128;
const MAX_MESSAGE: usize = 1024;
const REFERENCE: &str = "Kind Namespace Name UID:uid APIVersion:apiVersion ResourceVersion FieldPath";

pub(super) const EVENT: Rules = Rules {
    validate_name: any_name,
    validate: |object| validate_loosely(object, "reportingComponent"),
    validate_update: |object, _| validate_loosely(object, "reportingComponent"),
    fields: |event| fields(event, "involvedObject", "reportingComponent"),
    ..Rules::PLAIN
};

/// The rules of events.k8s.io/v1. They see the stored form, which is core/v1.
pub const EVENTS_V1: Rules = Rules {
    validate,
    validate_update,
    fields: |event| fields(event, "regarding", "reportingController"),
    ..Rules::PLAIN
};

/// Go: legacyValidateEvent
fn validate_loosely(object: &Object, controller_name: &str) -> ErrorList {
    let mut errors = ErrorList::new();
    let at = |name: &str| Node::of(object, name);
    let involved = at("involvedObject.namespace");
    let mismatch = |errors: &mut ErrorList| {
        let text = "does not match event.namespace";
        errors.push(Error::invalid(&involved.path, involved.as_str(), text));
    };
    let namespace = object.namespace();
    if object.str(&["eventTime"]).is_empty() {
        let fits = match involved.as_str() {
            "" => matches!(namespace, "" | "default"),
            other => other == namespace,
        };
        if !fits {
            mismatch(&mut errors);
        }
    } else {
        if involved.as_str().is_empty() && !matches!(namespace, "default" | "kube-system") {
            mismatch(&mut errors);
        }
        let controller = at("reportingComponent").at(Path::new(controller_name));
        if controller.as_str().is_empty() {
            errors.push(controller.required(""));
        }
        let sentences = validation::is_qualified_name(controller.as_str());
        errors.extend(sentences.into_iter().map(|text| Error::invalid(&controller.path, controller.as_str(), text)));
        for name in ["reportingInstance", "action", "reason"] {
            let text = at(name);
            if text.as_str().is_empty() {
                errors.push(text.required(""));
            }
            too_long(&mut errors, &text, MAX_SHORT);
        }
        too_long(&mut errors, &at("message"), MAX_MESSAGE);
    }
    each(
        &mut errors,
        &at("metadata.namespace").at(Path::new("namespace")),
        validation::is_dns1123_subdomain(namespace),
    );
    errors
}

fn too_long(errors: &mut ErrorList, text: &Node<'_>, limit: usize) {
    if text.as_str().len() > limit {
        errors.push(Error::invalid(&text.path, "", format!("can have at most {limit} characters")));
    }
}

/// Go: ValidateEventCreate
fn validate(object: &Object) -> ErrorList {
    let mut errors = validate_loosely(object, "reportingController");
    errors.extend(series(object));
    if object.str(&["eventTime"]).is_empty() {
        errors.push(Error::required(&Path::new("eventTime"), ""));
    }
    let kind = object.str(&["type"]);
    if !matches!(kind, "Normal" | "Warning") {
        errors.push(Error::invalid(&Path::new("type"), "", format!("has invalid value: {kind}")));
    }
    let zero = |name: &str| match object.get(&[name]) {
        None | Some(Value::Null) => true,
        Some(Value::Number(number)) => number.as_i64() == Some(0),
        Some(Value::Object(source)) => source.values().all(|value| value == ""),
        Some(value) => value == "",
    };
    for name in ["firstTimestamp", "lastTimestamp", "count", "source"] {
        if !zero(name) {
            errors.push(Error::invalid(&Path::new(name), "", "needs to be unset"));
        }
    }
    errors
}

/// Go: validateV1EventSeries
fn series(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let series = Node::of(object, "series");
    if series.is_set() {
        if series.int("count") < 2 {
            errors.push(Error::invalid(&series.path.child("count"), "", "should be at least 2"));
        }
        if series.text("lastObservedTime").is_empty() {
            errors.push(series.child("lastObservedTime").required(""));
        }
    }
    errors
}

/// Go: ValidateEventUpdate
fn validate_update(object: &Object, old: &Object) -> ErrorList {
    let mut errors = validate_loosely(object, "reportingController");
    if !same(object.get(&["series"]), old.get(&["series"])) {
        errors.extend(series(object));
    }
    // What may not change, and its name in errors where that differs.
    let fields = [
        ("involvedObject", "involvedObject"),
        ("reason", "reason"),
        ("message", "message"),
        ("source", "source"),
        ("firstTimestamp", "firstTimestamp"),
        ("lastTimestamp", "lastTimestamp"),
        ("count", "count"),
        // Said twice.
        ("reason", "reason"),
        ("type", "type"),
        ("eventTime", "eventTime"),
        ("action", "action"),
        ("related", "related"),
        ("reportingComponent", "reportingController"),
        ("reportingInstance", "reportingInstance"),
    ];
    for (field, name) in fields {
        // What came through core/v1 may say the empty text where this version says nothing.
        let given = |event: &'_ Object| event.get(&[field]).filter(|value| **value != *"").cloned();
        let (new, old) = (given(object), given(old));
        let new = new.as_ref();
        if same(new, old.as_ref()) {
            continue;
        }
        let shown = match field {
            "involvedObject" | "related" => go_struct(new, REFERENCE),
            "source" => go_struct(new, "Component Host"),
            "count" => BadValue::from(new.and_then(Value::as_i64).unwrap_or_default()),
            "eventTime" | "firstTimestamp" | "lastTimestamp" => BadValue::Value(new.cloned().unwrap_or_default()),
            _ => BadValue::from(new.and_then(Value::as_str).unwrap_or_default()),
        };
        errors.push(Error::invalid(&Path::new(name), shown, FIELD_IMMUTABLE));
    }
    errors
}

/// Go: pkg/registry/core/event/strategy.go ToSelectableFields
fn fields(event: &Object, involved: &str, controller: &'static str) -> Vec<(&'static str, String)> {
    let of = |name: &str| event.str(&["involvedObject", name]).to_owned();
    let names: [&'static str; 7] = match involved {
        "regarding" => [
            "regarding.kind",
            "regarding.namespace",
            "regarding.name",
            "regarding.uid",
            "regarding.apiVersion",
            "regarding.resourceVersion",
            "regarding.fieldPath",
        ],
        _ => [
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
        ],
    };
    let mut fields: Vec<(&'static str, String)> =
        names.iter().map(|name| (*name, of(name.rsplit('.').next().unwrap_or_default()))).collect();
    let component = event.str(&["source", "component"]);
    let reporting = event.str(&["reportingComponent"]);
    let source = if component.is_empty() { reporting } else { component };
    fields.extend([
        ("reason", event.str(&["reason"]).to_owned()),
        (controller, reporting.to_owned()),
        ("type", event.str(&["type"]).to_owned()),
    ]);
    if involved != "regarding" {
        fields.push(("source", source.to_owned()));
    }
    fields
}
