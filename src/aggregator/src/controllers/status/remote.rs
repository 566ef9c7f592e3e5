//! Whether an extension server can be asked: its service, its endpoints, and a question to it.
//!
//! Go: kube-aggregator/pkg/controllers/status/remote/remote_available_controller.go

use std::{sync::Arc, time::Duration};

use apimachinery::runtime::{
    object::Object,
    schema::{GroupVersion, GroupVersionResource},
};
use apiserver::request::context::Services;
use client::{
    cache::{
        informer::{SharedInformer, SharedInformerFactory},
        store::Store,
    },
    rest::Client,
};
use futures_util::future;
use http::HeaderMap;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    apiservice::{self, Finding, ServiceReference},
    controllers::{
        queue::{Enqueue, Queue},
        status::update_status,
    },
    extension_server::{Dialer, ExtensionServer},
};

/// How many questions are asked at once; one answer is enough.
const ATTEMPTS: usize = 5;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How often those that are available are asked again: the network may break without anybody writing it down.
const RESYNC: Duration = Duration::from_secs(30);

/// Names the service of an EndpointSlice.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Go: remote AvailableConditionController
pub struct Controller {
    client: Client,
    services: Services,
    dialer: Dialer,
    informer: Arc<SharedInformer>,
    api_services: Arc<Store>,
    kube_services: Arc<Store>,
    endpoint_slices: Arc<Store>,
    queue: Arc<Queue>,
}

/// Returns the resource of EndpointSlices.
pub fn endpoint_slices() -> GroupVersionResource {
    GroupVersionResource::new("discovery.k8s.io", "v1", "endpointslices")
}

/// Returns the resource of services.
pub fn services() -> GroupVersionResource {
    GroupVersion::new("", "v1").with_resource("services")
}

impl Controller {
    /// Returns a controller that does nothing before [`Controller::run`].
    pub fn new(
        client: Client,
        services: Services,
        dialer: Dialer,
        informer: Arc<SharedInformer>,
        shared: &SharedInformerFactory,
    ) -> Arc<Self> {
        // Short delays at first: it depends on a network that nobody watches.
        let queue = Queue::new(Duration::from_millis(5), Duration::from_secs(30));
        informer.add_event_handler(Enqueue::names(queue.clone()));
        let (kube_services, slices) = (shared.informer(&self::services()), shared.informer(&endpoint_slices()));
        let controller = Arc::new(Self {
            client,
            services,
            dialer,
            api_services: informer.store(),
            informer,
            kube_services: kube_services.store(),
            endpoint_slices: slices.store(),
            queue: queue.clone(),
        });
        let store = controller.api_services.clone();
        let of_service = move |object: &Object| naming(&store, object.namespace(), object.name());
        kube_services.add_event_handler(Arc::new(Enqueue { queue: queue.clone(), key: of_service }));
        let store = controller.api_services.clone();
        let of_slice = move |object: &Object| {
            let labels = object.labels();
            labels.get(SERVICE_NAME).map(|name| naming(&store, object.namespace(), name)).unwrap_or_default()
        };
        slices.add_event_handler(Arc::new(Enqueue { queue, key: of_slice }));
        controller
    }

    /// Works until `stop`.
    pub fn run(self: &Arc<Self>, workers: usize, stop: &CancellationToken) {
        let controller = self.clone();
        self.queue.run(workers, stop, move |name| {
            let controller = controller.clone();
            async move { controller.sync(&name).await }
        });
        let (controller, stop) = (self.clone(), stop.clone());
        tokio::spawn(async move {
            controller.informer.wait_for_sync(Duration::MAX).await;
            loop {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(RESYNC) => {}
                }
                controller.api_services.list().iter().for_each(|object| controller.queue.add(object.name()));
            }
        });
    }

    async fn sync(&self, name: &str) -> Result<(), String> {
        let Some(object) = self.api_services.get("", name) else { return Ok(()) };
        let Some(service) = apiservice::service(&object) else { return Ok(()) };
        let finding = match self.check_objects(&service) {
            Err(finding) => finding,
            Ok(()) => self.ask(&object, &service).await?,
        };
        update_status(&self.client, &self.services, &object, &finding).await?;
        match finding.reason {
            // Nobody will tell when the network is back.
            "FailedDiscoveryCheck" => Err(finding.message),
            _ => Ok(()),
        }
    }

    /// What can be said without asking the server: service, port, endpoints.
    fn check_objects(&self, service: &ServiceReference) -> Result<(), Finding> {
        let ServiceReference { namespace, name, port } = service;
        let missing = |reason, message| Finding { status: "False", reason, message };
        let Some(kube_service) = self.kube_services.get(namespace, name) else {
            return Err(missing("ServiceNotFound", format!("service/{name} in {namespace:?} is not present")));
        };
        if kube_service.str(&["spec", "type"]) != "ClusterIP" {
            return Ok(());
        }
        let ports = kube_service.get(&["spec", "ports"]).and_then(Value::as_array).into_iter().flatten();
        let Some(found) = ports.into_iter().find(|one| one["port"].as_u64() == Some(u64::from(*port))) else {
            let message = format!("service/{name} in {namespace:?} is not listening on port {port}");
            return Err(missing("ServicePortError", message));
        };
        let slices: Vec<Arc<Object>> = self.endpoint_slices.in_namespace(namespace);
        let slices: Vec<&Arc<Object>> =
            slices.iter().filter(|slice| slice.labels().get(SERVICE_NAME) == Some(name)).collect();
        if slices.is_empty() {
            let message = format!("cannot find endpointslices for service/{name} in {namespace:?}");
            return Err(missing("EndpointsNotFound", message));
        }
        let port_name = found["name"].as_str().unwrap_or_default();
        if !slices.iter().any(|slice| has_available_endpoint(slice, port_name)) {
            let message = format!(
                "endpointslices for service/{name} in {namespace:?} have no addresses with port name {port_name:?}"
            );
            return Err(missing("MissingEndpoints", message));
        }
        Ok(())
    }

    /// Asks for the one document that every server of a version must have.
    async fn ask(&self, object: &Object, service: &ServiceReference) -> Result<Finding, String> {
        let server = self.dialer.server(service, object)?;
        let root = ExtensionServer::root(object);
        let questions = (0..ATTEMPTS).map(|_| Box::pin(question(&server, &root)));
        Ok(match future::select_ok(questions).await {
            Ok(_) => Finding { status: "True", reason: "Passed", message: "all checks passed".to_owned() },
            Err(message) => Finding { status: "False", reason: "FailedDiscoveryCheck", message },
        })
    }
}

async fn question(server: &ExtensionServer, root: &str) -> Result<(), String> {
    let url = format!("https://{}{root}", server.resolve()?);
    let failed = |why: String| format!("failing or missing response from {url}: {why}");
    let answer = server.get(root, HeaderMap::new(), TIMEOUT).await;
    let code = answer.map_err(|why| failed(format!("Get {url:?}: {why}")))?.head.status.as_u16();
    if (200..300).contains(&code) { Ok(()) } else { Err(failed(format!("bad status from {url}: {code}"))) }
}

/// Returns the APIServices that name a service.
fn naming(store: &Store, namespace: &str, name: &str) -> Vec<String> {
    let names = |object: &Object| {
        apiservice::service(object).is_some_and(|service| service.namespace == namespace && service.name == name)
    };
    store.list().into_iter().filter(|object| names(object)).map(|object| object.name().to_owned()).collect()
}

/// Go: hasAvailableEndpoint
fn has_available_endpoint(slice: &Object, port_name: &str) -> bool {
    let items = |field: &str| slice.get(&[field]).and_then(Value::as_array).cloned().unwrap_or_default();
    let ready = |endpoint: &Value| endpoint["conditions"]["ready"].as_bool().unwrap_or(true);
    let named = |port: &Value| port["name"] == port_name && !port["port"].is_null();
    items("endpoints").iter().any(ready) && items("ports").iter().any(named)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_endpoint_counts_unless_it_says_that_it_is_not_ready() {
        let slice = |ready: Value| {
            let object = json!({
                "endpoints": [{"conditions": {"ready": ready}}], "ports": [{"name": "", "port": 443}],
            });
            Object::from_value(object).expect("an object")
        };
        assert!(has_available_endpoint(&slice(Value::Null), ""));
        assert!(!has_available_endpoint(&slice(Value::Bool(false)), ""));
        assert!(!has_available_endpoint(&slice(Value::Bool(true)), "https"));
    }
}
