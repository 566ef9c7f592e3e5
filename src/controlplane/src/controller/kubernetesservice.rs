//! Service `default/kubernetes` and its endpoints: how pods find the API server.
//!
//! Go: pkg/controlplane/controller/kubernetesservice/controller.go, pkg/controlplane/reconcilers/lease.go
//!
//! Simplified: the endpoints name this server alone; replicas do not merge theirs.

use std::{net::IpAddr, time::Duration};

use apimachinery::runtime::{object::Object, schema::GroupVersionResource};
use apiserver::server::hooks::{PostStartHookContext, PostStartHookFunc, post_start_hook};
use client::rest::Error;
use serde_json::{Value, json};

use crate::controller::ensure;

/// How often they are looked after.
const PERIOD: Duration = Duration::from_secs(10);

/// What the service points to.
#[derive(Clone, Copy, Debug)]
pub struct KubernetesService {
    /// The service's address: number one of the service range.
    pub service_ip: IpAddr,
    /// Where this server can be reached.
    pub advertise_address: IpAddr,
    /// Its port.
    pub secure_port: u16,
    /// Whether endpoints are written.
    pub reconcile_endpoints: bool,
}

/// Hook `bootstrap-controller`.
pub fn hook(service: KubernetesService) -> PostStartHookFunc {
    post_start_hook(move |context: PostStartHookContext| async move {
        tokio::spawn(async move {
            loop {
                let synced = service.sync(&context).await;
                let period = if synced.is_ok() { PERIOD } else { Duration::from_millis(100) };
                if let Err(error) = synced {
                    tracing::debug!(%error, "cannot keep the kubernetes service yet");
                }
                if ensure::pause(period, &context.stop).await.is_err() {
                    return;
                }
            }
        });
        Ok(())
    })
}

impl KubernetesService {
    async fn sync(&self, context: &PostStartHookContext) -> Result<(), Error> {
        let client = ensure::client(context);
        let namespaces = client.resource(&GroupVersionResource::new("", "v1", "namespaces"));
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}});
        ensure::exists(&namespaces, &ensure::object(namespace)).await?;
        let services = client.resource(&GroupVersionResource::new("", "v1", "services")).namespace("default");
        ensure::exists(&services, &self.service()).await?;
        // Loopback addresses are of no use to pods, and validation refuses them.
        if !self.reconcile_endpoints || self.advertise_address.is_loopback() {
            return Ok(());
        }
        let wanted = [
            (GroupVersionResource::new("", "v1", "endpoints"), self.endpoints(), "subsets"),
            (GroupVersionResource::new("discovery.k8s.io", "v1", "endpointslices"), self.endpoint_slice(), "endpoints"),
        ];
        for (resource, object, field) in wanted {
            let resource = client.resource(&resource).namespace("default");
            let mut present = ensure::exists(&resource, &object).await?;
            if present.get(&[field]) != object.get(&[field]) {
                present.set(&[field], object.get(&[field]).cloned().unwrap_or_default());
                resource.update(&present, "").await?;
            }
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

    fn endpoints(&self) -> Object {
        ensure::object(json!({
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {
                "name": "kubernetes",
                "namespace": "default",
                "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
            },
            "subsets": [{"addresses": [{"ip": self.advertise_address.to_string()}], "ports": [self.port()]}],
        }))
    }

    fn endpoint_slice(&self) -> Object {
        ensure::object(json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "kubernetes",
                "namespace": "default",
                "labels": {"kubernetes.io/service-name": "kubernetes"},
            },
            "addressType": if self.advertise_address.is_ipv4() { "IPv4" } else { "IPv6" },
            "endpoints": [{"addresses": [self.advertise_address.to_string()], "conditions": {"ready": true}}],
            "ports": [self.port()],
        }))
    }

    fn port(&self) -> Value {
        json!({"name": "https", "port": self.secure_port, "protocol": "TCP"})
    }
}
