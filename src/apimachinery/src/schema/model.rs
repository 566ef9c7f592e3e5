//! What a schema is made of.
//!
//! A node says what a value may be ([`Kind`]); an object has [`Field`]s; a field has facts of its own
//! that its type does not have: how it merges, its default, its number in protobuf, and how Go writes it.
//! Types that have a name live in a [`Schemas`](super::registry::Schemas) and are reached through a
//! [`Link`], so that a type may contain itself.
//!
//! Go: apiextensions-apiserver/pkg/apiserver/schema/structural.go Structural

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use serde_json::Value;

use super::registry::Link;
use crate::runtime::{schema::GroupVersionKind, serializer::protobuf::layout::Layout};

/// A name or a description: static in the table of built-in types, owned in a custom one.
pub type Text = Cow<'static, str>;

/// The description of one type.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// Name of the definition (`io.k8s.api.core.v1.PodSpec`); empty for a type written in place.
    pub name: Text,
    /// What people read; a field's own description goes before it.
    pub description: Text,
    /// What a value may be.
    pub kind: Kind,
    /// `format` as published (`int32`, `date-time`...); empty if there is none.
    pub format: Text,
    /// Whether `null` is a value. Only custom types say so.
    pub nullable: bool,
    /// The default of the node itself: what an item or a map value is when it is not given.
    pub default: Option<Value>,
    /// The kinds whose objects have this type. Options are shared by many.
    pub gvks: Vec<GroupVersionKind>,
    /// What a value must satisfy beyond its type; only custom types have it.
    pub constraints: Option<Box<Constraints>>,
}

/// What a value may be. Scalars that Go reads by code of their own have a kind of their own.
#[derive(Clone, Debug, Default)]
pub enum Kind {
    /// Anything at all, owned as a whole: `JSON`, a node without a type.
    #[default]
    Any,
    /// An object, with named fields, with free keys, or with both.
    Object(ObjectType),
    /// A list.
    Array(ArrayType),
    /// Text.
    String,
    /// Text that is base64 of bytes.
    Bytes,
    /// `metav1.Time`: whole seconds.
    Time,
    /// `metav1.MicroTime`: microseconds.
    MicroTime,
    /// `resource.Quantity`.
    Quantity,
    /// `intstr.IntOrString`, and `x-kubernetes-int-or-string`.
    IntOrString,
    /// A number without fraction, of 32 or 64 bits.
    Integer(Bits),
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// An object that nothing here looks into, owned as a whole: `FieldsV1`, `RawExtension`.
    Raw,
    /// Anything at all, of which maps are owned field by field: a node without a type that preserves unknown fields.
    Deduced,
    /// One of several, told apart by its JSON type (`JSONSchemaPropsOrBool`).
    Either(Vec<Link>),
}

/// The width of an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bits {
    /// Go's `int32`.
    B32,
    /// Go's `int64`.
    B64,
}

/// An object's fields and how it merges.
#[derive(Clone, Debug, Default)]
pub struct ObjectType {
    /// The named fields.
    pub properties: BTreeMap<Text, Field>,
    /// The type of what stands under other keys: `additionalProperties`.
    pub additional: Option<Link>,
    /// `x-kubernetes-map-type`; absent means granular.
    pub map_type: Option<MapType>,
    /// `x-kubernetes-preserve-unknown-fields`.
    pub preserve_unknown_fields: bool,
    /// `x-kubernetes-embedded-resource`: it has `apiVersion`, `kind` and `metadata`.
    pub embedded_resource: bool,
    /// `x-kubernetes-unions`, as published.
    pub unions: Option<Value>,
    /// The fields by their protobuf numbers, made when a message of this type is first met.
    pub layout: OnceLock<Layout>,
}

/// A list's items and how it merges.
#[derive(Clone, Debug, Default)]
pub struct ArrayType {
    /// The type of the items.
    pub items: Link,
    /// `x-kubernetes-list-type`; absent means atomic.
    pub list_type: Option<ListType>,
}

/// `x-kubernetes-list-type`, for apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListType {
    /// One value, owned as a whole.
    Atomic,
    /// Scalars, each owned by itself.
    Set,
    /// Objects told apart by these fields (`x-kubernetes-list-map-keys`).
    Map(Vec<Text>),
}

/// `x-kubernetes-map-type`, for apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapType {
    /// Each field is owned by itself.
    Granular,
    /// One value, owned as a whole.
    Atomic,
}

/// A named field of an object.
#[derive(Clone, Debug, Default)]
pub struct Field {
    /// Its type.
    pub schema: Link,
    /// Its description; empty: that of its type.
    pub description: Text,
    /// Whether it stands in the published `required`.
    pub required: bool,
    /// The published default. For a field that Go keeps by value this may be the zero value (`""`, `0`, `{}`).
    pub default: Option<Value>,
    /// Overrides the map type of the field's type (`claimRef` is granular where ObjectReference is atomic).
    pub map_type: Option<MapType>,
    /// Whether the published schema says of bytes that they are an atomic list, which to Go they are.
    pub atomic_bytes: bool,
    /// `x-kubernetes-patch-strategy` and merge key: for strategic merge, which six fields do otherwise than apply.
    pub patch: Option<Patch>,
    /// Its number in protobuf; several: the way through inlined messages; none: it is not in the message.
    pub proto: Cow<'static, [u32]>,
    /// How the Go struct holds and writes it.
    pub go: GoField,
}

/// How a field merges in a strategic merge patch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// Lists merge item by item, objects field by field.
    pub merge: bool,
    /// Of an object only the keys that the patch names are kept.
    pub retain_keys: bool,
    /// An object is replaced as a whole.
    pub replace: bool,
    /// The field by which the items of a merged list are told apart; empty for scalars.
    pub merge_key: Text,
}

/// What decoding into a Go struct and encoding it again does to a field.
///
/// An object of a built-in type is never the text that a client sent: it went through a struct. What
/// is lost on the way (`null`s, empty optional fields) and what appears (`status: {}`) is a fact of the
/// struct's field. For a type without a struct the default of this is what a Go client would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoField {
    /// Whether it is a pointer: an absent value is told from a zero one.
    pub pointer: bool,
    /// When it is left out.
    pub omit: Omit,
    /// The type as Go names it in a decoding error, where the schema does not tell: `v1.RestartPolicy`,
    /// `types.UID`, `[]v1.Capability`. Empty: `string`, `[]string`, `v1.PodSpec` and so on are derived.
    pub type_name: Text,
    /// The embedded structs on the way to it, dotted (`VolumeSource`); they stand in the path of a decoding error.
    pub embedded: Text,
}

/// When Go leaves a field out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Omit {
    /// `omitempty`: nil, zero scalars, empty lists and maps. A struct held by value is never empty.
    #[default]
    Empty,
    /// `omitempty,omitzero`: as `Empty`, and structs that are zero.
    Zero,
    /// Never: absent lists, maps and pointers are written as `null`, scalars as their zero.
    Never,
}

/// What a value must satisfy beyond its type (the value validations of a custom type).
///
/// Go: apiextensions-apiserver/pkg/apiserver/schema/structural.go ValueValidation
#[derive(Clone, Debug, Default)]
pub struct Constraints {
    /// The only values allowed; empty: any.
    pub enum_values: Vec<Value>,
    /// Fields that must be there, declared or not.
    pub required: Vec<String>,
    /// Upper bound of a number.
    pub maximum: Option<f64>,
    /// Whether the bound itself is excluded.
    pub exclusive_maximum: bool,
    /// Lower bound of a number.
    pub minimum: Option<f64>,
    /// Whether the bound itself is excluded.
    pub exclusive_minimum: bool,
    /// Longest text, in characters.
    pub max_length: Option<i64>,
    /// Shortest text, in characters.
    pub min_length: Option<i64>,
    /// What a text must match.
    pub pattern: String,
    /// Longest list.
    pub max_items: Option<i64>,
    /// Shortest list.
    pub min_items: Option<i64>,
    /// Whether items must differ.
    pub unique_items: bool,
    /// What a number must be a multiple of.
    pub multiple_of: Option<f64>,
    /// Most fields of an object.
    pub max_properties: Option<i64>,
    /// Fewest fields of an object.
    pub min_properties: Option<i64>,
    /// Every one of these must hold.
    pub all_of: Vec<Arc<Schema>>,
    /// At least one of these must hold.
    pub any_of: Vec<Arc<Schema>>,
    /// Exactly one of these must hold.
    pub one_of: Vec<Arc<Schema>>,
    /// This must not hold.
    pub not: Option<Arc<Schema>>,
    /// `x-kubernetes-validations`, as given: CEL rules.
    pub rules: Vec<Value>,
}

impl Schema {
    /// Returns a schema of a kind and nothing more.
    pub fn of(kind: Kind) -> Self {
        Self { kind, ..Self::default() }
    }

    /// Returns the object type, if it is one.
    pub fn as_object(&self) -> Option<&ObjectType> {
        match &self.kind {
            Kind::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Returns the array type, if it is one.
    pub fn as_array(&self) -> Option<&ArrayType> {
        match &self.kind {
            Kind::Array(array) => Some(array),
            _ => None,
        }
    }

    /// Says whether a value is text that the server keeps as it is.
    pub fn is_raw_extension(&self) -> bool {
        matches!(self.kind, Kind::Raw) && self.name.ends_with(".RawExtension")
    }

    /// Returns a field of an object.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.as_object()?.properties.get(name)
    }

    /// Returns the schema of what stands under a key: of the field, or of a free key.
    pub fn child(&self, key: &str) -> Option<&Schema> {
        let object = self.as_object()?;
        match object.properties.get(key) {
            Some(field) => Some(field.schema.get()),
            None => object.additional.as_ref().map(Link::get),
        }
    }

    /// Returns the schema at a path of field names; lists are passed through to their items.
    pub fn at(&self, path: &[&str]) -> Option<&Schema> {
        path.iter().try_fold(self, |schema, name| {
            let mut schema = schema;
            while let Kind::Array(array) = &schema.kind {
                schema = array.items.get();
            }
            schema.child(name)
        })
    }
}

impl ArrayType {
    /// Returns the fields that tell items apart in apply; none unless it is a list-map.
    pub fn keys(&self) -> &[Text] {
        match &self.list_type {
            Some(ListType::Map(keys)) => keys,
            Some(ListType::Atomic | ListType::Set) | None => &[],
        }
    }
}

impl Patch {
    /// Reads `x-kubernetes-patch-strategy` (`merge,retainKeys`) and `x-kubernetes-patch-merge-key`.
    pub fn parse(strategy: &str, merge_key: impl Into<Text>) -> Self {
        let has = |word: &str| strategy.split(',').any(|part| part == word);
        Self {
            merge: has("merge"),
            retain_keys: has("retainKeys"),
            replace: has("replace"),
            merge_key: merge_key.into(),
        }
    }

    /// Writes the strategy as it is published.
    pub fn strategy(&self) -> String {
        let words = [(self.merge, "merge"), (self.retain_keys, "retainKeys"), (self.replace, "replace")];
        words.iter().filter(|(on, _)| *on).map(|(_, word)| *word).collect::<Vec<_>>().join(",")
    }
}
