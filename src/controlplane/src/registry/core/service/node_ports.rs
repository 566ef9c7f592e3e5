//! Node ports: which are taken, and an operation that takes some and gives all of them back if it fails.
//!
//! Simplified: Kubernetes keeps a bitmap in storage, `/registry/ranges/servicenodeports`. Here every server keeps its
//! own in memory, and reads it from the services when it first needs it.
//!
//! Go: pkg/registry/core/service/portallocator/{allocator,operation}.go,
//! pkg/registry/core/service/storage/alloc.go initNodePorts, updateNodePorts

use std::{collections::BTreeSet, sync::Arc};

use api::core::service::{facts, linked};
use apimachinery::{
    api::errors::StatusError,
    runtime::object::Object,
    validation::field::{Error, ErrorList, Path},
};
use apiserver::{
    registry::{rest::Result, store::Store},
    request::context::Context,
};
use parking_lot::Mutex;
use phase::ids::IdSource;
use serde_json::Value;
use storage::{errors::interpret_list_error, interface::ListOptions};

use crate::registry::core::service::invalid;

const ALLOCATED: &str = "provided port is already allocated";

/// Who has which port.
pub struct NodePorts {
    first: i64,
    last: i64,
    services: Store,
    /// Ports in use; `None` until the services have been looked at.
    taken: Mutex<Option<BTreeSet<i64>>>,
}

impl NodePorts {
    /// Gives out the ports of a range, first and last.
    pub fn new(range: (u16, u16), services: Store) -> Self {
        Self { first: range.0.into(), last: range.1.into(), services, taken: Mutex::default() }
    }

    /// Looks at the services once.
    pub async fn fill(&self, cx: &Context) -> Result<()> {
        if self.taken.lock().is_some() {
            return Ok(());
        }
        let prefix = format!("{}/", self.services.key_root);
        let everything = ListOptions { recursive: true, ..ListOptions::default() };
        let listed = self.services.storage.get_list(&cx.trace, &prefix, everything).await;
        let listed = listed.map_err(|error| interpret_list_error(error, &self.services.resource))?;
        let mut ports = BTreeSet::new();
        for item in listed.items {
            let service = item.object();
            ports.extend(facts::node_ports(&service));
            ports.extend(Some(facts::health_check_node_port(&service)).filter(|port| *port != 0));
        }
        self.taken.lock().get_or_insert(ports);
        Ok(())
    }

    /// Takes ports back.
    pub fn release(&self, ports: &[i64]) {
        if let Some(taken) = self.taken.lock().as_mut() {
            ports.iter().for_each(|port| {
                taken.remove(port);
            });
        }
    }

    fn take(&self, port: i64) -> std::result::Result<(), String> {
        if !(self.first..=self.last).contains(&port) {
            let (first, last) = (self.first, self.last);
            return Err(format!("provided port is not in the valid range. The range of valid ports is {first}-{last}"));
        }
        let mut taken = self.taken.lock();
        if taken.get_or_insert_default().insert(port) { Ok(()) } else { Err(ALLOCATED.to_owned()) }
    }

    fn has(&self, port: i64) -> bool {
        self.taken.lock().as_ref().is_some_and(|taken| taken.contains(&port))
    }

    /// Takes any port, from one by chance on. The lower part of the range is for those who ask by number.
    fn take_any(&self, ids: &dyn IdSource) -> Option<i64> {
        let size = self.last - self.first + 1;
        let reserved = if size <= 32 { 0 } else { (size / 32).clamp(16, 128) };
        let mut taken = self.taken.lock();
        let taken = taken.get_or_insert_default();
        for (first, size) in [(self.first + reserved, size - reserved), (self.first, reserved)] {
            if size == 0 {
                continue;
            }
            let start = i64::try_from(ids.next_u64() % size.unsigned_abs()).unwrap_or_default();
            let found = (0..size).map(|step| first + (start + step) % size).find(|port| !taken.contains(port));
            if let Some(port) = found {
                taken.insert(port);
                return Some(port);
            }
        }
        None
    }
}

/// Ports that one write takes and releases. Dropped, it gives back what it took.
///
/// Go: PortAllocationOperation
pub struct Operation {
    ports: Arc<NodePorts>,
    ids: Arc<dyn IdSource>,
    allocated: Vec<i64>,
    released: Vec<i64>,
    dry_run: bool,
}

impl Operation {
    /// Begins.
    pub fn start(ports: Arc<NodePorts>, cx: &Context, dry_run: bool) -> Self {
        let ids = cx.services.ids.clone();
        Self { ports, ids, allocated: Vec::new(), released: Vec::new(), dry_run }
    }

    /// The write succeeded.
    pub fn commit(mut self) {
        self.allocated.clear();
        if !self.dry_run {
            self.ports.release(&self.released);
        }
    }

    /// Takes a port.
    fn allocate(&mut self, port: i64) -> std::result::Result<(), String> {
        if self.dry_run {
            if self.ports.has(port) || self.allocated.contains(&port) {
                return Err(ALLOCATED.to_owned());
            }
        } else {
            self.ports.take(port)?;
        }
        self.allocated.push(port);
        Ok(())
    }

    /// Takes any port.
    fn allocate_next(&mut self) -> std::result::Result<i64, String> {
        let port = if self.dry_run {
            // Nobody will have it: a number beyond the usual range says so.
            self.allocated.iter().copied().max().unwrap_or(32_768) + 1
        } else {
            self.ports.take_any(&*self.ids).ok_or("range is full")?
        };
        self.allocated.push(port);
        Ok(port)
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        if !self.dry_run {
            self.ports.release(&self.allocated);
        }
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
pub fn allocate(operation: &mut Operation, service: &mut Object) -> Result<()> {
    if matches!(facts::kind(service), "NodePort" | "LoadBalancer") {
        init_node_ports(operation, service)?;
    }
    if facts::needs_health_check(service) {
        health_check(operation, service)?;
    }
    Ok(())
}

/// One number over several protocols is one node port.
///
/// Go: initNodePorts
fn init_node_ports(operation: &mut Operation, service: &mut Object) -> Result<()> {
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
            Some(_) => operation.allocate(node_port).map_err(|text| refused(service, index, node_port, text))?,
            None => {
                let same = ports.iter().filter(|other| number(other, "port") == wanted);
                let named = same.map(|other| number(other, "nodePort")).find(|port| *port != 0);
                let taken = match named {
                    Some(named) => {
                        operation.allocate(named).map_err(|text| refused(service, index, named, text))?;
                        named
                    }
                    None => operation.allocate_next().map_err(|text| failed(&text))?,
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
pub fn update(operation: &mut Operation, service: &mut Object, old: &Object) -> Result<()> {
    let on_nodes = |service: &Object| matches!(facts::kind(service), "NodePort" | "LoadBalancer");
    if on_nodes(service) {
        update_node_ports(operation, service, old)?;
    } else if on_nodes(old) {
        operation.released.extend(facts::node_ports(old));
    }
    match (facts::needs_health_check(old), facts::needs_health_check(service)) {
        (false, true) => health_check(operation, service)?,
        (true, false) => operation.released.push(facts::health_check_node_port(old)),
        _ => {}
    }
    Ok(())
}

/// Go: updateNodePorts
fn update_node_ports(operation: &mut Operation, service: &mut Object, old: &Object) -> Result<()> {
    let before = facts::node_ports(old);
    let ports = facts::ports(service).to_vec();
    let mut seen: Vec<(String, i64)> = Vec::new();
    for (index, port) in ports.iter().enumerate() {
        let mut node_port = number(port, "nodePort");
        if node_port == 0 && !facts::needs_node_port(service) {
            continue;
        }
        if node_port == 0 {
            node_port = operation.allocate_next().map_err(|text| failed(&text))?;
            set_node_port(service, index, node_port);
        } else if !before.contains(&node_port) && !operation.allocated.contains(&node_port) {
            operation.allocate(node_port).map_err(|text| refused(service, index, node_port, text))?;
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
fn health_check(operation: &mut Operation, service: &mut Object) -> Result<()> {
    let named = facts::health_check_node_port(service);
    let taken = if named == 0 {
        let next = operation.allocate_next();
        next.map_err(|text| format!("failed to allocate a HealthCheck NodePort: {text}"))
    } else {
        let taken = operation.allocate(named).map(|()| named);
        taken.map_err(|text| format!("failed to allocate requested HealthCheck NodePort {named}: {text}"))
    };
    service.set(&["spec", "healthCheckNodePort"], taken.map_err(StatusError::new_internal_error)?);
    Ok(())
}
