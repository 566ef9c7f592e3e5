//! What extension servers have, in the one document of `/apis`.
//!
//! Go: kube-aggregator/pkg/apiserver/handler_discovery.go
//!
//! Each server is asked for its own document of that kind; one of an older release, for the list of the version's
//! resources. While it cannot be asked, what it had is shown as stale.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use apimachinery::runtime::{object::Object, schema::GroupVersion};
use apiserver::{
    endpoints::discovery::aggregated::{ResourceManager, Source},
    request::context::Services,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use parking_lot::Mutex;
use phase::clock::Nanos;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    apiservice::{self, ServiceReference},
    controllers::queue::Queue,
    extension_server::ExtensionServer,
    handler_proxy::ProxyHandler,
};

/// How often a server is asked again.
///
/// Go: discoveryRefreshInterval
const REFRESH: Duration = Duration::from_mins(1);

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The priority of the group of APIServices: above everything that an APIService can have.
///
/// Go: APIRegistrationGroupPriority
const API_REGISTRATION_GROUP_PRIORITY: i64 = 20001;

const ACCEPT_V2: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// `APIVersionDiscovery` by version.
type Documents = BTreeMap<GroupVersion, Value>;

/// Go: discoveryManager
pub struct DiscoveryManager {
    merged: Arc<ResourceManager>,
    services: Services,
    queue: Arc<Queue>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By the name of the APIService. Written by the registration controller.
    api_services: BTreeMap<String, Info>,
    /// What each server said last; several APIServices may name the same. Written by the workers.
    cached: BTreeMap<ServiceReference, Cached>,
}

/// Go: groupVersionInfo
#[derive(Clone)]
struct Info {
    /// Later than the last change of the APIService that is known.
    marked_dirty: Nanos,
    service: ServiceReference,
    priorities: (i64, i64),
    handler: Arc<ProxyHandler>,
}

/// Go: cachedResult
#[derive(Clone)]
struct Cached {
    documents: Arc<Documents>,
    etag: Option<HeaderValue>,
    /// Earlier than the answer.
    updated: Nanos,
}

impl DiscoveryManager {
    /// Returns a manager that asks nobody before [`DiscoveryManager::run`].
    pub fn new(merged: Arc<ResourceManager>, services: Services) -> Arc<Self> {
        let queue = Queue::new(Duration::from_millis(500), REFRESH);
        Arc::new(Self { merged, services, queue, state: Mutex::default() })
    }

    /// Takes over what an APIService says; a local one is described by its server itself.
    ///
    /// Go: AddAPIService
    pub fn add_api_service(&self, object: &Object, handler: Arc<ProxyHandler>) {
        let Some(service) = apiservice::service(object) else { return };
        let info = Info {
            marked_dirty: self.services.clock.now(),
            service,
            priorities: apiservice::priorities(object),
            handler,
        };
        self.state.lock().api_services.insert(object.name().to_owned(), info);
        self.queue.add(object.name());
    }

    /// Forgets it.
    ///
    /// Go: RemoveAPIService
    pub fn remove_api_service(&self, name: &str) {
        let mut state = self.state.lock();
        if state.api_services.remove(name).is_none() {
            return;
        }
        let State { api_services, cached } = &mut *state;
        let used: BTreeSet<&ServiceReference> = api_services.values().map(|info| &info.service).collect();
        cached.retain(|service, _| used.contains(service));
        drop(state);
        self.queue.add(name);
    }

    /// Asks every server once, then follows the changes until `stop`.
    ///
    /// Go: Run
    pub async fn run(self: &Arc<Self>, stop: &CancellationToken) {
        let own = GroupVersion::new(apiservice::GROUP, "v1");
        self.merged.set_group_version_priority(&own, API_REGISTRATION_GROUP_PRIORITY, 0);
        let names: Vec<String> = self.state.lock().api_services.keys().cloned().collect();
        let first = names.iter().map(|name| self.sync(name));
        // Those that could not be asked are there as well, as stale ones.
        futures_util::future::join_all(first).await;
        let (manager, stop_too) = (self.clone(), stop.clone());
        self.queue.run(2, stop, move |name| {
            let (manager, stop) = (manager.clone(), stop_too.clone());
            async move {
                manager.sync(&name).await?;
                manager.refresh_later(&name, &stop);
                Ok(())
            }
        });
    }

    /// A server may change what it has without telling anybody.
    fn refresh_later(&self, name: &str, stop: &CancellationToken) {
        if let Some(info) = self.state.lock().api_services.get_mut(name) {
            info.marked_dirty = self.services.clock.now();
            self.queue.add_after(name, REFRESH, stop);
        }
    }

    /// Go: syncAPIService
    async fn sync(&self, name: &str) -> Result<(), String> {
        let version = apiservice::name_to_group_version(name);
        let info = self.state.lock().api_services.get(name).cloned();
        let Some(info) = info else {
            self.merged.remove_group_version(Source::Aggregator, &version);
            return Ok(());
        };
        let (documents, outcome) = match self.fetch(&version, &info).await {
            Ok(documents) => (Some(documents), Ok(())),
            Err(error) => {
                let known = self.state.lock().cached.get(&info.service).map(|cached| cached.documents.clone());
                (known, Err(error))
            }
        };
        let known = documents.and_then(|documents| documents.get(&version).cloned());
        let mut entry = known.unwrap_or_else(|| json!({"version": version.version}));
        entry["freshness"] = if outcome.is_ok() { "Current" } else { "Stale" }.into();
        self.merged.add_group_version(Source::Aggregator, &version.group, entry);
        self.merged.set_group_version_priority(&version, info.priorities.0, info.priorities.1);
        outcome
    }

    /// Go: fetchFreshDiscoveryForService
    async fn fetch(&self, version: &GroupVersion, info: &Info) -> Result<Arc<Documents>, String> {
        let cached = self.state.lock().cached.get(&info.service).cloned();
        if let Some(cached) = &cached
            && cached.updated > info.marked_dirty
        {
            return Ok(cached.documents.clone());
        }
        let server = info.handler.server().ok_or("there is no connection to the server")?;
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(ACCEPT_V2));
        if let Some(etag) = cached.as_ref().and_then(|cached| cached.etag.clone()) {
            headers.insert(header::IF_NONE_MATCH, etag);
        }
        let now = self.services.clock.now();
        let answer = server.get("/apis", headers, TIMEOUT).await?;
        let fresh = match (answer.head.status, cached) {
            (StatusCode::NOT_MODIFIED, Some(cached)) => Cached { updated: now, ..cached },
            (StatusCode::SERVICE_UNAVAILABLE, _) => return Err("the server is unavailable".to_owned()),
            (StatusCode::OK, _) if is_aggregated(&answer.head.headers) => {
                let list: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
                let etag = answer.head.headers.get(header::ETAG).cloned();
                Cached { documents: Arc::new(documents(&list)), etag, updated: now }
            }
            // One version only: not kept, for the same server may have others.
            _ => return legacy(&server, version).await.map(Arc::new),
        };
        self.state.lock().cached.insert(info.service.clone(), fresh.clone());
        Ok(fresh.documents)
    }
}

fn is_aggregated(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    ["g=apidiscovery.k8s.io", "v=v2", "as=APIGroupDiscoveryList"]
        .iter()
        .all(|wanted| content_type.split(';').any(|parameter| parameter.trim() == *wanted))
}

/// The versions of an `APIGroupDiscoveryList`.
fn documents(list: &Value) -> Documents {
    let mut found = Documents::new();
    for group in list["items"].as_array().into_iter().flatten() {
        let name = group["metadata"]["name"].as_str().unwrap_or_default();
        for version in group["versions"].as_array().into_iter().flatten() {
            let mut version = version.clone();
            for resource in version["resources"].as_array_mut().into_iter().flatten() {
                // Clients of 1.26 cannot read a resource without a kind.
                kind_is_there(resource);
                resource["subresources"].as_array_mut().into_iter().flatten().for_each(kind_is_there);
                without_null(resource, "subresources");
            }
            let key = GroupVersion::new(name, version["version"].as_str().unwrap_or_default());
            found.insert(key, version);
        }
    }
    found
}

fn kind_is_there(entry: &mut Value) {
    if entry["responseKind"].is_null() {
        entry["responseKind"] = json!({"group": "", "version": "", "kind": ""});
    }
}

fn without_null(entry: &mut Value, field: &str) {
    if let Value::Object(fields) = entry
        && fields.get(field).is_some_and(Value::is_null)
    {
        fields.remove(field);
    }
}

/// Asks for an `APIResourceList`.
async fn legacy(server: &ExtensionServer, version: &GroupVersion) -> Result<Documents, String> {
    let path = apiservice::root(version);
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let answer = server.get(&path, headers, TIMEOUT).await?;
    if answer.head.status != StatusCode::OK {
        return Err(format!("failed to download legacy discovery for {path}: {}", answer.head.status));
    }
    let list: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
    let document = json!({"version": version.version, "resources": converted(&list)});
    Ok(Documents::from([(version.clone(), document)]))
}

/// Go: apiserver/pkg/endpoints/installer.go ConvertGroupVersionIntoToDiscovery
fn converted(list: &Value) -> Vec<Value> {
    let mut resources: Vec<Value> = Vec::new();
    for entry in list["resources"].as_array().into_iter().flatten() {
        let text = |field: &str| entry[field].as_str().unwrap_or_default();
        let scope = if entry["namespaced"] == true { "Namespaced" } else { "Cluster" };
        let kind = json!({"group": text("group"), "version": text("version"), "kind": text("kind")});
        let verbs = entry.get("verbs").cloned().unwrap_or_else(|| json!([]));
        let Some((name, subresource)) = text("name").split_once('/') else {
            let mut resource = json!({
                "resource": text("name"),
                "responseKind": kind,
                "scope": scope,
                "singularResource": text("singularName"),
                "verbs": verbs,
            });
            for field in ["shortNames", "categories"] {
                if entry[field].as_array().is_some_and(|names| !names.is_empty()) {
                    resource[field] = entry[field].clone();
                }
            }
            resources.push(resource);
            continue;
        };
        let parent = match resources.iter().position(|resource| resource["resource"] == name) {
            Some(index) => index,
            None => {
                let nothing = json!({"group": "", "version": "", "kind": ""});
                resources.push(json!({
                    "resource": name, "responseKind": nothing, "scope": scope, "singularResource": "", "verbs": [],
                }));
                resources.len() - 1
            }
        };
        let below = json!({"subresource": subresource, "responseKind": kind, "verbs": verbs});
        match resources[parent].get_mut("subresources").and_then(Value::as_array_mut) {
            Some(all) => all.push(below),
            None => resources[parent]["subresources"] = json!([below]),
        }
    }
    resources
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_list_of_resources_becomes_a_new_one() {
        let list = json!({"resources": [
            {"name": "gadgets", "singularName": "gadget", "namespaced": true, "kind": "Gadget", "verbs": ["get"],
             "shortNames": ["gd"]},
            {"name": "gadgets/status", "namespaced": true, "kind": "Gadget", "verbs": ["update"]},
        ]});
        let kind = json!({"group": "", "version": "", "kind": "Gadget"});
        let expected = json!([{
            "resource": "gadgets", "responseKind": kind, "scope": "Namespaced", "singularResource": "gadget",
            "verbs": ["get"], "shortNames": ["gd"],
            "subresources": [{"subresource": "status", "responseKind": kind, "verbs": ["update"]}],
        }]);
        assert_eq!(Value::from(converted(&list)), expected);
    }

    #[test]
    fn a_document_without_kinds_gets_empty_ones() {
        let list = json!({"items": [{"metadata": {"name": "a.io"}, "versions": [
            {"version": "v1", "resources": [{"resource": "things"}]},
        ]}]});
        let found = documents(&list);
        let version = &found[&GroupVersion::new("a.io", "v1")];
        let expected = json!({"resource": "things", "responseKind": {"group": "", "version": "", "kind": ""}});
        assert_eq!(version["resources"][0], expected);
    }
}
