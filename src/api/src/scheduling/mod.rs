//! scheduling.k8s.io: PriorityClass.
//!
//! Go: pkg/apis/scheduling/validation/validation.go, pkg/registry/scheduling/priorityclass/strategy.go

use apimachinery::{
    runtime::object::Object,
    validation::field::{Error, ErrorList, Path},
};
use serde_json::Value;

use crate::{
    node::Node,
    rules::{Generation, Rules, differs},
    validation::{immutable, one_of},
};

/// The highest priority that a person may give.
pub const HIGHEST_USER_DEFINABLE_PRIORITY: i64 = 1_000_000_000;
/// The classes that begin with `system-`, with their values; there are no others.
pub const SYSTEM_PRIORITY_CLASSES: [(&str, i64); 2] = [
    ("system-node-critical", 2 * HIGHEST_USER_DEFINABLE_PRIORITY + 1000),
    ("system-cluster-critical", 2 * HIGHEST_USER_DEFINABLE_PRIORITY),
];

/// Returns the rules of a kind of this group.
pub fn rules(kind: &str) -> Option<&'static Rules> {
    static PRIORITY_CLASS: Rules = Rules {
        default: |class| {
            if class.get(&["preemptionPolicy"]).is_none_or(Value::is_null) {
                class.set(&["preemptionPolicy"], "PreemptLowerPriority");
            }
        },
        generation: Generation::Fields(&[]),
        validate,
        validate_update,
        ..Rules::PLAIN
    };
    (kind == "PriorityClass").then_some(&PRIORITY_CLASS)
}

fn validate(class: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let value = Node::of(class, "value");
    if class.name().starts_with("system-") {
        if let Err(reason) = known_system_class(class) {
            let text =
                format!("priority class names with 'system-' prefix are reserved for system use only. error: {reason}");
            errors.push(Error::forbidden(&Path::new("metadata").child("name"), text));
        }
    } else if value.as_int() > HIGHEST_USER_DEFINABLE_PRIORITY {
        let text = format!("maximum allowed value of a user defined priority is {HIGHEST_USER_DEFINABLE_PRIORITY}");
        errors.push(value.forbidden(text));
    }
    let policy = Node::of(class, "preemptionPolicy");
    if policy.is_set() {
        one_of(&mut errors, &policy, &["PreemptLowerPriority", "Never"]);
    }
    errors
}

/// Go: IsKnownSystemPriorityClass
fn known_system_class(class: &Object) -> Result<(), String> {
    let name = class.name();
    let Some((_, value)) = SYSTEM_PRIORITY_CLASSES.iter().find(|(known, _)| *known == name) else {
        return Err(format!("{name} is not a known system priority class"));
    };
    if Node::of(class, "value").as_int() != *value {
        return Err(format!("value of {name} PriorityClass must be {value}"));
    }
    if class.get(&["globalDefault"]) == Some(&Value::Bool(true)) {
        return Err(format!("globalDefault of {name} PriorityClass must be false"));
    }
    Ok(())
}

fn validate_update(class: &Object, old: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    if differs(class, old, "value") {
        errors.push(Node::of(class, "value").forbidden("may not be changed in an update."));
    }
    let policy = |object| Node::of(object, "preemptionPolicy");
    immutable(&mut errors, &policy(class), &policy(old));
    errors
}
