//! Services: a cluster address and node ports are given out when one is written, and taken back when it goes.
//!
//! ```text
//!   begin_create, begin_update                              finish
//!     families      which IP families it has                  write succeeded: what was released is given back
//!     cluster_ips   an IPAddress object for each address      write failed: what was given out is given back
//!     node_ports    ports out of --service-node-port-range
//! ```
//!
//! Go: pkg/registry/core/service/storage/{storage,alloc}.go
//!
//! Read in this order.

pub mod families;

pub mod cluster_ips;

pub mod node_ports;

pub mod port_range;

pub mod repair;

pub mod repair_ports;

use std::sync::Arc;

use api::core::service::{facts, linked};
use apimachinery::{
    api::errors::StatusError,
    meta::options::WriteOptions,
    runtime::{object::Object, schema::GroupKind},
    validation::field::ErrorList,
};
use apiserver::{
    registry::{
        rest::{Answer, Result},
        store::{Finish, Hooks},
    },
    request::context::Context,
};
use phase::BoxFuture;

use crate::registry::core::service::{
    cluster_ips::{Allocated, ClusterIPs},
    node_ports::{NodePorts, Operation},
};

/// Gives out addresses and ports.
///
/// Go: Allocators
pub struct Allocators {
    /// Addresses.
    pub cluster_ips: Arc<ClusterIPs>,
    /// Ports.
    pub node_ports: NodePorts,
}

/// What a write has taken and will release.
///
/// Go: metaTransaction
struct Transaction {
    cluster_ips: Allocated,
    ports: Operation,
}

impl Finish for Transaction {
    fn succeed(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.cluster_ips.commit().await;
            self.ports.commit().await;
        })
    }

    fn fail(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.cluster_ips.roll_back().await;
            self.ports.roll_back().await;
        })
    }
}

impl Hooks for Allocators {
    /// Go: beginCreate
    fn begin_create<'a>(
        &'a self,
        cx: &'a Context,
        service: &'a mut Object,
        options: &'a WriteOptions,
    ) -> BoxFuture<'a, Result<Option<Box<dyn Finish>>>> {
        Box::pin(async move {
            linked::normalize_cluster_ips(service, None);
            self.allocate(cx, service, None, options.is_dry_run()).await
        })
    }

    /// Go: beginUpdate
    fn begin_update<'a>(
        &'a self,
        cx: &'a Context,
        service: &'a mut Object,
        old: &'a Object,
        options: &'a WriteOptions,
    ) -> BoxFuture<'a, Result<Option<Box<dyn Finish>>>> {
        Box::pin(async move {
            linked::patch_allocated_values(service, old);
            linked::normalize_cluster_ips(service, Some(old));
            self.allocate(cx, service, Some(old), options.is_dry_run()).await
        })
    }

    /// Go: releaseAllocatedResources
    fn after_delete<'a>(&'a self, _cx: &'a Context, service: &'a Answer) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let service = service.clone().into_object();
            let mut ports = facts::node_ports(&service);
            ports.extend(Some(facts::health_check_node_port(&service)).filter(|port| *port != 0));
            self.node_ports.release(&ports).await;
            for address in facts::cluster_ips(&service) {
                self.cluster_ips.release(address).await;
            }
        })
    }
}

impl Allocators {
    /// Completes a service, taking what it needs. What was taken goes back if the result is dropped.
    async fn allocate(
        &self,
        cx: &Context,
        service: &mut Object,
        old: Option<&Object>,
        dry_run: bool,
    ) -> Result<Option<Box<dyn Finish>>> {
        families::init(self.cluster_ips.families(), service, old)?;
        let cluster_ips = match old {
            None => self.cluster_ips.allocate(cx, service, dry_run).await?,
            Some(old) => self.cluster_ips.update(cx, service, old, dry_run).await?,
        };
        let mut ports = Operation::start(self.node_ports.clone(), cx, dry_run);
        match old {
            None => node_ports::allocate(&mut ports, service).await?,
            Some(old) => node_ports::update(&mut ports, service, old).await?,
        }
        Ok(Some(Box::new(Transaction { cluster_ips, ports })))
    }
}

/// Makes an answer of what is wrong with a service.
fn invalid(service: &Object, errors: ErrorList) -> StatusError {
    StatusError::new_invalid(&GroupKind { group: String::new(), kind: "Service".to_owned() }, service.name(), errors)
}
