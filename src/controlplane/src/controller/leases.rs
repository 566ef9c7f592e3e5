//! Leases in storage, behind no resource: which replicas live, and where. One ends soon after its server does.
//!
//! ```text
//!   /registry/masterleases/ADDRESS      who is an endpoint of the kubernetes service
//!   /registry/peerserverleases/ID       where a replica is reached by the others
//! ```
//!
//! Go: pkg/controlplane/reconcilers/lease.go Leases, apiserver/pkg/reconcilers/peer_endpoint_lease.go

use std::sync::Arc;

use apimachinery::runtime::{
    object::Object,
    schema::{GroupResource, GroupVersion},
};
use phase::{clock::Clock, trace::Trace};
use serde_json::Value;
use storage::{
    error::Error,
    interface::{Interface, ListOptions, Missing, Preconditions, ValidateAll},
};

use crate::apiserver::storage::StorageFactory;

/// How many seconds a lease lasts.
///
/// Go: DefaultEndpointReconcilerTTL
const TTL: u64 = 15;

/// The leases of one kind.
#[derive(Clone)]
pub struct Leases {
    storage: Arc<dyn Interface>,
    prefix: &'static str,
}

impl Leases {
    /// Opens those under a prefix, `/masterleases`.
    pub fn new(factory: &StorageFactory, resource: &str, prefix: &'static str, clock: Arc<dyn Clock>) -> Self {
        let hub = GroupVersion::new("", "v1").with_kind("Endpoints");
        Self { storage: factory.raw_storage(GroupResource::new("", resource), prefix, hub, clock), prefix }
    }

    fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    /// Lets a lease last from now on.
    pub async fn renew(&self, name: &str, lease: &Object) -> Result<(), Error> {
        const GENERATION: [&str; 2] = ["metadata", "generation"];
        let mut update = |current: Option<Object>| {
            // What does not change is not written, and what is not written ends.
            let generation =
                current.and_then(|lease| lease.get(&GENERATION).and_then(Value::as_i64)).unwrap_or_default();
            let mut lease = lease.clone();
            lease.set(&GENERATION, generation + 1);
            Ok((lease, Some(TTL)))
        };
        let (trace, key) = (Trace::unwatched(), self.key(name));
        let preconditions = Preconditions::default();
        self.storage.guaranteed_update(&trace, &key, Missing::Create, preconditions, &mut update).await.map(drop)
    }

    /// Ends a lease; says whether there was one.
    pub async fn remove(&self, name: &str) -> Result<bool, Error> {
        let (trace, key) = (Trace::unwatched(), self.key(name));
        match self.storage.delete(&trace, &key, Preconditions::default(), &mut ValidateAll).await {
            Ok(_) => Ok(true),
            Err(Error::KeyNotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns the addresses in all of them.
    pub async fn addresses(&self) -> Result<Vec<String>, Error> {
        let options = ListOptions { recursive: true, ..ListOptions::default() };
        let listed = self.storage.get_list(&Trace::unwatched(), &self.key(""), options).await?;
        let address =
            |lease: &Object| lease.get(&["subsets"])?.pointer("/0/addresses/0/ip")?.as_str().map(str::to_owned);
        Ok(listed.items.iter().filter_map(|lease| address(&lease.object())).collect())
    }
}
