//! The resources of one version, in the two forms of discovery.
//!
//! Go: apiserver/pkg/endpoints/discovery/{version,storageversionhash}.go,
//! apiserver/pkg/endpoints/installer.go ConvertGroupVersionIntoToDiscovery

use std::collections::BTreeSet;

use apimachinery::runtime::{object::Object, schema::GroupVersionKind};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::endpoints::{
    groupversion::APIGroupVersion,
    handlers::{
        Verb,
        scope::{Items, RequestScope},
    },
};

/// Returns the `APIResourceList` of a version.
///
/// Go: APIVersionHandler
pub fn api_resource_list(version: &APIGroupVersion) -> Object {
    let resources: Vec<Value> = version.installed().map(|(scope, verbs)| api_resource(scope, verbs)).collect();
    let mut list = Map::new();
    list.insert("kind".to_owned(), "APIResourceList".into());
    // The oldest group is written as it was before there were versions of the API machinery.
    if !version.group_version.group.is_empty() {
        list.insert("apiVersion".to_owned(), "v1".into());
    }
    list.insert("groupVersion".to_owned(), version.group_version.to_string().into());
    list.insert("resources".to_owned(), resources.into());
    list.into()
}

/// Returns one entry of it.
fn api_resource(scope: &RequestScope, verbs: &[Verb]) -> Value {
    let storage = &scope.storage;
    let name = match scope.subresource.as_str() {
        "" => scope.resource.resource.clone(),
        subresource => format!("{}/{subresource}", scope.resource.resource),
    };
    let top_level = scope.subresource.is_empty();
    let mut entry = json!({
        "name": name,
        "singularName": if top_level { storage.singular_name() } else { "" },
        "namespaced": storage.namespace_scoped(),
        "kind": scope.kind.kind,
        "verbs": verb_names(scope, verbs),
    });
    if scope.kind.group_version() != scope.resource.group_version() {
        entry["group"] = scope.kind.group.as_str().into();
        entry["version"] = scope.kind.version.as_str().into();
    }
    add_names(&mut entry, scope);
    if let Some(stored) = storage.storage_version().filter(|_| top_level) {
        entry["storageVersionHash"] = storage_version_hash(&stored).into();
    }
    entry
}

/// Adds short names and categories where there are any.
fn add_names(entry: &mut Value, scope: &RequestScope) {
    for (field, names) in [("shortNames", scope.storage.short_names()), ("categories", scope.storage.categories())] {
        if scope.subresource.is_empty() && !names.is_empty() {
            entry[field] = names.into();
        }
    }
}

/// Returns the verbs as clients know them; a connection is what its methods would be elsewhere.
///
/// Go: installer.go toDiscoveryKubeVerb
fn verb_names(scope: &RequestScope, verbs: &[Verb]) -> BTreeSet<&'static str> {
    let connected = scope.storage.connecter().map(crate::registry::rest::Connecter::methods).unwrap_or_default();
    let connected = connected.iter().filter_map(|method| match method.as_str() {
        "GET" => Some("get"),
        "POST" => Some("create"),
        "PUT" => Some("update"),
        "PATCH" => Some("patch"),
        "DELETE" => Some("delete"),
        _ => None,
    });
    verbs.iter().filter(|verb| **verb != Verb::Connect).map(|verb| verb.as_str()).chain(connected).collect()
}

/// Names the version in which a kind is stored, so that a client can tell whether it changed, and nothing else.
///
/// Go: storageversionhash.go StorageVersionHash
pub fn storage_version_hash(stored: &GroupVersionKind) -> String {
    let GroupVersionKind { group, version, kind } = stored;
    let hash = digest(&SHA256, format!("{group}/{version}/{kind}").as_bytes());
    STANDARD.encode(&hash.as_ref()[..8])
}

/// Returns the `APIVersionDiscovery` of a version: sub-resources stand below their resources.
pub fn api_version_discovery(version: &APIGroupVersion) -> Value {
    let mut resources: Vec<Value> = Vec::new();
    for (scope, verbs) in version.installed() {
        if scope.subresource.is_empty() {
            resources.push(discovered_resource(scope, verbs));
            continue;
        }
        let name = scope.resource.resource.as_str();
        let parent = match resources.iter().position(|entry| entry["resource"] == name) {
            Some(index) => &mut resources[index],
            None => {
                // A sub-resource of nothing gets a resource without verbs above it.
                resources.push(json!({
                    "resource": name,
                    "scope": scope_name(scope),
                    "responseKind": {"group": "", "version": "", "kind": ""},
                    "singularResource": "",
                    "verbs": [],
                }));
                resources.last_mut().expect("just put there")
            }
        };
        let entry = json!({
            "subresource": scope.subresource,
            "responseKind": response_kind(scope),
            "verbs": verb_names(scope, verbs),
        });
        match parent.get_mut("subresources").and_then(Value::as_array_mut) {
            Some(entries) => entries.push(entry),
            None => parent["subresources"] = vec![entry].into(),
        }
    }
    json!({"version": version.group_version.version, "freshness": "Current", "resources": resources})
}

fn discovered_resource(scope: &RequestScope, verbs: &[Verb]) -> Value {
    let mut entry = json!({
        "resource": scope.resource.resource,
        "scope": scope_name(scope),
        "responseKind": response_kind(scope),
        "singularResource": scope.storage.singular_name(),
        "verbs": verb_names(scope, verbs),
    });
    add_names(&mut entry, scope);
    entry
}

fn scope_name(scope: &RequestScope) -> &'static str {
    if scope.storage.namespace_scoped() { "Namespaced" } else { "Cluster" }
}

/// Built-in kinds say group and version only where they are another resource's.
fn response_kind(scope: &RequestScope) -> Value {
    let GroupVersionKind { group, version, kind } = &scope.kind;
    if scope.items == Items::Bare && scope.kind.group_version() == scope.resource.group_version() {
        return json!({"group": "", "version": "", "kind": kind});
    }
    json!({"group": group, "version": version, "kind": kind})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_that_clients_have_stored() {
        assert_eq!(storage_version_hash(&GroupVersionKind::new("apps", "v1", "Deployment")), "8aSe+NMegvE=");
        assert_eq!(
            storage_version_hash(&GroupVersionKind::new("autoscaling", "v2", "HorizontalPodAutoscaler")),
            "qwQve8ut294="
        );
    }
}
