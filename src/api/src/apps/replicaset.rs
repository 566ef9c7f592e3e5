//! ReplicaSet, and what it shares with ReplicationController.
//!
//! Go: pkg/apis/apps/validation/validation.go ValidateReplicaSet, pkg/registry/apps/replicaset/strategy.go

use apimachinery::{runtime::object::Object, validation::field::ErrorList};

use super::template;
use crate::{
    core::pod::warnings,
    node::Node,
    rules::{Part, Rules},
    validation::not_negative,
};

pub(super) const REPLICA_SET: Rules = Rules {
    default: |object| {
        template::default_replicas(object);
        template::default_template(object);
    },
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
    status: Part { validate_update: validate_status, ..Part::PLAIN },
    ..Rules::WITH_STATUS
};

fn validate(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(object, "spec");
    not_negative(&mut errors, &spec.child("replicas"));
    not_negative(&mut errors, &spec.child("minReadySeconds"));
    // Go says deployment here, too.
    if template::selector_and_template(&mut errors, &spec, "deployment", "invalid label selector") {
        template::template(&mut errors, &spec, "ReplicaSet", spec.int("replicas") > 1);
    }
    errors
}

/// Go: ValidateReplicaSetStatus, ValidateReplicationControllerStatus
pub fn validate_status(object: &Object, _: &Object) -> ErrorList {
    const ALL: &str = "status.replicas";
    let mut errors = ErrorList::new();
    let status = Node::of(object, "status");
    let fields = [
        "replicas",
        "fullyLabeledReplicas",
        "readyReplicas",
        "availableReplicas",
        "terminatingReplicas",
        "observedGeneration",
    ];
    template::counts(&mut errors, &status, &fields);
    let parts = ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"];
    template::not_greater(&mut errors, &status, &parts, "replicas", ALL);
    template::not_greater(&mut errors, &status, &["availableReplicas"], "readyReplicas", "readyReplicas");
    errors
}
