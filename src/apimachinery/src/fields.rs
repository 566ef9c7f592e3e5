//! Field selectors: `status.phase=Running,spec.nodeName!=`.
//!
//! Which fields may be named is decided per kind, above; here they are parsed, transformed (a kind
//! may rename or refuse a field) and matched against the fields that were extracted from an object.
//!
//! Go: apimachinery/pkg/fields/selector.go

use std::{collections::BTreeMap, fmt};

/// Why a text is no field selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// A term has no operator.
    #[error("invalid selector: '{selector}'; can't understand '{term}'")]
    NoOperator {
        /// The whole text.
        selector: String,
        /// The part that is not understood.
        term: String,
    },
    /// A backslash before something that need not be escaped.
    #[error("invalid field selector: invalid escape sequence: {0}")]
    InvalidEscapeSequence(String),
    /// A comma or an equals sign in a value without a backslash; shown as its number, as in Go.
    #[error("invalid field selector: unescaped character in value: {}", u32::from(*.0))]
    UnescapedRune(char),
}

/// Whether a term demands or excludes its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `=` or `==`.
    Equals,
    /// `!=`.
    NotEquals,
}

/// One condition on one field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Requirement {
    /// The field: `metadata.name`.
    pub field: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what, unescaped.
    pub value: String,
}

impl Requirement {
    /// Says whether the fields meet the condition. A field that is not there counts as empty.
    pub fn matches(&self, fields: &BTreeMap<String, String>) -> bool {
        let equal = fields.get(&self.field).map_or("", String::as_str) == self.value;
        match self.operator {
            Operator::Equals => equal,
            Operator::NotEquals => !equal,
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operator = match self.operator {
            Operator::Equals => "=",
            Operator::NotEquals => "!=",
        };
        write!(f, "{}{operator}{}", self.field, escape_value(&self.value))
    }
}

/// Conditions that must all hold; none: every object is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selector(pub Vec<Requirement>);

impl Selector {
    /// Returns the selector that matches every object.
    pub fn everything() -> Self {
        Self::default()
    }

    /// Returns the selector of the objects with one value in one field.
    ///
    /// Go: apimachinery/pkg/fields/selector.go OneTermEqualSelector
    pub fn equals(field: &str, value: &str) -> Self {
        Self(vec![Requirement { field: field.to_owned(), operator: Operator::Equals, value: value.to_owned() }])
    }

    /// Parses a selector. Terms are kept in the order of their texts.
    ///
    /// Go: apimachinery/pkg/fields/selector.go ParseSelector
    pub fn parse(selector: &str) -> Result<Self, ParseError> {
        let mut terms = split_terms(selector);
        terms.sort_unstable();
        let terms = terms.into_iter().filter(|term| !term.is_empty());
        let requirement = |term: &str| {
            let no_operator = || ParseError::NoOperator { selector: selector.to_owned(), term: term.to_owned() };
            let (field, operator, value) = split_term(term).ok_or_else(no_operator)?;
            Ok(Requirement { field: field.to_owned(), operator, value: unescape_value(value)? })
        };
        let mut requirements = terms.map(requirement).collect::<Result<Vec<_>, _>>()?;
        // A term without field and value says nothing.
        requirements.retain(|requirement| !requirement.field.is_empty() || !requirement.value.is_empty());
        Ok(Self(requirements))
    }

    /// Passes every term through `convert`, which renames or refuses fields; a term whose field and value both
    /// become empty is dropped.
    ///
    /// Go: apimachinery/pkg/fields/selector.go Transform
    pub fn transform<E>(self, mut convert: impl FnMut(&str, &str) -> Result<(String, String), E>) -> Result<Self, E> {
        let mut requirements = Vec::with_capacity(self.0.len());
        for requirement in self.0 {
            let (field, value) = convert(&requirement.field, &requirement.value)?;
            if !(field.is_empty() && value.is_empty()) {
                requirements.push(Requirement { field, value, operator: requirement.operator });
            }
        }
        Ok(Self(requirements))
    }

    /// Says whether the selector restricts nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Says whether an object with these fields is meant.
    pub fn matches(&self, fields: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|requirement| requirement.matches(fields))
    }

    /// Returns the value that the selector demands of a field, if it does.
    ///
    /// Go: apimachinery/pkg/fields/selector.go RequiresExactMatch
    pub fn requires_exact_match(&self, field: &str) -> Option<&str> {
        let demands =
            |requirement: &&Requirement| requirement.field == field && requirement.operator == Operator::Equals;
        self.0.iter().find(demands).map(|requirement| requirement.value.as_str())
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, requirement) in self.0.iter().enumerate() {
            write!(f, "{}{requirement}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// Cuts at commas, but not at escaped ones.
fn split_terms(selector: &str) -> Vec<&str> {
    let mut escaped = false;
    let separates = |char: char| {
        let is_separator = char == ',' && !escaped;
        escaped = char == '\\' && !escaped;
        is_separator
    };
    selector.split(separates).collect()
}

/// Cuts at the first operator. Names of fields cannot hold one.
fn split_term(term: &str) -> Option<(&str, Operator, &str)> {
    term.char_indices().find_map(|(i, _)| {
        let (field, rest) = term.split_at(i);
        let operators = [("!=", Operator::NotEquals), ("==", Operator::Equals), ("=", Operator::Equals)];
        operators.into_iter().find_map(|(sign, operator)| Some((field, operator, rest.strip_prefix(sign)?)))
    })
}

/// Writes a value so that it can stand in a field selector.
///
/// Go: apimachinery/pkg/fields/selector.go EscapeValue
pub fn escape_value(value: &str) -> String {
    value.replace('\\', "\\\\").replace(',', "\\,").replace('=', "\\=")
}

/// Reads a value from a field selector.
///
/// Go: apimachinery/pkg/fields/selector.go UnescapeValue
pub fn unescape_value(text: &str) -> Result<String, ParseError> {
    let mut value = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some(char @ ('\\' | ',' | '=')) => value.push(char),
                Some(char) => return Err(ParseError::InvalidEscapeSequence(format!("\\{char}"))),
                None => return Err(ParseError::InvalidEscapeSequence("\\".to_owned())),
            },
            ',' | '=' => return Err(ParseError::UnescapedRune(char)),
            char => value.push(char),
        }
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_cannot_be_understood_is_said_as_in_go() {
        let cases = [
            (
                "metadata.name in (c1)",
                "invalid selector: 'metadata.name in (c1)'; can't understand 'metadata.name in (c1)'",
            ),
            ("a=b,!x", "invalid selector: 'a=b,!x'; can't understand '!x'"),
            ("metadata.name=a=b", "invalid field selector: unescaped character in value: 61"),
            ("a=\\x", "invalid field selector: invalid escape sequence: \\x"),
            ("a=\\", "invalid field selector: invalid escape sequence: \\"),
        ];
        for (text, message) in cases {
            assert_eq!(Selector::parse(text).expect_err(text).to_string(), message);
        }
    }

    #[test]
    fn selectors_match_as_in_go() {
        let object = fields(&[("metadata.name", "c1"), ("spec.x", "a,b=c")]);
        let cases = [
            ("metadata.name=c1", true),
            ("metadata.name==c1", true),
            ("metadata.name!=c1", false),
            ("metadata.name=c1,metadata.name=c2", false),
            ("spec.x=a\\,b\\=c", true),
            ("absent=", true),
            ("absent!=", false),
            (",,", true),
            ("", true),
        ];
        for (text, expected) in cases {
            assert_eq!(Selector::parse(text).expect(text).matches(&object), expected, "{text}");
        }
    }

    #[test]
    fn a_kind_may_rename_drop_and_refuse() {
        let selector = Selector::parse("spec.host=n1,gone=").expect("valid");
        let renamed = selector.clone().transform(|field, value| {
            let field = if field == "spec.host" { "spec.nodeName" } else { "" };
            Ok::<_, ()>((field.to_owned(), value.to_owned()))
        });
        assert_eq!(renamed, Ok(Selector::equals("spec.nodeName", "n1")));
        assert_eq!(selector.transform(|field, _| Err(field.to_owned())), Err("gone".to_owned()));
    }

    proptest! {
        /// Whatever parses is written so that it parses to the same again.
        #[test]
        fn what_parses_parses_again(text in r"[ab!=,\\]{0,16}|\PC{0,16}") {
            if let Ok(selector) = Selector::parse(&text) {
                let mut again = Selector::parse(&selector.to_string()).expect("written by us");
                let mut first = selector;
                // Escaping may change the order of the texts.
                let key = |requirement: &Requirement| requirement.to_string();
                again.0.sort_by_key(key);
                first.0.sort_by_key(key);
                prop_assert_eq!(again, first);
            }
        }

        /// Every value can be written into a selector.
        #[test]
        fn values_survive(value in any::<String>()) {
            prop_assert_eq!(unescape_value(&escape_value(&value)), Ok(value));
        }
    }
}
