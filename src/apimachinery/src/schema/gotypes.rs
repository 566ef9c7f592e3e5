//! The Go type behind a schema: its name and its zero value.
//!
//! Go: reflect.Type, encoding/json/encode.go

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::model::{Bits, Kind, Schema};

/// Returns what Go's zero value of a type is written as. A struct is empty here; `tidy` fills it.
pub fn zero(schema: &Schema) -> Value {
    match &schema.kind {
        Kind::Object(object) if object.additional.is_none() => Value::Object(Map::new()),
        Kind::String | Kind::Bytes => Value::from(""),
        Kind::Quantity => Value::from("0"),
        Kind::IntOrString | Kind::Integer(_) | Kind::Number => Value::from(0),
        Kind::Boolean => Value::Bool(false),
        Kind::Any
        | Kind::Raw
        | Kind::Deduced
        | Kind::Either(_)
        | Kind::Object(_)
        | Kind::Array(_)
        | Kind::Time
        | Kind::MicroTime => Value::Null,
    }
}

/// Names a type as Go does in its refusals.
pub fn type_name<'s>(schema: &'s Schema, known: &'s str) -> Cow<'s, str> {
    if !known.is_empty() {
        return Cow::Borrowed(known);
    }
    match &schema.kind {
        Kind::Object(object) => match &object.additional {
            // Quantities by name have one type of their own in nearly all structs.
            Some(values) if matches!(values.get().kind, Kind::Quantity) => Cow::Borrowed("v1.ResourceList"),
            Some(values) => Cow::Owned(format!("map[string]{}", type_name(values.get(), ""))),
            None => Cow::Borrowed(versioned_name(&schema.name)),
        },
        Kind::Array(array) => Cow::Owned(format!("[]{}", type_name(array.items.get(), ""))),
        Kind::String => Cow::Borrowed("string"),
        Kind::Bytes => Cow::Borrowed("[]uint8"),
        Kind::Integer(Bits::B32) => Cow::Borrowed("int32"),
        Kind::Integer(Bits::B64) => Cow::Borrowed("int64"),
        Kind::Number => Cow::Borrowed("float64"),
        Kind::Boolean => Cow::Borrowed("bool"),
        Kind::Any | Kind::Deduced => Cow::Borrowed("interface {}"),
        Kind::Raw | Kind::Either(_) | Kind::Time | Kind::MicroTime | Kind::Quantity | Kind::IntOrString => {
            Cow::Borrowed(versioned_name(&schema.name))
        }
    }
}

/// Shortens the name of a definition: `io.k8s.api.core.v1.PodSpec` is `PodSpec`.
pub fn short_name(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, last)| last)
}

/// `io.k8s.api.core.v1.PodSpec` is `v1.PodSpec`.
fn versioned_name(name: &str) -> &str {
    let Some((before, _)) = name.rsplit_once('.') else { return name };
    &name[before.rfind('.').map_or(0, |dot| dot + 1)..]
}

/// Says why an untyped value does not fit a type. `found` is its JSON type, with its text if it is a number that is
/// out of range or has a fraction.
///
/// Go: apimachinery/pkg/runtime/converter.go fromUnstructured
pub(super) fn cannot_convert(schema: &Schema, found: &str, wanted: &str) -> String {
    let (found, number) = found.split_once(' ').unwrap_or((found, ""));
    let dynamic = match found {
        "array" => "slice",
        "object" => "map",
        "number" if number.contains('.') => "float64",
        "number" => "int64",
        scalar => scalar,
    };
    match &schema.kind {
        Kind::Object(object) if object.additional.is_some() => format!("cannot restore map from {dynamic}"),
        Kind::Object(_) => format!("cannot restore struct from: {dynamic}"),
        Kind::Array(_) | Kind::Bytes => format!("cannot restore slice from {dynamic}"),
        // These have code of their own, which reads JSON.
        Kind::Time | Kind::MicroTime => format!("json: cannot unmarshal {found} into Go value of type string"),
        Kind::IntOrString => {
            let found = if number.is_empty() { found.to_owned() } else { format!("{found} {number}") };
            format!("json: cannot unmarshal {found} into Go value of type int32")
        }
        // Go converts an integer to a string, and a fraction to an integer, but not here.
        Kind::String if dynamic == "int64" => format!("cannot convert int64 to {wanted}"),
        Kind::Integer(_) if dynamic == "float64" => format!("cannot convert float64 to {wanted}"),
        Kind::String => "unrecognized type: string".to_owned(),
        _ => format!("unrecognized type: {wanted}"),
    }
}
