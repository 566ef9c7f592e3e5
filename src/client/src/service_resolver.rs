//! Where a service listens: by its cluster address, or at one of its endpoints.
//!
//! Go: apiserver/pkg/util/proxy/proxy.go, kube-aggregator/pkg/apiserver/resolvers.go

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use apimachinery::runtime::{object::Object, schema::GroupVersion};
use serde_json::Value;

use crate::{
    cache::{informer::SharedInformerFactory, store::Store},
    webhook::ServiceResolver,
};

/// Resolves services to their cluster address, which somebody (kube-proxy) leads to their pods.
///
/// Go: kube-aggregator/pkg/apiserver/resolvers.go NewClusterIPServiceResolver
#[derive(Debug)]
pub struct ClusterIPResolver {
    services: Arc<Store>,
}

impl ClusterIPResolver {
    /// Looks services up in the copy of a factory.
    pub fn new(informers: &SharedInformerFactory) -> Self {
        Self { services: informers.lister(&GroupVersion::new("", "v1").with_resource("services")) }
    }
}

impl ServiceResolver for ClusterIPResolver {
    fn resolve_endpoint(&self, namespace: &str, name: &str, port: u16) -> Result<String, String> {
        let service = self.services.get(namespace, name).ok_or_else(|| format!("service {name:?} not found"))?;
        let address = service.str(&["spec", "clusterIP"]);
        match service.str(&["spec", "type"]) {
            "ClusterIP" if address == "None" => Err("cannot route to service with ClusterIP \"None\"".to_owned()),
            "ClusterIP" | "LoadBalancer" | "NodePort" => {
                let known = ports(&service).any(|known| known["port"].as_u64() == Some(u64::from(port)));
                if !known {
                    return Err(format!("no service port {port} found for service {name:?}"));
                }
                Ok(join(address, port))
            }
            "ExternalName" => Ok(join(service.str(&["spec", "externalName"]), port)),
            other => Err(format!("unsupported service type {other:?}")),
        }
    }
}

/// Resolves services to one of their endpoints, another one each time.
///
/// Simplified: Kubernetes draws the endpoint by lot; here they take turns.
///
/// Go: kube-aggregator/pkg/apiserver/resolvers.go NewEndpointServiceResolver
#[derive(Debug)]
pub struct EndpointResolver {
    services: Arc<Store>,
    endpoint_slices: Arc<Store>,
    /// Counts the answers.
    turn: AtomicUsize,
}

impl EndpointResolver {
    /// Looks services and endpoints up in the copies of a factory.
    pub fn new(informers: &SharedInformerFactory) -> Self {
        let slices = GroupVersion::new("discovery.k8s.io", "v1").with_resource("endpointslices");
        Self {
            services: informers.lister(&GroupVersion::new("", "v1").with_resource("services")),
            endpoint_slices: informers.lister(&slices),
            turn: AtomicUsize::new(0),
        }
    }
}

impl ServiceResolver for EndpointResolver {
    fn resolve_endpoint(&self, namespace: &str, name: &str, port: u16) -> Result<String, String> {
        let service = self.services.get(namespace, name).ok_or_else(|| format!("service {name:?} not found"))?;
        let kind = service.str(&["spec", "type"]);
        if !matches!(kind, "ClusterIP" | "LoadBalancer" | "NodePort") {
            return Err(format!("unsupported service type {kind:?}"));
        }
        let known = ports(&service).find(|known| known["port"].as_u64() == Some(u64::from(port)));
        let known = known.ok_or_else(|| format!("no service port {port} found for service {name:?}"))?;
        let port_name = known["name"].as_str().unwrap_or_default();
        let family = service.get(&["spec", "ipFamilies"]).and_then(|families| families[0].as_str());
        let mut slices: Vec<Arc<Object>> = self.endpoint_slices.in_namespace(namespace);
        slices.retain(|slice| slice.labels().get("kubernetes.io/service-name").is_some_and(|owner| owner == name));
        // The family that the service prefers comes first.
        slices.sort_by_key(|slice| family.is_some_and(|family| slice.str(&["addressType"]) != family));
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let found = slices.iter().find_map(|slice| endpoint(slice, port_name, turn));
        found.ok_or_else(|| format!("no endpoints available for service {name:?}"))
    }
}

/// Returns a ready endpoint of a slice that has the port.
fn endpoint(slice: &Object, port_name: &str, turn: usize) -> Option<String> {
    let list = |field: &str| slice.get(&[field]).and_then(Value::as_array);
    let port = list("ports")?.iter().find(|port| port["name"].as_str().unwrap_or_default() == port_name)?;
    let port = port["port"].as_u64().and_then(|port| u16::try_from(port).ok())?;
    let ready = |endpoint: &&Value| endpoint["conditions"]["ready"].as_bool().unwrap_or(true);
    let ready: Vec<&Value> = list("endpoints")?.iter().filter(ready).collect();
    let chosen = ready.get(turn.checked_rem(ready.len())?)?;
    Some(join(chosen["addresses"][0].as_str()?, port))
}

/// Resolves this server's own service to this server, and asks another resolver about all others.
///
/// Go: kube-aggregator/pkg/apiserver/resolvers.go NewLoopbackServiceResolver
pub struct LoopbackResolver {
    /// Who knows the others.
    pub delegate: Arc<dyn ServiceResolver>,
    /// `host:port` of this server.
    pub host: String,
}

impl ServiceResolver for LoopbackResolver {
    fn resolve_endpoint(&self, namespace: &str, name: &str, port: u16) -> Result<String, String> {
        if (namespace, name, port) == ("default", "kubernetes", 443) {
            return Ok(self.host.clone());
        }
        self.delegate.resolve_endpoint(namespace, name, port)
    }
}

fn ports(service: &Object) -> impl Iterator<Item = &Value> {
    service.get(&["spec", "ports"]).and_then(Value::as_array).into_iter().flatten()
}

/// Go: net JoinHostPort
fn join(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn endpoints_that_are_ready_take_turns() {
        let object = |value: Value| Object::from_value(value).expect("an object");
        let service = object(json!({
            "metadata": {"name": "s", "namespace": "n"},
            "spec": {"type": "ClusterIP", "ports": [{"name": "https", "port": 443}]},
        }));
        let slice = object(json!({
            "metadata": {"name": "s-1", "namespace": "n", "labels": {"kubernetes.io/service-name": "s"}},
            "ports": [{"name": "https", "port": 8443}],
            "endpoints": [
                {"addresses": ["10.0.0.1"]},
                {"addresses": ["10.0.0.2"], "conditions": {"ready": false}},
                {"addresses": ["fd00::3"]},
            ],
        }));
        let resolver = EndpointResolver {
            services: Arc::new(Store::from_objects([service])),
            endpoint_slices: Arc::new(Store::from_objects([slice])),
            turn: AtomicUsize::new(0),
        };
        let found: Vec<_> = (0..3).map(|_| resolver.resolve_endpoint("n", "s", 443)).collect();
        let expected = ["10.0.0.1:8443", "[fd00::3]:8443", "10.0.0.1:8443"].map(|text| Ok(text.to_owned()));
        assert_eq!(found, expected);
        assert!(resolver.resolve_endpoint("n", "s", 444).is_err());
    }
}
