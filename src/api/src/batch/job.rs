//! Job.
//!
//! Go: pkg/apis/batch/validation/validation.go ValidateJob, pkg/registry/batch/job/strategy.go

use apimachinery::{
    runtime::object::Object,
    util::validation,
    validation::field::{Error, ErrorList, Path},
};
use serde_json::{Value, json};

use super::{jobspec, jobstatus};
use crate::{
    apps::template,
    core::pod::warnings,
    defaults::{absent, items, made, zero},
    gostruct,
    node::Node,
    rules::{Part, Request, Rules, keep, same},
    validation::{FIELD_IMMUTABLE, immutable, label_selector},
};

const JOB_NAME: [&str; 2] = ["job-name", "batch.kubernetes.io/job-name"];
const CONTROLLER_UID: [&str; 2] = ["controller-uid", "batch.kubernetes.io/controller-uid"];

pub(super) const JOB: Rules = Rules {
    default,
    prepare_for_create: begin,
    prepare_for_update: |_, object, _| template::prepare_template(object),
    validate: |object| validate(object, Labels::All),
    validate_update,
    warnings_on_create: |job| {
        let mut warnings = warnings::of_name(job, "Pod names and hostnames");
        warnings.extend(warnings_at(job, "spec"));
        warnings
    },
    warnings_on_update: |job, old| {
        if job.generation() == old.generation() { Vec::new() } else { warnings_at(job, "spec") }
    },
    status: Part { validate_update: jobstatus::validate, ..Part::PLAIN },
    fields: |job| {
        let succeeded = job.get(&["status", "succeeded"]).and_then(Value::as_i64).unwrap_or_default();
        vec![("status.successful", succeeded.to_string())]
    },
    ..Rules::WITH_STATUS
};

/// The warnings about the spec of a job somewhere in an object. Go: pkg/api/job/warnings.go WarningsForJobSpec
pub(super) fn warnings_at(object: &Object, names: &str) -> Vec<String> {
    let spec = Node::of(object, names);
    let mut warnings = Vec::new();
    if spec.text("completionMode") == "Indexed" && spec.int("completions") > 100_000 && spec.int("parallelism") > 10_000
    {
        warnings.push(format!(
            "{}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, \
             Kubernetes might not be able to track completedIndexes when a big number of indexes fail",
            spec.path
        ));
    }
    warnings.extend(warnings::of_template_at(object, &format!("{names}.template")));
    warnings
}

/// Go: SetDefaults_Job
fn default(object: &mut Object) {
    template::default_template(object);
    let labels = object.get(&["spec", "template", "metadata", "labels"]).cloned();
    if let Some(labels) = labels.filter(|labels| labels.as_object().is_some_and(|labels| !labels.is_empty()))
        && object.labels().is_empty()
    {
        object.set(&["metadata", "labels"], labels);
    }
    let spec = made(&mut object.0, "spec");
    let has = |spec: &Value, field: &str| spec.get(field).is_some_and(|value| !value.is_null());
    if !has(spec, "completions") && !has(spec, "parallelism") {
        absent(spec, "completions", 1);
    }
    absent(spec, "parallelism", 1);
    let limit = if has(spec, "backoffLimitPerIndex") { i64::from(i32::MAX) } else { 6 };
    absent(spec, "backoffLimit", limit);
    absent(spec, "completionMode", "NonIndexed");
    absent(spec, "suspend", false);
    absent(spec, "manualSelector", false);
    let replacement = if has(spec, "podFailurePolicy") { "Failed" } else { "TerminatingOrFailed" };
    absent(spec, "podReplacementPolicy", replacement);
    default_spec(spec);
}

/// What jobs and templates of jobs have in common.
pub(super) fn default_spec(spec: &mut Value) {
    for rule in items(spec, "podFailurePolicy.rules") {
        for condition in items(rule, "onPodConditions") {
            zero(condition, "status", "True");
        }
    }
}

fn begin(_: &Request, object: &mut Object) {
    template::prepare_template(object);
    if object.get(&["spec", "manualSelector"]) == Some(&Value::Bool(true)) {
        return;
    }
    let (name, uid) = (object.name().to_owned(), object.uid().to_owned());
    let labels = ["spec", "template", "metadata", "labels"];
    for (keys, value) in [(JOB_NAME, &name), (CONTROLLER_UID, &uid)] {
        for key in keys {
            let path = [&labels[..], &[key]].concat();
            if object.get(&path).is_none() {
                object.set(&path, value.as_str());
            }
        }
    }
    let selector = ["spec", "selector", "matchLabels", CONTROLLER_UID[1]];
    if object.get(&selector).is_none() {
        object.set(&selector, uid);
    }
}

/// Which of the generated labels have to be there: jobs of old have only those without a prefix.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Labels {
    All,
    OfOld,
}

/// Go: ValidateJob
fn validate(object: &Object, labels: Labels) -> ErrorList {
    let mut errors = ErrorList::new();
    generated_selector(&mut errors, object, labels);
    errors.extend(validate_spec(object));
    // Pods are named after the job and their index.
    let spec = Node::of(object, "spec");
    if spec.text("completionMode") == "Indexed" && spec.int("completions") > 0 {
        let longest = format!("{}-{}", object.name(), spec.int("completions") - 1);
        if !validation::is_dns1123_label(&longest).is_empty() {
            let text = format!("will not able to create pod with invalid DNS label: {longest}");
            errors.push(Error::invalid(&Path::new("metadata").child("name"), object.name(), text));
        }
    }
    errors
}

/// Go: ValidateJobSpec
fn validate_spec(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(object, "spec");
    jobspec::validate(&mut errors, &spec);
    let selector = spec.child("selector");
    if selector.is_set() {
        label_selector(&mut errors, &selector);
    } else {
        errors.push(selector.required(""));
    }
    if let Ok(selector) = spec.selector("selector").as_selector()
        && !selector.matches(&template::labels(&spec))
    {
        template::mismatch(&mut errors, &spec);
    }
    errors
}

/// A selector that the server made is the server's alone. Go: validateGeneratedSelector
fn generated_selector(errors: &mut ErrorList, object: &Object, required: Labels) {
    let spec = Node::of(object, "spec");
    if spec.flag("manualSelector") || !spec.has("selector") {
        return;
    }
    let labels = spec.child("template.metadata.labels");
    let (name, uid) = (object.name(), object.uid());
    if uid.is_empty() {
        errors.push(Error::required(&Path::new("metadata").child("uid"), ""));
    }
    for (keys, expected) in [(CONTROLLER_UID, uid), (JOB_NAME, name)] {
        for key in keys.into_iter().filter(|key| required == Labels::All || !key.contains('/')) {
            let entry = labels.key(key);
            let text = format!("must be '{expected}'");
            if !entry.is_set() {
                errors.push(entry.required(text));
            } else if entry.as_str() != expected {
                errors.push(Error::invalid(&entry.path, labels.shown(), text));
            }
        }
    }
    let expected = [(CONTROLLER_UID, uid), (JOB_NAME, name)]
        .into_iter()
        .flat_map(|(keys, value)| keys.map(|key| (key.to_owned(), value.to_owned())))
        .collect::<std::collections::BTreeMap<_, _>>();
    if let Ok(selector) = spec.selector("selector").as_selector()
        && !selector.matches(&expected)
    {
        let shown = spec.selector("selector").shown();
        errors.push(Error::invalid(&spec.path.child("selector"), shown, "`selector` not auto-generated"));
    }
}

/// Go: ValidateJobUpdate
fn validate_update(object: &Object, old: &Object) -> ErrorList {
    let labels = Node::of(old, "spec.template.metadata.labels");
    let prefixed = labels.has_key(JOB_NAME[1]) && labels.has_key(CONTROLLER_UID[1]);
    let mut errors = validate(object, if prefixed { Labels::All } else { Labels::OfOld });
    errors.extend(validate_spec(object));
    let (spec, before) = (Node::of(object, "spec"), Node::of(old, "spec"));
    completions(&mut errors, &spec, &before);
    template::selector_is_immutable(&mut errors, object, old);
    pod_template(&mut errors, object, old);
    for field in ["completionMode", "backoffLimitPerIndex", "managedBy"] {
        immutable(&mut errors, &spec.child(field), &before.child(field));
    }
    for field in ["podFailurePolicy", "successPolicy"] {
        if !same(spec.get(field), before.get(field)) {
            let node = spec.child(field);
            errors.push(Error::invalid(&node.path, jobspec::shown_policy(&node, field), FIELD_IMMUTABLE));
        }
    }
    errors
}

/// The size of an indexed job changes together with its parallelism only. Go: validateCompletions
fn completions(errors: &mut ErrorList, spec: &Node<'_>, old: &Node<'_>) {
    let node = spec.child("completions");
    if spec.text("completionMode") != "Indexed" {
        return immutable(errors, &node, &old.child("completions"));
    }
    let changed = node.is_set() && !same(node.value, old.get("completions"));
    if changed && !same(node.value, spec.get("parallelism")) {
        errors.push(Error::invalid(&node.path, node.shown(), "can only be modified in tandem with spec.parallelism"));
    }
}

/// Before a job starts, where its pods run and what they use may still be decided.
///
/// Go: validatePodTemplateUpdate
fn pod_template(errors: &mut ErrorList, object: &Object, old: &Object) {
    let suspended = old.get(&["spec", "suspend"]) == Some(&Value::Bool(true));
    let started = old.get(&["status", "startTime"]).is_some_and(|time| !time.is_null());
    let mut before = old.clone();
    if suspended && !started {
        for path in [
            &["metadata", "labels"][..],
            &["metadata", "annotations"],
            &["spec", "affinity", "nodeAffinity"],
            &["spec", "nodeSelector"],
            &["spec", "tolerations"],
            &["spec", "schedulingGates"],
        ] {
            keep(&mut before, object, &[&["spec", "template"], path].concat());
        }
        resources(&mut before, object);
    }
    // What may be decided is part of the metadata, too; so it is the spec that is compared and shown.
    let (names, kind) = match suspended && !started {
        true => ("spec.template.spec", "PodSpec"),
        false => ("spec.template", "PodTemplateSpec"),
    };
    let (new, before) = (Node::of(object, names), Node::of(&before, names));
    if !same(new.value, before.value) {
        let shown = gostruct::shown(new.value, &format!("io.k8s.api.core.v1.{kind}"));
        errors.push(Error::invalid(&new.path, shown, FIELD_IMMUTABLE));
    }
}

/// Gives the containers of one job the resources of another's.
fn resources(to: &mut Object, from: &Object) {
    for list in ["containers", "initContainers"] {
        let path = ["spec", "template", "spec", list];
        let (Some(Value::Array(sources)), Some(Value::Array(targets))) = (from.get(&path), to.get(&path).cloned())
        else {
            continue;
        };
        let targets: Vec<Value> = targets
            .into_iter()
            .zip(sources.iter().map(Some).chain(std::iter::repeat(None)))
            .map(|(mut target, source)| {
                if let Some(resources) = source.and_then(|source| source.get("resources")) {
                    target["resources"] = resources.clone();
                }
                target
            })
            .collect();
        to.set(&path, json!(targets));
    }
}
