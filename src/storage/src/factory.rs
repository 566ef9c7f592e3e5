//! From a resource to its storage: what all resources of a server share, in one place.
//!
//! Go: apiserver/pkg/storage/storagebackend/factory/factory.go, registry/generic/registry/storage_factory.go

use std::sync::Arc;

use kv::backend::Backend;
use phase::clock::Clock;
use tokio_util::sync::CancellationToken;

use crate::{
    cacher::store::Cacher,
    etcd3::{
        lease_manager::{LeaseManager, LeaseManagerConfig},
        store::Store,
    },
    interface::{Interface, Resource},
    value::Transformer,
};

/// What the stores of all resources share.
#[derive(Clone)]
pub struct Factory {
    /// The backend.
    pub client: Arc<dyn Backend>,
    /// Prefix of all of storage: `/registry`.
    pub path_prefix: String,
    /// How leases are shared.
    pub leases: LeaseManagerConfig,
    /// Where times come from.
    pub clock: Arc<dyn Clock>,
    /// Ends the watch caches.
    pub stop: CancellationToken,
}

/// Whether the objects of a resource are kept in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchCacheMode {
    /// They are not: there are many, and few who read them (Events).
    Off,
    /// They are.
    On,
}

impl Factory {
    /// Returns the storage of a resource. With a watch cache, starts to fill it: this needs a runtime.
    ///
    /// Go: StorageWithCacher, NewRawStorage
    pub fn create(
        &self,
        resource: Resource,
        transformer: Arc<dyn Transformer>,
        watch_cache: WatchCacheMode,
    ) -> Arc<dyn Interface> {
        let leases = LeaseManager::new(self.leases, self.clock.clone());
        let store = Arc::new(Store::new(self.client.clone(), &self.path_prefix, resource, transformer, leases));
        match watch_cache {
            WatchCacheMode::Off => store,
            WatchCacheMode::On => {
                let cacher = Cacher::new(store, self.clock.clone());
                tokio::spawn(cacher.clone().run(self.stop.clone()));
                cacher
            }
        }
    }
}
