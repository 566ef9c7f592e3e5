//! Validation of what every object shares beyond its name: labels, selectors, managed fields, conditions.
//!
//! Go: apimachinery/pkg/apis/meta/v1/validation/validation.go

use serde_json::{Map, Value};

use crate::{
    meta::label_selector::{LabelSelector, LabelSelectorRequirement},
    util::{
        strconv,
        validation::{is_qualified_name, is_valid_condition_reason, is_valid_label_value, unicode},
    },
    validation::field::{Error, ErrorList, Path},
};

/// Longest name of a field manager, in bytes.
const FIELD_MANAGER_MAX_LENGTH: usize = 128;
const MAX_SUBRESOURCE_NAME_LENGTH: usize = 256;
const MAX_REASON_LENGTH: usize = 1024;
const MAX_MESSAGE_LENGTH: usize = 32 * 1024;

/// What a selector may hold although it is wrong, for the sake of objects that were stored long ago.
#[derive(Clone, Copy, Debug, Default)]
pub struct LabelSelectorOptions {
    /// Values that no label can have.
    pub allow_invalid_label_value: bool,
    /// Operators that nobody knows: a review passes them on.
    pub allow_unknown_operator: bool,
}

/// Go: ValidateLabelName
pub fn validate_label_name(name: &str, path: &Path) -> ErrorList {
    is_qualified_name(name).into_iter().map(|message| Error::invalid(path, name, message)).collect()
}

/// Go: ValidateLabels
pub fn validate_labels<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>, path: &Path) -> ErrorList {
    let mut errors = ErrorList::new();
    for (key, value) in labels {
        errors.extend(validate_label_name(key, path));
        errors.extend(is_valid_label_value(value).into_iter().map(|message| Error::invalid(path, value, message)));
    }
    errors
}

/// Go: ValidateLabelSelector
pub fn validate_label_selector(selector: LabelSelector<'_>, options: LabelSelectorOptions, path: &Path) -> ErrorList {
    let mut errors = validate_labels(selector.match_labels(), &path.child("matchLabels"));
    for (i, requirement) in selector.expressions().enumerate() {
        let path = path.child("matchExpressions").index(i);
        errors.extend(validate_label_selector_requirement(&requirement, options, &path));
    }
    errors
}

/// Go: LabelSelectorHasInvalidLabelValue
pub fn label_selector_has_invalid_label_value(selector: LabelSelector<'_>) -> bool {
    selector
        .expressions()
        .flat_map(|requirement| requirement.values)
        .any(|value| !is_valid_label_value(&value).is_empty())
}

/// Go: ValidateLabelSelectorRequirement
pub fn validate_label_selector_requirement(
    requirement: &LabelSelectorRequirement,
    options: LabelSelectorOptions,
    path: &Path,
) -> ErrorList {
    let mut errors = validate_operator(requirement, options.allow_unknown_operator, path);
    errors.extend(validate_label_name(&requirement.key, &path.child("key")));
    if !options.allow_invalid_label_value {
        for (i, value) in requirement.values.iter().enumerate() {
            let invalid = |message| Error::invalid(&path.child("values").index(i), value.as_str(), message);
            errors.extend(is_valid_label_value(value).into_iter().map(invalid));
        }
    }
    errors
}

/// The requirement of a field selector in a review; its operators are those of label selectors.
///
/// Go: ValidateFieldSelectorRequirement
pub fn validate_field_selector_requirement(
    requirement: &LabelSelectorRequirement,
    allow_unknown_operator: bool,
    path: &Path,
) -> ErrorList {
    let mut errors = ErrorList::new();
    if requirement.key.is_empty() {
        errors.push(Error::required(&path.child("key"), "must be specified"));
    }
    errors.extend(validate_operator(requirement, allow_unknown_operator, path));
    errors
}

fn validate_operator(requirement: &LabelSelectorRequirement, allow_unknown: bool, path: &Path) -> ErrorList {
    let values = path.child("values");
    let error = match requirement.operator.as_str() {
        "In" | "NotIn" if requirement.values.is_empty() => {
            Error::required(&values, "must be specified when `operator` is 'In' or 'NotIn'")
        }
        "Exists" | "DoesNotExist" if !requirement.values.is_empty() => {
            Error::forbidden(&values, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => return ErrorList::new(),
        _ if allow_unknown => return ErrorList::new(),
        unknown => Error::invalid(&path.child("operator"), unknown, "not a valid selector operator"),
    };
    vec![error].into()
}

/// Go: ValidateFieldManager
pub fn validate_field_manager(manager: &str, path: &Path) -> ErrorList {
    let mut errors = ErrorList::new();
    if manager.len() > FIELD_MANAGER_MAX_LENGTH {
        errors.push(Error::too_long(path, FIELD_MANAGER_MAX_LENGTH));
    }
    for (i, char) in manager.char_indices().filter(|(_, char)| !strconv::is_print(*char)) {
        let detail = format!("invalid character {} (at position {i})", unicode(char));
        errors.push(Error::invalid(path, manager, detail));
    }
    errors
}

/// Go: ValidateManagedFields
pub fn validate_managed_fields<'a>(
    entries: impl IntoIterator<Item = &'a Map<String, Value>>,
    path: &Path,
) -> ErrorList {
    let mut errors = ErrorList::new();
    for (i, entry) in entries.into_iter().enumerate() {
        let path = path.index(i);
        let field = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        if !matches!(field("operation"), "Apply" | "Update") {
            let detail = "must be `Apply` or `Update`";
            errors.push(Error::invalid(&path.child("operation"), field("operation"), detail));
        }
        if !matches!(field("fieldsType"), "" | "FieldsV1") {
            errors.push(Error::invalid(&path.child("fieldsType"), field("fieldsType"), "must be `FieldsV1`"));
        }
        errors.extend(validate_field_manager(field("manager"), &path.child("manager")));
        if field("subresource").len() > MAX_SUBRESOURCE_NAME_LENGTH {
            errors.push(Error::too_long(&path.child("subresource"), MAX_SUBRESOURCE_NAME_LENGTH));
        }
    }
    errors
}

/// Go: ValidateConditions
pub fn validate_conditions(conditions: &[Value], path: &Path) -> ErrorList {
    let mut errors = ErrorList::new();
    for (i, condition) in conditions.iter().enumerate() {
        let path = path.index(i);
        let kind = condition["type"].as_str().unwrap_or_default();
        let is_this = |other: &Value| other["type"].as_str().unwrap_or_default() == kind;
        if conditions[..i].iter().any(is_this) {
            errors.push(Error::duplicate(&path.child("type"), kind));
        }
        errors.extend(validate_condition(condition, &path));
    }
    errors
}

/// Go: ValidateCondition
pub fn validate_condition(condition: &Value, path: &Path) -> ErrorList {
    let field = |name: &str| condition[name].as_str().unwrap_or_default();
    let mut errors = validate_label_name(field("type"), &path.child("type"));
    if !matches!(field("status"), "True" | "False" | "Unknown") {
        let supported = ["False", "True", "Unknown"];
        errors.push(Error::not_supported(&path.child("status"), field("status"), &supported));
    }
    let observed = condition["observedGeneration"].as_i64().unwrap_or_default();
    if observed < 0 {
        let detail = "must be greater than or equal to zero";
        errors.push(Error::invalid(&path.child("observedGeneration"), observed, detail));
    }
    if field("lastTransitionTime").is_empty() {
        errors.push(Error::required(&path.child("lastTransitionTime"), ""));
    }
    let (reason, reason_path) = (field("reason"), path.child("reason"));
    if reason.is_empty() {
        errors.push(Error::required(&reason_path, ""));
    } else {
        let invalid = |message| Error::invalid(&reason_path, reason, message);
        errors.extend(is_valid_condition_reason(reason).into_iter().map(invalid));
        if reason.len() > MAX_REASON_LENGTH {
            errors.push(Error::too_long(&reason_path, MAX_REASON_LENGTH));
        }
    }
    if field("message").len() > MAX_MESSAGE_LENGTH {
        errors.push(Error::too_long(&path.child("message"), MAX_MESSAGE_LENGTH));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selectors_are_checked_to_the_last_value() {
        let value = json!({"matchExpressions": [
            {"key": "", "operator": "In"}, {"key": "a", "operator": "Exists", "values": ["x"]},
            {"key": "a", "operator": "=", "values": ["-"]}]});
        let errors =
            validate_label_selector(LabelSelector::new(Some(&value)), LabelSelectorOptions::default(), &Path::new("s"));
        let fields: Vec<&str> = errors.0.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "s.matchExpressions[0].values",
                "s.matchExpressions[0].key",
                "s.matchExpressions[0].key",
                "s.matchExpressions[1].values",
                "s.matchExpressions[2].operator",
                "s.matchExpressions[2].values[0]"
            ]
        );
        assert_eq!(
            errors.0[0].to_string(),
            "s.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"
        );
    }

    #[test]
    fn field_managers_are_printable_and_short() {
        let path = Path::new("fieldManager");
        assert!(validate_field_manager("kubectl é", &path).is_empty());
        let text = validate_field_manager("a\nb", &path).to_string();
        assert_eq!(text, "fieldManager: Invalid value: \"a\\nb\": invalid character U+000A (at position 1)");
        let text = validate_field_manager(&"x".repeat(129), &path).to_string();
        assert_eq!(text, "fieldManager: Too long: may not be more than 128 bytes");
    }

    #[test]
    fn conditions_are_unique_and_complete() {
        let complete =
            json!({"type": "Ready", "status": "True", "reason": "Up", "lastTransitionTime": "2026-01-01T00:00:00Z"});
        let path = Path::new("c");
        assert!(validate_conditions(std::slice::from_ref(&complete), &path).is_empty());
        assert_eq!(
            validate_conditions(&[complete.clone(), complete], &path).to_string(),
            "c[1].type: Duplicate value: \"Ready\""
        );
        let errors = validate_condition(&json!({"type": "Ready", "status": "yes"}), &path);
        let text = r#"[c.status: Unsupported value: "yes": supported values: "False", "True", "Unknown", c.lastTransitionTime: Required value, c.reason: Required value]"#;
        assert_eq!(errors.to_string(), text);
    }
}
