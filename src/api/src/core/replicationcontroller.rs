//! ReplicationController and PodTemplate.
//!
//! Go: pkg/apis/core/validation/validation.go ValidateReplicationController, ValidatePodTemplate

use apimachinery::{
    api::validation::name::NameUsage,
    labels::selector::Selector,
    runtime::object::{Object, string_map},
    util::validation,
    validation::field::ErrorList,
};
use serde_json::json;

use super::pod::{self, warnings};
use crate::{
    apps::{replicaset, template},
    defaults::made,
    node::Node,
    rules::{Generation, Part, Rules, drop_pod_fields},
    validation::not_negative,
};

pub(super) const REPLICATION_CONTROLLER: Rules = Rules {
    validate_name: name,
    default,
    prepare_for_create: |_, object| template::prepare_template(object),
    prepare_for_update: |_, object, _| template::prepare_template(object),
    validate: |object| validate(object),
    validate_update: |object, _| validate(object),
    warnings_on_create: warnings::of_named_workload,
    warnings_on_update: warnings::of_workload_update,
    status: Part { validate_update: replicaset::validate_status, ..Part::PLAIN },
    fields: |object| {
        let replicas = object.get(&["status", "replicas"]).and_then(serde_json::Value::as_i64).unwrap_or_default();
        vec![("status.replicas", replicas.to_string())]
    },
    ..Rules::WITH_STATUS
};

pub(super) const POD_TEMPLATE: Rules = Rules {
    default: |object| {
        let template = made(&mut object.0, "template");
        if let Some(fields) = template.as_object_mut() {
            pod::defaults::pod_spec(made(fields, "spec"));
        }
    },
    generation: Generation::Fields(&["template"]),
    prepare_for_create: |_, object| drop_pod_fields(object, "template.spec"),
    prepare_for_update: |_, object, _| drop_pod_fields(object, "template.spec"),
    validate: |object| validate_template(object),
    validate_update: |object, _| validate_template(object),
    warnings_on_create: |object| warnings::of_template_at(object, "template"),
    warnings_on_update: |object, old| {
        if object.generation() == old.generation() { Vec::new() } else { warnings::of_template_at(object, "template") }
    },
    ..Rules::PLAIN
};

/// As most names, in the newer words.
fn name(name: &str, _: NameUsage) -> Vec<String> {
    validation::is_dns1123_subdomain_bytes(name)
}

/// A controller is labelled as its template is, and selects it.
///
/// Go: SetDefaults_ReplicationController
fn default(object: &mut Object) {
    template::default_replicas(object);
    if object.get(&["spec", "template"]).is_some_and(serde_json::Value::is_object) {
        template::default_template(object);
    }
    let labels = object.get(&["spec", "template", "metadata", "labels"]).cloned().unwrap_or_else(|| json!({}));
    if labels.as_object().is_some_and(|labels| !labels.is_empty()) {
        if object
            .get(&["spec", "selector"])
            .and_then(|selector| selector.as_object())
            .is_none_or(serde_json::Map::is_empty)
        {
            object.set(&["spec", "selector"], labels.clone());
        }
        if object.labels().is_empty() {
            object.set(&["metadata", "labels"], labels);
        }
    }
}

fn validate(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(object, "spec");
    not_negative(&mut errors, &spec.child("minReadySeconds"));
    if spec.len("selector") == 0 {
        errors.push(spec.child("selector").required(""));
    }
    not_negative(&mut errors, &spec.child("replicas"));
    if !spec.has("template") {
        errors.push(spec.child("template").required(""));
        return errors;
    }
    let selector = Selector::from_set(&string_map(spec.get("selector")));
    if !selector.is_empty() && !selector.matches(&template::labels(&spec)) {
        template::mismatch(&mut errors, &spec);
    }
    template::template(&mut errors, &spec, "ReplicationController", spec.int("replicas") > 1);
    errors
}

fn validate_template(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    pod::spec::validate_template(&mut errors, &Node::of(object, "template"));
    errors
}
