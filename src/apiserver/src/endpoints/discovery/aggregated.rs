//! All groups, versions and resources in one document.
//!
//! Go: apiserver/pkg/endpoints/discovery/aggregated/{handler,wrapper,etag}.go
//!
//! Several servers stand behind one address, and each tells the manager what it has. Where two have
//! the same version of a group, the [`Source`] that comes first wins. The document is made on first
//! demand after a change, and kept with its hash.

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use apimachinery::runtime::{
    object::Object,
    schema::{GroupVersion, GroupVersionKind},
};
use aws_lc_rs::digest::{SHA512, digest};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use parking_lot::Mutex;
use phase::BoxFuture;
use serde_json::{Value, json};

use crate::{
    endpoints::{
        codec::Codec,
        negotiation::{self, MediaType},
    },
    request::{
        context::Context,
        handler::{Handler, Response},
        responses,
    },
};

/// Who has a version of a group; the first one wins.
///
/// Go: aggregated.Source
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The aggregator, for servers behind it and its own group.
    Aggregator,
    /// Built-in groups.
    BuiltIn,
    /// Custom resources.
    CustomResources,
}

/// How versions are ordered that nobody gave a priority.
const DEFAULT_PRIORITY: (i64, i64) = (1000, 15);

/// What all servers have.
///
/// Go: aggregated.ResourceManager
#[derive(Default)]
pub struct ResourceManager {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// `APIVersionDiscovery` by group, version and source.
    versions: BTreeMap<(String, String, Source), Value>,
    /// Priorities of group and version.
    priorities: BTreeMap<GroupVersion, (i64, i64)>,
    /// The document since the last change; `None`: nobody has asked.
    document: Option<Arc<Document>>,
}

/// The document and its forms.
struct Document {
    object: Object,
    json: bytes::Bytes,
    etag: HeaderValue,
}

impl ResourceManager {
    /// Adds or replaces a version.
    pub fn add_group_version(&self, source: Source, group: &str, version: Value) {
        let name = version["version"].as_str().unwrap_or_default().to_owned();
        let mut state = self.state.lock();
        let before = state.versions.insert((group.to_owned(), name, source), version.clone());
        if before.is_none_or(|before| before != version) {
            state.document = None;
        }
    }

    /// Removes a version.
    pub fn remove_group_version(&self, source: Source, version: &GroupVersion) {
        let mut state = self.state.lock();
        state.versions.remove(&(version.group.clone(), version.version.clone(), source));
        state.document = None;
    }

    /// Removes a group.
    pub fn remove_group(&self, source: Source, group: &str) {
        let mut state = self.state.lock();
        state.versions.retain(|(name, _, from), _| (name.as_str(), *from) != (group, source));
        state.document = None;
    }

    /// Removes everything of a source, and puts this in its place.
    pub fn set_groups(&self, source: Source, versions: impl IntoIterator<Item = (String, Value)>) {
        self.state.lock().versions.retain(|(_, _, from), _| *from != source);
        for (group, version) in versions {
            self.add_group_version(source, &group, version);
        }
        self.state.lock().document = None;
    }

    /// Says where a version stands: groups by their highest priority, versions by theirs.
    ///
    /// Go: SetGroupVersionPriority
    pub fn set_group_version_priority(&self, version: &GroupVersion, group_priority: i64, version_priority: i64) {
        let mut state = self.state.lock();
        state.priorities.insert(version.clone(), (group_priority, version_priority));
        state.document = None;
    }

    fn document(&self) -> Arc<Document> {
        let mut state = self.state.lock();
        if let Some(document) = &state.document {
            return document.clone();
        }
        let object = state.to_object();
        let json = bytes::Bytes::from(object.to_json());
        let hash: String = digest(&SHA512, &json).as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        let etag = HeaderValue::from_str(&format!("\"{hash}\"")).expect("hexadecimal");
        let document = Arc::new(Document { object, json, etag });
        state.document = Some(document.clone());
        document
    }
}

impl State {
    /// Go: resourceDiscoveryManager.calculateAPIGroupsLocked
    fn to_object(&self) -> Object {
        let mut groups: BTreeMap<&str, Vec<(&str, &Value)>> = BTreeMap::new();
        // Sources of one version stand in their order, so that the first one seen wins.
        for ((group, name, _), version) in &self.versions {
            let versions = groups.entry(group).or_default();
            if versions.last().is_none_or(|(last, _)| last != name) {
                versions.push((name, version));
            }
        }
        let priority = |group: &str, version: &str| {
            self.priorities.get(&GroupVersion::new(group, version)).copied().unwrap_or(DEFAULT_PRIORITY)
        };
        let mut groups: Vec<(&str, Vec<(&str, &Value)>)> = groups.into_iter().collect();
        groups.sort_by_cached_key(|(group, versions)| {
            Reverse(versions.iter().map(|(version, _)| priority(group, version).0).max())
        });
        let items: Vec<Value> = groups
            .into_iter()
            .map(|(group, mut versions)| {
                versions
                    .sort_by_cached_key(|(version, _)| Reverse((priority(group, version).1, kube_version(version))));
                let versions: Vec<&Value> = versions.into_iter().map(|(_, version)| version).collect();
                let metadata = if group.is_empty() { json!({}) } else { json!({"name": group}) };
                json!({"metadata": metadata, "versions": versions})
            })
            .collect();
        let mut list = Object::new(&GroupVersionKind::new("apidiscovery.k8s.io", "v2", "APIGroupDiscoveryList"));
        list.set(&["metadata"], json!({}));
        list.set(&["items"], items);
        list
    }
}

/// Orders versions: stable ones after betas after alphas after anything else, then by number, then by name reversed.
///
/// Go: apimachinery/pkg/version/helpers.go CompareKubeAwareVersionStrings
pub fn kube_version(version: &str) -> (u8, u64, u64, Reverse<String>) {
    let other = || (0, 0, 0, Reverse(version.to_owned()));
    let Some(rest) = version.strip_prefix('v') else { return other() };
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let Ok(major) = rest[..digits].parse::<u64>() else { return other() };
    let (stage, minor) = match &rest[digits..] {
        "" => return (3, major, 0, Reverse(String::new())),
        stage if stage.starts_with("beta") => (2, &stage[4..]),
        stage if stage.starts_with("alpha") => (1, &stage[5..]),
        _ => return other(),
    };
    match minor.parse() {
        Ok(minor) => (stage, major, minor, Reverse(String::new())),
        Err(_) if minor.is_empty() => (stage, major, 0, Reverse(String::new())),
        Err(_) => other(),
    }
}

/// Serves the one document to clients that ask for it, and hands all others on.
///
/// Go: WrapAggregatedDiscoveryToHandler
pub struct AggregatedDiscovery {
    /// The document.
    pub manager: Arc<ResourceManager>,
    /// The path at which it stands; below it, everything is the other's.
    pub path: &'static str,
    /// Writes the document in other media types than JSON.
    pub codec: Arc<dyn Codec>,
    /// Who answers the others.
    pub plain: Arc<dyn Handler>,
}

impl Handler for AggregatedDiscovery {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        let asked = negotiation::negotiate_aggregated_discovery(cx.header("accept"));
        match asked {
            Some(media) if cx.info.path.trim_end_matches('/') == self.path => {
                let response = self.manager.respond(cx, media, &*self.codec);
                Box::pin(async move { response })
            }
            _ => self.plain.serve(cx),
        }
    }
}

impl ResourceManager {
    /// Answers with the document, or with 304 to a client that has it.
    ///
    /// Go: ServeHTTPWithETag
    fn respond(&self, cx: &Context, media: MediaType, codec: &dyn Codec) -> Response {
        let document = self.document();
        let mut response = if cx.header("if-none-match").as_bytes() == document.etag.as_bytes() {
            let mut response = Response::new(client::transport::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            let body = match media {
                MediaType::Json => Ok(document.json.clone()),
                MediaType::Yaml | MediaType::Protobuf => codec.encode(&document.object, media).map(bytes::Bytes::from),
            };
            match body {
                Ok(body) => responses::with_body(200, body, content_type(media)),
                Err(error) => return responses::status(&error),
            }
        };
        let headers: &mut HeaderMap = response.headers_mut();
        headers.insert(header::ETAG, document.etag.clone());
        headers.insert(header::VARY, HeaderValue::from_static("Accept"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public"));
        response
    }
}

/// The content type repeats what was asked for.
fn content_type(media: MediaType) -> HeaderValue {
    HeaderValue::from_static(match media {
        MediaType::Json => "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        MediaType::Yaml => "application/yaml;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        MediaType::Protobuf => {
            "application/vnd.kubernetes.protobuf;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_kubernetes_orders_them() {
        let mut versions = ["v1beta1", "v2alpha1", "foo", "v10", "v2", "v1beta2", "bar"];
        versions.sort_by_cached_key(|version| Reverse(kube_version(version)));
        assert_eq!(versions, ["v10", "v2", "v1beta2", "v1beta1", "v2alpha1", "bar", "foo"]);
    }

    #[test]
    fn the_first_source_wins_and_priorities_order() {
        let manager = ResourceManager::default();
        let version = |name: &str, from: &str| json!({"version": name, "resources": [{"resource": from}]});
        manager.add_group_version(Source::CustomResources, "ex.io", version("v1", "custom"));
        manager.add_group_version(Source::BuiltIn, "ex.io", version("v1", "built-in"));
        manager.add_group_version(Source::BuiltIn, "ex.io", version("v2", "built-in"));
        manager.add_group_version(Source::BuiltIn, "apps", version("v1", "apps"));
        manager.set_group_version_priority(&GroupVersion::new("ex.io", "v1"), 2000, 100);
        let document = manager.document();
        let groups = document.object.get(&["items"]).expect("items");
        assert_eq!(groups[0]["metadata"]["name"], "ex.io");
        assert_eq!(groups[0]["versions"][0], version("v1", "built-in"));
        assert_eq!(groups[1]["metadata"]["name"], "apps");
        assert!(Arc::ptr_eq(&document, &manager.document()));
        manager.remove_group(Source::BuiltIn, "ex.io");
        assert_ne!(document.etag, manager.document().etag);
    }
}
