//! The conditions in a pod's status.
//!
//! Go: pkg/api/pod/util.go UpdatePodCondition, IsPodReady

use std::time::Duration;

use apimachinery::{meta::time, runtime::object::Object};
use serde_json::{Value, json};

/// What is to be true of a pod.
#[derive(Clone, Copy, Debug)]
pub struct Condition<'a> {
    /// `PodScheduled`, `DisruptionTarget`...
    pub kind: &'a str,
    /// `True`, `False` or `Unknown`.
    pub status: &'a str,
    /// One word; empty: not said.
    pub reason: &'a str,
    /// One sentence; empty: not said.
    pub message: &'a str,
}

/// Sets a condition. Its time of transition changes only with its status.
pub fn set_condition(pod: &mut Object, condition: &Condition<'_>, now: Duration) {
    let Condition { kind, status, reason, message } = *condition;
    let mut entry = json!({"type": kind, "status": status, "lastProbeTime": null});
    entry["lastTransitionTime"] = time::rfc3339(now).into();
    for (field, text) in [("reason", reason), ("message", message)] {
        if !text.is_empty() {
            entry[field] = text.into();
        }
    }
    let mut conditions = conditions(pod).to_vec();
    match conditions.iter_mut().find(|known| known["type"] == kind) {
        Some(known) => {
            if known["status"] == status {
                entry["lastTransitionTime"] = known["lastTransitionTime"].clone();
            }
            *known = entry;
        }
        None => conditions.push(entry),
    }
    pod.set(&["status", "conditions"], conditions);
}

/// Says whether a pod is ready.
pub fn is_ready(pod: &Object) -> bool {
    conditions(pod).iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

fn conditions(pod: &Object) -> &[Value] {
    pod.get(&["status", "conditions"]).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transition_has_a_time() {
        let mut pod = Object::default();
        let condition = |status| Condition { kind: "Ready", status, reason: "", message: "" };
        set_condition(&mut pod, &condition("True"), Duration::from_secs(1));
        set_condition(&mut pod, &condition("True"), Duration::from_secs(9));
        assert!(is_ready(&pod));
        assert_eq!(conditions(&pod)[0]["lastTransitionTime"], "1970-01-01T00:00:01Z");
        set_condition(&mut pod, &condition("False"), Duration::from_secs(9));
        assert_eq!(conditions(&pod)[0]["lastTransitionTime"], "1970-01-01T00:00:09Z");
        assert!(!is_ready(&pod));
    }
}
