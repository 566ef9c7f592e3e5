//! Node ports: an operation that takes some, and gives all of them back if it fails.
//!
//! ```text
//!   /registry/ranges/servicenodeports     which ports are taken: one object, shared by all replicas
//! ```
//!
//! Go: pkg/registry/core/service/portallocator/operation.go, pkg/registry/core/service/allocator/storage/storage.go,
//! pkg/registry/core/service/storage/alloc.go initNodePorts, updateNodePorts

use std::sync::Arc;

use api::core::service::{facts, linked};
use apimachinery::{
    api::errors::StatusError,
    runtime::{
        object::Object,
        schema::{GroupResource, GroupVersion},
    },
    validation::field::{Error, ErrorList, Path},
};
use apiserver::{registry::rest::Result, request::context::Context};
use phase::{clock::Clock, ids::IdSource, trace::Trace};
use serde_json::Value;
use storage::{
    errors::interpret_update_error,
    interface::{GetOptions, Interface, Missing, Preconditions, Ttl},
};

use crate::{
    apiserver::storage::StorageFactory,
    registry::core::service::{
        invalid,
        port_range::{ALLOCATED, PortRange},
    },
};

const PREFIX: &str = "/ranges";
const KEY: &str = "/ranges/servicenodeports";

/// Who has which port.
#[derive(Clone)]
pub struct NodePorts {
    /// The ports of the flag, none of them taken.
    range: PortRange,
    storage: Arc<dyn Interface>,
}

/// What storage knew at some time, and which time that was.
pub struct Stored {
    /// The ports taken then; `None` if there was nothing of this range.
    pub range: Option<PortRange>,
    resource_version: String,
}

impl NodePorts {
    /// Gives out the ports of a range, first and last.
    pub fn new(bounds: (u16, u16), factory: &StorageFactory, clock: Arc<dyn Clock>) -> Self {
        let hub = GroupVersion::new("", "v1").with_kind("RangeAllocation");
        let storage = factory.raw_storage(resource(), PREFIX, hub, clock);
        Self { range: PortRange::new(bounds), storage }
    }

    /// All ports, none of them taken.
    pub fn empty(&self) -> PortRange {
        self.range.clone()
    }

    /// Returns what storage knows.
    pub async fn read(&self) -> Result<Stored> {
        let stored = match self.storage.get(&Trace::unwatched(), KEY, GetOptions::default()).await {
            Ok(stored) => stored.object(),
            Err(storage::error::Error::KeyNotFound { .. }) => Object::default(),
            Err(error) => return Err(interpret_update_error(error, &resource(), "")),
        };
        let resource_version = stored.resource_version().to_owned();
        Ok(Stored { range: self.range.restore(&stored), resource_version })
    }

    /// Writes a new state, unless someone wrote since `stored` was read.
    ///
    /// Go: CreateOrUpdate
    pub async fn write(&self, range: &PortRange, stored: &Stored) -> Result<()> {
        let mut update = |current: Option<Object>| -> Result<(Object, Ttl)> {
            let mut object = current.unwrap_or_default();
            if object.resource_version() != stored.resource_version {
                let text = "the provided resource version does not match";
                return Err(StatusError::new_conflict(&resource(), "", text));
            }
            range.snapshot(&mut object);
            object.set(&["apiVersion"], "v1");
            object.set(&["kind"], "RangeAllocation");
            Ok((object, None))
        };
        let (trace, preconditions) = (Trace::unwatched(), Preconditions::default());
        let written = self.storage.guaranteed_update(&trace, KEY, Missing::Create, preconditions, &mut update).await;
        written.map(drop).map_err(|error| interpret_update_error(error, &resource(), ""))
    }

    /// Reads, changes and writes; again if another replica wrote in between.
    ///
    /// Go: tryUpdate
    async fn change<T: Send>(
        &self,
        change: impl Fn(&mut PortRange) -> std::result::Result<T, String> + Send + Sync,
    ) -> std::result::Result<T, String> {
        let mut outcome = Err(format!("cannot allocate resources of type {} at this time", resource().resource));
        let mut update = |current: Option<Object>| -> Result<(Object, Ttl)> {
            let mut object = current.unwrap_or_default();
            let Some(mut range) = self.range.restore(&object) else {
                outcome = Err("the provided range does not match the current range".to_owned());
                return Err(StatusError::new_internal_error(""));
            };
            outcome = change(&mut range);
            if outcome.is_err() {
                return Err(StatusError::new_internal_error(""));
            }
            range.snapshot(&mut object);
            Ok((object, None))
        };
        let (trace, preconditions) = (Trace::unwatched(), Preconditions::default());
        let written = self.storage.guaranteed_update(&trace, KEY, Missing::Fail, preconditions, &mut update).await;
        match (written, outcome) {
            (Err(error), Ok(_)) => Err(interpret_update_error(error, &resource(), "").message),
            (_, outcome) => outcome,
        }
    }

    /// Takes ports back.
    pub async fn release(&self, ports: &[i64]) {
        if ports.is_empty() {
            return;
        }
        let released = self.change(|range| {
            ports.iter().for_each(|port| {
                range.release(*port);
            });
            Ok(())
        });
        if let Err(error) = released.await {
            tracing::warn!("cannot release node ports {ports:?}: {error}");
        }
    }
}

/// Go: pkg/registry/core/rest/storage_core.go
fn resource() -> GroupResource {
    GroupResource::new("", "servicenodeportallocations")
}

/// Ports that one write takes and releases. Dropped, it gives back what it took, a little later.
///
/// Go: PortAllocationOperation
pub struct Operation {
    ports: NodePorts,
    ids: Arc<dyn IdSource>,
    allocated: Vec<i64>,
    released: Vec<i64>,
    dry_run: bool,
}

impl Operation {
    /// Begins.
    pub fn start(ports: NodePorts, cx: &Context, dry_run: bool) -> Self {
        let ids = cx.services.ids.clone();
        Self { ports, ids, allocated: Vec::new(), released: Vec::new(), dry_run }
    }

    /// The write succeeded.
    pub async fn commit(mut self) {
        self.allocated.clear();
        if !self.dry_run {
            self.ports.release(&self.released).await;
        }
    }

    /// The write failed.
    pub async fn roll_back(mut self) {
        let allocated = std::mem::take(&mut self.allocated);
        if !self.dry_run {
            self.ports.release(&allocated).await;
        }
    }

    /// Takes a port.
    async fn allocate(&mut self, port: i64) -> std::result::Result<(), String> {
        if self.dry_run {
            let stored = self.ports.read().await.map_err(|error| error.message)?;
            if self.allocated.contains(&port) || stored.range.is_some_and(|range| range.has(port)) {
                return Err(ALLOCATED.to_owned());
            }
        } else {
            self.ports.change(|range| range.take(port)).await?;
        }
        self.allocated.push(port);
        Ok(())
    }

    /// Takes any port.
    async fn allocate_next(&mut self) -> std::result::Result<i64, String> {
        let port = if self.dry_run {
            // Nobody will have it: a number beyond the usual range says so.
            self.allocated.iter().copied().max().unwrap_or(32_768) + 1
        } else {
            let chance = self.ids.next_u64();
            self.ports.change(|range| range.take_any(chance)).await?
        };
        self.allocated.push(port);
        Ok(port)
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        if self.allocated.is_empty() || self.dry_run {
            return;
        }
        let (ports, allocated) = (self.ports.clone(), std::mem::take(&mut self.allocated));
        tokio::spawn(async move { ports.release(&allocated).await });
    }
}

fn refused(service: &Object, index: usize, port: i64, text: String) -> StatusError {
    let path = Path::new("spec").child("ports").index(index).child("nodePort");
    invalid(service, ErrorList(vec![Error::invalid(&path, port, text)]))
}

fn failed(text: &str) -> StatusError {
    StatusError::new_internal_error(format!("failed to allocate a nodePort: {text}"))
}

fn number(port: &Value, field: &str) -> i64 {
    port[field].as_i64().unwrap_or_default()
}

fn set_node_port(service: &mut Object, index: usize, node_port: i64) {
    if let Some(port) = linked::ports_mut(service).nth(index) {
        port["nodePort"] = node_port.into();
    }
}

/// Takes the ports of a new service.
///
/// Go: txnAllocNodePorts
pub async fn allocate(operation: &mut Operation, service: &mut Object) -> Result<()> {
    if matches!(facts::kind(service), "NodePort" | "LoadBalancer") {
        init_node_ports(operation, service).await?;
    }
    if facts::needs_health_check(service) {
        health_check(operation, service).await?;
    }
    Ok(())
}

/// One number over several protocols is one node port.
///
/// Go: initNodePorts
async fn init_node_ports(operation: &mut Operation, service: &mut Object) -> Result<()> {
    let ports = facts::ports(service).to_vec();
    let mut by_port: Vec<(i64, i64)> = Vec::new();
    for (index, port) in ports.iter().enumerate() {
        let (wanted, node_port) = (number(port, "port"), number(port, "nodePort"));
        if node_port == 0 && !facts::needs_node_port(service) {
            continue;
        }
        let known = by_port.iter().find(|(port, _)| *port == wanted).map(|(_, node_port)| *node_port);
        match known {
            Some(known) if node_port == 0 => set_node_port(service, index, known),
            Some(known) if node_port == known => {}
            Some(_) => operation.allocate(node_port).await.map_err(|text| refused(service, index, node_port, text))?,
            None => {
                let same = ports.iter().filter(|other| number(other, "port") == wanted);
                let named = same.map(|other| number(other, "nodePort")).find(|port| *port != 0);
                let taken = match named {
                    Some(named) => {
                        operation.allocate(named).await.map_err(|text| refused(service, index, named, text))?;
                        named
                    }
                    None => operation.allocate_next().await.map_err(|text| failed(&text))?,
                };
                set_node_port(service, index, taken);
                by_port.push((wanted, taken));
            }
        }
    }
    Ok(())
}

/// Takes and releases what a change of a service means.
///
/// Go: txnUpdateNodePorts
pub async fn update(operation: &mut Operation, service: &mut Object, old: &Object) -> Result<()> {
    let on_nodes = |service: &Object| matches!(facts::kind(service), "NodePort" | "LoadBalancer");
    if on_nodes(service) {
        update_node_ports(operation, service, old).await?;
    } else if on_nodes(old) {
        operation.released.extend(facts::node_ports(old));
    }
    match (facts::needs_health_check(old), facts::needs_health_check(service)) {
        (false, true) => health_check(operation, service).await?,
        (true, false) => operation.released.push(facts::health_check_node_port(old)),
        _ => {}
    }
    Ok(())
}

/// Go: updateNodePorts
async fn update_node_ports(operation: &mut Operation, service: &mut Object, old: &Object) -> Result<()> {
    let before = facts::node_ports(old);
    let ports = facts::ports(service).to_vec();
    let mut seen: Vec<(String, i64)> = Vec::new();
    for (index, port) in ports.iter().enumerate() {
        let mut node_port = number(port, "nodePort");
        if node_port == 0 && !facts::needs_node_port(service) {
            continue;
        }
        if node_port == 0 {
            node_port = operation.allocate_next().await.map_err(|text| failed(&text))?;
            set_node_port(service, index, node_port);
        } else if !before.contains(&node_port) && !operation.allocated.contains(&node_port) {
            operation.allocate(node_port).await.map_err(|text| refused(service, index, node_port, text))?;
        }
        let protocol = port["protocol"].as_str().unwrap_or_default().to_owned();
        if seen.contains(&(protocol.clone(), node_port)) {
            return Err(StatusError::new(500, "", format!("duplicate nodePort: {{{protocol} {node_port}}}")));
        }
        seen.push((protocol, node_port));
    }
    let now = facts::node_ports(service);
    operation.released.extend(before.into_iter().filter(|port| !now.contains(port)));
    Ok(())
}

/// Go: allocHealthCheckNodePort
async fn health_check(operation: &mut Operation, service: &mut Object) -> Result<()> {
    let named = facts::health_check_node_port(service);
    let taken = if named == 0 {
        let next = operation.allocate_next().await;
        next.map_err(|text| format!("failed to allocate a HealthCheck NodePort: {text}"))
    } else {
        let taken = operation.allocate(named).await.map(|()| named);
        taken.map_err(|text| format!("failed to allocate requested HealthCheck NodePort {named}: {text}"))
    };
    service.set(&["spec", "healthCheckNodePort"], taken.map_err(StatusError::new_internal_error)?);
    Ok(())
}
