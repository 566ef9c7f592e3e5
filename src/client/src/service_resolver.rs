//! Where a service listens, by its cluster address.
//!
//! Go: apiserver/pkg/util/proxy/proxy.go ResolveCluster, kube-aggregator/pkg/apiserver/resolvers.go

use std::sync::Arc;

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

fn ports(service: &Object) -> impl Iterator<Item = &Value> {
    service.get(&["spec", "ports"]).and_then(Value::as_array).into_iter().flatten()
}

/// Go: net JoinHostPort
fn join(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
