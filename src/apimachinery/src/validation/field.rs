//! Paths of fields, errors about fields, and their texts.
//!
//! Validation never stops at the first mistake: it collects an [`ErrorList`], which becomes the
//! causes and the sentence of a 422 answer. The sentence of one error is
//! `<field>: <type>[: <value>][: <detail>]`.
//!
//! Go: apimachinery/pkg/util/validation/field/{path,errors}.go

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{api::errors::Cause, util::strconv};

/// The path from a root to a field: `spec.containers[0].name`. The empty path shows as Go's nil path, `<nil>`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(String);

impl Path {
    /// Starts at a field. Go: NewPath
    pub fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// Goes to a field of this one.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        if self.0.is_empty() { Self::new(name) } else { self.extended(&[".", name]) }
    }

    /// Goes to an element of this list.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.key(&index.to_string())
    }

    /// Goes to an entry of this map.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.extended(&["[", key, "]"])
    }

    fn extended(&self, parts: &[&str]) -> Self {
        let mut path = String::with_capacity(self.0.len() + parts.iter().map(|part| part.len()).sum::<usize>());
        path.push_str(&self.0);
        path.extend(parts.iter().copied());
        Self(path)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "<nil>" } else { &self.0 })
    }
}

/// What is wrong with a field. The names are the reasons of a Status' causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ErrorType {
    /// A value that is referred to does not exist.
    NotFound,
    /// A value is missing.
    Required,
    /// A value must be unique and is not.
    Duplicate,
    /// A value is malformed or out of bounds.
    Invalid,
    /// A value is not one of an enumeration.
    NotSupported,
    /// A value is well-formed and not allowed here.
    Forbidden,
    /// A string is too long.
    TooLong,
    /// A list has too many items.
    TooMany,
    /// A list has too few items.
    TooFew,
    /// Something failed that is not the client's fault.
    Internal,
    /// A value is of the wrong JSON type.
    TypeInvalid,
    /// A string is too short.
    TooShort,
}

impl ErrorType {
    /// Returns the reason of a Status' cause: `FieldValueInvalid`.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotFound => "FieldValueNotFound",
            Self::Required => "FieldValueRequired",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::TooFew => "FieldValueTooFew",
            Self::Internal => "InternalError",
            Self::TypeInvalid => "FieldValueTypeInvalid",
            Self::TooShort => "FieldValueTooShort",
        }
    }

    /// Says whether the text of such an error shows the value.
    fn shows_value(self) -> bool {
        !matches!(self, Self::Required | Self::Forbidden | Self::TooLong | Self::TooShort | Self::Internal)
    }
}

impl fmt::Display for ErrorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "Not found",
            Self::Required => "Required value",
            Self::Duplicate => "Duplicate value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::TooFew => "Too few",
            Self::Internal => "Internal error",
            Self::TooShort => "Too short",
        })
    }
}

/// The value that an error is about, as its text shows it.
#[derive(Clone, Debug, PartialEq)]
pub enum BadValue {
    /// Not shown at all.
    Omitted,
    /// A string in Go's quotes, a scalar as it is, anything else as JSON with sorted keys.
    Value(Value),
    /// Text that is shown as it is, where Go prints a struct whose fields have another order.
    Text(String),
}

impl<T: Into<Value>> From<T> for BadValue {
    fn from(value: T) -> Self {
        Self::Value(value.into())
    }
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Omitted => Ok(()),
            Self::Value(Value::String(text)) => f.write_str(&strconv::quote(text)),
            Self::Value(value) => f.write_str(&strconv::marshal(value)),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// One thing that is wrong with one field.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorType,
    /// The path of the field, as text.
    pub field: String,
    /// The value that is wrong.
    pub bad_value: BadValue,
    /// What would be right; may be empty.
    pub detail: String,
}

impl Error {
    fn of(kind: ErrorType, field: &Path, bad_value: impl Into<BadValue>, detail: impl Into<String>) -> Self {
        Self { kind, field: field.to_string(), bad_value: bad_value.into(), detail: detail.into() }
    }

    /// Go: TypeInvalid
    pub fn type_invalid(field: &Path, value: impl Into<BadValue>, detail: impl Into<String>) -> Self {
        Self::of(ErrorType::TypeInvalid, field, value, detail)
    }

    /// Go: NotFound
    pub fn not_found(field: &Path, value: impl Into<BadValue>) -> Self {
        Self::of(ErrorType::NotFound, field, value, "")
    }

    /// Go: Required
    pub fn required(field: &Path, detail: impl Into<String>) -> Self {
        Self::of(ErrorType::Required, field, "", detail)
    }

    /// Go: Duplicate
    pub fn duplicate(field: &Path, value: impl Into<BadValue>) -> Self {
        Self::of(ErrorType::Duplicate, field, value, "")
    }

    /// Go: Invalid
    pub fn invalid(field: &Path, value: impl Into<BadValue>, detail: impl Into<String>) -> Self {
        Self::of(ErrorType::Invalid, field, value, detail)
    }

    /// The detail lists what would be supported, in the order given. Go: NotSupported
    pub fn not_supported<S: AsRef<str>>(field: &Path, value: impl Into<BadValue>, supported: &[S]) -> Self {
        let quoted: Vec<String> = supported.iter().map(|value| strconv::quote(value.as_ref())).collect();
        let detail = if quoted.is_empty() { String::new() } else { format!("supported values: {}", quoted.join(", ")) };
        Self::of(ErrorType::NotSupported, field, value, detail)
    }

    /// Go: Forbidden
    pub fn forbidden(field: &Path, detail: impl Into<String>) -> Self {
        Self::of(ErrorType::Forbidden, field, "", detail)
    }

    /// A limit in bytes. Go: TooLong
    pub fn too_long(field: &Path, max_length: usize) -> Self {
        let detail = format!("may not be more than {}", counted(max_length, "byte"));
        Self::of(ErrorType::TooLong, field, "<value omitted>", detail)
    }

    /// A limit in characters. Go: TooLongCharacters
    pub fn too_long_characters(field: &Path, max_length: usize) -> Self {
        let detail = format!("may not be more than {}", counted(max_length, "character"));
        Self::of(ErrorType::TooLong, field, "<value omitted>", detail)
    }

    /// Go: TooMany
    pub fn too_many(field: &Path, actual: usize, max: usize) -> Self {
        Self::of(ErrorType::TooMany, field, actual, format!("must have at most {}", counted(max, "item")))
    }

    /// Go: TooShort
    pub fn too_short(field: &Path, value: &str, min_length: usize) -> Self {
        let detail = format!("must be at least {}", counted(min_length, "character"));
        Self::of(ErrorType::TooShort, field, value, detail)
    }

    /// Go: InternalError
    pub fn internal_error(field: &Path, error: impl fmt::Display) -> Self {
        let text = error.to_string();
        Self::of(ErrorType::Internal, field, BadValue::Omitted, text)
    }

    /// Returns the text without the field: `Invalid value: "x": must be y`. Go: ErrorBody
    pub fn body(&self) -> String {
        let mut body = self.kind.to_string();
        if self.kind.shows_value() && self.bad_value != BadValue::Omitted {
            body = format!("{body}: {}", self.bad_value);
        }
        if !self.detail.is_empty() {
            body = format!("{body}: {}", self.detail);
        }
        body
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}

impl std::error::Error for Error {}

impl From<Error> for Cause {
    fn from(error: Error) -> Self {
        Self { reason: error.kind.reason().to_owned(), message: error.body(), field: error.field }
    }
}

fn counted(count: usize, unit: &str) -> String {
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

/// Errors in the order in which validation found them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorList(pub Vec<Error>);

impl ErrorList {
    /// Returns an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an error.
    pub fn push(&mut self, error: Error) {
        self.0.push(error);
    }

    /// Says whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns how many errors there are, repeated ones counted.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Puts a text in front of every detail. Go: PrefixDetail
    #[must_use]
    pub fn prefix_detail(mut self, prefix: &str) -> Self {
        for error in &mut self.0 {
            error.detail.insert_str(0, prefix);
        }
        self
    }

    /// Returns the causes of a Status: every error, repeated ones too.
    pub fn causes(&self) -> Vec<Cause> {
        self.0.iter().cloned().map(Cause::from).collect()
    }
}

impl fmt::Display for ErrorList {
    /// Writes one error as it is, more in brackets, each text once. Go: ToAggregate().Error()
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&aggregate(self.0.iter().map(ToString::to_string)))
    }
}

/// Joins messages as Go's error aggregates do: one as it is, more in brackets, each once.
///
/// Go: apimachinery/pkg/util/errors/errors.go aggregate.Error
pub fn aggregate(messages: impl IntoIterator<Item = String>) -> String {
    let mut seen: Vec<String> = Vec::new();
    for message in messages {
        if !seen.contains(&message) {
            seen.push(message);
        }
    }
    match seen.as_slice() {
        [one] => one.clone(),
        [] => String::new(),
        many => format!("[{}]", many.join(", ")),
    }
}

impl From<Vec<Error>> for ErrorList {
    fn from(errors: Vec<Error>) -> Self {
        Self(errors)
    }
}

impl From<ErrorList> for Vec<Cause> {
    fn from(errors: ErrorList) -> Self {
        errors.0.into_iter().map(Cause::from).collect()
    }
}

impl Extend<Error> for ErrorList {
    fn extend<T: IntoIterator<Item = Error>>(&mut self, errors: T) {
        self.0.extend(errors);
    }
}

impl FromIterator<Error> for ErrorList {
    fn from_iter<T: IntoIterator<Item = Error>>(errors: T) -> Self {
        Self(errors.into_iter().collect())
    }
}

impl IntoIterator for ErrorList {
    type Item = Error;
    type IntoIter = std::vec::IntoIter<Error>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_read_as_in_go() {
        let path = Path::new("spec").child("containers").index(0).child("env").key("a.b");
        assert_eq!(path.to_string(), "spec.containers[0].env[a.b]");
        assert_eq!(Path::default().to_string(), "<nil>");
        assert_eq!(Path::default().child("key").to_string(), "key");
    }

    #[test]
    fn every_type_has_its_text() {
        let path = Path::new("f");
        let cases = [
            (Error::required(&path, "say why"), "f: Required value: say why"),
            (Error::required(&path, ""), "f: Required value"),
            (Error::invalid(&path, "a\"b", "no"), "f: Invalid value: \"a\\\"b\": no"),
            (Error::invalid(&path, -1, "no"), "f: Invalid value: -1: no"),
            (
                Error::invalid(&path, json!({"b": null, "a": ["<"]}), ""),
                r#"f: Invalid value: {"a":["\u003c"],"b":null}"#,
            ),
            (Error::not_supported(&path, "x", &["a", "b"]), r#"f: Unsupported value: "x": supported values: "a", "b""#),
            (Error::duplicate(&path, true), "f: Duplicate value: true"),
            (Error::forbidden(&path, "never"), "f: Forbidden: never"),
            (Error::too_long(&path, 1), "f: Too long: may not be more than 1 byte"),
            (Error::too_long_characters(&path, 2), "f: Too long: may not be more than 2 characters"),
            (Error::too_many(&path, 9, 8), "f: Too many: 9: must have at most 8 items"),
            (Error::too_short(&path, "", 1), "f: Too short: must be at least 1 character"),
            (Error::internal_error(&path, "broken"), "f: Internal error: broken"),
            (Error::not_found(&path, "x"), "f: Not found: \"x\""),
            (Error::type_invalid(&path, "x", "no"), "f: Invalid value: \"x\": no"),
        ];
        for (error, text) in cases {
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn a_list_says_each_text_once() {
        let path = Path::new("f");
        let mut errors = ErrorList::from(vec![Error::required(&path, ""), Error::required(&path, "")]);
        assert_eq!(errors.to_string(), "f: Required value");
        errors.push(Error::duplicate(&path, 1));
        assert_eq!(errors.to_string(), "[f: Required value, f: Duplicate value: 1]");
        assert_eq!(errors.causes().len(), 3);
    }
}
