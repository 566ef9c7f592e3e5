//! The spec of a job, in a job or in a template of jobs.
//!
//! Go: pkg/apis/batch/validation/validation.go validateJobSpec

use apimachinery::{
    util::validation,
    validation::field::{BadValue, Error, ErrorList},
};
use serde_json::Value;

use super::policies;
use crate::{
    core::pod,
    node::Node,
    validation::{go_struct, not_negative},
};

/// Most pods at once, and most failures counted, of an indexed job.
const MAX_INDEXED: i64 = 100_000;

pub(super) fn validate(errors: &mut ErrorList, spec: &Node<'_>) {
    for field in [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ] {
        not_negative(errors, &spec.child(field));
    }
    if spec.has("maxFailedIndexes") && !spec.has("backoffLimitPerIndex") {
        errors.push(spec.child("backoffLimitPerIndex").required("when maxFailedIndexes is specified"));
    }
    let manager = spec.child("managedBy");
    if manager.is_set() {
        errors.extend(validation::is_domain_prefixed_path(&manager.path, manager.as_str()));
        if manager.as_str().len() > 63 {
            errors.push(Error::too_long(&manager.path, 63));
        }
    }
    completion_mode(errors, spec);
    policies::pod_failure(errors, spec);
    policies::success(errors, spec);
    policies::pod_replacement(errors, spec);
    pod::spec::validate_template(errors, &spec.child("template"));
    restart_policy(errors, spec);
}

fn completion_mode(errors: &mut ErrorList, spec: &Node<'_>) {
    let mode = spec.child("completionMode");
    if mode.is_set() && !matches!(mode.as_str(), "NonIndexed" | "Indexed") {
        errors.push(mode.not_supported(&["NonIndexed", "Indexed"]));
    }
    if mode.as_str() != "Indexed" {
        if !mode.is_set() || mode.as_str() == "NonIndexed" {
            for field in ["backoffLimitPerIndex", "maxFailedIndexes"] {
                if spec.has(field) {
                    errors.push(spec.child(field).invalid("requires indexed completion mode"));
                }
            }
        }
        return;
    }
    if !spec.has("completions") {
        errors.push(spec.child("completions").required("when completion mode is Indexed"));
    }
    if spec.int("parallelism") > MAX_INDEXED {
        let text = format!("must be less than or equal to {MAX_INDEXED} when completion mode is Indexed");
        errors.push(spec.child("parallelism").invalid(text));
    }
    let failed = spec.child("maxFailedIndexes");
    if !failed.is_set() {
        if spec.has("backoffLimitPerIndex") && spec.int("completions") > MAX_INDEXED {
            errors.push(failed.required("must be specified when completions is above 100000"));
        }
        return;
    }
    if spec.has("completions") && failed.as_int() > spec.int("completions") {
        errors.push(failed.invalid("must be less than or equal to completions"));
    }
    if failed.as_int() > MAX_INDEXED {
        errors.push(failed.invalid(format!("must be less than or equal to {MAX_INDEXED}")));
    }
}

fn restart_policy(errors: &mut ErrorList, spec: &Node<'_>) {
    let policy = spec.child("template.spec.restartPolicy");
    match policy.as_str() {
        "" | "Always" => errors.push(policy.required("valid values: \"OnFailure\", \"Never\"")),
        "OnFailure" | "Never" => {
            if spec.has("podFailurePolicy") && policy.as_str() != "Never" {
                let text = "only \"Never\" is supported when podFailurePolicy is specified";
                errors.push(policy.invalid(text));
            }
        }
        _ => errors.push(policy.not_supported(&["OnFailure", "Never"])),
    }
}

/// A policy as Go prints it.
pub(super) fn shown_policy(policy: &Node<'_>, field: &str) -> BadValue {
    let list =
        |items: Vec<String>, is_set: bool| if is_set { format!("[{}]", items.join(",")) } else { "null".to_owned() };
    if !policy.is_set() {
        return BadValue::Value(Value::Null);
    }
    let rules = policy.items("rules").into_iter().map(|rule| {
        if field == "successPolicy" {
            return go_struct(rule.value, "SucceededIndexes? SucceededCount?").to_string();
        }
        let codes = go_struct(rule.get("onExitCodes"), "ContainerName? Operator Values?");
        let conditions = rule.items("onPodConditions");
        let conditions = conditions.iter().map(|condition| go_struct(condition.value, "Type Status").to_string());
        let conditions = list(conditions.collect(), rule.len("onPodConditions") > 0);
        let action = Value::from(rule.text("action"));
        format!("{{\"Action\":{action},\"OnExitCodes\":{codes},\"OnPodConditions\":{conditions}}}")
    });
    BadValue::Text(format!("{{\"Rules\":{}}}", list(rules.collect(), policy.len("rules") > 0)))
}
