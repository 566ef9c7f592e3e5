//! Which resources the server serves at the moment.

use apimachinery::runtime::schema::GroupVersionResource;
use client::rest::{Client, Error};
use serde_json::Value;

/// A resource and what can be done with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct APIResource {
    /// Group, version and resource.
    pub resource: GroupVersionResource,
    /// The kind.
    pub kind: String,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// The verbs.
    pub verbs: Vec<String>,
}

impl APIResource {
    /// Says whether all of these can be done.
    pub fn supports(&self, verbs: &[&str]) -> bool {
        verbs.iter().all(|verb| self.verbs.iter().any(|supported| supported == verb))
    }
}

/// The form in which two requests tell everything.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Returns the resources of every group's preferred version, sub-resources left out. A group that cannot be asked at
/// the moment (its extension server is away) is left out too, and named in the second part.
pub async fn preferred_resources(client: &Client) -> Result<(Vec<APIResource>, Vec<String>), Error> {
    let (mut resources, mut unavailable) = (Vec::new(), Vec::new());
    for path in ["/api", "/apis"] {
        let groups = client.get_as(AGGREGATED, path).await?.into_value();
        for group in array(&groups["items"]) {
            let name = text(&group["metadata"]["name"]);
            let Some(preferred) = array(&group["versions"]).first() else { continue };
            if preferred["freshness"] == "Stale" {
                unavailable.push(name.to_owned());
                continue;
            }
            let version = text(&preferred["version"]);
            resources.extend(array(&preferred["resources"]).iter().map(|entry| parse(name, version, entry)));
        }
    }
    Ok((resources, unavailable))
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn parse(group: &str, version: &str, entry: &Value) -> APIResource {
    APIResource {
        resource: GroupVersionResource::new(group, version, text(&entry["resource"])),
        kind: text(&entry["responseKind"]["kind"]).to_owned(),
        namespaced: entry["scope"] == "Namespaced",
        verbs: array(&entry["verbs"]).iter().map(text).map(str::to_owned).collect(),
    }
}
