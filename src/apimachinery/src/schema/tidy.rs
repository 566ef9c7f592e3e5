//! Writes a value as the Go struct that holds it in kube-apiserver would be written.
//!
//! A built-in object is never the text a client sent: it went through a struct. Empty optional fields are
//! lost on that way (`labels: {}`), and what the struct holds by value appears (`status: {}`,
//! `containers: null`). Clients and field managers see the difference, so it is made here, once, after
//! decoding and after whatever code changed the value.
//!
//! Go: encoding/json/encode.go structEncoder, isEmptyValue

use serde_json::{Map, Value};

use super::{
    gotypes::zero,
    model::{Field, Kind, ObjectType, Omit, Schema},
    registry::Link,
};

/// Adds and removes fields until the value is what Go would write.
pub fn tidy(schema: &Schema, value: &mut Value) {
    walk(schema, value, EmptyList::Kept);
}

/// As [`tidy`], after a way through protobuf, which cannot tell an empty list from none: what a stored
/// object looks like, but for the kinds that are stored as JSON (custom resources and their definitions).
pub fn tidy_stored(schema: &Schema, value: &mut Value) {
    walk(schema, value, EmptyList::Nil);
}

/// What becomes of an empty list in a field that is always written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EmptyList {
    Kept,
    Nil,
}

fn walk(schema: &Schema, value: &mut Value, empty: EmptyList) {
    match (&schema.kind, value) {
        (Kind::Object(object), Value::Object(map)) => match &object.additional {
            Some(values) => each(values.get(), map.values_mut(), empty),
            None => fields(object, map, empty),
        },
        (Kind::Array(array), Value::Array(items)) => each(array.items.get(), items.iter_mut(), empty),
        (Kind::Either(links), value) => {
            let fits = |schema: &&Schema| {
                matches!(
                    (&schema.kind, &*value),
                    (Kind::Object(_), Value::Object(_)) | (Kind::Array(_), Value::Array(_))
                )
            };
            if let Some(schema) = links.iter().map(Link::get).find(fits) {
                walk(schema, value, empty);
            }
        }
        _ => {}
    }
}

fn each<'a>(schema: &Schema, values: impl Iterator<Item = &'a mut Value>, empty: EmptyList) {
    if matches!(schema.kind, Kind::Object(_) | Kind::Array(_) | Kind::Either(_)) {
        values.for_each(|value| walk(schema, value, empty));
    }
}

fn fields(object: &ObjectType, map: &mut Map<String, Value>, empty: EmptyList) {
    map.retain(|name, value| match object.properties.get(name.as_str()) {
        Some(field) => keep(name, field, value, empty),
        None => true,
    });
    for (name, field) in &object.properties {
        if !map.contains_key(&**name)
            && let Some(value) = absent(field)
        {
            map.insert(name.to_string(), value);
        }
    }
}

/// Tidies a field that is there, and says whether Go writes it.
fn keep(name: &str, field: &Field, value: &mut Value, empty: EmptyList) -> bool {
    let schema = field.schema.get();
    if value.is_null() {
        // Decoding leaves no nulls; code that sets one means nil. What nil is written as is up to `absent`.
        return false;
    }
    walk(schema, value, empty);
    match field.go.omit {
        Omit::Never => empty == EmptyList::Kept || !matches!(value, Value::Array(items) if items.is_empty()),
        _ if field.go.pointer => true,
        // An empty list of managers is an order to forget them, which the field manager has yet to see.
        Omit::Empty if name == "managedFields" => true,
        Omit::Empty => !is_empty(schema, value),
        Omit::Zero => !is_empty(schema, value) && *value != zero_struct(schema),
    }
}

/// What Go writes for a field that is not there.
fn absent(field: &Field) -> Option<Value> {
    let schema = field.schema.get();
    match (field.go.omit, field.go.pointer) {
        (Omit::Never, true) => Some(Value::Null),
        (Omit::Never, false) => Some(zero_struct(schema)),
        (Omit::Empty, false) if is_struct(schema) => Some(zero_struct(schema)),
        (Omit::Empty | Omit::Zero, _) => None,
    }
}

/// Go's zero value as it is written, with all that zero structs hold.
fn zero_struct(schema: &Schema) -> Value {
    let mut value = zero(schema);
    tidy(schema, &mut value);
    value
}

/// Whether Go holds the type as a struct, which `omitempty` never takes for empty.
fn is_struct(schema: &Schema) -> bool {
    match &schema.kind {
        Kind::Object(object) => object.additional.is_none(),
        Kind::Any | Kind::Raw | Kind::Deduced | Kind::Either(_) => true,
        Kind::Time | Kind::MicroTime | Kind::Quantity | Kind::IntOrString => true,
        Kind::Array(_) | Kind::String | Kind::Bytes | Kind::Integer(_) | Kind::Number | Kind::Boolean => false,
    }
}

/// Go: isEmptyValue
fn is_empty(schema: &Schema, value: &Value) -> bool {
    !is_struct(schema)
        && match value {
            Value::Null => true,
            Value::Bool(flag) => !flag,
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.is_empty(),
        }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::model::{GoField, Text};

    #[test]
    fn what_go_drops_and_adds() {
        let field = |kind: Kind, pointer: bool, omit: Omit| Field {
            schema: Schema::of(kind).into(),
            go: GoField { pointer, omit, ..GoField::default() },
            ..Field::default()
        };
        let inner = || {
            Kind::Object(ObjectType {
                properties: [(Text::Borrowed("n"), field(Kind::String, false, Omit::Never))].into(),
                ..ObjectType::default()
            })
        };
        let properties = [
            ("count", field(Kind::Number, false, Omit::Empty)),
            ("pointed", field(Kind::Number, true, Omit::Empty)),
            ("list", field(Kind::Array(crate::schema::model::ArrayType::default()), false, Omit::Never)),
            ("gone", field(inner(), true, Omit::Empty)),
            ("nil", field(inner(), true, Omit::Never)),
            ("held", field(inner(), false, Omit::Empty)),
            ("zero", field(inner(), false, Omit::Zero)),
            ("at", field(Kind::Time, false, Omit::Empty)),
        ];
        let properties = properties.into_iter().map(|(name, field)| (Text::Borrowed(name), field)).collect();
        let schema = Schema::of(Kind::Object(ObjectType { properties, ..ObjectType::default() }));
        let mut value = json!({"count": 0, "pointed": 0, "zero": {"n": ""}, "list": []});
        tidy(&schema, &mut value);
        assert_eq!(value["list"], json!([]));
        tidy_stored(&schema, &mut value);
        assert_eq!(value, json!({"pointed": 0, "list": null, "nil": null, "held": {"n": ""}, "at": null}));
    }
}
