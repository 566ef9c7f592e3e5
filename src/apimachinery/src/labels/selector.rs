//! Selectors over labels: requirements that must all hold.
//!
//! Go: apimachinery/pkg/labels/selector.go

use std::{collections::BTreeMap, fmt};

use serde_json::{Map, Value};

use crate::{
    util::validation,
    validation::field::{Error, ErrorList, Path},
};

/// Where the labels of an object are looked up.
pub trait Labels {
    /// Returns the value of a label, if the object bears it.
    fn lookup(&self, label: &str) -> Option<&str>;
}

impl Labels for BTreeMap<String, String> {
    fn lookup(&self, label: &str) -> Option<&str> {
        self.get(label).map(String::as_str)
    }
}

impl Labels for Map<String, Value> {
    fn lookup(&self, label: &str) -> Option<&str> {
        self.get(label).and_then(Value::as_str)
    }
}

/// How a requirement compares.
///
/// Go: apimachinery/pkg/selection/operator.go
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// The label is not there.
    DoesNotExist,
    /// The label has the value (`=`).
    Equals,
    /// The label has the value (`==`).
    DoubleEquals,
    /// The label has one of the values.
    In,
    /// The label is not there or has another value (`!=`).
    NotEquals,
    /// The label is not there or has none of the values.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is a number above the value (`>`).
    GreaterThan,
    /// The label is a number below the value (`<`).
    LessThan,
}

impl Operator {
    /// Returns the operator as Go spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DoesNotExist => "!",
            Self::Equals => "=",
            Self::DoubleEquals => "==",
            Self::In => "in",
            Self::NotEquals => "!=",
            Self::NotIn => "notin",
            Self::Exists => "exists",
            Self::GreaterThan => "gt",
            Self::LessThan => "lt",
        }
    }

    /// Returns what is wrong with the number of values, if it is.
    fn wrong_count(self, values: usize) -> Option<&'static str> {
        match self {
            Self::In | Self::NotIn if values == 0 => Some("for 'in', 'notin' operators, values set can't be empty"),
            Self::Equals | Self::DoubleEquals | Self::NotEquals if values != 1 => {
                Some("exact-match compatibility requires one single value")
            }
            Self::Exists | Self::DoesNotExist if values != 0 => {
                Some("values set must be empty for exists and does not exist")
            }
            Self::GreaterThan | Self::LessThan if values != 1 => {
                Some("for 'Gt', 'Lt' operators, exactly one value is required")
            }
            _ => None,
        }
    }
}

/// One condition on one label.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what. Sorted when it was parsed.
    pub values: Vec<String>,
}

impl Requirement {
    /// Checks and returns a requirement; fields of errors begin at `path`.
    ///
    /// Go: apimachinery/pkg/labels/selector.go NewRequirement
    pub fn new(key: &str, operator: Operator, values: Vec<String>, path: &Path) -> Result<Self, ErrorList> {
        let mut errors = ErrorList::new();
        errors.extend(validate_key(key, &path.child("key")));
        let values_path = path.child("values");
        if let Some(detail) = operator.wrong_count(values.len()) {
            errors.push(Error::invalid(&values_path, values.clone(), detail));
        }
        if matches!(operator, Operator::GreaterThan | Operator::LessThan) {
            for (i, value) in values.iter().enumerate().filter(|(_, value)| value.parse::<i64>().is_err()) {
                let detail = "for 'Gt', 'Lt' operators, the value must be an integer";
                errors.push(Error::invalid(&values_path.index(i), value.as_str(), detail));
            }
        }
        for (i, value) in values.iter().enumerate() {
            errors.extend(validate_value(key, value, &values_path.index(i)));
        }
        if errors.is_empty() { Ok(Self { key: key.to_owned(), operator, values }) } else { Err(errors) }
    }

    /// Says whether an object with these labels meets the condition.
    pub fn matches(&self, labels: &impl Labels) -> bool {
        let found = labels.lookup(&self.key);
        let listed = |value: &str| self.values.iter().any(|one| one == value);
        match self.operator {
            Operator::In | Operator::Equals | Operator::DoubleEquals => found.is_some_and(listed),
            Operator::NotIn | Operator::NotEquals => !found.is_some_and(listed),
            Operator::Exists => found.is_some(),
            Operator::DoesNotExist => found.is_none(),
            Operator::GreaterThan => self.compare(found).is_some_and(|(label, bound)| label > bound),
            Operator::LessThan => self.compare(found).is_some_and(|(label, bound)| label < bound),
        }
    }

    /// Returns the label and the bound as numbers; `None` if one of them is none.
    fn compare(&self, found: Option<&str>) -> Option<(i64, i64)> {
        let [bound] = self.values.as_slice() else { return None };
        Some((found?.parse().ok()?, bound.parse().ok()?))
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        let mut values: Vec<&str> = self.values.iter().map(String::as_str).collect();
        values.sort_unstable();
        let values = values.join(",");
        match self.operator {
            Operator::DoesNotExist => write!(f, "!{key}"),
            Operator::Exists => f.write_str(key),
            Operator::In | Operator::NotIn => write!(f, "{key} {} ({values})", self.operator.as_str()),
            Operator::GreaterThan => write!(f, "{key}>{values}"),
            Operator::LessThan => write!(f, "{key}<{values}"),
            Operator::Equals | Operator::DoubleEquals | Operator::NotEquals => {
                write!(f, "{key}{}{values}", self.operator.as_str())
            }
        }
    }
}

/// Which objects are meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Selector {
    /// No object at all.
    Nothing,
    /// The objects that meet every requirement, in the order of their keys; none: every object.
    All(Vec<Requirement>),
}

impl Default for Selector {
    fn default() -> Self {
        Self::everything()
    }
}

impl Selector {
    /// Returns the selector that matches every object.
    pub fn everything() -> Self {
        Self::All(Vec::new())
    }

    /// Returns the selector of the objects that bear all these labels; they are not checked.
    ///
    /// Go: apimachinery/pkg/labels/selector.go SelectorFromSet
    pub fn from_set<'a>(labels: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        let equals = |(key, value): (&String, &String)| Requirement {
            key: key.clone(),
            operator: Operator::Equals,
            values: vec![value.clone()],
        };
        Self::from_requirements(labels.into_iter().map(equals).collect())
    }

    /// Returns the selector of the objects that meet all of these.
    pub fn from_requirements(mut requirements: Vec<Requirement>) -> Self {
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Self::All(requirements)
    }

    /// Adds requirements. Nothing stays nothing.
    #[must_use]
    pub fn with(self, more: impl IntoIterator<Item = Requirement>) -> Self {
        match self {
            Self::Nothing => Self::Nothing,
            Self::All(mut requirements) => {
                requirements.extend(more);
                Self::from_requirements(requirements)
            }
        }
    }

    /// Says whether the selector restricts nothing.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::All(requirements) if requirements.is_empty())
    }

    /// Says whether an object with these labels is meant.
    pub fn matches(&self, labels: &impl Labels) -> bool {
        match self {
            Self::Nothing => false,
            Self::All(requirements) => requirements.iter().all(|requirement| requirement.matches(labels)),
        }
    }

    /// Returns the requirements; `None` if no object can match.
    pub fn requirements(&self) -> Option<&[Requirement]> {
        match self {
            Self::Nothing => None,
            Self::All(requirements) => Some(requirements),
        }
    }

    /// Returns the one value that the selector demands of a label, if it does.
    ///
    /// Go: apimachinery/pkg/labels/selector.go RequiresExactMatch
    pub fn requires_exact_match(&self, label: &str) -> Option<&str> {
        let requirement = self.requirements()?.iter().find(|requirement| requirement.key == label)?;
        match (requirement.operator, requirement.values.as_slice()) {
            (Operator::Equals | Operator::DoubleEquals | Operator::In, [value]) => Some(value),
            _ => None,
        }
    }
}

impl fmt::Display for Selector {
    /// Writes it so that it can be parsed again; nothing and everything are both empty.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, requirement) in self.requirements().unwrap_or_default().iter().enumerate() {
            write!(f, "{}{requirement}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// Says what is wrong with a label's key.
pub(crate) fn validate_key(key: &str, path: &Path) -> Option<Error> {
    let messages = validation::is_qualified_name(key);
    (!messages.is_empty()).then(|| Error::invalid(path, key, messages.join("; ")))
}

fn validate_value(key: &str, value: &str, path: &Path) -> Option<Error> {
    let messages = validation::is_valid_label_value(value);
    (!messages.is_empty()).then(|| Error::invalid(&path.key(key), value, messages.join("; ")))
}
