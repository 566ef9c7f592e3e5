//! Custom types as OpenAPI publishes them.
//!
//! Go: apiextensions-apiserver/pkg/controller/openapi/builder/builder.go

use std::{collections::BTreeMap, sync::Arc};

use apimachinery::{
    runtime::schema::{GroupVersion, GroupVersionKind},
    schema::{
        model::{ArrayType, Field, Kind, ObjectType, Schema},
        registry::{Kinds, Link},
    },
};
use apiserver::endpoints::{
    codec::Codec,
    groupversion::APIGroupVersion,
    openapi::definitions::{Definitions, Version},
};

use crate::{
    definition::{Definition, ESTABLISHED},
    fieldmanager::CustomKinds,
    handler::Serving,
    schema::structural::Structural,
};

/// The type of a list's metadata.
const LIST_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";

/// The types of one version of a group, and the built-in ones that they refer to.
pub struct CustomDefinitions {
    by_name: BTreeMap<String, Arc<Schema>>,
    names: BTreeMap<GroupVersionKind, String>,
}

/// Returns the name of a custom kind's definition: `com.example.v1.Thing`.
///
/// Go: kube-openapi/pkg/util ToRESTFriendlyName
pub fn definition_name(kind: &GroupVersionKind) -> String {
    let group: Vec<&str> = kind.group.rsplit('.').collect();
    format!("{}.{}.{}", group.join("."), kind.version, kind.kind)
}

impl CustomDefinitions {
    /// Collects the types of a version.
    fn new(definitions: &[Definition], version: &GroupVersion) -> Self {
        let (mut by_name, mut names) = (BTreeMap::new(), BTreeMap::new());
        for definition in definitions {
            let Some(described) = definition.version(&version.version) else { continue };
            let kind = definition.gvk(&version.version);
            let structural = Structural::new(described, definition.spec.preserve_unknown_fields);
            let name = definition_name(&kind);
            let kinds = CustomKinds::new([(kind.clone(), &*structural.schema)]);
            let schema = kinds.schema(&kind).expect("it was just made");
            let schema = Arc::new(Schema { gvks: vec![kind.clone()], ..Schema::clone(&schema) });
            let list_kind =
                GroupVersionKind { kind: definition.status.accepted_names.list_kind.clone(), ..kind.clone() };
            let list_name = definition_name(&list_kind);
            by_name.insert(list_name.clone(), Arc::new(list_of(&kind, &list_kind, schema.clone())));
            by_name.insert(name.clone(), schema);
            names.insert(kind, name);
            names.insert(list_kind, list_name);
        }
        Self { by_name, names }
    }
}

impl Definitions for CustomDefinitions {
    fn get_in(&self, name: &str, version: Version) -> Option<Arc<Schema>> {
        match (version, self.by_name.get(name)) {
            (Version::V2, Some(schema)) => Some(Arc::new(flattened_root(schema))),
            _ => self.get(name),
        }
    }

    fn get(&self, name: &str) -> Option<Arc<Schema>> {
        self.by_name.get(name).cloned().or_else(|| api::scheme::schemas().get(name))
    }

    fn name_of(&self, kind: &GroupVersionKind) -> Option<String> {
        self.names.get(kind).cloned().or_else(|| api::scheme::name_of(kind).map(str::to_owned))
    }
}

/// Version 2 cannot say everything that a custom schema may, and kubectl believes what it reads there: what it would
/// misread is left out.
///
/// Go: apiextensions-apiserver/pkg/controller/openapi/v2/conversion.go ToStructuralOpenAPIV2
fn flattened_root(schema: &Schema) -> Schema {
    let opaque = schema.as_object().is_some_and(|object| object.preserve_unknown_fields);
    if opaque {
        let kind = Kind::Object(ObjectType::default());
        return Schema { gvks: schema.gvks.clone(), ..Schema::of(kind) };
    }
    flattened(schema)
}

fn flattened(schema: &Schema) -> Schema {
    let mut schema = Schema { default: None, ..schema.clone() };
    // A null is no value to version 2, so what may be null has no type and is not required.
    let untyped = |link: &Link| match link.name() {
        Some(_) => link.clone(),
        None if link.get().nullable => {
            let inner = link.get();
            Schema { name: inner.name.clone(), description: inner.description.clone(), ..Schema::default() }.into()
        }
        None => flattened(link.get()).into(),
    };
    match &mut schema.kind {
        Kind::Object(object) if object.preserve_unknown_fields => schema.kind = Kind::Deduced,
        Kind::Object(object) => {
            let nullable = |name: &str| object.properties.get(name).is_some_and(|field| field.schema.get().nullable);
            if let Some(constraints) = &mut schema.constraints {
                constraints.required.retain(|name| !nullable(name));
            }
            for field in object.properties.values_mut() {
                field.required &= !field.schema.get().nullable;
                field.schema = untyped(&field.schema);
            }
            object.additional = object.additional.as_ref().map(untyped);
        }
        Kind::Array(array) => array.items = untyped(&array.items),
        _ => {}
    }
    schema
}

/// The type of a list of a kind.
///
/// Go: buildListSchema
fn list_of(kind: &GroupVersionKind, list_kind: &GroupVersionKind, item: Arc<Schema>) -> Schema {
    let text = |description: &'static str| Field {
        schema: Schema::of(Kind::String).into(),
        description: description.into(),
        ..Field::default()
    };
    let items = Schema::of(Kind::Array(ArrayType { items: Link::from(item), list_type: None }));
    let described = format!("List of {}. The objects are in the order of their names.", kind.kind);
    let properties = [
        ("apiVersion", text("The version of the schema that the list follows.")),
        ("kind", text("What the list is.")),
        (
            "metadata",
            Field {
                schema: api::scheme::schemas().link(LIST_META),
                description: "What every list has: its version, and where it goes on.".into(),
                ..Field::default()
            },
        ),
        ("items", Field { schema: items.into(), description: described.into(), required: true, ..Field::default() }),
    ];
    let properties = properties.into_iter().map(|(name, field)| (name.into(), field)).collect();
    Schema {
        description: format!("{} is a list of {}", list_kind.kind, kind.kind).into(),
        gvks: vec![list_kind.clone()],
        ..Schema::of(Kind::Object(ObjectType { properties, ..ObjectType::default() }))
    }
}

/// Returns what is to be published of a version; `None`: no definition serves it.
pub fn describe(
    serving: &Serving,
    version: &GroupVersion,
    documents: Arc<dyn Codec>,
) -> Option<(Arc<APIGroupVersion>, Arc<dyn Definitions>)> {
    let serves = |definition: &Definition| {
        definition.spec.group == version.group && definition.serves(&version.version) && definition.is_true(ESTABLISHED)
    };
    let definitions: Vec<Definition> = serving.definitions().into_iter().filter(serves).collect();
    if definitions.is_empty() {
        return None;
    }
    let mut scopes = Vec::new();
    for definition in &definitions {
        let Some(info) = serving.info(definition) else { continue };
        let Some(served) = info.versions.get(&version.version) else { continue };
        scopes.push(served.scope.clone());
        scopes.extend(served.status.iter().cloned());
        scopes.extend(served.scale.iter().cloned());
    }
    let described = Arc::new(APIGroupVersion::new(version.clone(), documents, scopes));
    Some((described, Arc::new(CustomDefinitions::new(&definitions, version))))
}
