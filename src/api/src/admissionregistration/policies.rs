//! ValidatingAdmissionPolicy, and what it shares with MutatingAdmissionPolicy.
//!
//! Go: validateValidatingAdmissionPolicySpec

use apimachinery::{
    meta::validation::validate_conditions,
    runtime::object::Object,
    util::{strconv, validation},
    validation::field::{BadValue, Error, ErrorList},
};
use cel::types::Type;
use serde_json::Value;

use super::{
    environment::Declared,
    expressions::{self, Compiler},
    matching,
};
use crate::{node::Node, rules, validation::each};

const MAX_ANNOTATIONS: usize = 20;
const MAX_VALUE_EXPRESSION: usize = 5 * 1024;
const REASONS: [&str; 3] = ["Forbidden", "Invalid", "RequestEntityTooLarge"];

/// Checks what every policy has.
pub fn common(errors: &mut ErrorList, spec: &Node<'_>, old: Option<&Object>) {
    matching::required_choice(errors, &spec.child("failurePolicy"), &matching::FAILURE_POLICIES);
    let param_kind = spec.child("paramKind");
    if param_kind.is_set() {
        expressions::param_kind(errors, &param_kind);
    }
    let constraints = spec.child("matchConstraints");
    if constraints.is_set() {
        matching::match_resources(errors, &constraints);
        if constraints.len("resourceRules") == 0 {
            errors.push(constraints.child("resourceRules").required(""));
        }
    } else {
        errors.push(constraints.required(""));
    }
    let unchanged = |old: &Object| {
        let old = Node::of(old, "spec");
        ["paramKind", "matchConditions"].iter().all(|field| rules::same(spec.get(field), old.get(field)))
    };
    if !old.is_some_and(unchanged) {
        expressions::match_conditions(errors, &spec.child("matchConditions"), param_kind.is_set());
    }
}

/// Checks a policy, new or against what it was.
pub fn validate(object: &Object, old: Option<&Object>) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(object, "spec");
    common(&mut errors, &spec, old);
    let declared = Declared { params: spec.has("paramKind"), authorizer: true, patch_types: false };
    let has_variables = spec.len("variables") > 0;
    let mut compiler = if has_variables { Compiler::composed(declared) } else { Compiler::stateless(declared) };
    compiler.variables(&mut errors, &spec.child("variables"));
    if spec.len("validations") == 0 && spec.len("auditAnnotations") == 0 {
        for field in ["validations", "auditAnnotations"] {
            let detail = "validations or auditAnnotations must contain at least one item";
            errors.push(spec.child(field).required(detail));
        }
        return errors;
    }
    spec.items("validations").iter().for_each(|check| validation_rule(&mut errors, &compiler, check, declared));
    annotations(&mut errors, &compiler, &spec.child("auditAnnotations"), object.name());
    errors
}

fn validation_rule(errors: &mut ErrorList, compiler: &Compiler, check: &Node<'_>, declared: Declared) {
    let expression = check.child("expression");
    if expression.as_str().trim().is_empty() {
        errors.push(expression.required("expression is not specified"));
    } else {
        compiler.check(errors, &expression, &[Type::Bool]);
    }
    let message_expression = check.child("messageExpression");
    let text = message_expression.as_str();
    if !text.is_empty() && text.trim().is_empty() {
        errors.push(message_expression.invalid("must be non-empty if specified"));
    } else if !text.is_empty()
        && let Err(error) = compiler.compile_with(Declared { authorizer: false, ..declared }, text, &[Type::String])
    {
        errors.push(message_expression.invalid(error));
    }
    let message = check.child("message");
    if !message.as_str().is_empty() && message.as_str().trim().is_empty() {
        errors.push(message.invalid("must be non-empty if specified"));
    } else if message.as_str().trim().contains(['\n', '\r']) {
        errors.push(message.invalid("must not contain line breaks"));
    }
    matching::choice(errors, &check.child("reason"), &REASONS);
}

fn annotations(errors: &mut ErrorList, compiler: &Compiler, annotations: &Node<'_>, policy: &str) {
    let items = annotations.items_here();
    if items.len() > MAX_ANNOTATIONS {
        let detail = format!("must not have more than {MAX_ANNOTATIONS} auditAnnotations");
        errors.push(Error::invalid(&annotations.path, shown(&items), detail));
    }
    let mut keys: Vec<&str> = Vec::new();
    for annotation in &items {
        let (key, value) = (annotation.child("key").or_empty(), annotation.child("valueExpression"));
        if policy.is_empty() {
            errors.push(key.invalid("requires metadata.name be non-empty"));
        } else {
            let full = Value::from(format!("{policy}/{}", key.as_str()));
            let qualified = Node::new(Some(&full), key.path.clone());
            each(errors, &qualified, validation::is_qualified_name(qualified.as_str()));
        }
        let trimmed = value.as_str().trim();
        if trimmed.is_empty() {
            errors.push(value.required("valueExpression is not specified"));
        } else if trimmed.len() > MAX_VALUE_EXPRESSION {
            errors.push(value.required(format!("must not exceed {MAX_VALUE_EXPRESSION} bytes in length")));
        } else if let Err(error) = compiler.compile(trimmed, &[Type::String, Type::Null]) {
            errors.push(value.invalid(error));
        }
        if keys.contains(&key.as_str()) {
            errors.push(key.duplicate());
        }
        keys.push(key.as_str());
    }
}

/// Annotations as Go's JSON package writes the internal type.
fn shown(items: &[Node<'_>]) -> BadValue {
    let text = |item: &Node<'_>, field: &str| strconv::marshal(&Value::from(item.text(field)));
    let items: Vec<String> = items
        .iter()
        .map(|item| format!("{{\"Key\":{},\"ValueExpression\":{}}}", text(item, "key"), text(item, "valueExpression")))
        .collect();
    BadValue::Text(format!("[{}]", items.join(",")))
}

/// Checks the status of a policy: what its expressions were found to be.
pub fn validate_status(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let status = Node::of(object, "status");
    for warning in status.items("typeChecking.expressionWarnings") {
        for field in ["warning", "fieldRef"] {
            let node = warning.child(field);
            if node.as_str().trim().is_empty() && (field == "fieldRef" || node.as_str().is_empty()) {
                errors.push(node.required(""));
            }
        }
    }
    let conditions = status.get("conditions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    errors.extend(validate_conditions(conditions, &status.path.child("conditions")));
    errors
}
