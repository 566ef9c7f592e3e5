//! What the kinds that make pods have in common: selector, template, counts, shares.
//!
//! Go: pkg/apis/apps/validation/validation.go

use apimachinery::{
    runtime::object::Object,
    util::{intstr::IntOrString, validation},
    validation::field::{Error, ErrorList},
};
use serde_json::{Value, json};

use crate::{
    core::pod,
    defaults::{absent, made},
    node::Node,
    rules::{drop_pod_fields, same},
    validation::{FIELD_IMMUTABLE, label_selector, not_negative},
};

const MISMATCH: &str = "`selector` does not match template `labels`";

/// Fills in the template of a workload.
pub fn default_template(object: &mut Object) {
    if let Some(spec) = made(&mut object.0, "spec").as_object_mut()
        && let Some(template) = made(spec, "template").as_object_mut()
    {
        pod::defaults::pod_spec(made(template, "spec"));
    }
}

/// Sets the number of replicas.
pub fn default_replicas(object: &mut Object) {
    absent(made(&mut object.0, "spec"), "replicas", 1);
}

/// Forgets fields of the template that are not enabled.
pub fn prepare_template(object: &mut Object) {
    drop_pod_fields(object, "spec.template.spec");
}

/// Checks a selector and that the template's labels match it; then the template.
///
/// `kind` is how Go names the kind here; `invalid` is said of a selector that cannot be read.
pub fn selector_and_template(errors: &mut ErrorList, spec: &Node<'_>, kind: &str, invalid: &str) -> bool {
    let selector = spec.child("selector");
    if selector.is_set() {
        label_selector(errors, &selector);
        if spec.selector("selector").is_empty() {
            let text = format!("empty selector is invalid for {kind}");
            errors.push(Error::invalid(&selector.path, spec.selector("selector").shown(), text));
        }
    } else {
        errors.push(selector.required(""));
    }
    let Ok(found) = spec.selector("selector").as_selector() else {
        errors.push(Error::invalid(&selector.path, spec.selector("selector").shown(), invalid));
        return false;
    };
    if !found.is_empty() && !found.matches(&labels(spec)) {
        mismatch(errors, spec);
    }
    true
}

/// The labels of a template.
pub fn labels(spec: &Node<'_>) -> std::collections::BTreeMap<String, String> {
    apimachinery::runtime::object::string_map(spec.get("template.metadata.labels"))
}

/// The template is not what the selector selects.
pub fn mismatch(errors: &mut ErrorList, spec: &Node<'_>) {
    let labels = spec.child("template.metadata.labels");
    errors.push(Error::invalid(&labels.path, labels.shown(), MISMATCH));
}

/// Checks a template whose pods run for ever. `kind` is how Go names the kind here.
pub fn template(errors: &mut ErrorList, spec: &Node<'_>, kind: &str, replicated: bool) {
    let template = spec.child("template");
    pod::spec::validate_template(errors, &template);
    if replicated {
        read_only_disks(errors, &template);
    }
    runs_for_ever(errors, &template, kind);
}

/// Pods without an end: they are always started again.
pub fn runs_for_ever(errors: &mut ErrorList, template: &Node<'_>, kind: &str) {
    let policy = template.child("spec.restartPolicy");
    if policy.as_str() != "Always" {
        errors.push(policy.not_supported(&["Always"]));
    }
    if template.has("spec.activeDeadlineSeconds") {
        let text = format!("activeDeadlineSeconds in {kind} is not Supported");
        errors.push(template.child("spec.activeDeadlineSeconds").forbidden(text));
    }
}

/// A disk that several nodes mount must be read only. Go: ValidateReadOnlyPersistentDisks
fn read_only_disks(errors: &mut ErrorList, template: &Node<'_>) {
    for volume in template.items("spec.volumes") {
        for (source, shown, name) in [
            ("gcePersistentDisk", "gcePersistentDisk", "GCE PD"),
            ("awsElasticBlockStore", "awsElasticBlockStore", "AWS EBS"),
        ] {
            if volume.has(source) && !volume.child(source).flag("readOnly") {
                let text = format!(
                    "must be true for replicated pods > 1; {name} can only be mounted on multiple machines if it is read-only"
                );
                errors.push(Error::invalid(&volume.path.child(shown).child("readOnly"), false, text));
            }
        }
    }
}

/// A number that is not negative, or a percentage. Go: ValidatePositiveIntOrPercent
pub fn int_or_percent(errors: &mut ErrorList, node: &Node<'_>) {
    match node.value {
        Some(Value::String(text)) => {
            let sentences = validation::is_valid_percent(text);
            errors.extend(sentences.into_iter().map(|text| node.invalid(text)));
        }
        Some(_) => not_negative(errors, node),
        None => {}
    }
}

/// Go: IsNotMoreThan100Percent
pub fn at_most_all(errors: &mut ErrorList, node: &Node<'_>) {
    let percent = node.value.and_then(IntOrString::from_value).and_then(|value| value.percent());
    if percent.is_some_and(|percent| percent > 100) {
        errors.push(node.invalid("must not be greater than 100%"));
    }
}

/// The number, or the percentage as a number. Go: getIntOrPercentValue
pub fn number_or_percent(node: &Node<'_>) -> i64 {
    match node.value.and_then(IntOrString::from_value) {
        Some(IntOrString::Int(number)) => i64::from(number),
        // What is no percentage may be a number; all else counts as none.
        Some(text) => match text.percent() {
            Some(percent) => i64::from(percent.max(0)),
            None => node.as_str().parse().unwrap_or(0),
        },
        None => 0,
    }
}

/// Refuses a change of the selector.
pub fn selector_is_immutable(errors: &mut ErrorList, object: &Object, old: &Object) {
    let (new, old) = (Node::of(object, "spec"), Node::of(old, "spec"));
    if !same(new.get("selector"), old.get("selector")) {
        let path = new.path.child("selector");
        errors.push(Error::invalid(&path, new.selector("selector").shown(), FIELD_IMMUTABLE));
    }
}

/// Refuses negative counts in a status.
pub fn counts(errors: &mut ErrorList, status: &Node<'_>, fields: &[&str]) {
    for field in fields {
        not_negative(errors, &status.child(field));
    }
}

/// Refuses counts that are greater than another one. Absent is 0.
pub fn not_greater(errors: &mut ErrorList, status: &Node<'_>, fields: &[&str], than: &str, shown: &str) {
    for field in fields {
        if status.int(field) > status.int(than) {
            let path = status.path.child(field);
            errors.push(Error::invalid(&path, status.int(field), format!("cannot be greater than {shown}")));
        }
    }
}

/// Counts that only rise. Go: IsDecremented
pub fn not_decremented(errors: &mut ErrorList, status: &Node<'_>, old: &Node<'_>) {
    const FIELD: &str = "collisionCount";
    if old.has(FIELD) && status.int(FIELD) < old.int(FIELD) {
        errors.push(Error::invalid(&status.path.child(FIELD), status.int(FIELD), "cannot be decremented"));
    }
}

/// Sets a rolling update and its two shares where the type asks for one.
pub fn default_rolling_update(strategy: &mut Value, shares: &[(&str, Value)]) {
    crate::defaults::zero(strategy, "type", "RollingUpdate");
    if strategy["type"] != "RollingUpdate" {
        return;
    }
    absent(strategy, "rollingUpdate", json!({}));
    for (name, value) in shares {
        absent(&mut strategy["rollingUpdate"], name, value.clone());
    }
}
