//! What extension servers publish, as part of what this server publishes.
//!
//! Go: kube-aggregator/pkg/controllers/{openapi,openapiv3}
//!
//! There are two of these, one for each version of OpenAPI. Each asks a server again every minute, and later and later
//! while it cannot be asked.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use apimachinery::runtime::object::Object;
use apiserver::{
    endpoints::openapi::{manager::OpenAPIManager, merge},
    server::hooks::{PostStartHookFunc, post_start_hook},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use parking_lot::Mutex;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{apiservice, controllers::queue::Queue, extension_server::ExtensionServer, handler_proxy::ProxyHandler};

/// How often a server is asked again.
const REFRESH: Duration = Duration::from_mins(1);

/// How late a server that cannot be asked is asked again at most.
const MAX_DELAY: Duration = Duration::from_hours(1);

/// How long a document may take.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Which version of OpenAPI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One document with everything.
    V2,
    /// One document a version.
    V3,
}

/// Go: openapi.AggregationController, openapiv3.AggregationController
pub struct AggregationController {
    form: Form,
    manager: Arc<OpenAPIManager>,
    queue: Arc<Queue>,
    /// By the name of the APIService; those that name a service. Written by the registration controller.
    handlers: Mutex<BTreeMap<String, Arc<ProxyHandler>>>,
}

impl AggregationController {
    /// Returns a controller that asks nobody before [`AggregationController::run`].
    pub fn new(form: Form, manager: Arc<OpenAPIManager>) -> Arc<Self> {
        let queue = Queue::new(REFRESH, MAX_DELAY);
        Arc::new(Self { form, manager, queue, handlers: Mutex::default() })
    }

    /// Takes over what an APIService says; a local one is described by its server itself.
    pub fn add_api_service(&self, object: &Object, handler: Arc<ProxyHandler>) {
        if apiservice::service(object).is_some() {
            self.handlers.lock().insert(object.name().to_owned(), handler);
        } else {
            self.handlers.lock().remove(object.name());
        }
        self.queue.add(object.name());
    }

    /// Forgets it.
    pub fn remove_api_service(&self, name: &str) {
        self.handlers.lock().remove(name);
        self.queue.add(name);
    }

    /// Returns the hook that starts it.
    pub fn hook(self: &Arc<Self>) -> PostStartHookFunc {
        let controller = self.clone();
        post_start_hook(move |context| {
            controller.run(&context.stop);
            async { Ok(()) }
        })
    }

    /// Works until `stop`.
    pub fn run(self: &Arc<Self>, stop: &CancellationToken) {
        let (controller, stop_too) = (self.clone(), stop.clone());
        self.queue.run(1, stop, move |name| {
            let (controller, stop) = (controller.clone(), stop_too.clone());
            async move { controller.sync(&name, &stop).await }
        });
    }

    async fn sync(&self, name: &str, stop: &CancellationToken) -> Result<(), String> {
        let handler = self.handlers.lock().get(name).cloned();
        let Some(handler) = handler else {
            match self.form {
                Form::V2 => self.manager.set_foreign_v2(name, None),
                Form::V3 => self.manager.set_foreign_v3(name, BTreeMap::new()),
            }
            return Ok(());
        };
        let server = handler.server().ok_or("there is no connection to the server")?;
        let root = apiservice::root(&apiservice::name_to_group_version(name));
        match self.form {
            Form::V2 => {
                let document = download(&server, "/openapi/v2").await?;
                let document: Option<Value> = document.as_deref().and_then(|json| serde_json::from_slice(json).ok());
                self.manager.set_foreign_v2(name, document.map(|document| merge::filter(document, &root)));
            }
            Form::V3 => self.manager.set_foreign_v3(name, documents(&server, &root).await?),
        }
        self.queue.add_after(name, REFRESH, stop);
        Ok(())
    }
}

/// Asks for the documents of one version and of its group.
///
/// Simplified: Kubernetes makes a document of version 3 for a server that has only one of version 2.
async fn documents(server: &ExtensionServer, root: &str) -> Result<BTreeMap<String, Bytes>, String> {
    let mut found = BTreeMap::new();
    let Some(index) = download(server, "/openapi/v3").await? else { return Ok(found) };
    let index: Value = serde_json::from_slice(&index).map_err(|error| error.to_string())?;
    let version = root.trim_start_matches('/');
    let group = version.rsplit_once('/').map_or(version, |(group, _)| group);
    for key in [group, version] {
        let Some(url) = index["paths"][key]["serverRelativeURL"].as_str() else { continue };
        if let Some(document) = download(server, url).await? {
            found.insert(key.to_owned(), document);
        }
    }
    Ok(found)
}

/// Returns a document; nothing if the server has none.
async fn download(server: &ExtensionServer, path: &str) -> Result<Option<Bytes>, String> {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let answer = server.get(path, headers, TIMEOUT).await?;
    match answer.head.status {
        StatusCode::OK => Ok(Some(answer.body)),
        StatusCode::NOT_FOUND => Ok(None),
        status => Err(format!("{path}: {status}")),
    }
}
