//! PriorityLevelConfiguration: how many requests are served at a time, and what the others do meanwhile.
//!
//! Go: pkg/apis/flowcontrol/validation/validation.go ValidatePriorityLevelConfiguration, pkg/apis/flowcontrol/v1/defaults.go

use apimachinery::{
    runtime::object::Object,
    validation::field::{Error, ErrorList},
};
use serde_json::{Value, json};

use super::fixed;
use crate::{
    defaults::{absent, at, zero},
    node::Node,
    rules::same,
    validation::{go_struct, supported},
};

/// Go: priorityLevelConfigurationQueuingMaxQueues
const MAX_QUEUES: i64 = 10_000_000;

/// The bits of the hash that hands are dealt by.
///
/// Go: apiserver/pkg/util/shufflesharding/dealer.go MaxHashBits
const MAX_HASH_BITS: i64 = 60;

/// Go: SetDefaults_LimitedPriorityLevelConfiguration, SetDefaults_ExemptPriorityLevelConfiguration,
/// SetDefaults_QueuingConfiguration
pub(super) fn default(object: &mut Object) {
    let Some(spec) = object.0.get_mut("spec") else { return };
    for (kind, shares) in [("exempt", 0), ("limited", 30)] {
        if let Some(level) = at(spec, kind) {
            absent(level, "nominalConcurrencyShares", shares);
            absent(level, "lendablePercent", 0);
        }
    }
    if let Some(queuing) = at(spec, "limited.limitResponse.queuing") {
        for (field, value) in [("handSize", 8), ("queues", 64), ("queueLengthLimit", 50)] {
            zero(queuing, field, value);
        }
    }
}

/// Go: ValidatePriorityLevelConfiguration
pub(super) fn validate(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(object, "spec");
    validate_spec(&mut errors, object.name(), &spec);
    validate_mandatory(&mut errors, object.name(), &spec);
    errors.extend(super::validate_status(object));
    errors
}

/// Go: ValidateIfMandatoryPriorityLevelConfigurationObject
fn validate_mandatory(errors: &mut ErrorList, name: &str, spec: &Node<'_>) {
    match name {
        "catch-all" => {
            let limited = json!({
                "nominalConcurrencyShares": 5, "lendablePercent": 0, "limitResponse": {"type": "Reject"},
            });
            let wanted = json!({"type": "Limited", "limited": limited});
            let sentence = format!("spec of '{name}' must equal the fixed value");
            fixed(errors, spec, &wanted, go_spec(spec), sentence);
        }
        // How much of an exempt level's share others may borrow is for the administrator to say.
        "exempt" => {
            let others = json!({"type": spec.get("type"), "limited": spec.get("limited")});
            let wanted = json!({"type": "Exempt", "limited": null});
            if !same(Some(&others), Some(&wanted)) {
                let sentence = format!("spec of '{name}' except the 'spec.exempt' field must equal the fixed value");
                fixed(errors, spec, &wanted, go_spec(spec), sentence);
            }
        }
        _ => {}
    }
}

/// Go: ValidatePriorityLevelConfigurationSpec
fn validate_spec(errors: &mut ErrorList, name: &str, spec: &Node<'_>) {
    let kind = spec.child("type").or_empty();
    if (name == "exempt") != (kind.as_str() == "Exempt") {
        errors.push(kind.invalid("must be 'Exempt' if and only if `name` is 'exempt'"));
    }
    supported(errors, &kind, &["Exempt", "Limited"]);
    let (exempt, limited) = (spec.child("exempt"), spec.child("limited"));
    match kind.as_str() {
        "Exempt" => {
            if limited.is_set() {
                errors.push(limited.forbidden("must be nil if the type is not Limited"));
            }
            validate_shares(errors, &exempt);
        }
        "Limited" => {
            if exempt.is_set() {
                errors.push(exempt.forbidden("must be nil if the type is Limited"));
            }
            if limited.is_set() {
                validate_shares(errors, &limited);
                validate_limit_response(errors, &limited.child("limitResponse"));
            } else {
                errors.push(limited.required("must not be empty when type is Limited"));
            }
        }
        _ => {}
    }
}

/// Go: ValidateLimitedPriorityLevelConfiguration, ValidateExemptPriorityLevelConfiguration
fn validate_shares(errors: &mut ErrorList, level: &Node<'_>) {
    let mut refuse = |field: &str, good: fn(i64) -> bool, detail: &str| {
        if let Some(number) = level.opt_int(field)
            && !good(number)
        {
            errors.push(Error::invalid(&level.path.child(field), number, detail));
        }
    };
    refuse("nominalConcurrencyShares", |shares| shares >= 0, "must be a non-negative integer");
    refuse("lendablePercent", |percent| (0..=100).contains(&percent), "must be between 0 and 100, inclusive");
    refuse("borrowingLimitPercent", |percent| percent >= 0, "if specified, must be a non-negative integer");
}

/// Go: ValidateLimitResponse
fn validate_limit_response(errors: &mut ErrorList, response: &Node<'_>) {
    let queuing = response.child("queuing");
    let kind = response.child("type").or_empty();
    supported(errors, &kind, &["Queue", "Reject"]);
    match (kind.as_str(), queuing.is_set()) {
        ("Reject", true) => {
            errors.push(queuing.forbidden("must be nil if limited.limitResponse.type is not Limited"));
        }
        ("Queue", false) => {
            errors.push(queuing.required("must not be empty if limited.limitResponse.type is Limited"));
        }
        ("Queue", true) => validate_queuing(errors, &queuing),
        _ => {}
    }
}

/// Go: ValidatePriorityLevelQueuingConfiguration
fn validate_queuing(errors: &mut ErrorList, queuing: &Node<'_>) {
    let (queues, hand) = (queuing.int("queues"), queuing.int("handSize"));
    let mut refuse = |field: &str, detail: String| {
        errors.push(Error::invalid(&queuing.path.child(field), queuing.int(field), detail));
    };
    if queuing.int("queueLengthLimit") <= 0 {
        refuse("queueLengthLimit", "must be positive".to_owned());
    }
    if queues <= 0 {
        refuse("queues", "must be positive".to_owned());
    } else if queues > MAX_QUEUES {
        refuse("queues", format!("must not be greater than {MAX_QUEUES}"));
    }
    if hand <= 0 {
        refuse("handSize", "must be positive".to_owned());
    }
    if hand > queues {
        refuse("handSize", format!("should not be greater than queues ({queues})"));
    }
    if hand > 0 && hand <= queues && required_entropy_bits(queues, hand) > MAX_HASH_BITS {
        let detail = format!(
            "required entropy bits of deckSize {queues} and handSize {hand} should not be greater than {MAX_HASH_BITS}"
        );
        refuse("handSize", detail);
    }
}

/// How many bits it takes to deal a hand.
///
/// Go: apiserver/pkg/util/shufflesharding/dealer.go RequiredEntropyBits
fn required_entropy_bits(deck: i64, hand: i64) -> i64 {
    ((deck as f64).log2() * hand as f64).ceil() as i64
}

/// Writes a spec as Go does.
fn go_spec(spec: &Node<'_>) -> String {
    let limited = match spec.child("limited") {
        limited if limited.is_set() => {
            let queuing = go_struct(limited.get("limitResponse.queuing"), "Queues# HandSize# QueueLengthLimit#");
            let number = |field: &str| limited.get(field).map_or("null".to_owned(), Value::to_string);
            format!(
                "{{\"NominalConcurrencyShares\":{},\"LimitResponse\":{{\"Type\":\"{}\",\"Queuing\":{queuing}}},\
                 \"LendablePercent\":{},\"BorrowingLimitPercent\":{}}}",
                limited.int("nominalConcurrencyShares"),
                limited.text("limitResponse.type"),
                number("lendablePercent"),
                number("borrowingLimitPercent"),
            )
        }
        _ => "null".to_owned(),
    };
    let exempt = go_struct(spec.get("exempt"), "NominalConcurrencyShares? LendablePercent?");
    format!("{{\"Type\":\"{}\",\"Limited\":{limited},\"Exempt\":{exempt}}}", spec.text("type"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(name: &str, spec: Value) -> String {
        let mut object = Object::from_value(json!({"metadata": {"name": name}})).expect("an object");
        object.set(&["spec"], spec);
        default(&mut object);
        validate(&object).to_string()
    }

    #[test]
    fn shares_of_the_exempt_level_may_change_and_nothing_else() {
        assert_eq!(faults("exempt", json!({"type": "Exempt", "exempt": {"lendablePercent": 50}})), "");
        let limited = json!({"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}});
        assert!(faults("exempt", limited.clone()).contains("except the 'spec.exempt' field"));
        assert_eq!(faults("mine", limited.clone()), "");
        assert!(faults("catch-all", limited).contains("spec of 'catch-all'"));
    }

    #[test]
    fn a_hand_that_no_hash_can_deal_is_refused() {
        let level = |queues: i64, hand: i64| {
            let queuing = json!({"queues": queues, "handSize": hand});
            let response = json!({"type": "Queue", "queuing": queuing});
            faults("mine", json!({"type": "Limited", "limited": {"limitResponse": response}}))
        };
        assert_eq!(level(64, 10), "");
        assert!(level(64, 11).contains("required entropy bits of deckSize 64 and handSize 11"));
        assert!(level(2, 3).contains("should not be greater than queues (2)"));
    }
}
