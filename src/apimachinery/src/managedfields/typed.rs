//! How values of a type merge: the schema as structured merge reads it.
//!
//! Three shapes matter. A *leaf* is owned as a whole: scalars, atomic maps and lists. A *map* is owned
//! field by field. An *associative list* is owned item by item, and its items have path elements made
//! of their keys or their value.
//!
//! Go: structured-merge-diff/typed/{helpers,validate}.go, kube-openapi/pkg/schemaconv

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::fieldpath::{display_element, field_element, key_element, value_element};
use crate::{
    schema::{
        model::{ArrayType, Field, Kind, ListType, MapType, ObjectType, Patch, Schema},
        registry::Link,
    },
    util::strconv,
};

/// A type where it stands: a field may merge otherwise than its type says.
#[derive(Clone, Copy)]
pub(super) struct Type<'s> {
    schema: &'s Schema,
    map_type: Option<MapType>,
    patch: Option<&'s Patch>,
}

/// How a value of a type is owned.
pub(super) enum Shape<'s> {
    /// As a whole.
    Leaf,
    /// Field by field.
    Map(MapShape<'s>),
    /// Item by item.
    List(ListShape<'s>),
}

/// What stands under the keys of a map.
#[derive(Clone, Copy)]
pub(super) struct MapShape<'s>(Option<&'s ObjectType>);

/// The items of an associative list.
pub(super) struct ListShape<'s> {
    /// Their type.
    pub(super) items: Type<'s>,
    /// The fields that tell them apart, sorted; none: their value does.
    keys: Vec<&'s str>,
}

/// The type of what no schema describes: maps are owned field by field, lists as a whole.
static DEDUCED: Schema = Schema {
    name: std::borrow::Cow::Borrowed(""),
    description: std::borrow::Cow::Borrowed(""),
    kind: Kind::Deduced,
    format: std::borrow::Cow::Borrowed(""),
    nullable: false,
    default: None,
    gvks: Vec::new(),
    constraints: None,
};

impl<'s> Type<'s> {
    /// Returns the type of objects that a schema describes.
    pub(super) fn new(schema: &'s Schema) -> Self {
        Self { schema, map_type: None, patch: None }
    }

    fn of_field(field: &'s Field) -> Self {
        Self { schema: field.schema.get(), map_type: field.map_type, patch: field.patch.as_ref() }
    }

    /// Returns how this value is owned. What has no schema depends on the value itself.
    pub(super) fn shape(self, value: &Value) -> Shape<'s> {
        match &self.schema.kind {
            Kind::Object(object) => {
                // A built-in type without fields is free, and free things of built-in types are atomic.
                if self.map_type.or(object.map_type) == Some(MapType::Atomic) || is_free(object) {
                    Shape::Leaf
                } else {
                    Shape::Map(MapShape(Some(object)))
                }
            }
            Kind::Array(array) => self.list(array),
            Kind::Deduced if value.is_object() => Shape::Map(MapShape(None)),
            _ => Shape::Leaf,
        }
    }

    /// As [`Self::shape`] for two values of which one may be absent; the two differ only where there is no schema.
    pub(super) fn shape_of(self, left: Option<&Value>, right: Option<&Value>) -> Shape<'s> {
        let value = match (left, right) {
            (_, Some(right)) if !right.is_null() => right,
            (Some(left), _) => left,
            (None, right) => right.unwrap_or(&Value::Null),
        };
        self.shape(value)
    }

    fn list(self, array: &'s ArrayType) -> Shape<'s> {
        let items = Type::new(array.items.get());
        let mut keys: Vec<&str> = match (&array.list_type, self.patch) {
            (Some(ListType::Map(keys)), _) => keys.iter().map(AsRef::as_ref).collect(),
            (Some(ListType::Set), _) => Vec::new(),
            (Some(ListType::Atomic), _) => return Shape::Leaf,
            // Where nothing is said of apply, what is said of strategic merge counts.
            (None, Some(patch)) if patch.merge && patch.merge_key.is_empty() => Vec::new(),
            (None, Some(patch)) if patch.merge => vec![&*patch.merge_key],
            (None, _) => return Shape::Leaf,
        };
        keys.sort_unstable();
        Shape::List(ListShape { items, keys })
    }
}

impl<'s> MapShape<'s> {
    /// Returns the type of what stands under a key; nothing if the schema does not allow it.
    pub(super) fn child(self, key: &str) -> Option<Type<'s>> {
        let Some(object) = self.0 else { return Some(Type::new(&DEDUCED)) };
        if let Some(field) = object.properties.get(key) {
            return Some(Type::of_field(field));
        }
        match &object.additional {
            Some(values) => Some(Type::new(values.get())),
            None if object.preserve_unknown_fields || is_free(object) => Some(Type::new(&DEDUCED)),
            None => None,
        }
    }

    /// Says whether a key is a field of the type, rather than a free key.
    pub(super) fn is_named(self, key: &str) -> bool {
        self.0.is_some_and(|object| object.properties.contains_key(key))
    }
}

/// An object of which nothing is declared may hold anything, by OpenAPI.
fn is_free(object: &ObjectType) -> bool {
    object.properties.is_empty() && object.additional.is_none() && !object.preserve_unknown_fields
}

impl ListShape<'_> {
    /// Returns the path element of an item.
    ///
    /// Go: listItemToPathElement
    pub(super) fn element(&self, item: &Value) -> Result<String, String> {
        if self.keys.is_empty() {
            return match item {
                Value::Object(_) => Err("associative list without keys has an element that's a map type".to_owned()),
                Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
                Value::Null => Err("associative list without keys has an element that's an explicit null".to_owned()),
                scalar => Ok(value_element(scalar)),
            };
        }
        let Value::Object(fields) = item else {
            let what = if item.is_null() { "a null element" } else { "non-map elements" };
            return Err(format!("associative list with keys may not have {what}"));
        };
        let mut keys = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            let default = || self.items.schema.field(key)?.default.as_ref();
            keys.extend(fields.get(*key).or_else(default).map(|value| (*key, value)));
        }
        // Keys are optional (a device may have no shareID), but something must tell the items apart.
        if keys.is_empty() {
            let all: Vec<String> = self.keys.iter().map(|key| strconv::quote(key)).collect();
            let what = "associative list with keys has an element that omits all key fields";
            return Err(format!("{what} [{}] (and doesn't have default values for any key fields)", all.join(" ")));
        }
        Ok(key_element(keys.into_iter()))
    }
}

/// Says whether two values are equal; numbers are, whatever they were written like.
pub(super) fn is_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left == right || left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| is_equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| left.0 == right.0 && is_equal(left.1, right.1))
        }
        (left, right) => left == right,
    }
}

/// Says whether a map or list holds nothing, or is null.
pub(super) fn is_void(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(_) => false,
    }
}

/// Refuses a value that is not of a type. What clients apply is checked so; duplicates are refused, too.
///
/// Go: structured-merge-diff/typed/validate.go
pub(super) fn validate(schema: &Schema, value: &Value) -> Result<(), String> {
    let mut errors = Vec::new();
    Validator { path: String::new(), errors: &mut errors }.value(Type::new(schema), value);
    match errors.as_slice() {
        [] => Ok(()),
        [one] => Err(one.clone()),
        many => Err(many.iter().fold("errors:".to_owned(), |mut all, error| {
            write!(all, "\n  {error}").expect("writing to a string");
            all
        })),
    }
}

struct Validator<'a> {
    path: String,
    errors: &'a mut Vec<String>,
}

impl Validator<'_> {
    fn refuse(&mut self, message: impl std::fmt::Display) {
        let colon = if self.path.is_empty() { "" } else { ": " };
        self.errors.push(format!("{}{colon}{message}", self.path));
    }

    fn below(&mut self, element: &str, then: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push_str(&display_element(element));
        then(self);
        self.path.truncate(length);
    }

    fn value(&mut self, ty: Type<'_>, value: &Value) {
        if value.is_null() {
            return;
        }
        match &ty.schema.kind {
            Kind::Object(object) => match value {
                Value::Object(fields) => self.map(MapShape(Some(object)), fields),
                other => self.refuse(format_args!("expected map, got &{{{}}}", strconv::sprint(other))),
            },
            Kind::Array(array) => match value {
                Value::Array(items) => self.list(ty, array, items),
                other => self.refuse(format_args!("expected list, got &{{{}}}", strconv::sprint(other))),
            },
            Kind::String | Kind::Bytes if !value.is_string() => {
                let value = strconv::go_syntax(value);
                self.refuse(format_args!("expected string, got &value.valueUnstructured{{Value:{value}}}"));
            }
            Kind::Integer(_) | Kind::Number if !value.is_number() => {
                let found = strconv::dynamic_type(value);
                self.refuse(format_args!("expected numeric (int or float), got {found}"));
            }
            Kind::Boolean if !value.is_boolean() => {
                self.refuse(format_args!("expected boolean, got &{{{}}}", strconv::sprint(value)));
            }
            Kind::Time | Kind::MicroTime | Kind::IntOrString if value.is_object() || value.is_array() => {
                self.refuse(format_args!("expected any scalar, got &{{{}}}", strconv::sprint(value)));
            }
            _ => {}
        }
    }

    fn map(&mut self, shape: MapShape<'_>, fields: &Map<String, Value>) {
        for (name, value) in fields {
            let element = field_element(name);
            let Some(ty) = shape.child(name) else {
                self.below(&element, |validator| validator.refuse("field not declared in schema"));
                // Go looks no further in this map.
                return;
            };
            self.below(&element, |validator| validator.value(ty, value));
        }
    }

    fn list(&mut self, ty: Type<'_>, array: &ArrayType, items: &[Value]) {
        let Shape::List(shape) = ty.list(array) else {
            for (index, item) in items.iter().enumerate() {
                self.below(&format!("i:{index}"), |validator| validator.value(Type::new(array.items.get()), item));
            }
            return;
        };
        let mut seen = std::collections::BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let element = match shape.element(item) {
                Ok(element) => element,
                Err(error) => return self.refuse(format_args!("element {index}: {error}")),
            };
            if seen.contains(&element) {
                self.refuse(format_args!("duplicate entries for key {}", display_element(&element)));
                continue;
            }
            self.below(&element, |validator| validator.value(shape.items, item));
            seen.insert(element);
        }
    }
}

/// Returns the type of the items of an array, or of the values of a map that a path element leads into.
pub(super) fn descend<'s>(ty: Type<'s>, element: &str) -> Option<Type<'s>> {
    match (&ty.schema.kind, super::fieldpath::field_name(element)) {
        (Kind::Object(object), Some(name)) => MapShape(Some(object)).child(name),
        (Kind::Deduced, Some(_)) => Some(Type::new(&DEDUCED)),
        (Kind::Array(array), None) => Some(Type::new(Link::get(&array.items))),
        _ => None,
    }
}

/// Returns the type of a field that a type declares; free keys are none.
pub(super) fn named_field<'s>(ty: Type<'s>, name: &str) -> Option<Type<'s>> {
    ty.schema.as_object()?.properties.get(name).map(Type::of_field)
}

/// Returns the type of the items of a list.
pub(super) fn items(ty: Type<'_>) -> Option<Type<'_>> {
    ty.schema.as_array().map(|array| Type::new(array.items.get()))
}

/// Says whether a type is owned as a whole though it holds fields or items.
pub(super) fn is_atomic(ty: Type<'_>) -> bool {
    matches!(ty.schema.kind, Kind::Object(_) | Kind::Array(_)) && matches!(ty.shape(&Value::Null), Shape::Leaf)
}

/// Says whether an element names a field of the type.
pub(super) fn is_named(ty: Option<Type<'_>>, element: &str) -> bool {
    let Some(name) = super::fieldpath::field_name(element) else { return false };
    matches!(ty.map(|ty| &ty.schema.kind), Some(Kind::Object(object)) if object.properties.contains_key(name))
}
