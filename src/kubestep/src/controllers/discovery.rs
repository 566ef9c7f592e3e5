//! Which resources the server serves at the moment.

use apimachinery::runtime::{object::Object, schema::GroupVersionResource};
use client::rest::{Client, Error};
use http::Method;
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

/// Returns the resources of every group's preferred version, sub-resources left out. A group that cannot be asked at
/// the moment (its extension server is away) is left out too, and named in the second part.
pub async fn preferred_resources(client: &Client) -> Result<(Vec<APIResource>, Vec<String>), Error> {
    let mut group_versions = vec![(String::new(), "v1".to_owned())];
    let groups = client.object(Method::GET, "/apis", None).await?;
    for group in array(&groups, "groups") {
        let preferred = group["preferredVersion"]["version"].as_str().unwrap_or_default();
        group_versions.push((group["name"].as_str().unwrap_or_default().to_owned(), preferred.to_owned()));
    }
    let (mut resources, mut unavailable) = (Vec::new(), Vec::new());
    for (group, version) in group_versions {
        let path = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        match client.object(Method::GET, &path, None).await {
            Ok(list) => {
                resources.extend(array(&list, "resources").iter().filter_map(|entry| parse(&group, &version, entry)));
            }
            Err(error) => {
                tracing::debug!(%path, %error, "cannot discover");
                unavailable.push(group);
            }
        }
    }
    Ok((resources, unavailable))
}

fn array<'a>(object: &'a Object, field: &str) -> &'a [Value] {
    object.get(&[field]).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn parse(group: &str, version: &str, entry: &Value) -> Option<APIResource> {
    let name = entry["name"].as_str().filter(|name| !name.contains('/'))?;
    let verbs = entry["verbs"].as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    Some(APIResource {
        resource: GroupVersionResource::new(group, version, name),
        kind: entry["kind"].as_str().unwrap_or_default().to_owned(),
        namespaced: entry["namespaced"].as_bool().unwrap_or_default(),
        verbs,
    })
}
