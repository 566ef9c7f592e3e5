//! Holds the project's tables against the reference facts of Kubernetes 1.36, where those are at hand.

use std::{env, fs, path::PathBuf};

use api::{resources, scheme};
use apimachinery::schema::model::{Bits, Field, Kind, ListType, MapType, Schema};
use serde_json::{Value, json};

fn facts() -> Option<Value> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared"));
    let shared = env::var_os("KUBESTEP_SHARED").map_or_else(beside, PathBuf::from);
    let text = fs::read_to_string(shared.join("reference/api-facts.json")).ok();
    if text.is_none() {
        eprintln!("skipped: no reference facts at hand");
    }
    Some(serde_json::from_str(&text?).expect("JSON"))
}

fn type_text(schema: &Schema, name: Option<&str>) -> String {
    if let Some(name) = name {
        return name.to_owned();
    }
    match &schema.kind {
        Kind::Array(array) => format!("[]{}", type_text(array.items.get(), array.items.name())),
        Kind::Object(object) => match &object.additional {
            Some(inner) => format!("map[string]{}", type_text(inner.get(), inner.name())),
            None => "object".to_owned(),
        },
        Kind::String => "string".to_owned(),
        Kind::Bytes => "string:byte".to_owned(),
        Kind::Integer(Bits::B32) => "integer:int32".to_owned(),
        Kind::Integer(Bits::B64) => "integer:int64".to_owned(),
        Kind::Number => "number:double".to_owned(),
        Kind::Boolean => "boolean".to_owned(),
        other => format!("{other:?}"),
    }
}

/// Writes a field as the reference does.
fn field_facts(field: &Field) -> Value {
    let schema = field.schema.get();
    let mut facts = json!({ "t": type_text(schema, field.schema.name()) });
    match &*field.proto {
        [] => {}
        [number] => facts["n"] = json!(number),
        path => facts["n"] = json!(path),
    }
    if let Kind::Array(array) = &schema.kind {
        match &array.list_type {
            None => {}
            Some(ListType::Atomic) => facts["list"] = json!("atomic"),
            Some(ListType::Set) => facts["list"] = json!("set"),
            Some(ListType::Map(keys)) => (facts["list"], facts["keys"]) = (json!("map"), json!(keys)),
        }
    }
    let inline =
        if field.schema.name().is_none() { schema.as_object().and_then(|object| object.map_type) } else { None };
    match field.map_type.or(inline) {
        None => {}
        Some(MapType::Atomic) => facts["map"] = json!("atomic"),
        Some(MapType::Granular) => facts["map"] = json!("granular"),
    }
    if let Some(patch) = &field.patch {
        facts["pstrat"] = json!(patch.strategy());
        if !patch.merge_key.is_empty() {
            facts["pkey"] = json!(patch.merge_key);
        }
    }
    if let Some(default) = &field.default {
        facts["def"] = default.clone();
    }
    facts
}

#[test]
fn every_definition_is_as_published() {
    let Some(facts) = facts() else { return };
    let names = scheme::names();
    assert!(names.len() > 580, "{}", names.len());
    for name in names {
        let expected = &facts["types"][name];
        assert!(expected.is_object(), "{name} is unknown to the reference");
        let schema = scheme::schemas().get(name).expect("made");
        let Some(fields) = expected["fields"].as_object() else { continue };
        if matches!(schema.kind, Kind::Time | Kind::MicroTime) {
            continue;
        }
        let object = schema.as_object().unwrap_or_else(|| panic!("{name} is no object"));
        let found: Vec<&str> = object.properties.keys().map(AsRef::as_ref).collect();
        assert_eq!(found, fields.keys().collect::<Vec<_>>(), "fields of {name}");
        for (key, expected) in fields {
            // The one list type on bytes is published, not merged by.
            let mut expected = expected.clone();
            if key == "caBundle" {
                expected.as_object_mut().expect("object").remove("list");
            }
            if name.ends_with(".APIResource") && key == "verbs" {
                expected["n"] = json!([4, 1]);
            }
            assert_eq!(field_facts(&object.properties[&**key]), expected, "{name}.{key}");
        }
        let mut required: Vec<&str> =
            object.properties.iter().filter(|(_, field)| field.required).map(|(key, _)| &**key).collect();
        required.sort_unstable();
        let mut expected_required: Vec<&str> =
            expected["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        expected_required.sort_unstable();
        assert_eq!(required, expected_required, "required of {name}");
        assert_eq!(object.map_type == Some(MapType::Atomic), expected["map"] == "atomic", "map type of {name}");
        assert_eq!(object.unions.clone().unwrap_or_default(), expected["unions"], "unions of {name}");
        let gvks = expected["gvk"].as_array().map_or(usize::from(expected["gvk"] == 60) * 60, Vec::len);
        assert_eq!(schema.gvks.len(), gvks, "kinds of {name}");
    }
}

#[test]
fn every_resource_is_there() {
    let Some(facts) = facts() else { return };
    let expected = facts["resources"].as_array().expect("list").iter().filter(|resource| resource["default"] != false);
    let mut count = 0;
    for resource in expected {
        count += 1;
        let text = |key: &str| resource[key].as_str().unwrap_or_default();
        let found = resources::find(text("group"), text("version"), text("plural"))
            .unwrap_or_else(|| panic!("{} is missing", text("plural")));
        let list = |key: &str| resource.get(key).cloned().unwrap_or_else(|| json!([]));
        assert_eq!(found.singular(), text("singular"));
        assert_eq!(found.kind, text("kind"));
        assert_eq!(found.namespaced, resource["namespaced"] == true, "{}", found.plural);
        assert_eq!(json!(found.verbs), list("verbs"), "{}", found.plural);
        assert_eq!(json!(found.short_names), list("short"), "{}", found.plural);
        assert_eq!(json!(found.categories), list("categories"), "{}", found.plural);
        let subresources = resource["subresources"].as_object().cloned().unwrap_or_default();
        assert_eq!(found.subresources.len(), subresources.len(), "{}", found.plural);
        for subresource in &found.subresources {
            let expected = &subresources[subresource.name];
            assert_eq!(json!(subresource.verbs), expected["verbs"], "{}/{}", found.plural, subresource.name);
            assert_eq!(subresource.kind.kind, expected["kind"].as_str().unwrap_or_default());
            let version = expected["gv"].as_str().map_or(found.group_version.to_string(), str::to_owned);
            assert_eq!(subresource.kind.group_version().to_string(), version);
        }
    }
    assert_eq!(resources::RESOURCES.len(), count);
}
