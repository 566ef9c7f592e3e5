//! The flowcontrol group: who waits for whom.
//!
//! A FlowSchema sorts requests, a PriorityLevelConfiguration says how many of a sort are served at a time.
//!
//! Go: pkg/apis/flowcontrol/validation/validation.go, pkg/registry/flowcontrol/*/strategy.go

pub mod flowschema;
pub mod prioritylevel;

use apimachinery::{
    runtime::object::Object,
    validation::field::{BadValue, Error, ErrorList},
};
use serde_json::Value;

use crate::{
    node::Node,
    rules::{Part, Rules, same},
};

/// Returns the rules of a kind of this group.
pub fn rules(kind: &str) -> Option<&'static Rules> {
    static FLOW_SCHEMA: Rules = Rules {
        default: flowschema::default,
        validate: flowschema::validate,
        validate_update: |object, _| flowschema::validate(object),
        status: STATUS,
        ..Rules::WITH_STATUS
    };
    static PRIORITY_LEVEL: Rules = Rules {
        default: prioritylevel::default,
        validate: prioritylevel::validate,
        validate_update: |object, _| prioritylevel::validate(object),
        status: STATUS,
        ..Rules::WITH_STATUS
    };
    match kind {
        "FlowSchema" => Some(&FLOW_SCHEMA),
        "PriorityLevelConfiguration" => Some(&PRIORITY_LEVEL),
        _ => None,
    }
}

const STATUS: Part = Part { validate_update: |object, _| validate_status(object), ..Part::WITH_METADATA };

/// A condition has a type, and no two have the same.
///
/// Go: ValidateFlowSchemaStatus, ValidatePriorityLevelConfigurationStatus
fn validate_status(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let mut seen: Vec<&str> = Vec::new();
    for condition in Node::of(object, "status").items("conditions") {
        let kind = condition.child("type");
        if seen.contains(&kind.as_str()) {
            errors.push(kind.clone().or_empty().duplicate());
        }
        seen.push(kind.as_str());
        if kind.as_str().is_empty() {
            errors.push(kind.required("must not be empty"));
        }
    }
    errors
}

/// Without some objects no request could be served: nobody can change what they say.
fn fixed(errors: &mut ErrorList, spec: &Node<'_>, wanted: &Value, shown: String, sentence: String) {
    if !same(spec.value, Some(wanted)) {
        errors.push(Error::invalid(&spec.path, BadValue::Text(shown), sentence));
    }
}

/// Writes a list as Go writes one of structs of an internal version.
fn go_list(node: &Node<'_>, names: &str, write: impl Fn(&Node<'_>) -> String) -> String {
    if !node.has(names) {
        return "null".to_owned();
    }
    let items: Vec<String> = node.items(names).iter().map(write).collect();
    format!("[{}]", items.join(","))
}
