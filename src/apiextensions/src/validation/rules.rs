//! `x-kubernetes-validations`: their texts, whether they compile, and what they may cost.
//!
//! Go: ValidateCustomResourceDefinitionOpenAPISchema, .../validation/cel_validation.go

use api::node::Node;
use apimachinery::validation::field::{BadValue, Error, ErrorList, Path};
use serde_json::Value;

use super::{fieldpath, internal};

const RULES: &str = "x-kubernetes-validations";
const REASONS: [&str; 4] = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];

/// Checks everything about rules that needs no compiler.
pub fn texts(errors: &mut ErrorList, schema: &Node<'_>) {
    for rule in schema.items(RULES) {
        let (text, message) = (rule.text("rule").trim(), rule.child("message"));
        let has_lines = |text: &str| text.contains(['\n', '\r']);
        if text.is_empty() {
            errors.push(rule.child("rule").required("rule is not specified"));
        } else if !message.as_str().is_empty() && message.as_str().trim().is_empty() {
            errors.push(message.invalid("must be non-empty if specified"));
        } else if has_lines(message.as_str().trim()) {
            errors.push(message.invalid("must not contain line breaks"));
        } else if has_lines(text) && message.as_str().is_empty() {
            errors.push(message.required("message must be specified if rule contains line breaks"));
        }
        let expression = rule.child("messageExpression");
        if !expression.as_str().is_empty() && expression.as_str().trim().is_empty() {
            errors.push(expression.required("messageExpression must be non-empty if specified"));
        }
        let reason = rule.child("reason");
        if reason.is_set() && !REASONS.contains(&reason.as_str()) {
            errors.push(reason.not_supported(&REASONS));
        }
        field_path(errors, schema, &rule.child("fieldPath"));
    }
}

fn field_path(errors: &mut ErrorList, schema: &Node<'_>, path: &Node<'_>) {
    let text = path.as_str();
    if text.is_empty() {
        return;
    }
    if text.trim().is_empty() {
        errors.push(path.invalid("must be non-empty if specified"));
    }
    if text.contains(['\n', '\r']) {
        errors.push(path.invalid("must not contain line breaks"));
    }
    let shape = schema.value.expect("a rule stands in a schema");
    if fieldpath::resolve(text, shape, fieldpath::Notation::DotsAndBrackets).is_err() {
        errors.push(path.invalid("must be a valid path"));
    }
}

/// Where rules reach: how often their node can occur in one object.
#[derive(Clone, Copy, Debug)]
pub struct Reach<'a> {
    schema: &'a Value,
    /// Whether the node is a whole object, with `apiVersion`, `kind` and `metadata`.
    is_resource: bool,
    /// How often it can occur at most, if lists and maps on the way to it are bounded.
    cardinality: Option<u64>,
}

impl<'a> Reach<'a> {
    /// The object itself.
    pub fn root(schema: &'a Value) -> Self {
        Self { schema, is_resource: true, cardinality: Some(1) }
    }

    /// A property of this node.
    #[must_use]
    pub fn property(&self, name: &str) -> Self {
        self.child(self.schema.get("properties").and_then(|properties| properties.get(name)))
    }

    /// The values of this map.
    #[must_use]
    pub fn values(&self) -> Self {
        self.child(self.schema.get("additionalProperties"))
    }

    /// The items of this list.
    #[must_use]
    pub fn items(&self) -> Self {
        self.child(self.schema.get("items"))
    }

    /// Go: CELSchemaContext.childContext
    fn child(&self, schema: Option<&'a Value>) -> Self {
        let schema = schema.unwrap_or(&Value::Null);
        let is_resource = schema.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true));
        let cardinality = self.cardinality.zip(self.most_children()).map(|(own, most)| own.saturating_mul(most));
        Self { schema, is_resource, cardinality }
    }

    /// Go: extractMaxElements
    fn most_children(&self) -> Option<u64> {
        let bound = |field: &str| {
            let bound = self.schema.get(field).and_then(Value::as_i64)?;
            Some(u64::try_from(bound).unwrap_or(0))
        };
        let kind = self.schema.get("type").and_then(Value::as_str).unwrap_or_default();
        match kind {
            "object" if self.schema.get("additionalProperties").is_some_and(|value| !value.is_null()) => {
                bound("maxProperties")
            }
            "array" => bound("maxItems"),
            _ => Some(1),
        }
    }
}

/// Compiles the rules of a schema.
#[derive(Debug, Default)]
pub struct Judge {}

impl Judge {
    /// Compiles the rules of one node.
    pub fn node(
        &mut self,
        errors: &mut ErrorList,
        schema: &Node<'_>,
        _reach: &Reach<'_>,
        uncorrelatable: Option<&Path>,
    ) {
        for rule in schema.items(RULES) {
            let shown = || BadValue::Text(internal::rule(rule.value.unwrap_or(&Value::Null)));
            let text = rule.child("rule");
            let program = match cel::Program::compile(text.as_str()) {
                Ok(program) => program,
                Err(error) => {
                    let detail = format!("compilation failed: {}", error.show(text.as_str()));
                    errors.push(Error::invalid(&text.path, shown(), detail));
                    continue;
                }
            };
            let message = rule.child("messageExpression");
            if !message.as_str().is_empty()
                && let Err(error) = cel::Program::compile(message.as_str())
            {
                let detail = format!("messageExpression compilation failed: {}", error.show(message.as_str()));
                errors.push(Error::invalid(&message.path, shown(), detail));
            }
            old_self(errors, &rule, program.uses("oldSelf"), uncorrelatable);
        }
    }
}

/// Rules about changes need an old value; `optionalOldSelf` needs a rule about changes.
fn old_self(errors: &mut ErrorList, rule: &Node<'_>, is_used: bool, uncorrelatable: Option<&Path>) {
    let (text, optional) = (rule.child("rule"), rule.child("optionalOldSelf"));
    if let (true, Some(path)) = (is_used, uncorrelatable) {
        let detail = format!("oldSelf cannot be used on the uncorrelatable portion of the schema within {path}");
        errors.push(text.invalid(detail));
    } else if !is_used && optional.is_set() {
        errors.push(optional.invalid("may not be set if oldSelf is not used in rule"));
    }
}
