//! Conditions: what a controller found out about an object, one entry a type.
//!
//! Go: apimachinery/pkg/api/meta/conditions.go

use serde_json::{Map, Value, json};

/// A condition as a controller states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition<'a> {
    /// What it is about: `Established`.
    pub kind: &'a str,
    /// Whether it holds.
    pub status: Status,
    /// One word for machines.
    pub reason: &'a str,
    /// One sentence for people.
    pub message: &'a str,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It does.
    True,
    /// It does not.
    False,
    /// Nobody knows.
    Unknown,
}

impl Status {
    /// Returns it as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// Returns the condition of a type. Go: FindStatusCondition
pub fn find<'a>(conditions: &'a [Value], kind: &str) -> Option<&'a Map<String, Value>> {
    conditions.iter().find(|condition| condition["type"] == kind)?.as_object()
}

/// Says whether a condition is there and holds. Go: IsStatusConditionTrue
pub fn is_true(conditions: &[Value], kind: &str) -> bool {
    find(conditions, kind).is_some_and(|condition| condition["status"] == "True")
}

/// Sets a condition; `now` is written as its time only if its status changes. Returns whether anything changed.
///
/// Go: SetStatusCondition
pub fn set(conditions: &mut Vec<Value>, condition: Condition<'_>, now: &str) -> bool {
    let mut stated = json!({
        "type": condition.kind, "status": condition.status.as_str(), "lastTransitionTime": now,
        "reason": condition.reason, "message": condition.message,
    });
    let Some(existing) = conditions.iter_mut().find(|existing| existing["type"] == condition.kind) else {
        conditions.push(stated);
        return true;
    };
    if existing["status"] == stated["status"] {
        stated["lastTransitionTime"] = existing["lastTransitionTime"].clone();
    }
    // What else the condition has (`observedGeneration`) stays.
    let fields = stated.as_object().into_iter().flatten();
    let changes: Vec<_> = fields.filter(|(name, value)| existing[name.as_str()] != **value).collect();
    for (name, value) in &changes {
        existing[name.as_str()] = (*value).clone();
    }
    !changes.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_change_of_status_takes_time() {
        let ready = Condition { kind: "Ready", status: Status::True, reason: "Up", message: "fine" };
        let mut conditions = vec![json!({"type": "Other", "status": "False"})];
        assert!(set(&mut conditions, ready, "t1") && is_true(&conditions, "Ready") && !is_true(&conditions, "Other"));
        assert!(!set(&mut conditions, ready, "t2"));
        assert!(set(&mut conditions, Condition { message: "very fine", ..ready }, "t3"));
        assert_eq!(find(&conditions, "Ready").expect("set")["lastTransitionTime"], "t1");
        assert!(set(&mut conditions, Condition { status: Status::Unknown, ..ready }, "t4"));
        let expected = json!({"type": "Ready", "status": "Unknown", "lastTransitionTime": "t4", "reason": "Up", "message": "fine"});
        assert_eq!(conditions[1], expected);
        assert_eq!(find(&conditions, "Nope"), None);
    }
}
