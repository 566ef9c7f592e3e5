//! Whether a value is what a schema says, and in which words it is told that it is not.
//!
//! ```text
//!   validate(value)  type -> allOf, anyOf, oneOf, not -> length, pattern, format -> bounds -> items -> enum -> fields
//!                    every step adds its findings; nothing stops at the first
//! ```
//!
//! On an update, what is wrong with a part that has not changed is let pass (ratcheting): a schema that became stricter
//! does not lock out who wants to change something else.
//!
//! Go: kube-openapi/pkg/validation/validate, apiextensions-apiserver/pkg/apiserver/validation/{validation,ratcheting}.go

mod numbers;
mod outcome;

use std::collections::BTreeMap;

use apimachinery::{
    util::strconv::{self, quote},
    validation::field::{ErrorList, Path},
};
use regex::Regex;
use serde_json::{Map, Value};

use crate::schema::{
    formats,
    validation::outcome::{Outcome, Subject, What, errors},
};

/// A schema that is ready to judge values.
#[derive(Clone, Debug, Default)]
pub struct Validator {
    types: Vec<String>,
    nullable: bool,
    format: String,
    enum_values: Vec<Value>,
    maximum: Option<f64>,
    exclusive_maximum: bool,
    minimum: Option<f64>,
    exclusive_minimum: bool,
    multiple_of: Option<f64>,
    max_length: Option<usize>,
    min_length: Option<usize>,
    pattern: Option<Pattern>,
    max_items: Option<usize>,
    min_items: Option<usize>,
    unique_items: bool,
    max_properties: Option<usize>,
    min_properties: Option<usize>,
    required: Vec<String>,
    properties: BTreeMap<String, Validator>,
    additional: Option<Box<Validator>>,
    items: Option<Box<Validator>>,
    all_of: Vec<Validator>,
    any_of: Vec<Validator>,
    one_of: Vec<Validator>,
    not: Option<Box<Validator>>,
    /// How items of the list are found again after a change; none: they are not.
    list_map_keys: Vec<String>,
    /// Whether the fields of the object are one value, of which no part is found again.
    atomic: bool,
}

#[derive(Clone, Debug)]
struct Pattern {
    text: String,
    /// `None`: it is no regular expression to us.
    regex: Option<Regex>,
}

impl Validator {
    /// Reads a schema; one that is `null` takes everything.
    pub fn new(schema: &Value) -> Self {
        let text = |name: &str| schema[name].as_str().unwrap_or_default();
        let flag = |name: &str| schema[name].as_bool().unwrap_or_default();
        let count = |name: &str| schema[name].as_u64().and_then(|count| usize::try_from(count).ok());
        let list = |name: &str| schema[name].as_array().map(Vec::as_slice).unwrap_or_default();
        let texts = |name: &str| list(name).iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>();
        let each = |name: &str| list(name).iter().map(Self::new).collect::<Vec<_>>();
        let below =
            |name: &str| schema.get(name).filter(|schema| schema.is_object()).map(|schema| Box::new(Self::new(schema)));
        let types = match text("type") {
            _ if flag("x-kubernetes-int-or-string") => vec!["integer".to_owned(), "string".to_owned()],
            "" => Vec::new(),
            one => vec![one.to_owned()],
        };
        let kind = if types.len() == 1 { types[0].as_str() } else { "" };
        let format = if formats::is_recognized(kind, text("format")) { text("format") } else { "" }.to_owned();
        let properties = schema["properties"].as_object().into_iter().flatten();
        Self {
            nullable: flag("nullable"),
            format,
            enum_values: list("enum").to_vec(),
            maximum: schema["maximum"].as_f64(),
            exclusive_maximum: flag("exclusiveMaximum"),
            minimum: schema["minimum"].as_f64(),
            exclusive_minimum: flag("exclusiveMinimum"),
            multiple_of: schema["multipleOf"].as_f64(),
            max_length: count("maxLength"),
            min_length: count("minLength"),
            pattern: Pattern::new(text("pattern")),
            max_items: count("maxItems"),
            min_items: count("minItems"),
            unique_items: flag("uniqueItems"),
            max_properties: count("maxProperties"),
            min_properties: count("minProperties"),
            required: texts("required"),
            properties: properties.map(|(name, schema)| (name.clone(), Self::new(schema))).collect(),
            additional: below("additionalProperties"),
            items: below("items"),
            all_of: each("allOf"),
            any_of: each("anyOf"),
            one_of: each("oneOf"),
            not: below("not"),
            list_map_keys: if text("x-kubernetes-list-type") == "map" {
                texts("x-kubernetes-list-map-keys")
            } else {
                Vec::new()
            },
            atomic: text("x-kubernetes-map-type") == "atomic",
            types,
        }
    }

    /// Returns what is wrong with a value.
    ///
    /// Go: ValidateCustomResource
    pub fn validate(&self, root: &Path, value: &Value) -> ErrorList {
        errors(root, self.judge(Subject { path: "", value, old: None }))
    }

    /// Returns what is wrong with a value and was not so before.
    ///
    /// Go: ValidateCustomResourceUpdate
    pub fn validate_update(&self, root: &Path, value: &Value, old: Option<&Value>) -> ErrorList {
        errors(root, self.judge(Subject { path: "", value, old }))
    }

    /// Judges a value, and lets pass what has not changed.
    ///
    /// Go: ratchetingValueValidator.Validate
    fn judge(&self, subject: Subject<'_>) -> Outcome {
        let mut outcome = self.judge_new(subject);
        if !outcome.is_valid() && subject.old == Some(subject.value) {
            outcome.findings.clear();
        }
        outcome
    }

    /// Go: SchemaValidator.Validate
    fn judge_new(&self, subject: Subject<'_>) -> Outcome {
        let mut outcome = Outcome::default();
        if subject.value.is_null() {
            outcome.merge(self.judge_type(subject));
            outcome.merge(self.judge_enum(subject));
            return outcome;
        }
        let mut step = |judged: Outcome| {
            outcome.merge(judged);
            outcome.matches += 1;
        };
        if !self.types.is_empty() || !self.format.is_empty() {
            step(self.judge_type(subject));
        }
        step(self.judge_alternatives(subject));
        match subject.value {
            Value::String(text) => {
                step(self.judge_string(subject, text));
                if let Some(judged) = self.judge_format(subject, text) {
                    step(judged);
                }
            }
            Value::Number(number) => step(self.judge_number(subject, number)),
            Value::Array(items) => step(self.judge_items(subject, items)),
            Value::Null | Value::Bool(_) | Value::Object(_) => {}
        }
        step(self.judge_enum(subject));
        if let Value::Object(fields) = subject.value {
            step(self.judge_fields(subject, fields));
        }
        outcome.matches += 1;
        outcome
    }

    /// Go: typeValidator
    fn judge_type(&self, subject: Subject<'_>) -> Outcome {
        let mut outcome = Outcome::default();
        let has = |name: &str| self.types.iter().any(|known| known == name);
        let joined = || self.types.join(",");
        let (kind, format) = match subject.value {
            Value::Null => {
                if self.types.is_empty() || has("null") || self.nullable {
                    outcome.matches = 1;
                } else {
                    outcome.add(subject.wrong_type(&joined(), "null"));
                }
                return outcome;
            }
            Value::Bool(_) => ("boolean", ""),
            Value::Number(number) if number.is_i64() => ("integer", "int64"),
            Value::Number(_) => ("number", "float64"),
            Value::String(_) => ("string", ""),
            Value::Array(_) => ("array", ""),
            Value::Object(_) => ("object", ""),
        };
        let whole = subject.value.as_f64().is_some_and(|number| number.fract() == 0.0 && number.abs() < 9e15);
        let fits = has(kind) || (kind == "number" && whole && has("integer")) || (kind == "integer" && has("number"));
        let text_or_list = matches!(kind, "string" | "array");
        if !text_or_list && !self.format.is_empty() && !fits && format != self.format {
            outcome.add(subject.wrong_type(&self.format, format));
        } else if (text_or_list && !self.format.is_empty() && !has("number") && !has("integer")) || fits {
            outcome.matches = 1;
        } else {
            outcome.add(subject.wrong_type(&joined(), kind));
        }
        outcome
    }

    /// Go: schemaPropsValidator
    fn judge_alternatives(&self, subject: Subject<'_>) -> Outcome {
        let mut outcome = Outcome { matches: 1, ..Outcome::default() };
        let path = quote(subject.path);
        // Alternatives do not know what the value was before.
        let subject = Subject { old: None, ..subject };
        if !self.any_of.is_empty() {
            let (judged, _) = alternatives(&self.any_of, subject, Stop::AtFirst);
            if !judged.is_valid() {
                outcome.general(format!("{path} must validate at least one schema (anyOf)"));
            }
            outcome.merge(judged);
        }
        if !self.one_of.is_empty() {
            let (judged, valid) = alternatives(&self.one_of, subject, Stop::Never);
            match valid {
                1 => {}
                0 => outcome.general(format!("{path} must validate one and only one schema (oneOf). Found none valid")),
                valid => outcome.general(format!(
                    "{path} must validate one and only one schema (oneOf). Found {valid} valid alternatives"
                )),
            }
            if valid < 2 {
                outcome.merge(judged);
            }
        }
        let judged: Vec<Outcome> = self.all_of.iter().map(|schema| schema.judge_new(subject)).collect();
        let valid = judged.iter().filter(|judged| judged.is_valid()).count();
        if valid != judged.len() {
            let none = if valid == 0 { ". None validated" } else { "" };
            outcome.general(format!("{path} must validate all the schemas (allOf){none}"));
        }
        judged.into_iter().for_each(|judged| outcome.merge(judged));
        if self.not.as_ref().is_some_and(|not| not.judge_new(subject).is_valid()) {
            outcome.general(format!("{path} must not validate the schema (not)"));
        }
        outcome
    }

    /// Go: stringValidator: the first thing that is wrong.
    fn judge_string(&self, subject: Subject<'_>, text: &str) -> Outcome {
        let mut outcome = Outcome::default();
        let length = text.chars().count();
        if let Some(max) = self.max_length.filter(|max| length > *max) {
            outcome.add(subject.finding(What::TooLong(max), text, &format!("should be at most {max} chars long")));
        } else if let Some(min) = self.min_length.filter(|min| length < *min) {
            outcome.add(subject.invalid(text, &format!("should be at least {min} chars long")));
        } else if let Some(pattern) = self.pattern.as_ref().filter(|pattern| !pattern.matches(text)) {
            outcome.add(subject.invalid(text, &format!("should match '{}'", pattern.text)));
        }
        outcome
    }

    /// Go: formatValidator; `None`: the format says nothing about strings.
    fn judge_format(&self, subject: Subject<'_>, text: &str) -> Option<Outcome> {
        let mut outcome = Outcome::default();
        if !formats::validates(&self.format, text)? {
            outcome.add(subject.wrong_type(&self.format, text));
        }
        Some(outcome)
    }

    /// Go: schemaSliceValidator
    fn judge_items(&self, subject: Subject<'_>, items: &[Value]) -> Outcome {
        let mut outcome = Outcome { matches: 1, ..Outcome::default() };
        if let Some(schema) = &self.items {
            for (index, item) in items.iter().enumerate() {
                let path = format!("{}[{index}]", subject.path);
                outcome.merge(schema.judge(Subject {
                    path: &path,
                    value: item,
                    old: self.old_item(subject.old, item),
                }));
            }
        }
        let size = items.len();
        if let Some(min) = self.min_items.filter(|min| size < *min) {
            outcome.add(subject.invalid(size, &format!("should have at least {min} items")));
        }
        if let Some(max) = self.max_items.filter(|max| size > *max) {
            let what = What::TooMany { actual: size, max };
            outcome.add(subject.finding(what, size, &format!("should have at most {max} items")));
        }
        if self.unique_items && items.iter().enumerate().any(|(index, item)| items[..index].contains(item)) {
            outcome.add(subject.invalid(Value::Null, "shouldn't contain duplicates"));
        }
        outcome
    }

    /// Finds what an item was before, by its keys.
    fn old_item<'a>(&self, old: Option<&'a Value>, item: &Value) -> Option<&'a Value> {
        if self.list_map_keys.is_empty() {
            return None;
        }
        old?.as_array()?.iter().find(|old| self.list_map_keys.iter().all(|key| old.get(key) == item.get(key)))
    }

    /// Go: basicCommonValidator
    fn judge_enum(&self, subject: Subject<'_>) -> Outcome {
        let mut outcome = Outcome::default();
        let same = |allowed: &Value| match (allowed, subject.value) {
            (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
            (Value::Null, _) => false,
            (a, b) => a == b,
        };
        if !self.enum_values.is_empty() && !self.enum_values.iter().any(same) {
            let shown = |value: &Value| value.as_str().map_or_else(|| strconv::marshal(value), str::to_owned);
            let allowed = self.enum_values.iter().map(shown).collect();
            outcome.add(subject.finding(What::Enum(allowed), subject.value.clone(), "should be one of those allowed"));
        }
        outcome
    }

    /// Go: objectValidator
    fn judge_fields(&self, subject: Subject<'_>, fields: &Map<String, Value>) -> Outcome {
        let mut outcome = Outcome::default();
        let size = fields.len();
        if let Some(min) = self.min_properties.filter(|min| size < *min) {
            outcome.add(subject.invalid(size, &format!("should have at least {min} properties")));
        }
        if let Some(max) = self.max_properties.filter(|max| size > *max) {
            let what = What::TooMany { actual: size, max };
            outcome.add(subject.finding(what, size, &format!("should have at most {max} properties")));
        }
        for (name, value) in fields {
            let old = subject.old.filter(|_| !self.atomic).and_then(|old| old.get(name));
            let path = match (self.properties.contains_key(name), subject.path) {
                (true, "") => name.clone(),
                (_, path) => format!("{path}.{name}"),
            };
            if let Some(schema) = self.properties.get(name).or(self.additional.as_deref()) {
                outcome.merge(schema.judge(Subject { path: &path, value, old }));
            }
        }
        for name in self.required.iter().filter(|name| !fields.contains_key(*name)) {
            let path = format!("{}.{name}", subject.path);
            let missing = Subject { path: &path, ..subject };
            outcome.add(missing.finding(What::Required, Value::Null, "is required"));
        }
        outcome
    }
}

impl Pattern {
    fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self { text: text.to_owned(), regex: cel::regexp::compile(text).ok() })
    }

    fn matches(&self, text: &str) -> bool {
        self.regex.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

/// When looking through alternatives ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    AtFirst,
    Never,
}

/// Judges by alternatives; returns the first that holds, or else the one that got furthest, and how many hold.
fn alternatives(schemas: &[Validator], subject: Subject<'_>, stop: Stop) -> (Outcome, usize) {
    let (mut first, mut best, mut valid): (Option<Outcome>, Option<Outcome>, usize) = (None, None, 0);
    for schema in schemas {
        let judged = schema.judge_new(subject);
        if judged.is_valid() {
            valid += 1;
            first.get_or_insert(judged);
            if stop == Stop::AtFirst {
                break;
            }
        } else if best.as_ref().is_none_or(|best| judged.matches > best.matches) {
            best = Some(judged);
        }
    }
    (first.or(best).unwrap_or_default(), valid)
}

#[cfg(test)]
mod tests;
