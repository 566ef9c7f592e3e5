//! When a job counts as failed or as succeeded.
//!
//! Go: pkg/apis/batch/validation/validation.go validatePodFailurePolicy, validateSuccessPolicy

use apimachinery::{
    util::strconv::quote,
    validation::field::{BadValue, Error, ErrorList},
};

use super::jobspec::shown_policy;
use crate::{
    node::Node,
    validation::{not_negative, one_of_or_empty, qualified_name, supported},
};

const MAX_RULES: usize = 20;
const ACTIONS: [&str; 4] = ["Count", "FailIndex", "FailJob", "Ignore"];

/// `["a" "b"]`, as Go writes a list.
fn listed(values: &[&str]) -> String {
    format!("valid values: [{}]", values.iter().map(|value| quote(value)).collect::<Vec<_>>().join(" "))
}

pub(super) fn pod_failure(errors: &mut ErrorList, spec: &Node<'_>) {
    let policy = spec.child("podFailurePolicy");
    let count = policy.len("rules");
    if count > MAX_RULES {
        errors.push(Error::too_many(&policy.path.child("rules"), count, MAX_RULES));
    }
    for rule in policy.items("rules") {
        let action = rule.child("action");
        if action.as_str().is_empty() {
            errors.push(action.required(listed(&ACTIONS)));
        } else if action.as_str() == "FailIndex" && !spec.has("backoffLimitPerIndex") {
            errors.push(action.invalid("requires the backoffLimitPerIndex to be set"));
        } else {
            supported(errors, &action, &ACTIONS);
        }
        let codes = rule.child("onExitCodes");
        if codes.is_set() {
            exit_codes(errors, spec, &codes);
        }
        conditions(errors, &rule);
        let refused = match (codes.is_set(), rule.len("onPodConditions") > 0) {
            (true, true) => "specifying both OnExitCodes and OnPodConditions is not supported",
            (false, false) => "specifying one of OnExitCodes and OnPodConditions is required",
            _ => continue,
        };
        errors.push(Error::invalid(&rule.path, BadValue::Omitted, refused));
    }
}

fn exit_codes(errors: &mut ErrorList, spec: &Node<'_>, codes: &Node<'_>) {
    let operator = codes.child("operator");
    if operator.as_str().is_empty() {
        errors.push(operator.required(listed(&["In", "NotIn"])));
    } else {
        supported(errors, &operator, &["In", "NotIn"]);
    }
    let name = codes.child("containerName");
    if name.is_set() {
        let of = |list: &str| spec.items(list).iter().any(|container| container.text("name") == name.as_str());
        if !of("template.spec.containers") && !of("template.spec.initContainers") {
            errors.push(name.invalid("must be one of the container or initContainer names in the pod template"));
        }
    }
    let values = codes.child("values");
    let items = codes.items("values");
    if items.is_empty() {
        errors.push(Error::invalid(&values.path, values.shown(), "at least one value is required"));
    } else if items.len() > 255 {
        errors.push(Error::too_many(&values.path, items.len(), 255));
    }
    for (index, item) in items.iter().enumerate() {
        if operator.as_str() == "In" && item.as_int() == 0 {
            errors.push(item.invalid("must not be 0 for the In operator"));
        }
        if items[..index].iter().any(|other| other.as_int() == item.as_int()) {
            errors.push(item.duplicate());
        }
    }
    if items.windows(2).any(|pair| pair[0].as_int() > pair[1].as_int()) {
        errors.push(values.invalid("must be ordered"));
    }
}

fn conditions(errors: &mut ErrorList, rule: &Node<'_>) {
    let count = rule.len("onPodConditions");
    if count > MAX_RULES {
        errors.push(Error::too_many(&rule.path.child("onPodConditions"), count, MAX_RULES));
    }
    for pattern in rule.items("onPodConditions") {
        qualified_name(errors, &pattern.child("type").or_empty());
        let status = pattern.child("status");
        if status.as_str().is_empty() {
            errors.push(status.required(listed(&["False", "True", "Unknown"])));
        }
        one_of_or_empty(errors, &status, &["False", "True", "Unknown"]);
    }
}

pub(super) fn success(errors: &mut ErrorList, spec: &Node<'_>) {
    let policy = spec.child("successPolicy");
    if !policy.is_set() {
        return;
    }
    if spec.text("completionMode") != "Indexed" {
        let shown = shown_policy(&policy, "successPolicy");
        return errors.push(Error::invalid(&policy.path, shown, "requires indexed completion mode"));
    }
    let rules = policy.child("rules");
    match policy.len("rules") {
        0 => errors.push(rules.required("at least one rules must be specified when the successPolicy is specified")),
        count if count > MAX_RULES => errors.push(Error::too_many(&rules.path, count, MAX_RULES)),
        _ => {}
    }
    for rule in policy.items("rules") {
        let (count, indexes) = (rule.child("succeededCount"), rule.child("succeededIndexes"));
        if !count.is_set() && !indexes.is_set() {
            errors.push(rule.required("at least one of succeededCount or succeededIndexes must be specified"));
        }
        let mut total = 0;
        if indexes.is_set() && spec.has("completions") {
            match count_indexes(indexes.as_str(), spec.int("completions")) {
                Ok(count) => total = count,
                Err(error) => errors.push(indexes.invalid(format!("error parsing succeededIndexes: {error}"))),
            }
        }
        if !count.is_set() {
            continue;
        }
        not_negative(errors, &count);
        if spec.has("completions") && count.as_int() > spec.int("completions") {
            let text = format!(
                "must be less than or equal to {} (the number of specified completions)",
                spec.int("completions")
            );
            errors.push(count.invalid(text));
        }
        if indexes.is_set() && count.as_int() > total {
            let text = format!(
                "must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
            );
            errors.push(count.invalid(text));
        }
    }
}

/// Counts the indexes in `0,2-5`. Go: validateIndexesFormat
pub(super) fn count_indexes(text: &str, completions: i64) -> Result<i64, String> {
    let (mut last, mut total) = (None, 0);
    for text in text.split(',').filter(|_| !text.is_empty()) {
        let (first, end) = interval(text, completions)?;
        if let Some(last) = last.filter(|last| *last >= first) {
            return Err(not_rising(last, first));
        }
        last = Some(end);
        total += end - first + 1;
    }
    Ok(total)
}

fn not_rising(previous: i64, current: i64) -> String {
    format!("non-increasing order, previous: {previous}, current: {current}")
}

/// Reads `2` or `2-5`. Go: parseIndexInterval
fn interval(text: &str, completions: i64) -> Result<(i64, i64), String> {
    let number = |text: &str| {
        let number: i64 =
            text.parse().map_err(|_| format!("cannot convert string to integer for index: {}", quote(text)))?;
        if number >= completions { Err(format!("too large index: {}", quote(text))) } else { Ok(number) }
    };
    match text.split('-').collect::<Vec<_>>()[..] {
        [one] => number(one).map(|one| (one, one)),
        [first, end] => match (number(first)?, number(end)?) {
            (first, end) if first >= end => Err(not_rising(first, end)),
            interval => Ok(interval),
        },
        _ => {
            let rule = "violates the requirement that an index interval can have at most two parts separated by '-'";
            Err(format!("the fragment {} {rule}", quote(text)))
        }
    }
}

/// Returns the first index that two lists share; what cannot be read is passed over.
///
/// Go: validateFailedIndexesNotOverlapCompleted
pub(super) fn overlap(completed: &str, failed: &str, completions: i64) -> Option<i64> {
    let read = |text: &str| -> Vec<(i64, i64)> {
        text.split(',').filter_map(|text| interval(text, completions).ok()).collect()
    };
    let (completed, failed) = (read(completed), read(failed));
    let meet =
        |(a, b): &(i64, i64)| failed.iter().find(|(first, end)| a <= end && first <= b).map(|(first, _)| *a.max(first));
    completed.iter().find_map(meet)
}

/// Where failures are counted by rules, a pod is replaced only when it has failed.
pub(super) fn pod_replacement(errors: &mut ErrorList, spec: &Node<'_>) {
    let policy = spec.child("podReplacementPolicy");
    if policy.is_set() {
        let all = ["Failed", "TerminatingOrFailed"];
        supported(errors, &policy, if spec.has("podFailurePolicy") { &all[..1] } else { &all });
    }
}
