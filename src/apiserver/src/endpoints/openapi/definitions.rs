//! Types as OpenAPI publishes them.
//!
//! Go: kube-openapi/pkg/builder, kube-openapi/pkg/builder3, pkg/generated/openapi
//!
//! The two versions of OpenAPI differ in few things: version 3 has defaults and puts a reference that
//! needs company (a description, a default) into `allOf`; and it can say that a value has one of two types.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use apimachinery::{
    runtime::schema::{GroupVersion, GroupVersionKind},
    schema::{
        model::{ArrayType, Bits, Constraints, Field, Kind, ListType, MapType, ObjectType, Schema},
        registry::Link,
    },
};
use serde_json::{Map, Value, json};

/// Which version of OpenAPI is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 2.0: one document for everything.
    V2,
    /// 3.0: a document for each group and version.
    V3,
}

impl Version {
    /// Returns the reference to a definition.
    pub fn reference(self, name: &str) -> String {
        match self {
            Self::V2 => format!("#/definitions/{name}"),
            Self::V3 => format!("#/components/schemas/{name}"),
        }
    }
}

/// The types of a server, by the names of their definitions.
pub trait Definitions: Send + Sync {
    /// Returns a type.
    fn get(&self, name: &str) -> Option<Arc<Schema>>;
    /// Returns a definition that is written already: custom types are published in the words of their authors.
    fn written(&self, _name: &str, _version: Version) -> Option<Value> {
        None
    }
    /// Returns the name of a kind's definition: `io.k8s.api.core.v1.Pod`.
    fn name_of(&self, kind: &GroupVersionKind) -> Option<String>;
}

/// Writes definitions of one document.
pub struct Writer<'a> {
    /// Where types come from.
    pub definitions: &'a dyn Definitions,
    /// Which version of OpenAPI.
    pub version: Version,
    /// The group and version of the document; `None`: it holds all.
    pub only: Option<&'a GroupVersion>,
}

impl Writer<'_> {
    /// Returns the definitions of these types and of all that they refer to, by name.
    pub fn closure(&self, roots: impl IntoIterator<Item = String>) -> Map<String, Value> {
        let mut written: BTreeMap<String, Value> = BTreeMap::new();
        let mut open: BTreeSet<String> = roots.into_iter().collect();
        while let Some(name) = open.pop_first() {
            let mut found = BTreeSet::new();
            let definition = match self.definitions.written(&name, self.version) {
                Some(definition) => {
                    written_references(&definition, &mut found);
                    definition
                }
                None => {
                    let Some(schema) = self.definitions.get(&name) else { continue };
                    references(&schema, &mut found);
                    self.definition(&schema)
                }
            };
            written.insert(name, definition);
            open.extend(found.into_iter().filter(|name| !written.contains_key(name)));
        }
        written.into_iter().collect()
    }

    /// Returns one definition.
    pub fn definition(&self, schema: &Schema) -> Value {
        let mut out = Map::new();
        put_text(&mut out, "description", &schema.description);
        self.put_type(&mut out, schema);
        // Options belong to every group; a document of one group shows its own and those of the core.
        // Go: apiserver/pkg/server/routes/openapi.go filterScopedGVKs
        let own = |kind: &&GroupVersionKind| self.only.is_none_or(|only| kind.group_version() == *only);
        let core = |kind: &GroupVersionKind| kind.group.is_empty() && kind.version == "v1";
        let all = !schema.gvks.iter().any(|kind| own(&kind));
        let kinds = schema.gvks.iter().filter(|kind| all || own(kind) || core(kind));
        let kinds: Vec<Value> =
            kinds.map(|kind| json!({"group": kind.group, "version": kind.version, "kind": kind.kind})).collect();
        if !kinds.is_empty() {
            out.insert("x-kubernetes-group-version-kind".to_owned(), kinds.into());
        }
        Value::Object(out)
    }

    /// Writes what a value may be.
    fn put_type(&self, out: &mut Map<String, Value>, schema: &Schema) {
        let either = |types: [&str; 2]| json!([{"type": types[0]}, {"type": types[1]}]);
        let (kind, format) = match &schema.kind {
            Kind::Any | Kind::Either(_) => ("", ""),
            Kind::Deduced => {
                out.insert("x-kubernetes-preserve-unknown-fields".to_owned(), true.into());
                ("", "")
            }
            Kind::Object(object) => {
                self.put_object(out, object);
                ("object", "")
            }
            Kind::Array(array) => {
                self.put_array(out, array);
                ("array", "")
            }
            Kind::String => ("string", ""),
            Kind::Bytes => ("string", "byte"),
            Kind::Time | Kind::MicroTime => ("string", "date-time"),
            Kind::Quantity if self.version == Version::V3 => {
                out.insert("oneOf".to_owned(), either(["string", "number"]));
                ("", "")
            }
            Kind::Quantity => ("string", ""),
            Kind::IntOrString if schema.name.is_empty() => {
                out.insert("x-kubernetes-int-or-string".to_owned(), true.into());
                ("", "")
            }
            Kind::IntOrString if self.version == Version::V3 => {
                out.insert("oneOf".to_owned(), either(["integer", "string"]));
                ("", "int-or-string")
            }
            Kind::IntOrString => ("string", "int-or-string"),
            Kind::Integer(Bits::B32) => ("integer", "int32"),
            Kind::Integer(Bits::B64) => ("integer", "int64"),
            Kind::Number => ("number", "double"),
            Kind::Boolean => ("boolean", ""),
            Kind::Raw => ("object", ""),
        };
        put_text(out, "type", kind);
        put_text(out, "format", if format.is_empty() { &schema.format } else { format });
        if let Some(constraints) = &schema.constraints {
            self.put_constraints(out, constraints);
        }
    }

    fn put_object(&self, out: &mut Map<String, Value>, object: &ObjectType) {
        if !object.properties.is_empty() {
            let fields = object.properties.iter().map(|(name, field)| (name.to_string(), self.field(field)));
            out.insert("properties".to_owned(), Value::Object(fields.collect()));
            let required: Vec<&str> =
                object.properties.iter().filter(|(_, field)| field.required).map(|(name, _)| &**name).collect();
            if !required.is_empty() {
                out.insert("required".to_owned(), required.into());
            }
        }
        if let Some(additional) = &object.additional {
            out.insert("additionalProperties".to_owned(), self.part(additional));
        }
        put_map_type(out, object.map_type);
        if let Some(unions) = &object.unions {
            out.insert("x-kubernetes-unions".to_owned(), unions.clone());
        }
        for (name, is) in [
            ("x-kubernetes-preserve-unknown-fields", object.preserve_unknown_fields),
            ("x-kubernetes-embedded-resource", object.embedded_resource),
        ] {
            if is {
                out.insert(name.to_owned(), true.into());
            }
        }
    }

    fn put_array(&self, out: &mut Map<String, Value>, array: &ArrayType) {
        out.insert("items".to_owned(), self.part(&array.items));
        let list_type = match &array.list_type {
            None => return,
            Some(ListType::Atomic) => "atomic",
            Some(ListType::Set) => "set",
            Some(ListType::Map(keys)) => {
                let keys: Vec<&str> = keys.iter().map(|key| &**key).collect();
                out.insert("x-kubernetes-list-map-keys".to_owned(), keys.into());
                "map"
            }
        };
        out.insert("x-kubernetes-list-type".to_owned(), list_type.into());
    }

    /// Writes a field: its type, in its own words.
    fn field(&self, field: &Field) -> Value {
        let mut out = Map::new();
        put_text(&mut out, "description", &field.description);
        if let Some(default) = field.default.as_ref().filter(|_| self.version == Version::V3) {
            out.insert("default".to_owned(), default.clone());
        }
        if let Some(patch) = &field.patch {
            put_text(&mut out, "x-kubernetes-patch-strategy", &patch.strategy());
            put_text(&mut out, "x-kubernetes-patch-merge-key", &patch.merge_key);
        }
        self.put_link(&mut out, &field.schema);
        if field.map_type.is_some() {
            put_map_type(&mut out, field.map_type);
        }
        if field.atomic_bytes {
            out.insert("x-kubernetes-list-type".to_owned(), "atomic".into());
        }
        Value::Object(out)
    }

    /// Writes the type of an item or of a free key's value.
    fn part(&self, link: &Link) -> Value {
        let mut out = Map::new();
        if let Some(default) = part_default(link).filter(|_| self.version == Version::V3) {
            out.insert("default".to_owned(), default);
        }
        self.put_link(&mut out, link);
        Value::Object(out)
    }

    /// Writes a type that stands in place, or a reference to one that does not.
    fn put_link(&self, out: &mut Map<String, Value>, link: &Link) {
        let Some(name) = link.name() else {
            let schema = link.get();
            if !out.contains_key("description") {
                put_text(out, "description", &schema.description);
            }
            return self.put_type(out, schema);
        };
        let reference = self.version.reference(name);
        if self.version == Version::V2 || out.is_empty() {
            out.insert("$ref".to_owned(), reference.into());
        } else {
            out.insert("allOf".to_owned(), json!([{"$ref": reference}]));
        }
    }

    /// Writes what a value must satisfy. Version 2 clients never learned of unions and rules.
    fn put_constraints(&self, out: &mut Map<String, Value>, constraints: &Constraints) {
        let Constraints { enum_values, required, .. } = constraints;
        let texts = [("pattern", &constraints.pattern)];
        let bounds = [
            ("maximum", constraints.maximum),
            ("minimum", constraints.minimum),
            ("multipleOf", constraints.multiple_of),
        ];
        let counts = [
            ("maxLength", constraints.max_length),
            ("minLength", constraints.min_length),
            ("maxItems", constraints.max_items),
            ("minItems", constraints.min_items),
            ("maxProperties", constraints.max_properties),
            ("minProperties", constraints.min_properties),
        ];
        let flags = [
            ("exclusiveMaximum", constraints.exclusive_maximum),
            ("exclusiveMinimum", constraints.exclusive_minimum),
            ("uniqueItems", constraints.unique_items),
        ];
        if !enum_values.is_empty() {
            out.insert("enum".to_owned(), enum_values.clone().into());
        }
        if !required.is_empty() {
            out.insert("required".to_owned(), required.clone().into());
        }
        texts.into_iter().for_each(|(name, text)| put_text(out, name, text));
        out.extend(bounds.into_iter().filter_map(|(name, bound)| Some((name.to_owned(), bound_value(bound?)))));
        out.extend(counts.into_iter().filter_map(|(name, count)| Some((name.to_owned(), count?.into()))));
        out.extend(flags.into_iter().filter(|(_, is)| *is).map(|(name, _)| (name.to_owned(), true.into())));
        if self.version == Version::V3 {
            self.put_unions(out, constraints);
        }
    }

    fn put_unions(&self, out: &mut Map<String, Value>, constraints: &Constraints) {
        let several = [("allOf", &constraints.all_of), ("anyOf", &constraints.any_of), ("oneOf", &constraints.one_of)];
        for (name, schemas) in several.into_iter().filter(|(_, schemas)| !schemas.is_empty()) {
            let schemas: Vec<Value> = schemas.iter().map(|schema| self.definition(schema)).collect();
            out.insert(name.to_owned(), schemas.into());
        }
        if let Some(not) = &constraints.not {
            out.insert("not".to_owned(), self.definition(not));
        }
        if !constraints.rules.is_empty() {
            out.insert("x-kubernetes-validations".to_owned(), constraints.rules.clone().into());
        }
    }
}

/// A bound without a fraction is written without one.
fn bound_value(bound: f64) -> Value {
    if bound.fract() == 0.0 && bound.abs() < 9e15 { (bound as i64).into() } else { bound.into() }
}

/// What an item is when it is not given: what its type says, or for one that Go keeps as a struct, an empty one.
fn part_default(link: &Link) -> Option<Value> {
    let schema = link.get();
    let built_in = link.name().is_some() && matches!(schema.kind, Kind::Object(_));
    schema.default.clone().or_else(|| built_in.then(|| json!({})))
}

/// Collects the names of the types that a written definition refers to.
fn written_references(definition: &Value, found: &mut BTreeSet<String>) {
    match definition {
        Value::Object(fields) => {
            let reference = fields.get("$ref").and_then(Value::as_str);
            found.extend(reference.and_then(|reference| reference.rsplit('/').next()).map(str::to_owned));
            fields.values().for_each(|value| written_references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| written_references(value, found)),
        _ => {}
    }
}

/// Collects the names of the types that a type refers to.
fn references(schema: &Schema, found: &mut BTreeSet<String>) {
    let mut follow = |link: &Link| match link.name() {
        Some(name) => {
            found.insert(name.to_owned());
        }
        None => references(link.get(), found),
    };
    match &schema.kind {
        Kind::Object(object) => {
            object.properties.values().for_each(|field| follow(&field.schema));
            object.additional.iter().for_each(follow);
        }
        Kind::Array(array) => follow(&array.items),
        // What such a type refers to is known to its reader only.
        _ => {}
    }
}

fn put_text(out: &mut Map<String, Value>, name: &str, text: &str) {
    if !text.is_empty() {
        out.insert(name.to_owned(), text.into());
    }
}

fn put_map_type(out: &mut Map<String, Value>, map_type: Option<MapType>) {
    let name = match map_type {
        None => return,
        Some(MapType::Granular) => "granular",
        Some(MapType::Atomic) => "atomic",
    };
    out.insert("x-kubernetes-map-type".to_owned(), name.into());
}
