//! Columns of tables, fields that selectors know, and the subresources.
//!
//! Go: ValidateCustomResourceColumnDefinition, ValidateCustomResourceSelectableFields,
//! ValidateCustomResourceDefinitionSubresources

use api::node::Node;
use apimachinery::validation::field::{Error, ErrorList};
use serde_json::Value;

use super::{fieldpath, ratchet::Strictness};

const TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
const FORMATS: [&str; 8] = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];
/// How many fields of one version selectors may know.
pub const MAX_SELECTABLE_FIELDS: usize = 8;

/// Checks the columns of a version, or of all.
pub fn printer_columns(errors: &mut ErrorList, columns: &Node<'_>) {
    for column in columns.items_here() {
        if column.text("name").is_empty() {
            errors.push(column.child("name").required(""));
        }
        let types = format!("must be one of {}", TYPES.join(","));
        match column.text("type") {
            "" => errors.push(column.child("type").required(types)),
            kind if !TYPES.contains(&kind) => errors.push(column.child("type").invalid(types)),
            _ => {}
        }
        if !column.text("format").is_empty() && !FORMATS.contains(&column.text("format")) {
            errors.push(column.child("format").invalid(format!("must be one of {}", FORMATS.join(","))));
        }
        let path = column.child("jsonPath").at(column.path.child("JSONPath"));
        if path.as_str().is_empty() {
            errors.push(path.required(""));
        } else {
            simple_json_path(errors, &path);
        }
    }
}

/// Checks the fields that selectors know, which must be scalars of the schema.
pub fn selectable_fields(errors: &mut ErrorList, fields: &Node<'_>, schema: &Value, may_be_many: bool) {
    let mut known: Vec<String> = Vec::new();
    for field in fields.items_here() {
        let path = field.child("jsonPath");
        if path.as_str().is_empty() {
            errors.push(path.required(""));
            continue;
        }
        let (found, target) = match fieldpath::resolve(path.as_str(), schema, fieldpath::Notation::DotsOnly) {
            Ok(found) => found,
            Err(error) => {
                errors.push(path.invalid(format!("is an invalid path: {error}")));
                continue;
            }
        };
        let found = found.to_string();
        if found == "metadata" || found.starts_with("metadata.") {
            errors.push(path.invalid("must not point to fields in metadata"));
        }
        let kind = target.and_then(|target| target.get("type")).and_then(Value::as_str).unwrap_or_default();
        if !matches!(kind, "string" | "boolean" | "integer") {
            errors.push(path.invalid(
                "must point to a field of type string, boolean or integer. \
                 Enum string fields and strings with formats are allowed.",
            ));
        }
        if known.contains(&found) {
            errors.push(path.duplicate());
        } else {
            known.push(found);
        }
    }
    if known.len() > MAX_SELECTABLE_FIELDS && !may_be_many {
        errors.push(Error::too_many(&fields.path, known.len(), MAX_SELECTABLE_FIELDS));
    }
}

/// Says whether too many selectable fields are let pass: as many were there before, and the same.
pub fn may_be_many(strictness: &Strictness, version: &str) -> bool {
    strictness.many_selectable_fields.iter().any(|name| name == version)
}

/// Checks the paths of `scale`.
pub fn subresources(errors: &mut ErrorList, subresources: &Node<'_>) {
    let scale = subresources.child("scale");
    if !scale.is_set() {
        return;
    }
    for (field, root) in [("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")] {
        let path = scale.child(field);
        if path.as_str().is_empty() {
            errors.push(path.required(""));
        } else if !simple_json_path(errors, &path) && !path.as_str().starts_with(root) {
            errors.push(path.invalid(format!("should be a json path under {}", root.trim_end_matches('.'))));
        }
    }
    let path = scale.child("labelSelectorPath");
    let known =
        path.as_str().is_empty() || path.as_str().starts_with(".spec.") || path.as_str().starts_with(".status.");
    if !path.as_str().is_empty() && !simple_json_path(errors, &path) && !known {
        errors.push(path.invalid("should be a json path under either .spec or .status"));
    }
}

/// Adds what is wrong with a path that must begin with a dot; says whether anything is.
fn simple_json_path(errors: &mut ErrorList, path: &Node<'_>) -> bool {
    let wrong = !path.as_str().starts_with('.');
    if wrong {
        errors.push(path.invalid("must be a simple json path starting with ."));
    }
    wrong
}
