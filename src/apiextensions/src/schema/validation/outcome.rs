//! What is found when a value is judged, and how it is told.
//!
//! Go: kube-openapi/pkg/validation/validate/result.go, apiextensions-apiserver/pkg/apiserver/validation/validation.go

use apimachinery::{
    util::strconv::quote,
    validation::field::{BadValue, Error, ErrorList, Path},
};
use serde_json::Value;

/// What is wrong, and how often something was right: of several alternatives, the one that got furthest is told about.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    pub(super) findings: Vec<Finding>,
    pub(super) matches: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Finding {
    pub(super) what: What,
    /// The path below the root, as the sentence has it.
    pub(super) path: String,
    pub(super) value: Value,
    pub(super) message: String,
}

/// What is wrong, in the words of field errors.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    Type,
    Required,
    Enum(Vec<String>),
    TooLong(usize),
    TooMany {
        actual: usize,
        max: usize,
    },
    Invalid,
    /// Not about one field: of alternatives, or of a number's range.
    General,
}

impl Outcome {
    pub(super) fn add(&mut self, finding: Finding) {
        if !self.findings.iter().any(|known| known.message == finding.message) {
            self.findings.push(finding);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        other.findings.into_iter().for_each(|finding| self.add(finding));
        self.matches += other.matches;
    }

    pub(super) fn general(&mut self, message: String) {
        self.add(Finding { what: What::General, path: String::new(), value: Value::Null, message });
    }

    pub(super) fn is_valid(&self) -> bool {
        self.findings.is_empty()
    }
}

/// A value, where it stands, and what it was before.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) path: &'a str,
    pub(super) value: &'a Value,
    pub(super) old: Option<&'a Value>,
}

impl Subject<'_> {
    pub(super) fn finding(self, what: What, value: impl Into<Value>, says: &str) -> Finding {
        Finding {
            what,
            path: self.path.to_owned(),
            value: value.into(),
            message: format!("{} in body {says}", self.path),
        }
    }

    pub(super) fn wrong_type(self, wanted: &str, found: &str) -> Finding {
        self.finding(What::Type, found, &format!("must be of type {wanted}: {}", quote(found)))
    }

    pub(super) fn invalid(self, value: impl Into<Value>, says: &str) -> Finding {
        self.finding(What::Invalid, value, says)
    }
}

/// Go: kubeOpenAPIResultToFieldErrors
pub(super) fn errors(root: &Path, outcome: Outcome) -> ErrorList {
    let error = |finding: Finding| {
        let Finding { what, path, value, message } = finding;
        let name = path.strip_prefix('.').unwrap_or(&path);
        let field = if name.is_empty() { root.clone() } else { root.child(name) };
        // What has no value is shown as an empty string.
        let bad = if value.is_null() { BadValue::from("") } else { BadValue::from(value.clone()) };
        match what {
            What::Type => Error::type_invalid(&field, bad, message),
            What::Required => Error::required(&field, ""),
            What::Enum(allowed) => Error::not_supported(&field, value, &allowed),
            What::TooLong(max) => Error::too_long(&field, max),
            What::TooMany { actual, max } => Error::too_many(&field, actual, max),
            What::Invalid => Error::invalid(&field, bad, message),
            What::General => Error::invalid(root, "", message),
        }
    };
    ErrorList(outcome.findings.into_iter().map(error).collect())
}
