//! Service `default/kubernetes` and its endpoints: how pods find the API servers.
//!
//! ```text
//!   every replica: renew /registry/masterleases/ADDRESS, then let the endpoints be the addresses of all leases
//! ```
//!
//! Go: pkg/controlplane/controller/kubernetesservice/controller.go, pkg/controlplane/reconcilers/lease.go

use std::{collections::BTreeSet, net::IpAddr, sync::Arc, time::Duration};

use apimachinery::runtime::{object::Object, schema::GroupVersionResource};
use apiserver::server::hooks::{
    PostStartHookContext, PostStartHookFunc, PreShutdownHookFunc, post_start_hook, pre_shutdown_hook,
};
use client::rest::{Client, Error};
use http::Method;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::controller::{ensure, leases::Leases};

/// How often they are looked after.
const PERIOD: Duration = Duration::from_secs(10);

/// Keeps kube-controller-manager from making a slice of the endpoints: it is made here.
const SKIP_MIRROR: &str = "endpointslice.kubernetes.io/skip-mirror";

/// How soon again while something is not there yet.
const SOON: Duration = Duration::from_millis(100);

/// What the service points to.
pub struct KubernetesService {
    /// The service's address: number one of the service range.
    pub service_ip: IpAddr,
    /// Where this server can be reached.
    pub advertise_address: IpAddr,
    /// Its port.
    pub secure_port: u16,
    /// The addresses of all replicas; `None`: endpoints are not written.
    pub leases: Option<Leases>,
    /// Makes the requests.
    pub client: Client,
    /// Set when the server is about to stop.
    pub stopping: CancellationToken,
    /// Held by whoever writes endpoints.
    pub writing: Mutex<()>,
}

/// What an empty set of addresses means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nobody {
    /// This server has just said that it lives: something is wrong.
    Refuse,
    /// The last one goes.
    Write,
}

/// The hooks `bootstrap-controller` and `stop-kubernetes-service-controller`.
pub fn hooks(service: KubernetesService) -> (PostStartHookFunc, PreShutdownHookFunc) {
    let service = Arc::new(service);
    let ending = service.clone();
    let start = post_start_hook(move |_: PostStartHookContext| {
        let service = service.clone();
        async move {
            tokio::spawn(async move { service.run().await });
            Ok(())
        }
    });
    let stop = pre_shutdown_hook(move || {
        let service = ending.clone();
        async move {
            service.stopping.cancel();
            let left = tokio::time::timeout(2 * PERIOD, service.leave(Nobody::Write)).await;
            left.map_err(|error| error.to_string())?
        }
    });
    (start, stop)
}

impl KubernetesService {
    /// Go: Start, Run
    async fn run(&self) {
        // An address of a server that did not stop in order is not served until this one is ready.
        if let Err(error) = self.leave(Nobody::Write).await {
            tracing::warn!(error, "cannot remove old endpoints of the kubernetes service");
        }
        loop {
            let synced = self.sync().await;
            let period = if matches!(synced, Ok(true)) { PERIOD } else { SOON };
            if let Err(error) = synced {
                tracing::debug!(%error, "cannot keep the kubernetes service yet");
            }
            if ensure::pause(period, &self.stopping).await.is_err() {
                return;
            }
        }
    }

    /// Says whether all was done: endpoints have to wait until this server is ready.
    async fn sync(&self) -> Result<bool, Error> {
        let client = &self.client;
        let namespaces = client.resource(&GroupVersionResource::new("", "v1", "namespaces"));
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}});
        ensure::exists(&namespaces, &ensure::object(namespace)).await?;
        ensure::exists(&ensure::services(client).namespace("default"), &self.service()).await?;
        let Some(leases) = self.leases() else { return Ok(true) };
        if client.send(Method::GET, "/readyz", None).await.is_err() {
            return Ok(false);
        }
        let _writing = self.writing.lock().await;
        if self.stopping.is_cancelled() {
            return Ok(true);
        }
        let address = self.advertise_address.to_string();
        let lease = json!({"apiVersion": "v1", "kind": "Endpoints", "subsets": [{"addresses": [{"ip": address}]}]});
        leases.renew(&address, &ensure::object(lease)).await.map_err(in_storage)?;
        self.reconcile(leases, Nobody::Refuse).await?;
        Ok(true)
    }

    /// Loopback addresses are of no use to pods, and validation refuses them.
    fn leases(&self) -> Option<&Leases> {
        self.leases.as_ref().filter(|_| !self.advertise_address.is_loopback())
    }

    /// Takes this server out of the endpoints.
    ///
    /// Go: RemoveEndpoints
    async fn leave(&self, nobody: Nobody) -> Result<(), String> {
        let Some(leases) = self.leases() else { return Ok(()) };
        let _writing = self.writing.lock().await;
        let removed = leases.remove(&self.advertise_address.to_string()).await.map_err(|error| error.to_string())?;
        if removed { self.reconcile(leases, nobody).await.map_err(|error| error.to_string()) } else { Ok(()) }
    }

    /// Lets the endpoints be the addresses of all leases.
    ///
    /// Go: doReconcile
    async fn reconcile(&self, leases: &Leases, nobody: Nobody) -> Result<(), Error> {
        let addresses: BTreeSet<String> = leases.addresses().await.map_err(in_storage)?.into_iter().collect();
        if addresses.is_empty() && nobody == Nobody::Refuse {
            return Err(Error::Decode("no API server IP addresses were listed in storage".to_owned()));
        }
        let resource = self.client.resource(&GroupVersionResource::new("", "v1", "endpoints")).namespace("default");
        let wanted = self.endpoints(&addresses);
        let mut endpoints = ensure::exists(&resource, &wanted).await?;
        // Ports are left as they are: replicas may differ in theirs.
        if addresses_of(&endpoints) != addresses || !endpoints.labels().contains_key(SKIP_MIRROR) {
            put(&mut endpoints, &wanted, "subsets");
            endpoints.set(&["metadata", "labels", SKIP_MIRROR], "true");
            endpoints = resource.update(&endpoints, "").await?;
        }
        let resource = GroupVersionResource::new("discovery.k8s.io", "v1", "endpointslices");
        let resource = self.client.resource(&resource).namespace("default");
        let wanted = self.endpoint_slice(&endpoints);
        let mut slice = ensure::exists(&resource, &wanted).await?;
        if ["endpoints", "ports"].iter().any(|field| slice.get(&[*field]) != wanted.get(&[*field])) {
            put(&mut slice, &wanted, "endpoints");
            put(&mut slice, &wanted, "ports");
            resource.update(&slice, "").await?;
        }
        Ok(())
    }

    fn service(&self) -> Object {
        ensure::object(json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": "kubernetes",
                "namespace": "default",
                "labels": {"provider": "kubernetes", "component": "apiserver"},
            },
            "spec": {
                "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": self.secure_port}],
                "clusterIP": self.service_ip.to_string(),
                "ipFamilyPolicy": "SingleStack",
                "sessionAffinity": "None",
                "type": "ClusterIP",
            },
        }))
    }

    fn endpoints(&self, addresses: &BTreeSet<String>) -> Object {
        let mut endpoints = ensure::object(json!({
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {"name": "kubernetes", "namespace": "default", "labels": {SKIP_MIRROR: "true"}},
        }));
        if !addresses.is_empty() {
            let addresses: Vec<Value> = addresses.iter().map(|ip| json!({"ip": ip})).collect();
            let port = json!({"name": "https", "port": self.secure_port, "protocol": "TCP"});
            endpoints.set(&["subsets"], json!([{"addresses": addresses, "ports": [port]}]));
        }
        endpoints
    }

    /// Go: endpointSliceFromEndpoints
    fn endpoint_slice(&self, endpoints: &Object) -> Object {
        let ready = |ip: &String| json!({"addresses": [ip], "conditions": {"ready": true}});
        let ports = endpoints.get(&["subsets"]).and_then(|subsets| subsets.pointer("/0/ports"));
        ensure::object(json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "kubernetes",
                "namespace": "default",
                "labels": {"kubernetes.io/service-name": "kubernetes"},
            },
            "addressType": if self.advertise_address.is_ipv4() { "IPv4" } else { "IPv6" },
            "endpoints": addresses_of(endpoints).iter().map(ready).collect::<Vec<_>>(),
            "ports": ports.cloned().unwrap_or_default(),
        }))
    }
}

/// The addresses of the one subset.
fn addresses_of(endpoints: &Object) -> BTreeSet<String> {
    let addresses = endpoints.get(&["subsets"]).and_then(|subsets| subsets.pointer("/0/addresses"));
    let list = addresses.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|address| address["ip"].as_str()).map(str::to_owned).collect()
}

/// Makes a field what it is in another object.
fn put(object: &mut Object, other: &Object, field: &str) {
    object.set(&[field], other.get(&[field]).cloned().unwrap_or_default());
}

fn in_storage(error: storage::error::Error) -> Error {
    Error::Decode(error.to_string())
}
