//! What discovery says of custom resources.
//!
//! The documents of a group and of a version are made of the local copy of all definitions when they are asked for; the
//! one document of everything is told by a controller.
//!
//! Go: apiextensions-apiserver/pkg/apiserver/{customresource_discovery,customresource_discovery_controller}.go

use std::{cmp::Reverse, sync::Arc};

use apimachinery::runtime::{object::Object, schema::GroupVersionKind};
use apiserver::{
    endpoints::{
        codec::Codec,
        discovery::{self, aggregated::kube_version, group::APIGroup, resources::storage_version_hash},
    },
    request::{context::Context, handler::Response},
};
use serde_json::{Value, json};

use crate::{
    definition::{Definition, ESTABLISHED, TERMINATING, Version},
    handler::Serving,
};

/// The verbs in the order in which Kubernetes tells them.
const VERBS: [&str; 8] = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
/// Those that are left while a definition is on its way out.
const TERMINATING_VERBS: [&str; 5] = ["delete", "deletecollection", "get", "list", "watch"];
/// Those of `/status` and `/scale`.
const PART_VERBS: [&str; 3] = ["get", "patch", "update"];

/// Answers at `/apis/GROUP` and `/apis/GROUP/VERSION`.
pub struct Discovery {
    /// Writes the documents.
    pub codec: Arc<dyn Codec>,
}

impl Discovery {
    /// Answers, if there is such a group or version.
    pub async fn respond(&self, serving: &Serving, cx: &Context) -> Option<Response> {
        let parts: Vec<&str> = cx.info.path.trim_matches('/').split('/').collect();
        let document = match parts.as_slice() {
            ["apis", group] => group_document(&served(&serving.definitions(), group), group)?,
            ["apis", group, version] => version_document(&served(&serving.definitions(), group), group, version)?,
            _ => return None,
        };
        Some(discovery::document(&*self.codec, cx, || document).await)
    }
}

/// Returns the definitions of a group that discovery tells of.
fn served<'a>(definitions: &'a [Definition], group: &str) -> Vec<&'a Definition> {
    let told = |definition: &&Definition| definition.spec.group == group && definition.is_true(ESTABLISHED);
    definitions.iter().filter(told).collect()
}

/// Returns the names of the served versions, the preferred one first.
pub fn versions(definitions: &[&Definition]) -> Vec<String> {
    let served = definitions.iter().flat_map(|definition| definition.spec.versions.iter());
    let mut names: Vec<String> = served.filter(|version| version.served).map(|version| version.name.clone()).collect();
    names.sort_by_cached_key(|name| Reverse(kube_version(name)));
    names.dedup();
    names
}

fn group_document(definitions: &[&Definition], group: &str) -> Option<Object> {
    let versions = versions(definitions);
    (!versions.is_empty()).then(|| APIGroup { name: group.to_owned(), versions }.to_object())
}

/// Returns the definitions that have a version, with it.
fn at_version<'a>(definitions: &[&'a Definition], version: &str) -> Vec<(&'a Definition, &'a Version)> {
    let found = definitions.iter().filter_map(|definition| Some((*definition, definition.version(version)?)));
    found.filter(|(_, version)| version.served).collect()
}

/// The sub-resources of a version with the kinds that they read and write.
fn subresources(definition: &Definition, version: &Version) -> Vec<(&'static str, GroupVersionKind)> {
    let status = version.subresources.status.is_some().then(|| ("status", definition.gvk(&version.name)));
    let scale = version.subresources.scale.is_some();
    let scale = scale.then(|| ("scale", GroupVersionKind::new("autoscaling", "v1", "Scale")));
    status.into_iter().chain(scale).collect()
}

fn verbs(definition: &Definition) -> &'static [&'static str] {
    if definition.is_true(TERMINATING) { &TERMINATING_VERBS } else { &VERBS }
}

fn version_document(definitions: &[&Definition], group: &str, version: &str) -> Option<Object> {
    let found = at_version(definitions, version);
    if found.is_empty() {
        return None;
    }
    let mut resources = Vec::new();
    for (definition, version) in found {
        let names = &definition.status.accepted_names;
        let mut entry = json!({
            "name": names.plural,
            "singularName": names.singular,
            "namespaced": definition.namespaced(),
            "kind": names.kind,
            "verbs": verbs(definition),
        });
        if !names.short_names.is_empty() {
            entry["shortNames"] = json!(names.short_names);
        }
        if !names.categories.is_empty() {
            entry["categories"] = json!(names.categories);
        }
        if let Some(stored) = definition.storage_version().filter(|stored| stored.served) {
            entry["storageVersionHash"] = storage_version_hash(&definition.gvk(&stored.name)).into();
        }
        resources.push(entry);
        for (subresource, kind) in subresources(definition, version) {
            let mut entry = json!({
                "name": format!("{}/{subresource}", names.plural),
                "singularName": "",
                "namespaced": definition.namespaced(),
                "kind": kind.kind,
                "verbs": PART_VERBS,
            });
            if kind.group != group {
                entry["group"] = kind.group.into();
                entry["version"] = kind.version.into();
            }
            resources.push(entry);
        }
    }
    let mut list = Object::new(&GroupVersionKind::new("", "v1", "APIResourceList"));
    list.set(&["groupVersion"], format!("{group}/{version}"));
    list.set(&["resources"], resources);
    Some(list)
}

/// Returns the `APIVersionDiscovery` of a version, if a definition of the group serves it.
pub fn version_discovery(definitions: &[Definition], group: &str, version: &str) -> Option<Value> {
    let told = served(definitions, group);
    let mut found = at_version(&told, version);
    if found.is_empty() {
        return None;
    }
    found.sort_by(|(a, _), (b, _)| a.status.accepted_names.plural.cmp(&b.status.accepted_names.plural));
    let gvk = |kind: &GroupVersionKind| json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
    let resource = |(definition, version): (&Definition, &Version)| {
        let names = &definition.status.accepted_names;
        let mut entry = json!({
            "resource": names.plural,
            "responseKind": gvk(&definition.gvk(&version.name)),
            "scope": if definition.namespaced() { "Namespaced" } else { "Cluster" },
            "singularResource": names.singular,
            "verbs": verbs(definition),
        });
        if !names.short_names.is_empty() {
            entry["shortNames"] = json!(names.short_names);
        }
        if !names.categories.is_empty() {
            entry["categories"] = json!(names.categories);
        }
        let parts: Vec<Value> = subresources(definition, version)
            .into_iter()
            .map(|(name, kind)| json!({"subresource": name, "responseKind": gvk(&kind), "verbs": PART_VERBS}))
            .collect();
        if !parts.is_empty() {
            entry["subresources"] = parts.into();
        }
        entry
    };
    let resources: Vec<Value> = found.into_iter().map(resource).collect();
    Some(json!({"version": version, "freshness": "Current", "resources": resources}))
}

/// Returns the versions that a group serves, the preferred one first.
pub fn group_versions(definitions: &[Definition], group: &str) -> Vec<String> {
    versions(&served(definitions, group))
}
