//! StatefulSet.
//!
//! Go: pkg/apis/apps/validation/validation.go ValidateStatefulSet, pkg/registry/apps/statefulset/strategy.go

use std::collections::BTreeSet;

use apimachinery::{
    api::validation::name::name_is_dns_label,
    runtime::object::Object,
    validation::field::{Error, ErrorList, Path},
};
use serde_json::{Value, json};

use super::template;
use crate::{
    core::{
        claim,
        pod::{self, warnings},
    },
    defaults::{absent, items, made, zero},
    node::Node,
    rules::{Part, Rules, keep, same},
    validation::{dns_label, go_struct, not_negative, supported},
};

pub(super) const STATEFUL_SET: Rules = Rules {
    validate_name: name_is_dns_label,
    default,
    prepare_for_create: |_, object| {
        template::prepare_template(object);
        drop_max_unavailable(object, None);
    },
    prepare_for_update: |_, object, old| {
        template::prepare_template(object);
        drop_max_unavailable(object, Some(old));
    },
    validate: |object| {
        let mut errors = validate(object);
        for item in Node::of(object, "spec").items("volumeClaimTemplates") {
            claim::validate_spec(&mut errors, &item.child("spec"));
        }
        errors
    },
    validate_update,
    warnings_on_create: |object| {
        let mut warnings = warnings::of_workload(object);
        more_warnings(&mut warnings, object);
        warnings
    },
    warnings_on_update: |object, old| {
        let mut warnings = warnings::of_workload_update(object, old);
        more_warnings(&mut warnings, object);
        warnings
    },
    status: Part { validate_update: validate_status, ..Part::PLAIN },
    ..Rules::WITH_STATUS
};

/// Go: SetDefaults_StatefulSet
fn default(object: &mut Object) {
    template::default_replicas(object);
    let spec = made(&mut object.0, "spec");
    zero(spec, "podManagementPolicy", "OrderedReady");
    absent(spec, "updateStrategy", json!({}));
    let strategy = &mut spec["updateStrategy"];
    // A strategy that is named is not completed; only its parts are.
    if strategy["type"].as_str().unwrap_or_default().is_empty() || !strategy["rollingUpdate"].is_null() {
        template::default_rolling_update(strategy, &[("partition", json!(0))]);
    }
    absent(spec, "persistentVolumeClaimRetentionPolicy", json!({}));
    for field in ["whenDeleted", "whenScaled"] {
        zero(&mut spec["persistentVolumeClaimRetentionPolicy"], field, "Retain");
    }
    absent(spec, "revisionHistoryLimit", 10);
    for item in items(spec, "volumeClaimTemplates") {
        if let Some(fields) = item.as_object_mut() {
            fields.insert("apiVersion".to_owned(), json!("v1"));
            fields.insert("kind".to_owned(), json!("PersistentVolumeClaim"));
            absent(made(fields, "spec"), "volumeMode", "Filesystem");
            zero(made(fields, "status"), "phase", "Pending");
        }
    }
    template::default_template(object);
}

/// A field whose feature gate is off by default is forgotten, unless it was there. Go: dropStatefulSetDisabledFields
fn drop_max_unavailable(object: &mut Object, old: Option<&Object>) {
    const FIELD: [&str; 4] = ["spec", "updateStrategy", "rollingUpdate", "maxUnavailable"];
    if old.and_then(|old| old.get(&FIELD)).is_none_or(Value::is_null) {
        object.remove(&FIELD);
    }
}

/// Go: statefulSetStrategy.WarningsOnCreate
fn more_warnings(warnings: &mut Vec<String>, object: &Object) {
    let spec = Node::of(object, "spec");
    for item in spec.items("volumeClaimTemplates") {
        claim::warnings_of_spec(warnings, &item.child("spec").at(item.path.clone()));
    }
    let limit = spec.child("revisionHistoryLimit");
    if limit.as_int() < 0 {
        let text = "a negative value retains all historical revisions; a value >= 0 is recommended";
        warnings.push(format!("{}: {text}", limit.path));
    }
}

fn validate(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(object, "spec");
    let policy = spec.child("podManagementPolicy");
    if !matches!(policy.as_str(), "OrderedReady" | "Parallel") {
        errors.push(policy.invalid("must be 'OrderedReady' or 'Parallel'"));
    }
    strategy(&mut errors, &spec.child("updateStrategy"));
    let retention = spec.child("persistentVolumeClaimRetentionPolicy");
    if retention.is_set() {
        for field in ["whenDeleted", "whenScaled"] {
            supported(&mut errors, &retention.child(field), &["Retain", "Delete"]);
        }
    }
    for field in ["replicas", "minReadySeconds", "ordinals.start"] {
        not_negative(&mut errors, &spec.child(field));
    }
    let service = spec.child("serviceName");
    if !service.as_str().is_empty() {
        dns_label(&mut errors, &service);
    }
    if template::selector_and_template(&mut errors, &spec, "statefulset", "") {
        pod_template(&mut errors, &spec);
    }
    template::runs_for_ever(&mut errors, &spec.child("template"), "StatefulSet");
    errors
}

/// Checks the template as a pod will be made of it: with a volume for each claim.
///
/// Go: ValidatePodTemplateSpecForStatefulSet
fn pod_template(errors: &mut ErrorList, spec: &Node<'_>) {
    let template = spec.child("template");
    let mut value = template.value.cloned().unwrap_or_default();
    let claims = spec.items("volumeClaimTemplates");
    let names: BTreeSet<&str> = claims.iter().map(|claim| claim.text("metadata.name")).collect();
    let mut volumes: Vec<Value> =
        names.into_iter().map(|name| json!({"name": name, "persistentVolumeClaim": {"claimName": name}})).collect();
    let own = template.get("spec.volumes").and_then(Value::as_array).into_iter().flatten();
    let own: Vec<Value> =
        own.filter(|volume| !volumes.iter().any(|claim| claim["name"] == volume["name"])).cloned().collect();
    volumes.extend(own);
    value["spec"]["volumes"] = Value::Array(volumes);
    // The controller gives each pod its name.
    for field in ["hostname", "subdomain"] {
        drop(value["spec"].as_object_mut().and_then(|spec| spec.remove(field)));
    }
    let template = Node::new(Some(&value), template.path);
    pod::spec::validate_template(errors, &template);
    // Metadata is checked once more.
    pod::spec::validate_template_metadata(errors, &template);
}

fn strategy(errors: &mut ErrorList, strategy: &Node<'_>) {
    const ROLLING: &str = "Partition# MaxUnavailable?";
    let rolling = strategy.child("rollingUpdate");
    match strategy.text("type") {
        "OnDelete" => {
            if rolling.is_set() {
                let text = "only allowed for updateStrategy 'RollingUpdate'";
                errors.push(Error::invalid(&rolling.path, go_struct(rolling.value, ROLLING), text));
            }
        }
        "RollingUpdate" => not_negative(errors, &rolling.child("partition")),
        _ => {
            let shown = super::shown_strategy(strategy, ROLLING);
            errors.push(Error::invalid(&strategy.path, shown, "must be 'RollingUpdate' or 'OnDelete'"));
        }
    }
}

fn validate_update(object: &Object, old: &Object) -> ErrorList {
    const TEXT: &str = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
        'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are \
        forbidden";
    let mut errors = validate(object);
    let mut munged = object.clone();
    for field in [
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    ] {
        keep(&mut munged, old, &["spec", field]);
    }
    if !same(munged.get(&["spec"]), old.get(&["spec"])) {
        errors.push(Error::forbidden(&Path::new("spec"), TEXT));
    }
    errors
}

fn validate_status(object: &Object, old: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let status = Node::of(object, "status");
    let parts = ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"];
    template::counts(&mut errors, &status, &["replicas", "observedGeneration", "collisionCount"]);
    template::counts(&mut errors, &status, &parts);
    template::not_greater(&mut errors, &status, &parts, "replicas", "status.replicas");
    template::not_greater(&mut errors, &status, &["availableReplicas"], "readyReplicas", "status.readyReplicas");
    template::not_decremented(&mut errors, &status, &Node::of(old, "status"));
    errors
}
