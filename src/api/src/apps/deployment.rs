//! Deployment.
//!
//! Go: pkg/apis/apps/validation/validation.go ValidateDeployment, pkg/registry/apps/deployment/strategy.go

use apimachinery::{
    runtime::object::Object,
    validation::field::{Error, ErrorList},
};
use serde_json::json;

use super::template;
use crate::{
    core::pod::warnings,
    defaults::{absent, made},
    node::Node,
    rules::{Generation, Part, Rules, keep},
    validation::not_negative,
};

pub(super) const DEPLOYMENT: Rules = Rules {
    default,
    generation: Generation::Fields(&["spec", "metadata.annotations"]),
    prepare_for_create: |_, object| template::prepare_template(object),
    prepare_for_update: |_, object, _| template::prepare_template(object),
    validate: |object| validate(object),
    validate_update: |object, old| {
        let mut errors = validate(object);
        template::selector_is_immutable(&mut errors, object, old);
        errors
    },
    warnings_on_create: warnings::of_named_workload,
    warnings_on_update: warnings::of_workload_update,
    status: Part {
        prepare_for_update: |_, object, old| {
            keep(object, old, &["spec"]);
            keep(object, old, &["metadata", "labels"]);
        },
        validate_update: validate_status,
        reset_fields: &[&["spec"], &["metadata", "labels"]],
        ..Part::PLAIN
    },
    ..Rules::WITH_STATUS
};

/// Go: SetDefaults_Deployment
fn default(object: &mut Object) {
    template::default_replicas(object);
    let spec = made(&mut object.0, "spec");
    absent(spec, "strategy", json!({}));
    let quarter = json!("25%");
    template::default_rolling_update(
        &mut spec["strategy"],
        &[("maxUnavailable", quarter.clone()), ("maxSurge", quarter)],
    );
    absent(spec, "revisionHistoryLimit", 10);
    absent(spec, "progressDeadlineSeconds", 600);
    template::default_template(object);
}

fn validate(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(object, "spec");
    not_negative(&mut errors, &spec.child("replicas"));
    if template::selector_and_template(&mut errors, &spec, "deployment", "invalid label selector") {
        template::template(&mut errors, &spec, "ReplicaSet", spec.int("replicas") > 1);
    }
    strategy(&mut errors, &spec.child("strategy"));
    not_negative(&mut errors, &spec.child("minReadySeconds"));
    not_negative(&mut errors, &spec.child("revisionHistoryLimit"));
    let deadline = spec.child("progressDeadlineSeconds");
    not_negative(&mut errors, &deadline);
    if deadline.is_set() && deadline.as_int() <= spec.int("minReadySeconds") {
        errors.push(deadline.invalid("must be greater than minReadySeconds"));
    }
    errors
}

fn strategy(errors: &mut ErrorList, strategy: &Node<'_>) {
    let rolling = strategy.child("rollingUpdate");
    match strategy.text("type") {
        "Recreate" => {
            if rolling.is_set() {
                errors.push(rolling.forbidden("may not be specified when strategy `type` is 'Recreate'"));
            }
        }
        "RollingUpdate" => {
            let (unavailable, surge) = (rolling.child("maxUnavailable"), rolling.child("maxSurge"));
            template::int_or_percent(errors, &unavailable);
            template::int_or_percent(errors, &surge);
            if template::number_or_percent(&unavailable) == 0 && template::number_or_percent(&surge) == 0 {
                errors.push(unavailable.invalid("may not be 0 when `maxSurge` is 0"));
            }
            template::at_most_all(errors, &unavailable);
        }
        _ => {
            let shown = super::shown_strategy(strategy, "MaxUnavailable? MaxSurge?");
            errors.push(Error::not_supported(&strategy.path, shown, &["Recreate", "RollingUpdate"]));
        }
    }
}

fn validate_status(object: &Object, old: &Object) -> ErrorList {
    const ALL: &str = "status.replicas";
    let mut errors = ErrorList::new();
    let status = Node::of(object, "status");
    let fields = [
        "observedGeneration",
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "unavailableReplicas",
        "terminatingReplicas",
        "collisionCount",
    ];
    template::counts(&mut errors, &status, &fields);
    template::not_greater(
        &mut errors,
        &status,
        &["updatedReplicas", "readyReplicas", "availableReplicas"],
        "replicas",
        ALL,
    );
    template::not_greater(&mut errors, &status, &["availableReplicas"], "readyReplicas", "readyReplicas");
    template::not_decremented(&mut errors, &status, &Node::of(old, "status"));
    errors
}
