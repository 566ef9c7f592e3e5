//! `x-kubernetes-validations`: their texts, whether they compile, and what they may cost.
//!
//! Go: ValidateCustomResourceDefinitionOpenAPISchema, .../validation/cel_validation.go

use std::sync::Arc;

use api::node::Node;
use apimachinery::validation::field::{BadValue, Error, ErrorList, Path};
use cel::{env::Env, types::Type};
use serde_json::Value;

use super::{decl, fieldpath, internal};

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

/// What one rule may cost at most. Go: StaticEstimatedCostLimit
const RULE_LIMIT: u64 = 10_000_000;
/// What all rules of a schema may cost at most. Go: StaticEstimatedCRDCostLimit
const SCHEMA_LIMIT: u64 = 100_000_000;
/// How many rules are named if all together cost too much.
const MOST_EXPENSIVE: usize = 4;

/// Compiles the rules of a schema and adds up what they cost.
#[derive(Debug)]
pub struct Judge {
    /// Whether a single rule that costs too much is refused; not if it was there before.
    strict_cost: bool,
    total: u64,
    /// The rules that matter for the total, the most expensive first.
    expensive: Vec<(Path, u64)>,
}

impl Judge {
    /// Begins with nothing.
    pub fn new(strict_cost: bool) -> Self {
        Self { strict_cost, total: 0, expensive: Vec::new() }
    }

    /// Compiles the rules of one node.
    pub fn node(
        &mut self,
        errors: &mut ErrorList,
        schema: &Node<'_>,
        reach: &Reach<'_>,
        uncorrelatable: Option<&Path>,
    ) {
        let Some(decl) = decl::declare(reach.schema, reach.is_resource, "selfType") else {
            let error = "internal error: failed to construct type information for x-kubernetes-validations rules: \
                         unable to convert structural schema to CEL declarations";
            return errors.push(Error::internal_error(&schema.path.child(RULES), error));
        };
        // Where nothing bounds the number of nodes, a request does.
        let often = reach.cardinality.unwrap_or(decl::MAX_REQUEST / (decl.min_bytes + 1));
        let sizes = Arc::new(decl.sizes);
        for rule in schema.items(RULES) {
            let old = if rule.flag("optionalOldSelf") { Type::optional(decl.kind.clone()) } else { decl.kind.clone() };
            let variables = [("self".to_owned(), decl.kind.clone()), ("oldSelf".to_owned(), old)].into();
            let env = Env { variables, sizes: Some(sizes.clone()), has_patch_types: false };
            self.rule(errors, &rule, &env, often, uncorrelatable);
        }
    }

    fn rule(&mut self, errors: &mut ErrorList, rule: &Node<'_>, env: &Env, often: u64, uncorrelatable: Option<&Path>) {
        let shown = || BadValue::Text(internal::rule(rule.value.unwrap_or(&Value::Null)));
        let (text, message) = (rule.child("rule"), rule.child("messageExpression"));
        let (program, checked) = match compile(text.as_str(), env, &Type::Bool) {
            Ok(compiled) => compiled,
            Err(Refusal::Compilation(error)) => {
                return errors.push(Error::invalid(&text.path, shown(), format!("compilation failed: {error}")));
            }
            Err(Refusal::Type) => {
                return errors.push(Error::invalid(&text.path, shown(), "cel expression must evaluate to a bool"));
            }
        };
        self.charge(errors, &text.path, "estimated rule cost", checked.max_cost.saturating_mul(often));
        if !message.as_str().is_empty() {
            match compile(message.as_str(), env, &Type::String) {
                Ok((_, checked)) => {
                    self.charge(errors, &message.path, "estimated messageExpression cost", checked.max_cost);
                }
                Err(Refusal::Compilation(error)) => {
                    let detail = format!("messageExpression compilation failed: {error}");
                    errors.push(Error::invalid(&message.path, shown(), detail));
                }
                Err(Refusal::Type) => {
                    errors.push(Error::invalid(&message.path, shown(), "messageExpression must evaluate to a string"));
                }
            }
        }
        old_self(errors, rule, program.uses("oldSelf"), uncorrelatable);
    }

    /// Adds the cost of an expression. Go: ObserveExpressionCost
    fn charge(&mut self, errors: &mut ErrorList, path: &Path, what: &str, cost: u64) {
        if self.strict_cost && cost > RULE_LIMIT {
            errors.push(Error::forbidden(path, too_expensive(what, cost, RULE_LIMIT)));
        }
        self.total = self.total.saturating_add(cost);
        if cost >= SCHEMA_LIMIT / 100 {
            self.expensive.push((path.clone(), cost));
            self.expensive.sort_by_key(|(_, cost)| std::cmp::Reverse(*cost));
            self.expensive.truncate(MOST_EXPENSIVE);
        }
    }

    /// Refuses a schema whose rules cost too much together.
    pub fn total(&self, errors: &mut ErrorList, schema: &Path) {
        if self.total <= SCHEMA_LIMIT {
            return;
        }
        let contributed = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";
        errors.extend(self.expensive.iter().map(|(path, _)| Error::forbidden(path, contributed)));
        let what = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
        errors.push(Error::forbidden(schema, too_expensive(what, self.total, SCHEMA_LIMIT)));
    }
}

enum Refusal {
    Compilation(String),
    Type,
}

fn compile(text: &str, env: &Env, wanted: &Type) -> Result<(cel::Program, cel::checker::Checked), Refusal> {
    let (program, checked) = cel::Program::checked(text, env).map_err(Refusal::Compilation)?;
    if checked.kind == *wanted { Ok((program, checked)) } else { Err(Refusal::Type) }
}

/// Go: getCostErrorMessage
fn too_expensive(what: &str, cost: u64, limit: u64) -> String {
    let times = cost as f64 / limit as f64;
    let factor = if times > 100.0 {
        "more than 100x".to_owned()
    } else if times < 1.5 {
        format!("{times:.6}x")
    } else {
        format!("{times:.1}x")
    };
    format!(
        "{what} exceeds budget by factor of {factor} (try simplifying the rule, or adding maxItems, maxProperties, and \
         maxLength where arrays, maps, and strings are declared)"
    )
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
