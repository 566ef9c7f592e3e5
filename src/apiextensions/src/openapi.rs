//! Custom types as OpenAPI publishes them, and what is published of a version.
//!
//! The words of the schema's author are kept, with what every object has added to them: `apiVersion`, `kind` and
//! `metadata`, of the object and of those embedded in it. Version 2 cannot say everything that a custom schema may, and
//! kubectl believes what it reads there: what it would misread is left out.
//!
//! Go: apiextensions-apiserver/pkg/controller/openapi/{builder/builder,v2/conversion}.go,
//! apiextensions-apiserver/pkg/apiserver/schema/{kubeopenapi,unfold}.go

use std::{collections::BTreeMap, sync::Arc};

use apimachinery::{
    runtime::schema::{GroupVersion, GroupVersionKind},
    schema::model::Schema,
};
use apiserver::endpoints::{
    codec::Codec,
    groupversion::APIGroupVersion,
    openapi::definitions::{Definitions, Version},
};
use serde_json::{Map, Value, json};

use crate::{
    definition::{self, Definition, ESTABLISHED},
    handler::Serving,
};

/// The types of the metadata of objects and of lists.
const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const LIST_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";

const API_VERSION: &str = "The version of the schema that this object follows.";
const KIND: &str = "What this object is. Cannot be changed.";
const METADATA: &str = "What every object has: its name, labels, annotations and the like.";

/// What a schema may say that is published.
const PUBLISHED: [&str; 36] = [
    "type",
    "nullable",
    "description",
    "title",
    "default",
    "externalDocs",
    "example",
    "format",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "multipleOf",
    "enum",
    "maxProperties",
    "minProperties",
    "required",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "items",
    "properties",
    "additionalProperties",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
];

/// The types of one version of a group, and the built-in ones that they refer to.
pub struct CustomDefinitions {
    /// The document of each type, by name, for each version of OpenAPI.
    written: BTreeMap<String, (Value, Value)>,
    names: BTreeMap<GroupVersionKind, String>,
}

/// Returns the name of a custom kind's definition: `com.example.v1.Thing`.
///
/// Go: gvkToModelName
pub fn definition_name(kind: &GroupVersionKind) -> String {
    let group: Vec<&str> = kind.group.rsplit('.').collect();
    format!("{}.{}.{}", group.join("."), kind.version, kind.kind)
}

impl CustomDefinitions {
    /// Collects the types of a version.
    fn new(definitions: &[Definition], version: &GroupVersion) -> Self {
        let (mut written, mut names) = (BTreeMap::new(), BTreeMap::new());
        for definition in definitions {
            let Some(described) = definition.version(&version.version) else { continue };
            let kind = definition.gvk(&version.version);
            let list_kind =
                GroupVersionKind { kind: definition.status.accepted_names.list_kind.clone(), ..kind.clone() };
            let (name, list_name) = (definition_name(&kind), definition_name(&list_kind));
            let both = |make: &dyn Fn(Version) -> Value| (make(Version::V2), make(Version::V3));
            let preserve = definition.spec.preserve_unknown_fields;
            written.insert(name.clone(), both(&|openapi| whole(described, &kind, preserve, openapi)));
            written.insert(list_name.clone(), both(&|openapi| list(described, &name, &kind, &list_kind, openapi)));
            names.insert(kind, name);
            names.insert(list_kind, list_name);
        }
        Self { written, names }
    }
}

impl Definitions for CustomDefinitions {
    fn get(&self, name: &str) -> Option<Arc<Schema>> {
        api::scheme::schemas().get(name)
    }

    fn written(&self, name: &str, version: Version) -> Option<Value> {
        self.written.get(name).map(|(v2, v3)| if version == Version::V2 { v2.clone() } else { v3.clone() })
    }

    fn name_of(&self, kind: &GroupVersionKind) -> Option<String> {
        self.names.get(kind).cloned().or_else(|| api::scheme::name_of(kind).map(str::to_owned))
    }
}

/// The document of a kind.
///
/// Go: buildKubeNative
fn whole(version: &definition::Version, kind: &GroupVersionKind, preserve: bool, openapi: Version) -> Value {
    let opaque = |schema: &&Value| openapi == Version::V2 && (preserve || is_set(schema, PRESERVE));
    let mut node = match version.open_api_v3_schema().filter(|schema| !opaque(schema)) {
        None => json!({"type": "object"}),
        Some(schema) => {
            let mut node = published(schema);
            if openapi == Version::V2 {
                flatten(&mut node);
            }
            add_meta(&mut node, openapi);
            embed(&mut node, openapi);
            node
        }
    };
    add_kind(&mut node, version, kind);
    node
}

/// The document of the list of a kind.
///
/// Go: buildListSchema
fn list(
    version: &definition::Version,
    name: &str,
    kind: &GroupVersionKind,
    list_kind: &GroupVersionKind,
    openapi: Version,
) -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    let mut node = json!({
        "description": format!("{} is a list of {}", list_kind.kind, kind.kind),
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": text(API_VERSION),
            "kind": text(KIND),
            "metadata": reference(LIST_META, "What every list has: its version, and where it goes on.", openapi),
            "items": {
                "description": format!("The objects of kind {}.", kind.kind),
                "type": "array",
                "items": {"$ref": openapi.reference(name)},
            },
        },
    });
    add_kind(&mut node, version, list_kind);
    node
}

/// Says which kind a document describes, and by which of its fields objects are selected.
fn add_kind(node: &mut Value, version: &definition::Version, kind: &GroupVersionKind) {
    node["x-kubernetes-group-version-kind"] =
        json!([{"group": kind.group, "version": kind.version, "kind": kind.kind}]);
    let selectable = version.selectable_fields.iter();
    let selectable: Vec<Value> =
        selectable.map(|field| json!({"fieldPath": field.json_path.trim_start_matches('.')})).collect();
    if !selectable.is_empty() {
        node["x-kubernetes-selectable-fields"] = selectable.into();
    }
}

const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";

fn is_set(node: &Value, key: &str) -> bool {
    node.get(key).and_then(Value::as_bool).unwrap_or_default()
}

fn reference(name: &str, description: &str, openapi: Version) -> Value {
    let reference = openapi.reference(name);
    match openapi {
        Version::V2 => json!({"$ref": reference, "description": description}),
        Version::V3 => json!({"allOf": [{"$ref": reference}], "description": description}),
    }
}

/// Returns what is published of a schema: what is false or empty is not said.
///
/// Go: Structural.ToKubeOpenAPI, Unfold
fn published(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    let mut node = Map::new();
    let known =
        fields.iter().filter(|(key, _)| PUBLISHED.contains(&key.as_str()) || *key == "x-kubernetes-validations");
    for (key, value) in known {
        let value = match (key.as_str(), value) {
            ("default" | "example" | "enum", value) => value.clone(),
            (_, Value::Bool(false) | Value::Null) => continue,
            (_, Value::String(text)) if text.is_empty() => continue,
            (_, Value::Array(items)) if items.is_empty() => continue,
            ("properties", Value::Object(properties)) => {
                properties.iter().map(|(name, schema)| (name.clone(), published(schema))).collect()
            }
            ("items" | "additionalProperties" | "not", schema) => published(schema),
            ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => schemas.iter().map(published).collect(),
            (_, value) => value.clone(),
        };
        node.insert(key.clone(), value);
    }
    if node.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        unfold(&mut node);
    }
    Value::Object(node)
}

/// Says in alternatives what `x-kubernetes-int-or-string` means.
fn unfold(node: &mut Map<String, Value>) {
    let either = json!([{"type": "integer"}, {"type": "string"}]);
    let says_so = |node: &Map<String, Value>| node.get("anyOf") == Some(&either);
    let first_of_all = node.get("allOf").and_then(|all| all.get(0)).and_then(Value::as_object);
    if says_so(node) || first_of_all.is_some_and(says_so) {
        return;
    }
    if !node.contains_key("anyOf") {
        node.insert("anyOf".to_owned(), either);
        return;
    }
    let mut all = match node.remove("allOf") {
        Some(Value::Array(all)) => all,
        _ => Vec::new(),
    };
    all.insert(0, json!({"anyOf": either}));
    node.insert("allOf".to_owned(), all.into());
}

fn add_meta(node: &mut Value, openapi: Version) {
    let Value::Object(node) = node else { return };
    let properties = node.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    properties["apiVersion"] = json!({"type": "string", "description": API_VERSION});
    properties["kind"] = json!({"type": "string", "description": KIND});
    properties["metadata"] = reference(OBJECT_META, METADATA, openapi);
}

/// Does something to each schema directly within a schema.
fn each_child(node: &mut Value, mut then: impl FnMut(&mut Value)) {
    let Value::Object(node) = node else { return };
    if let Some(Value::Object(properties)) = node.get_mut("properties") {
        properties.values_mut().for_each(&mut then);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(child @ Value::Object(_)) = node.get_mut(key) {
            then(child);
        }
    }
}

/// Adds what embedded objects have.
///
/// Go: addEmbeddedProperties
fn embed(node: &mut Value, openapi: Version) {
    each_child(node, |child| embed(child, openapi));
    let free = openapi == Version::V2 && is_set(node, PRESERVE);
    if free || !is_set(node, "x-kubernetes-embedded-resource") {
        return;
    }
    add_meta(node, openapi);
    let mut required = node["required"].as_array().cloned().unwrap_or_default();
    for name in ["kind", "apiVersion"] {
        if !required.iter().any(|known| known == name) {
            required.push(name.into());
        }
    }
    node["required"] = required.into();
}

/// Takes out what version 2 cannot say.
///
/// Go: ToStructuralOpenAPIV2
fn flatten(node: &mut Value) {
    let (nullable, free) = (is_set(node, "nullable"), is_set(node, PRESERVE));
    let Value::Object(fields) = node else { return };
    for key in ["allOf", "oneOf", "anyOf", "not", "default", "nullable"] {
        fields.remove(key);
    }
    if nullable || free {
        // kubectl cannot cope with what is below a value that may be anything.
        fields.remove("items");
        fields.remove("properties");
    }
    let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
    let untyped = nullable || (free && kind == "object") || (kind == "array" && !fields.contains_key("items"));
    if untyped {
        fields.remove("type");
    }
    let may_be_null: Vec<String> = match fields.get("properties") {
        Some(Value::Object(properties)) => {
            let nullable = properties.iter().filter(|(_, schema)| is_set(schema, "nullable"));
            nullable.map(|(name, _)| name.clone()).collect()
        }
        _ => Vec::new(),
    };
    let values_may_be_null = fields.get("additionalProperties").is_some_and(|schema| is_set(schema, "nullable"));
    if let Some(Value::Array(required)) = fields.get_mut("required") {
        required.retain(|name| !values_may_be_null && !may_be_null.iter().any(|nullable| name == nullable));
        if required.is_empty() {
            fields.remove("required");
        }
    }
    each_child(node, flatten);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn document(schema: Value, openapi: Version) -> Value {
        let version =
            definition::Version { schema: json!({"openAPIV3Schema": schema}), ..definition::Version::default() };
        whole(&version, &GroupVersionKind::new("things.example.com", "v1", "Thing"), false, openapi)
    }

    #[test]
    fn version_2_says_less() {
        let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "required": ["n", "x"],
            "properties": {"x": {"type": "string", "default": "q", "anyOf": [{"pattern": "a"}]},
                "n": {"type": "object", "nullable": true, "properties": {"a": {"type": "string"}}},
                "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                "pod": {"type": "object", "x-kubernetes-embedded-resource": true}}}}});
        let node = document(schema.clone(), Version::V2);
        let spec = &node["properties"]["spec"];
        assert_eq!(spec["required"], json!(["x"]));
        assert_eq!(spec["properties"]["x"], json!({"type": "string"}));
        assert_eq!(spec["properties"]["n"], json!({}));
        assert_eq!(spec["properties"]["any"], json!({"x-kubernetes-preserve-unknown-fields": true}));
        assert_eq!(spec["properties"]["pod"]["required"], json!(["kind", "apiVersion"]));
        let node = document(schema, Version::V3);
        assert_eq!(node["properties"]["spec"]["properties"]["x"]["default"], "q");
        assert_eq!(node["x-kubernetes-group-version-kind"][0]["kind"], "Thing");
    }

    #[test]
    fn an_integer_or_text_is_told_in_alternatives() {
        let schema = json!({"type": "object", "properties": {"p": {"x-kubernetes-int-or-string": true}}});
        let node = document(schema, Version::V3);
        let expected = json!({"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]});
        assert_eq!(node["properties"]["p"], expected);
    }

    #[test]
    fn names_begin_with_the_group_backwards() {
        let kind = GroupVersionKind::new("things.example.com", "v1", "Thing");
        assert_eq!(definition_name(&kind), "com.example.things.v1.Thing");
    }
}
