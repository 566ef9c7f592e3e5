//! What a kube-apiserver stored is served as it served it, and stored again as the same.
//!
//! The dump of a store is read where it is at hand: each line has a key, its value, and what the server answered for it.

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use api::{conversion, resources, resources::Resource};
use apimachinery::runtime::{object::Object, schema::GroupVersion};
use apiserver::endpoints::negotiation::MediaType;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use controlplane::registry::codec::StorageCodec;
use serde_json::Value;
use storage::interface::Codec as _;

fn dump() -> Option<String> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let root = env::var_os("KUBESTEP_SHARED").map_or_else(beside, PathBuf::from);
    fs::read_to_string(root.join("reference/etcd-dump.jsonl")).ok()
}

/// The built-in resource that a path names.
fn resource(path: &str) -> Option<&'static Resource> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (version, rest) = match parts.as_slice() {
        ["api", version, rest @ ..] => (GroupVersion::new("", version), rest),
        ["apis", group, version, rest @ ..] => (GroupVersion::new(group, version), rest),
        _ => return None,
    };
    let plural = match rest {
        ["namespaces", _, plural, ..] | [plural, ..] => plural,
        [] => return None,
    };
    resources::find(&version.group, &version.version, plural)
}

#[tokio::test]
async fn a_stored_object_is_served_and_stored_alike() {
    let Some(dump) = dump() else { return eprintln!("skipped: no dump of a store is here") };
    let mut same = 0;
    let mut wrong: BTreeMap<String, String> = BTreeMap::new();
    for line in dump.lines() {
        let entry: Value = serde_json::from_str(line).expect("JSON");
        let Some(resource) = entry["path"].as_str().and_then(resource) else { continue };
        // Definitions are read by the server that serves them.
        if resource.kind == "CustomResourceDefinition" {
            continue;
        }
        let key = entry["key"].as_str().expect("a key").to_owned();
        let data = STANDARD.decode(entry["value"].as_str().expect("a value")).expect("base64");
        let media = if data.starts_with(b"k8s\0") { MediaType::Protobuf } else { MediaType::Json };
        let codec = StorageCodec { hub: resource.storage_version(), media };
        let object = match codec.decode(&data).await {
            Ok(object) => object,
            Err(error) => {
                wrong.insert(key, format!("cannot be read: {}", error.message));
                continue;
            }
        };
        let mut served = conversion::convert(object.clone(), &resource.group_version).expect("a served version");
        served.set_resource_version(entry["served"]["metadata"]["resourceVersion"].as_str().unwrap_or_default());
        if let Some(difference) = difference("", &served.clone().into_value(), &entry["served"]) {
            wrong.insert(key, format!("served otherwise: {difference}"));
            continue;
        }
        let written = write(&codec, object.clone()).await;
        let again = codec.decode(&written).await.expect("what we wrote");
        match difference("", &again.into_value(), &object.into_value()) {
            Some(difference) => drop(wrong.insert(key, format!("stored otherwise: {difference}"))),
            None => same += 1,
        }
    }
    assert!(wrong.is_empty(), "{same} alike, {} not: {wrong:#?}", wrong.len());
    assert!(same > 250, "{same}");
}

/// Writes an object as storage does.
async fn write(codec: &StorageCodec, mut object: Object) -> Vec<u8> {
    object.set_resource_version("");
    codec.tidy(&mut object);
    codec.encode(&object).await.expect("an object that was read")
}

/// Returns the first place where two values differ.
fn difference(path: &str, found: &Value, wanted: &Value) -> Option<String> {
    match (found, wanted) {
        (Value::Object(a), Value::Object(b)) => {
            a.keys().chain(b.keys()).find_map(|key| difference(&format!("{path}.{key}"), &found[key], &wanted[key]))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(index, (a, b))| difference(&format!("{path}[{index}]"), a, b))
        }
        _ if found == wanted => None,
        _ => Some(format!("{path} is {found}, not {wanted}")),
    }
}
