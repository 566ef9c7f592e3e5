//! What storage says of node ports follows the services: what they have is taken, what nobody has is free again.
//!
//! Go: pkg/registry/core/service/portallocator/controller/repair.go

use std::collections::BTreeMap;

use api::core::service::facts;
use apimachinery::{api::errors::StatusError, runtime::object::Object};
use client::rest::{Client, Error};

use crate::{
    controller::ensure,
    registry::core::service::{
        node_ports::{NodePorts, Stored},
        port_range::PortRange,
    },
};

/// How often a port is seen without a service before it counts as forgotten: its service is written after it.
///
/// Go: numRepairsBeforeLeakCleanup
const REPAIRS_BEFORE_LEAK_CLEANUP: u32 = 3;

/// How often a repair is tried again when a replica wrote in between.
///
/// Go: retry.DefaultBackoff
const TRIES: usize = 4;

/// Compares services and ports, and remembers what looked forgotten.
pub struct Repair {
    ports: NodePorts,
    /// Ports without a service, and how often they will still be kept.
    leaks: BTreeMap<i64, u32>,
}

impl Repair {
    /// Has seen nothing yet.
    pub fn new(ports: NodePorts) -> Self {
        Self { ports, leaks: BTreeMap::new() }
    }

    /// Does it once.
    ///
    /// Go: runOnce
    pub async fn run(&mut self, client: &Client) -> Result<(), Error> {
        for _ in 1..TRIES {
            match self.attempt(client).await {
                Err(error) if error.is_conflict() => {}
                other => return other,
            }
        }
        self.attempt(client).await
    }

    /// Go: doRunOnce
    async fn attempt(&mut self, client: &Client) -> Result<(), Error> {
        let failed = |error: StatusError| Error::Status(error);
        // Ports first: what is taken after this read makes the write fail.
        let stored = self.ports.read().await.map_err(failed)?;
        let services = ensure::services(client).list(&[]).await?.items;
        let rebuilt = self.rebuild(&stored, &services);
        self.ports.write(&rebuilt, &stored).await.map_err(failed)
    }

    fn rebuild(&mut self, stored: &Stored, services: &[Object]) -> PortRange {
        let mut rebuilt = self.ports.empty();
        // What remains of it has no service.
        let mut left = stored.range.clone().unwrap_or_else(|| self.ports.empty());
        for service in services {
            for port in in_use(service) {
                let whose = || format!("{}/{}", service.namespace(), service.name());
                match rebuilt.take(port) {
                    Ok(()) if left.release(port) => {}
                    Ok(()) => tracing::info!("the node port {port} of service {} was not allocated", whose()),
                    Err(text) => tracing::warn!("node port {port} of service {}: {text}; please recreate", whose()),
                }
                self.leaks.remove(&port);
            }
        }
        for port in left.ports() {
            let kept = self.leaks.entry(port).or_insert(REPAIRS_BEFORE_LEAK_CLEANUP - 1);
            if *kept > 0 {
                *kept -= 1;
                // It is free: what services have was released from what is left.
                let _ = rebuilt.take(port);
            } else {
                tracing::info!("the node port {port} appears to have leaked: cleaning up");
            }
        }
        rebuilt
    }
}

/// The ports that a service has; one that several protocols share counts once.
///
/// Go: collectServiceNodePorts
fn in_use(service: &Object) -> Vec<i64> {
    let mut seen: Vec<(i64, &str)> = Vec::new();
    let mut ports = Vec::new();
    let of_services = facts::ports(service)
        .iter()
        .map(|port| (port["nodePort"].as_i64().unwrap_or_default(), port["protocol"].as_str().unwrap_or_default()));
    for (port, protocol) in of_services.chain([(facts::health_check_node_port(service), "TCP")]) {
        let shared = seen.iter().any(|(other, _)| *other == port) && !seen.contains(&(port, protocol));
        if port != 0 && !shared {
            ports.push(port);
        }
        seen.push((port, protocol));
    }
    ports
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn protocols_share_a_port_and_services_do_not() {
        let service = ensure::object(json!({"spec": {"healthCheckNodePort": 30009, "ports": [
            {"protocol": "TCP", "nodePort": 30001}, {"protocol": "UDP", "nodePort": 30001},
            {"protocol": "TCP", "nodePort": 30002}, {"protocol": "TCP", "nodePort": 30002}, {"protocol": "TCP"},
        ]}}));
        assert_eq!(in_use(&service), [30001, 30002, 30002, 30009]);
    }
}
