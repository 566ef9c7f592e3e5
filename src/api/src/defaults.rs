//! Tools for filling in what was not said.
//!
//! Go: pkg/apis/*/v1/defaults.go

use serde_json::{Map, Value, json};

/// Sets a field that is absent, `null` or (as Go's zero value) empty text or 0.
pub fn zero(value: &mut Value, field: &str, default: impl Into<Value>) {
    let is_zero = match value.get(field) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Number(number)) => number.as_i64() == Some(0),
        Some(_) => false,
    };
    if is_zero && let Value::Object(fields) = value {
        fields.insert(field.to_owned(), default.into());
    }
}

/// Sets a field that is absent or `null`: one that is a pointer in Go.
pub fn absent(value: &mut Value, field: &str, default: impl Into<Value>) {
    if value.get(field).is_none_or(Value::is_null)
        && let Value::Object(fields) = value
    {
        fields.insert(field.to_owned(), default.into());
    }
}

/// Returns an object's field for changing, if it is there.
pub fn field<'a>(value: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    value.get_mut(name).filter(|value| !value.is_null())
}

/// Returns the value at dotted names for changing, if it is there.
pub fn at<'a>(value: &'a mut Value, names: &str) -> Option<&'a mut Value> {
    names.split('.').try_fold(value, |value, name| field(value, name))
}

/// Returns the items of a list for changing.
pub fn items<'a>(value: &'a mut Value, names: &str) -> impl Iterator<Item = &'a mut Value> {
    at(value, names).and_then(Value::as_array_mut).into_iter().flatten()
}

/// Returns a field of an object, making it if need be.
pub fn made<'a>(fields: &'a mut Map<String, Value>, name: &str) -> &'a mut Value {
    let value = fields.entry(name.to_owned()).or_insert_with(|| json!({}));
    if value.is_null() {
        *value = json!({});
    }
    value
}
