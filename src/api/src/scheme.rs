//! The schemas of all built-in types: what k8s-openapi publishes, completed by the project's own table.
//!
//! ```text
//!   published.txt (build script) --.
//!                                  +--> Schema, made when a name or kind is first asked for, then kept
//!   assets/api/types.txt ----------'
//! ```
//!
//! Go: pkg/api/legacyscheme/scheme.go Scheme, pkg/generated/openapi/zz_generated.openapi.go

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use apimachinery::{
    runtime::schema::{GroupVersion, GroupVersionKind},
    schema::{
        model::{
            ArrayType, Bits, Constraints, Field, GoField, Kind, ListType, MapType, ObjectType, Patch, Schema, Text,
        },
        registry::{Kinds, Link, Schemas},
    },
};
use serde_json::{Map, Value, json};

use crate::{
    gonames, resources, transforms,
    types::{self, IsKind, TYPES, Type},
};

/// What the build script wrote: a line for each definition, its name and its JSON.
const PUBLISHED: &str = include_str!(concat!(env!("OUT_DIR"), "/published.txt"));
const REFERENCE: &str = "#/components/schemas/";
const LIST_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";

static LINES: LazyLock<BTreeMap<&'static str, &'static str>> =
    LazyLock::new(|| PUBLISHED.lines().filter_map(|line| line.split_once(' ')).collect());

static SCHEMAS: LazyLock<Schemas> = LazyLock::new(|| Schemas::new(Box::new(make)));

/// The definition of each kind, lists included.
static BY_KIND: LazyLock<BTreeMap<GroupVersionKind, String>> = LazyLock::new(|| {
    let mut kinds = BTreeMap::new();
    for facts in TYPES.values().filter(|facts| facts.is_kind != IsKind::No) {
        kinds.insert(gvk(facts.group_version, facts.short_name()), facts.name.clone());
    }
    for resource in resources::RESOURCES.iter().filter(|resource| resource.has_verb("list")) {
        let kind = gvk(&resource.group_version.to_string(), &resource.kind);
        if let Some(name) = kinds.get(&kind).cloned() {
            let list = kind.group_version().with_kind(&format!("{}List", resource.kind));
            kinds.insert(list, format!("{name}List"));
        }
    }
    kinds
});

/// The built-in types and kinds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scheme;

impl Kinds for Scheme {
    fn schema(&self, gvk: &GroupVersionKind) -> Option<Arc<Schema>> {
        match name_of(gvk) {
            Some(name) => schemas().get(name),
            None => transforms::KINDS.get(gvk).cloned(),
        }
    }

    fn is_registered(&self, version: &GroupVersion) -> bool {
        types::registered().contains(&&*version.to_string())
    }
}

/// Returns the registry of built-in types by name of definition.
pub fn schemas() -> &'static Schemas {
    &SCHEMAS
}

/// Returns the name of a kind's definition: `io.k8s.api.core.v1.Pod`.
pub fn name_of(gvk: &GroupVersionKind) -> Option<&'static str> {
    if let Some(name) = BY_KIND.get(gvk) {
        return Some(name);
    }
    let everywhere =
        TYPES.values().find(|facts| facts.is_kind == IsKind::Everywhere && facts.short_name() == gvk.kind)?;
    let registered = gvk.group == "meta.k8s.io" || types::registered().contains(&&*gvk.group_version().to_string());
    registered.then_some(&everywhere.name)
}

/// Returns the names of all definitions, lists included, in order.
pub fn names() -> Vec<&'static str> {
    let lists = BY_KIND.values().filter(|name| !TYPES.contains_key(*name));
    let mut names: Vec<&str> = TYPES.keys().chain(lists).map(String::as_str).collect();
    names.sort_unstable();
    names
}

fn gvk(group_version: &str, kind: &str) -> GroupVersionKind {
    GroupVersion::parse(group_version).expect("the table is well-formed").with_kind(kind)
}

/// Makes the schema of a definition.
fn make(schemas: &Schemas, name: &str) -> Option<Schema> {
    let Some(facts) = TYPES.get(name) else { return list_of(schemas, TYPES.get(name.strip_suffix("List")?)?) };
    let published: Value = serde_json::from_str(LINES.get(name)?).expect("the build script writes JSON");
    let published = published.as_object()?;
    let mut schema = node(schemas, published);
    if let Some(kind) = special(facts.short_name(), schemas) {
        schema.kind = kind;
    }
    if let Kind::Object(object) = &mut schema.kind {
        complete(schemas, object, published, facts);
        if let Some(verbs) = object.properties.get_mut("verbs").filter(|_| facts.short_name() == "APIResource") {
            // The one list that stands in a message of its own (`Verbs`), as the first field of it.
            verbs.proto.to_mut().push(1);
        }
        if let Some(watched) = object.properties.get_mut("object").filter(|_| facts.short_name() == "WatchEvent") {
            // k8s-openapi has the type of the object as a parameter, and so nothing to say of it.
            watched.description =
                "The object that changed; of a bookmark its kind and version, of an error a Status.".into();
        }
    }
    schema.gvks = match facts.is_kind {
        IsKind::No => Vec::new(),
        IsKind::Yes => vec![gvk(facts.group_version, facts.short_name())],
        IsKind::Everywhere => types::registered().iter().map(|version| gvk(version, facts.short_name())).collect(),
    };
    Some(schema)
}

/// The types that Go writes by code of their own.
fn special(short_name: &str, schemas: &Schemas) -> Option<Kind> {
    let props = || schemas.link("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps");
    let list = |items| Link::from(Schema::of(Kind::Array(ArrayType { items, list_type: None })));
    Some(match short_name {
        "Time" => Kind::Time,
        "MicroTime" => Kind::MicroTime,
        "Quantity" => Kind::Quantity,
        "IntOrString" => Kind::IntOrString,
        "FieldsV1" | "RawExtension" => Kind::Raw,
        "JSON" => Kind::Any,
        "JSONSchemaPropsOrBool" => Kind::Either(vec![props(), Schema::of(Kind::Boolean).into()]),
        "JSONSchemaPropsOrArray" => Kind::Either(vec![props(), list(props())]),
        "JSONSchemaPropsOrStringArray" => Kind::Either(vec![props(), list(Schema::of(Kind::String).into())]),
        _ => return None,
    })
}

/// Reads a published node without its fields.
fn node(schemas: &Schemas, published: &Map<String, Value>) -> Schema {
    let text = |key: &str| published.get(key).and_then(Value::as_str).unwrap_or_default();
    let inner = |key: &str| published.get(key).and_then(Value::as_object).map(|inner| item_link(schemas, inner));
    let kind = match (text("type"), text("format")) {
        ("array", _) => Kind::Array(ArrayType { items: inner("items").unwrap_or_default(), list_type: None }),
        ("object", _) => {
            Kind::Object(ObjectType { additional: inner("additionalProperties"), ..ObjectType::default() })
        }
        ("string", "byte") => Kind::Bytes,
        ("string", "date-time") => Kind::Time,
        ("string", _) => Kind::String,
        ("integer", "int64") => Kind::Integer(Bits::B64),
        ("integer", _) => Kind::Integer(Bits::B32),
        ("number", _) => Kind::Number,
        ("boolean", _) => Kind::Boolean,
        _ => Kind::Any,
    };
    Schema {
        description: text("description").to_owned().into(),
        kind,
        format: text("format").to_owned().into(),
        ..Schema::default()
    }
}

/// The way to a node's type: by name, or the node itself.
fn link(schemas: &Schemas, published: &Map<String, Value>) -> Link {
    match published.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix(REFERENCE)) {
        Some(name) => schemas.link(name.to_owned()),
        None => Schema { description: Text::default(), ..node(schemas, published) }.into(),
    }
}

/// As [`link`], for list items and map values: those in place are published with their zero value as default.
fn item_link(schemas: &Schemas, published: &Map<String, Value>) -> Link {
    if published.contains_key("$ref") {
        return link(schemas, published);
    }
    let schema = node(schemas, published);
    Schema { default: zero(&schema.kind), ..schema }.into()
}

/// Gives an object its fields and its marks.
fn complete(schemas: &Schemas, object: &mut ObjectType, published: &Map<String, Value>, facts: &Type) {
    let empty = Map::new();
    let properties = published.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    for (name, property) in properties {
        let property = property.as_object().unwrap_or(&empty);
        let field_facts = facts.fields.iter().find(|field| field.name == name);
        let mut field = field(schemas, property, field_facts);
        field.go.embedded = gonames::embedded(facts.short_name(), &field.proto).into();
        field.go.type_name = gonames::type_name(&facts.name, name).into();
        object.properties.insert(name.clone().into(), field);
    }
    if facts.atomic {
        object.map_type = Some(MapType::Atomic);
    }
    object.unions = facts.union.as_ref().map(|(discriminator, members)| {
        let by = members.iter().map(|name| ((*name).to_owned(), json!(capitalised(name)))).collect::<Map<_, _>>();
        let mut union = json!({ "fields-to-discriminateBy": by });
        if !discriminator.is_empty() {
            union["discriminator"] = json!(discriminator);
        }
        json!([union])
    });
}

/// Makes a field. `apiVersion` and `kind` have no facts: they are in no message and Go leaves them out when empty.
fn field(schemas: &Schemas, property: &Map<String, Value>, facts: Option<&types::Field>) -> Field {
    let description = property.get("description").and_then(Value::as_str).unwrap_or_default().to_owned().into();
    let Some(facts) = facts else {
        return Field { schema: link(schemas, property), description, ..Field::default() };
    };
    let is_reference = property.contains_key("$ref");
    let schema = if is_reference {
        link(schemas, property)
    } else {
        let mut schema = Schema { description: Text::default(), ..node(schemas, property) };
        mark(&mut schema, facts);
        schema.into()
    };
    let default = match facts.default {
        Some("-") => None,
        Some(text) => Some(serde_json::from_str(text).unwrap_or_else(|_| json!(text))),
        None if facts.presence => None,
        None if is_reference => (!is_special(&schema)).then(|| json!({})),
        None if facts.omit == apimachinery::schema::model::Omit::Never => zero(&schema.get().kind),
        None => None,
    };
    Field {
        description,
        required: facts.required,
        default,
        map_type: facts.map_type.filter(|_| is_reference).map(map_type),
        atomic_bytes: facts.list == types::ListType::AtomicBytes,
        patch: facts.patch.map(|(strategy, key)| Patch::parse(strategy, key.unwrap_or_default())),
        proto: if facts.number == [0] { Vec::new() } else { facts.number.clone() }.into(),
        go: GoField { pointer: facts.presence, omit: facts.omit, ..GoField::default() },
        schema,
    }
}

/// Puts list type, map type and enum where they belong: on the node, or on its items.
fn mark(schema: &mut Schema, facts: &types::Field) {
    let values = || {
        (!facts.values.is_empty()).then(|| {
            let enum_values = facts.values.iter().map(|value| json!(value)).collect();
            Box::new(Constraints { enum_values, ..Constraints::default() })
        })
    };
    let inner = |link: &Link| Link::from(Schema { constraints: values(), ..link.get().clone() });
    match &mut schema.kind {
        Kind::Array(array) => {
            array.list_type = match &facts.list {
                types::ListType::Unmarked | types::ListType::AtomicBytes => None,
                types::ListType::Atomic => Some(ListType::Atomic),
                types::ListType::Set => Some(ListType::Set),
                types::ListType::Map(keys) => Some(ListType::Map(keys.iter().map(|key| Text::Borrowed(key)).collect())),
            };
            if !facts.values.is_empty() {
                array.items = inner(&array.items);
            }
        }
        Kind::Object(object) => {
            object.map_type = facts.map_type.map(map_type);
            if !facts.values.is_empty() {
                object.additional = object.additional.as_ref().map(inner);
            }
        }
        _ => schema.constraints = values(),
    }
}

fn map_type(text: &str) -> MapType {
    if text == "atomic" { MapType::Atomic } else { MapType::Granular }
}

/// Says whether a link leads to a type that has no zero value which could be written: `Time`, `Quantity`...
fn is_special(link: &Link) -> bool {
    link.name().and_then(|name| name.rsplit('.').next()).is_some_and(|name| special(name, schemas()).is_some())
}

/// The zero value of the Go type behind a scalar.
fn zero(kind: &Kind) -> Option<Value> {
    match kind {
        Kind::String => Some(json!("")),
        Kind::Integer(_) | Kind::Number => Some(json!(0)),
        Kind::Boolean => Some(json!(false)),
        _ => None,
    }
}

/// The list of a kind, which k8s-openapi has as a generic type.
fn list_of(schemas: &Schemas, facts: &Type) -> Option<Schema> {
    let name = facts.short_name();
    let list = gvk(facts.group_version, &format!("{name}List"));
    BY_KIND.get(&list)?;
    let plain = |description: &'static str| Field {
        schema: Schema::of(Kind::String).into(),
        description: description.into(),
        ..Field::default()
    };
    let metadata = Field {
        schema: schemas.link(LIST_META),
        // The one list whose metadata Kubernetes does not describe.
        description: if name == "CertificateSigningRequest" { "" } else { "Standard list metadata." }.into(),
        default: Some(json!({})),
        proto: vec![1].into(),
        ..Field::default()
    };
    let items = Field {
        schema: Schema::of(Kind::Array(ArrayType { items: schemas.link(facts.name.clone()), list_type: None })).into(),
        description: "The objects of the list.".into(),
        required: true,
        proto: vec![2].into(),
        go: GoField { omit: apimachinery::schema::model::Omit::Never, ..GoField::default() },
        ..Field::default()
    };
    let properties = [
        ("apiVersion", plain("The version of the schema that this list follows.")),
        ("kind", plain("The kind of this list.")),
        ("metadata", metadata),
        ("items", items),
    ];
    let properties = properties.into_iter().map(|(name, field)| (Text::Borrowed(name), field)).collect();
    Some(Schema {
        description: format!("{name}List is a list of objects of kind {name}.").into(),
        kind: Kind::Object(ObjectType { properties, ..ObjectType::default() }),
        gvks: vec![list],
        ..Schema::default()
    })
}

fn capitalised(name: &str) -> String {
    name[..1].to_uppercase() + &name[1..]
}
