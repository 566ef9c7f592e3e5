//! The policy group: PodDisruptionBudget.
//!
//! Go: pkg/apis/policy/validation/validation.go, pkg/registry/policy/poddisruptionbudget/strategy.go

use apimachinery::{
    meta::validation::validate_conditions,
    runtime::object::Object,
    validation::field::{Error, ErrorList},
};
use serde_json::Value;

use crate::{
    apps::template::{at_most_all, int_or_percent},
    gostruct,
    node::Node,
    rules::{Part, Rules},
    validation::{label_selector, not_negative, supported},
};

const BUDGET: Rules = Rules {
    validate: |object| validate(object),
    validate_update: |object, _| validate(object),
    status: Part { validate_update: |object, _| validate_status(object), ..Part::PLAIN },
    ..Rules::WITH_STATUS
};

/// Returns the rules of a kind of this group.
pub fn rules(kind: &str) -> Option<&'static Rules> {
    static RULES: Rules = BUDGET;
    (kind == "PodDisruptionBudget").then_some(&RULES)
}

fn validate(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(object, "spec");
    if spec.has("minAvailable") && spec.has("maxUnavailable") {
        let shown = gostruct::shown(spec.value, "io.k8s.api.policy.v1.PodDisruptionBudgetSpec");
        errors.push(Error::invalid(&spec.path, shown, "minAvailable and maxUnavailable cannot be both set"));
    }
    for share in [spec.child("minAvailable"), spec.child("maxUnavailable")] {
        int_or_percent(&mut errors, &share);
        at_most_all(&mut errors, &share);
    }
    label_selector(&mut errors, &spec.child("selector"));
    let policy = spec.child("unhealthyPodEvictionPolicy");
    if policy.is_set() {
        supported(&mut errors, &policy, &["AlwaysAllow", "IfHealthyBudget"]);
    }
    errors
}

fn validate_status(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let status = Node::of(object, "status");
    let conditions = status.get("conditions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    errors.extend(validate_conditions(conditions, &status.path.child("conditions")));
    for field in ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"] {
        not_negative(&mut errors, &status.child(field));
    }
    errors
}
