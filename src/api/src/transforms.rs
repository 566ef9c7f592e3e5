//! The kinds that travel in protobuf, but that no document publishes: those that answers can be turned into, and one
//! that is only ever stored.
//!
//! Metadata alone stands for an object or a list; aggregated discovery tells all groups at once. Tables
//! have no message and are not here. A range of ports is written by whoever gives them out.
//!
//! Go: apimachinery/pkg/apis/meta/{v1,v1beta1}/generated.proto, api/apidiscovery/v2/generated.proto,
//! api/core/v1/generated.proto RangeAllocation

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use apimachinery::{
    runtime::schema::GroupVersionKind,
    schema::{
        model::{ArrayType, Field, Kind, ObjectType, Schema},
        registry::{Link, Schemas},
    },
};

use crate::scheme;

/// Their schemas by kind.
pub(crate) static KINDS: LazyLock<BTreeMap<GroupVersionKind, Arc<Schema>>> = LazyLock::new(|| {
    let schemas = scheme::schemas();
    let mut kinds = BTreeMap::new();
    let mut add = |group, version, kind: &str, schema| {
        kinds.insert(GroupVersionKind::new(group, version, kind), Arc::new(schema));
    };
    // The older list numbers its fields the other way round.
    for (version, metadata, items) in [("v1", 1, 2), ("v1beta1", 2, 1)] {
        add("meta.k8s.io", version, "PartialObjectMetadata", partial_object_metadata(schemas));
        let item = partial_object_metadata(schemas);
        let list =
            object(vec![("metadata", metadata, meta(schemas, "ListMeta")), ("items", items, list_of(item.into()))]);
        add("meta.k8s.io", version, "PartialObjectMetadataList", list);
    }
    add("apidiscovery.k8s.io", "v2", "APIGroupDiscoveryList", group_discovery_list(schemas));
    let metadata = meta(schemas, "ObjectMeta");
    let bytes = Schema::of(Kind::Bytes).into();
    add("", "v1", "RangeAllocation", object(vec![("metadata", 1, metadata), ("range", 2, text()), ("data", 3, bytes)]));
    kinds
});

fn partial_object_metadata(schemas: &Schemas) -> Schema {
    object(vec![("metadata", 1, meta(schemas, "ObjectMeta"))])
}

fn group_discovery_list(schemas: &Schemas) -> Schema {
    let texts = || list_of(text());
    let kind = || object(vec![("group", 1, text()), ("version", 2, text()), ("kind", 3, text())]);
    let subresource = object(vec![
        ("subresource", 1, text()),
        ("responseKind", 2, kind().into()),
        ("acceptedTypes", 3, list_of(kind().into())),
        ("verbs", 4, texts()),
    ]);
    let resource = object(vec![
        ("resource", 1, text()),
        ("responseKind", 2, kind().into()),
        ("scope", 3, text()),
        ("singularResource", 4, text()),
        ("verbs", 5, texts()),
        ("shortNames", 6, texts()),
        ("categories", 7, texts()),
        ("subresources", 8, list_of(subresource.into())),
    ]);
    let version =
        object(vec![("version", 1, text()), ("resources", 2, list_of(resource.into())), ("freshness", 3, text())]);
    let group = object(vec![("metadata", 1, meta(schemas, "ObjectMeta")), ("versions", 2, list_of(version.into()))]);
    object(vec![("metadata", 1, meta(schemas, "ListMeta")), ("items", 2, list_of(group.into()))])
}

fn meta(schemas: &Schemas, name: &str) -> Link {
    schemas.link(format!("io.k8s.apimachinery.pkg.apis.meta.v1.{name}"))
}

fn text() -> Link {
    Schema::of(Kind::String).into()
}

fn list_of(items: Link) -> Link {
    Schema::of(Kind::Array(ArrayType { items, list_type: None })).into()
}

/// Makes an object type of fields with their names and numbers; every kind has `apiVersion` and `kind`, too.
fn object(fields: Vec<(&'static str, u32, Link)>) -> Schema {
    let field = |(name, number, schema): (&'static str, u32, Link)| {
        (name.into(), Field { schema, proto: vec![number].into(), ..Field::default() })
    };
    let of_kind = ["apiVersion", "kind"].map(|name| (name.into(), Field { schema: text(), ..Field::default() }));
    // A part may have a field of such a name and a number for it.
    let properties = of_kind.into_iter().chain(fields.into_iter().map(field)).collect();
    Schema::of(Kind::Object(ObjectType { properties, ..ObjectType::default() }))
}

#[cfg(test)]
mod tests {
    use apimachinery::{
        runtime::{
            object::Object,
            serializer::protobuf::{decode, encode, envelope::Unknown},
        },
        schema::registry::Kinds,
    };
    use serde_json::json;

    use super::*;

    #[test]
    fn they_go_through_protobuf() {
        let metadata = json!({"name": "a", "labels": {"x": "y"}, "creationTimestamp": "2026-01-01T00:00:00Z"});
        let resource = json!({"resource": "pods", "scope": "Namespaced", "singularResource": "pod", "verbs": ["get"],
            "responseKind": {"version": "v1", "kind": "Pod"},
            "subresources": [{"subresource": "log", "responseKind": {"kind": "Pod"}, "verbs": ["get"]}]});
        let versions = json!([{"version": "v1", "resources": [resource], "freshness": "Current"}]);
        let objects = [
            json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata}),
            json!({"apiVersion": "meta.k8s.io/v1beta1", "kind": "PartialObjectMetadataList",
                "metadata": {"resourceVersion": "5"}, "items": [{"metadata": metadata}]}),
            json!({"apiVersion": "apidiscovery.k8s.io/v2", "kind": "APIGroupDiscoveryList", "metadata": {},
                "items": [{"metadata": {"name": "apps"}, "versions": versions}]}),
            json!({"apiVersion": "v1", "kind": "APIResourceList", "groupVersion": "v1",
                "resources": [{"name": "pods", "namespaced": true, "kind": "Pod", "verbs": ["get", "list"]}]}),
        ];
        let range =
            json!({"apiVersion": "v1", "kind": "RangeAllocation", "metadata": {}, "range": "1-9", "data": "AQ=="});
        for object in objects.into_iter().chain([range]) {
            let object = Object::from_value(object).expect("an object");
            let schema = scheme::Scheme.schema(&object.gvk()).expect("known");
            let bytes = encode::object(&schema, &object).expect("of its kind");
            let read = decode::object(&schema, &Unknown::decode(&bytes).expect("an envelope"));
            assert_eq!(read.expect("written by us"), object);
        }
    }

    #[test]
    fn the_verbs_of_a_resource_stand_in_a_message_of_their_own() {
        let list = json!({"apiVersion": "v1", "kind": "APIResourceList", "resources": [{"verbs": ["get"]}]});
        let object = Object::from_value(list).expect("an object");
        let schema = scheme::Scheme.schema(&object.gvk()).expect("known");
        let bytes = encode::object(&schema, &object).expect("of its kind");
        // resources (2) { verbs (4) { items (1): "get" } }
        let message = [0x12, 7, 0x22, 5, 0x0a, 3, b'g', b'e', b't'];
        assert_eq!(Unknown::decode(&bytes).expect("an envelope").raw, message);
    }
}
