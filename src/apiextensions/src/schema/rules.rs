//! The rules of a schema, evaluated: `x-kubernetes-validations`.
//!
//! ```text
//!   Rules::new(schema)       every rule below a node is compiled once, with the definition
//!   rules.validate(value)    node by node: self (and, for a change, oldSelf) -> true, or an error at the node
//! ```
//!
//! A rule that does not look at the old value and was broken before is only warned of (ratcheting).
//!
//! All rules of an object share a budget: when it is spent no further rule is evaluated, and that is an error.
//!
//! Simplified: lists that are sets or maps are compared item by item, in order.
//!
//! Go: apiextensions-apiserver/pkg/apiserver/schema/cel/{compilation,validation}.go, apiserver/pkg/cel/common/values.go

use std::{collections::BTreeMap, sync::Arc};

use apimachinery::{
    meta::time,
    schema::model::{ArrayType, Kind, ObjectType, Schema},
    validation::field::{BadValue, Error, ErrorList, Path},
};
use cel::{
    Program, Value as CelValue, Variables,
    budget::{self, Budget},
    value::Key,
};
use serde_json::Value;

use crate::validation::fieldpath::{self, Notation};

/// A message that is longer does not count.
///
/// Go: apiserver/pkg/apis/cel/config.go MaxEvaluatedMessageExpressionSizeBytes
const MAX_MESSAGE: usize = 5 * 1024;

/// The rules of a node and of what is below it.
///
/// Go: cel.Validator
#[derive(Clone, Debug, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    /// Rules of `allOf`, which are about the same node.
    all_of: Vec<Rules>,
    properties: BTreeMap<String, Rules>,
    additional: Option<Box<Rules>>,
    items: Option<Box<Rules>>,
    /// What the node is, to show it to rules.
    schema: Arc<Schema>,
    place: Place,
    /// How items are found again after a change; none: they are not.
    keys: Vec<String>,
}

/// Whether a node is a whole object, whose metadata rules may look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    Resource,
    #[default]
    Below,
}

#[derive(Clone, Debug)]
struct Rule {
    text: String,
    program: Result<Program, String>,
    message: String,
    /// With its text.
    message_expression: Option<(String, Program)>,
    reason: String,
    /// Below the node: `x`, `o.y`.
    field_path: String,
    uses_old_self: bool,
    optional_old_self: bool,
}

/// What a value was before.
#[derive(Clone, Copy, Default)]
struct Before<'a> {
    /// `None`: it was not there, or cannot be found again.
    old: Option<&'a Value>,
    /// Whether the nearest part around it that could be found again has not changed.
    parent_unchanged: bool,
}

impl<'a> Before<'a> {
    fn unchanged(self, value: &Value) -> bool {
        self.old.map_or(self.parent_unchanged, |old| old == value)
    }

    fn below(self, value: &Value, old: Option<&'a Value>) -> Self {
        Self { old, parent_unchanged: self.unchanged(value) }
    }
}

impl Rules {
    /// Compiles the rules of a version's schema.
    ///
    /// Go: NewValidator
    pub fn new(schema: &Arc<Schema>, document: &Value) -> Self {
        Self::node(schema.clone(), document, document, Place::Resource).unwrap_or_default()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
            && self.all_of.is_empty()
            && self.properties.is_empty()
            && self.additional.is_none()
            && self.items.is_none()
    }

    /// `rules` holds the rules, `node` the shape: they differ within `allOf`.
    fn node(schema: Arc<Schema>, rules: &Value, node: &Value, place: Place) -> Option<Self> {
        let list = |name: &str| rules[name].as_array().map(Vec::as_slice).unwrap_or_default();
        let place_of = |schema: &Schema| match schema.as_object() {
            Some(ObjectType { embedded_resource: true, .. }) => Place::Resource,
            _ => Place::Below,
        };
        let mut made = Self { schema: schema.clone(), place, ..Self::default() };
        made.rules = list("x-kubernetes-validations").iter().map(|rule| Rule::new(rule, node)).collect();
        for nested in list("allOf") {
            made.all_of.extend(Self::node(schema.clone(), nested, node, place).filter(|made| !made.is_empty()));
        }
        match &schema.kind {
            Kind::Object(object) => {
                for (name, field) in &object.properties {
                    let (name, inner) = (name.to_string(), Arc::new(field.schema.get().clone()));
                    let place = place_of(&inner);
                    let made_inner = Self::node(inner, &rules["properties"][&name], &node["properties"][&name], place);
                    made.properties.extend(made_inner.map(|made_inner| (name, made_inner)));
                }
                if let Some(link) = &object.additional {
                    let inner = Arc::new(link.get().clone());
                    let (place, name) = (place_of(&inner), "additionalProperties");
                    made.additional = Self::node(inner, &rules[name], &node[name], place).map(Box::new);
                }
            }
            Kind::Array(array) => {
                let inner = Arc::new(array.items.get().clone());
                let place = place_of(&inner);
                made.items = Self::node(inner, &rules["items"], &node["items"], place).map(Box::new);
                made.keys = array.keys().iter().map(ToString::to_string).collect();
            }
            _ => {}
        }
        (!made.is_empty()).then_some(made)
    }

    /// Returns the rules that a value breaks; `old` is what it was, for a change. `warn` is told of those that were
    /// broken before.
    pub fn validate(&self, value: &Value, old: Option<&Value>, warn: &mut dyn FnMut(String)) -> ErrorList {
        let budget = Budget::new(budget::RUNTIME_CEL_COST_BUDGET);
        let mut run = Run { errors: ErrorList::new(), warn, budget: Some(budget) };
        run.node(self, &Path::default(), value, Before { old, parent_unchanged: false });
        run.errors
    }
}

impl Rule {
    fn new(rule: &Value, schema: &Value) -> Self {
        let text = |name: &str| rule[name].as_str().unwrap_or_default().to_owned();
        let program = Program::compile(&text("rule")).map_err(|error| error.message);
        let field_path = fieldpath::resolve(&text("fieldPath"), schema, Notation::DotsAndBrackets);
        let field_path = field_path.map(|(path, _)| path.to_string()).unwrap_or_default();
        let message_expression = text("messageExpression");
        Self {
            uses_old_self: program.as_ref().is_ok_and(|program| program.uses("oldSelf")),
            optional_old_self: rule["optionalOldSelf"].as_bool().unwrap_or_default(),
            message: text("message").trim().to_owned(),
            message_expression: Program::compile(&message_expression)
                .ok()
                .filter(|_| !message_expression.is_empty())
                .map(|program| (message_expression, program)),
            reason: text("reason"),
            field_path: if rule["fieldPath"].is_string() { field_path } else { String::new() },
            program,
            text: text("rule"),
        }
    }

    /// Names the rule in an error. Go: ruleErrorString
    fn name(&self) -> &str {
        if self.message.is_empty() { self.text.trim() } else { &self.message }
    }

    /// Where an error of it stands.
    fn place(&self, path: &Path) -> Path {
        if self.field_path.is_empty() { path.clone() } else { path.child(&self.field_path) }
    }

    /// Says what is wrong; the error ends the evaluation. Go: ruleMessageOrDefault, evalMessageExpression
    fn explain(&self, variables: &Variables, budget: &mut Budget) -> Result<String, String> {
        if let Some((text, expression)) = &self.message_expression {
            let (outcome, cost) = expression.metered(variables);
            budget.spend(cost).map_err(|_| {
                "messageExpression evaluation failed due to running out of cost budget, \
                 no further validation rules will be run"
                    .to_owned()
            })?;
            match outcome {
                Ok(CelValue::String(message)) => {
                    let message = message.trim();
                    if !message.is_empty() && message.len() <= MAX_MESSAGE && !message.contains('\n') {
                        return Ok(message.to_owned());
                    }
                }
                Err(error) if error.message.starts_with(budget::LIMIT_EXCEEDED) => {
                    return Err(format!(
                        "no further validation rules will be run due to call cost exceeds limit for \
                         messageExpression: {text:?}"
                    ));
                }
                Ok(_) | Err(_) => {}
            }
        }
        Ok(if self.message.is_empty() { format!("failed rule: {}", self.name()) } else { self.message.clone() })
    }
}

/// One evaluation of all rules.
struct Run<'a> {
    errors: ErrorList,
    warn: &'a mut dyn FnMut(String),
    /// What is left to spend; none: no further rule is evaluated.
    budget: Option<Budget>,
}

impl Run<'_> {
    fn node(&mut self, rules: &Rules, path: &Path, value: &Value, before: Before<'_>) {
        if value.is_null() || self.budget.is_none() {
            return;
        }
        self.expressions(rules, path, value, before);
        for nested in &rules.all_of {
            let before = Before { parent_unchanged: false, ..before };
            self.node(nested, path, value, before);
        }
        match value {
            Value::Object(fields) => {
                for (name, inner) in fields {
                    let old = before.old.and_then(|old| old.get(name));
                    let before = before.below(value, old);
                    if let Some(rules) = rules.properties.get(name) {
                        self.node(rules, &path.child(name), inner, before);
                    } else if let Some(rules) = &rules.additional {
                        self.node(rules, &path.key(name), inner, before);
                    }
                }
            }
            Value::Array(items) => {
                let Some(item_rules) = &rules.items else { return };
                for (index, item) in items.iter().enumerate() {
                    let before = before.below(value, same_item(&rules.keys, before.old, item));
                    self.node(item_rules, &path.index(index), item, before);
                }
            }
            _ => {}
        }
    }

    /// Ends the evaluation with an error.
    fn stop(&mut self, path: &Path, kind: &str, why: impl Into<String>) {
        self.budget = None;
        self.errors.push(Error::invalid(path, kind, why));
    }

    /// Go: validateExpressions
    fn expressions(&mut self, rules: &Rules, path: &Path, value: &Value, before: Before<'_>) {
        if rules.rules.is_empty() {
            return;
        }
        let kind = type_name(&rules.schema);
        if self.budget.is_some_and(Budget::is_spent) {
            return self.stop(path, kind, budget::OUT_OF_BUDGET);
        }
        let shown = |value: &Value| to_cel(&rules.schema, value, rules.place);
        let old = before.old.filter(|old| !old.is_null());
        let mut variables = Variables::from([("self".to_owned(), shown(value))]);
        for rule in &rules.rules {
            if rule.uses_old_self && old.is_none() && !rule.optional_old_self {
                // A rule about changes, and nothing to compare with.
                continue;
            }
            variables.remove("oldSelf");
            match (rule.optional_old_self, old.map(shown)) {
                (true, old) => drop(variables.insert("oldSelf".to_owned(), CelValue::Optional(old.map(Arc::new)))),
                (false, Some(old)) => drop(variables.insert("oldSelf".to_owned(), old)),
                (false, None) => {}
            }
            let Some(budget) = &mut self.budget else { return };
            let (outcome, cost) = match &rule.program {
                Ok(program) => program.metered(&variables),
                Err(error) => {
                    self.errors.push(Error::invalid(path, kind, format!("rule compile error: {error}")));
                    continue;
                }
            };
            if budget.spend(cost).is_err() {
                return self.stop(path, kind, budget::OUT_OF_BUDGET);
            }
            match outcome {
                Ok(CelValue::Bool(true)) => {}
                Ok(_) => {
                    let error = match rule.explain(&variables, budget) {
                        Ok(detail) => broken(rule, path, value, kind, detail),
                        Err(why) => {
                            self.budget = None;
                            Error::invalid(&rule.place(path), kind, why)
                        }
                    };
                    if !rule.uses_old_self && before.unchanged(value) {
                        (self.warn)(error.to_string());
                    } else {
                        self.errors.push(error);
                    }
                }
                Err(error) if error.message.starts_with(budget::LIMIT_EXCEEDED) => {
                    return self.stop(path, kind, evaluation_error(rule, &error.message));
                }
                Err(error) => self.errors.push(Error::invalid(path, kind, evaluation_error(rule, &error.message))),
            }
        }
    }
}

/// Finds what an item was before, by its keys.
fn same_item<'a>(keys: &[String], old: Option<&'a Value>, item: &Value) -> Option<&'a Value> {
    if keys.is_empty() {
        return None;
    }
    old?.as_array()?.iter().find(|old| keys.iter().all(|key| old.get(key) == item.get(key)))
}

/// Go: fieldErrorForReason
fn broken(rule: &Rule, path: &Path, value: &Value, kind: &str, detail: String) -> Error {
    let path = rule.place(path);
    let shown = if matches!(kind, "object" | "array") { BadValue::Omitted } else { BadValue::from(value.clone()) };
    match rule.reason.as_str() {
        "FieldValueForbidden" => Error::forbidden(&path, detail),
        "FieldValueRequired" => Error::required(&path, detail),
        "FieldValueDuplicate" => Error::duplicate(&path, shown),
        _ => Error::invalid(&path, shown, detail),
    }
}

fn evaluation_error(rule: &Rule, error: &str) -> String {
    let name = rule.name();
    if error.starts_with("no such overload") {
        return format!(
            "'{error}': call arguments did not match a supported operator, function or macro signature for rule: {name}"
        );
    }
    if error.starts_with(budget::LIMIT_EXCEEDED) {
        return format!(
            "'{error}': no further validation rules will be run due to call cost exceeds limit for rule: {name}"
        );
    }
    format!("{error} evaluating rule: {name}")
}

/// The `type` of a schema, as errors show it.
fn type_name(schema: &Schema) -> &'static str {
    match &schema.kind {
        Kind::Object(_) | Kind::Raw => "object",
        Kind::Array(_) => "array",
        Kind::String | Kind::Bytes | Kind::Time | Kind::MicroTime | Kind::Quantity => "string",
        Kind::Integer(_) => "integer",
        Kind::Number => "number",
        Kind::Boolean => "boolean",
        Kind::Any | Kind::Deduced | Kind::IntOrString | Kind::Either(_) => "",
    }
}

/// Shows a value to rules as its schema says: with escaped names, times as times, numbers as numbers.
///
/// Go: UnstructuredToVal
fn to_cel(schema: &Schema, value: &Value, place: Place) -> CelValue {
    match (&schema.kind, value) {
        (_, Value::Null) => CelValue::Null,
        (Kind::Object(object), Value::Object(fields)) => object_to_cel(object, fields, place),
        (Kind::Array(ArrayType { items, .. }), Value::Array(values)) => {
            let schema = items.get();
            let place = if schema.as_object().is_some_and(|object| object.embedded_resource) {
                Place::Resource
            } else {
                Place::Below
            };
            CelValue::list(values.iter().map(|value| to_cel(schema, value, place)).collect())
        }
        (Kind::Number, Value::Number(number)) => CelValue::Double(number.as_f64().unwrap_or_default()),
        (Kind::Bytes, Value::String(text)) => {
            use base64::{Engine, prelude::BASE64_STANDARD};
            BASE64_STANDARD.decode(text).map_or_else(|_| CelValue::from(value), |bytes| CelValue::Bytes(bytes.into()))
        }
        (Kind::String, Value::String(text)) => formatted(&schema.format, text).unwrap_or_else(|| CelValue::from(value)),
        _ => CelValue::from(value),
    }
}

/// A text whose format makes it a time or a duration.
fn formatted(format: &str, text: &str) -> Option<CelValue> {
    let moment = |text: &str| time::parse(text).map(|time| CelValue::Timestamp(time.as_nanos() as i128));
    match format {
        "date-time" => moment(text),
        "date" => moment(&format!("{text}T00:00:00Z")),
        "duration" => cel::functions::time::duration(text).ok().map(CelValue::Duration),
        _ => None,
    }
}

fn object_to_cel(object: &ObjectType, fields: &serde_json::Map<String, Value>, place: Place) -> CelValue {
    let mut shown: BTreeMap<Key, CelValue> = BTreeMap::new();
    let mut put = |name: &str, value: CelValue| drop(shown.insert(Key::String(name.into()), value));
    for (name, value) in fields {
        let property = object.properties.get(name.as_str()).map(|field| field.schema.get());
        match (name.as_str(), property) {
            // A field that is null is the same as none.
            _ if value.is_null() && !object.properties.is_empty() => {}
            ("metadata", _) if place == Place::Resource => put("metadata", metadata(value)),
            ("apiVersion" | "kind", _) if place == Place::Resource => put(name, CelValue::from(value)),
            (name, Some(schema)) => {
                let embedded = schema.as_object().is_some_and(|object| object.embedded_resource);
                let place = if embedded { Place::Resource } else { Place::Below };
                if let Some(escaped) = cel::escaping::escape(name) {
                    put(&escaped, to_cel(schema, value, place));
                }
            }
            (name, None) => {
                if let Some(link) = &object.additional {
                    put(name, to_cel(link.get(), value, Place::Below));
                }
            }
        }
    }
    CelValue::Map(Arc::new(shown))
}

/// Of metadata rules see the names only.
fn metadata(value: &Value) -> CelValue {
    let names = ["name", "generateName"].into_iter().filter_map(|name| Some((name, value.get(name)?)));
    let names = names.map(|(name, value)| (Key::String(name.into()), CelValue::from(value)));
    CelValue::Map(Arc::new(names.collect()))
}

#[cfg(test)]
mod tests {
    use apimachinery::schema::openapi;
    use serde_json::json;

    use super::*;

    fn rules(document: &Value) -> Rules {
        Rules::new(&Arc::new(openapi::schema(document, None)), document)
    }

    fn broken(document: Value, value: Value, old: Option<Value>) -> Vec<String> {
        let mut warnings = Vec::new();
        let errors = rules(&document).validate(&value, old.as_ref(), &mut |warning| warnings.push(warning));
        errors
            .0
            .iter()
            .map(ToString::to_string)
            .chain(warnings.into_iter().map(|text| format!("warning: {text}")))
            .collect()
    }

    #[test]
    fn rules_are_judged_node_by_node() {
        let document = json!({"type": "object", "properties": {"l": {"type": "array", "items": {"type": "object",
            "properties": {"n": {"type": "integer", "x-kubernetes-validations": [{"rule": "self > 0", "message": "positive"}]}},
            "x-kubernetes-validations": [{"rule": "self.n < 10", "message": "small"}]}}}});
        assert_eq!(
            broken(document, json!({"l": [{"n": 1}, {"n": -1}, {"n": 11}]}), None),
            ["l[1].n: Invalid value: -1: positive", "l[2]: Invalid value: small"]
        );
    }

    #[test]
    fn rules_about_changes_need_a_change_and_others_are_ratcheted() {
        let document = json!({"type": "object", "properties": {
            "a": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "stays"}]},
            "b": {"type": "string", "x-kubernetes-validations": [{"rule": "self == 'x'", "message": "is x"}]}}});
        assert_eq!(broken(document.clone(), json!({"a": "1", "b": "x"}), None), Vec::<String>::new());
        let old = json!({"a": "1", "b": "y"});
        assert_eq!(
            broken(document, json!({"a": "2", "b": "y"}), Some(old)),
            [r#"a: Invalid value: "2": stays"#, r#"warning: b: Invalid value: "y": is x"#]
        );
    }

    #[test]
    fn rules_share_a_budget_and_each_has_a_limit() {
        let rule = |count: u64| json!({"rule": format!("lists.range({count}).size() > 0"), "message": "some"});
        let last = json!({"rule": "false", "message": "never"});
        let document = |rules: Vec<Value>| json!({"type": "object", "x-kubernetes-validations": rules});
        let mut dear: Vec<Value> = (0..11).map(|_| rule(900_000)).collect();
        assert_eq!(broken(document(dear.clone()), json!({}), None), Vec::<String>::new());
        dear.extend([rule(900_000), last.clone()]);
        assert_eq!(
            broken(document(dear), json!({}), None),
            ["<nil>: Invalid value: \"object\": validation failed due to running out of cost budget, \
              no further validation rules will be run"]
        );
        assert_eq!(
            broken(document(vec![rule(1_100_000), last]), json!({}), None),
            ["<nil>: Invalid value: \"object\": 'operation cancelled: actual cost limit exceeded': \
              no further validation rules will be run due to call cost exceeds limit for rule: some"]
        );
    }

    #[test]
    fn a_field_that_is_null_is_not_there() {
        let document = json!({"type": "object", "properties": {"a": {"type": "string", "nullable": true}},
            "x-kubernetes-validations": [{"rule": "!has(self.a) || self.a == 'x'", "message": "is x"}]});
        assert_eq!(broken(document.clone(), json!({"a": null}), None), Vec::<String>::new());
        assert_eq!(broken(document, json!({"a": "y"}), None), ["<nil>: Invalid value: is x"]);
    }

    #[test]
    fn properties_that_are_no_names_are_seen_escaped() {
        let document = json!({"type": "object", "properties": {"while": {"type": "integer"}, "a-b": {"type": "integer"}},
            "x-kubernetes-validations": [{"rule": "self.__while__ < self.a__dash__b", "message": "is less"}]});
        assert_eq!(broken(document.clone(), json!({"while": 1, "a-b": 2}), None), Vec::<String>::new());
        assert_eq!(broken(document, json!({"while": 2, "a-b": 1}), None), ["<nil>: Invalid value: is less"]);
    }
}
