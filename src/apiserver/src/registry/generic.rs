//! Where a registry's objects come to lie.
//!
//! Go: apiserver/pkg/registry/generic/options.go, apiserver/pkg/server/options/etcd.go StorageFactoryRestOptionsFactory

use std::sync::Arc;

use kv::backend::Backend;
use phase::clock::Clock;
use storage::{
    cacher::store::Cacher,
    etcd3::{
        lease_manager::{LeaseManager, LeaseManagerConfig},
        store::Store,
    },
    interface::{Interface, Resource},
    value::config::Transformers,
};
use tokio_util::sync::CancellationToken;

/// Whether reads are answered from memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchCache {
    /// They are.
    On,
    /// Every read goes to the backend: events.
    Off,
}

/// Opens the storage of one resource after another.
///
/// Go: apiserver/pkg/registry/generic/options.go RESTOptionsGetter
pub trait RESTOptionsGetter: Send + Sync {
    /// Returns the storage of a resource.
    fn get_rest_options(&self, resource: Resource, cache: WatchCache) -> Arc<dyn Interface>;

    /// Returns the storage of a resource that may go away while the server runs: a custom one. Its watch cache, and
    /// with it every watch, ends at `stop`.
    ///
    /// Go: apiserver/pkg/registry/generic/registry/store.go DestroyFunc
    fn get_rest_options_until(
        &self,
        resource: Resource,
        cache: WatchCache,
        stop: CancellationToken,
    ) -> Arc<dyn Interface>;
}

/// One backend below one prefix, for all resources.
///
/// Go: apiserver/pkg/server/options/etcd.go StorageFactoryRestOptionsFactory
pub struct StorageFactoryRESTOptionsFactory {
    /// Keys and revisions.
    pub client: Arc<dyn Backend>,
    /// The prefix of all of storage: `/registry`.
    pub path_prefix: String,
    /// What happens to bytes on their way.
    pub transformers: Transformers,
    /// How leases of events are shared.
    pub leases: LeaseManagerConfig,
    /// Whether watch caches are used at all.
    pub watch_cache: WatchCache,
    /// Where times come from.
    pub clock: Arc<dyn Clock>,
    /// Ends the watch caches.
    pub stop: CancellationToken,
}

impl RESTOptionsGetter for StorageFactoryRESTOptionsFactory {
    /// With a watch cache, starts to fill it, as Go does: this needs a runtime.
    ///
    /// Go: apiserver/pkg/registry/generic/registry/storage_factory.go StorageWithCacher
    fn get_rest_options(&self, resource: Resource, cache: WatchCache) -> Arc<dyn Interface> {
        self.get_rest_options_until(resource, cache, self.stop.clone())
    }

    fn get_rest_options_until(
        &self,
        resource: Resource,
        cache: WatchCache,
        stop: CancellationToken,
    ) -> Arc<dyn Interface> {
        let leases = LeaseManager::new(self.leases, self.clock.clone());
        let transformer = self.transformers.of(&resource.group_resource);
        let store = Store::new(self.client.clone(), &self.path_prefix, resource, transformer, leases);
        let store = Arc::new(store);
        match (self.watch_cache, cache) {
            (WatchCache::On, WatchCache::On) => {
                let cacher = Cacher::new(store, self.clock.clone());
                let (running, all) = (cacher.clone().run(stop), self.stop.clone());
                tokio::spawn(async move { all.run_until_cancelled(running).await });
                cacher
            }
            (WatchCache::Off, _) | (_, WatchCache::Off) => store,
        }
    }
}
