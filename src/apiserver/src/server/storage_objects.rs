//! The storages that were opened: whether they are ready, and how much is in them.
//!
//! Go: apiserver/pkg/registry/generic/registry/store.go startObservingCount,
//! apiserver/pkg/server/storage_readiness_hook.go

use std::{sync::Arc, time::Duration};

use apimachinery::runtime::schema::GroupResource;
use component_base::metrics::{
    Metrics,
    families::{RESOURCE_OBJECTS, STORAGE_OBJECTS},
};
use parking_lot::Mutex;
use phase::trace::Trace;
use storage::interface::{Interface, Resource, WatcherInfo};
use tokio_util::sync::CancellationToken;

use crate::{
    registry::generic::{RESTOptionsGetter, WatchCache},
    server::{
        flowcontrol::{
            controller::Controller,
            width::{self, StorageObjectCountTracker},
        },
        hooks::{PostStartHookFunc, post_start_hook},
    },
};

/// How often objects are counted.
///
/// Go: apiserver/pkg/server/options/etcd.go CountMetricPollPeriod
const COUNT_METRIC_POLL_PERIOD: Duration = Duration::from_mins(1);

/// How often a storage that is not ready is asked again.
const READINESS_POLL: Duration = Duration::from_millis(100);

/// Opens storages as another getter does, and remembers them.
pub struct OpenedStorages {
    inner: Arc<dyn RESTOptionsGetter>,
    /// All that were opened so far, in order. Never shrinks: servers are not closed one by one.
    opened: Mutex<Vec<(GroupResource, Arc<dyn Interface>)>>,
}

impl OpenedStorages {
    /// Wraps a getter.
    pub fn new(inner: Arc<dyn RESTOptionsGetter>) -> Self {
        Self { inner, opened: Mutex::default() }
    }

    fn all(&self) -> Vec<(GroupResource, Arc<dyn Interface>)> {
        self.opened.lock().clone()
    }

    /// Returns who watches, for a person who looks on.
    pub fn watchers(&self) -> Vec<WatcherInfo> {
        self.all().iter().flat_map(|(_, storage)| storage.watchers()).collect()
    }

    /// Counts the objects of all storages.
    async fn observe(&self, metrics: &Metrics, counts: Option<&StorageObjectCountTracker>) {
        for (resource, storage) in self.all() {
            let Ok(stats) = storage.stats(&Trace::unwatched()).await else { continue };
            let (name, count) = (resource.to_string(), stats.object_count as f64);
            metrics.set(&STORAGE_OBJECTS, &[&name], count);
            metrics.set(&RESOURCE_OBJECTS, &[&resource.group, &resource.resource], count);
            if let Some(counts) = counts {
                let average_object_size = stats.estimated_average_object_size_bytes;
                counts.set(&name, width::Stats { object_count: stats.object_count, average_object_size });
            }
        }
    }
}

impl RESTOptionsGetter for OpenedStorages {
    fn get_rest_options(&self, resource: Resource, cache: WatchCache) -> Arc<dyn Interface> {
        let name = resource.group_resource.clone();
        let storage = self.inner.get_rest_options(resource, cache);
        self.opened.lock().push((name, storage.clone()));
        storage
    }

    /// Not remembered: nobody waits for it at the start, and it would never be let go.
    fn get_rest_options_until(
        &self,
        resource: Resource,
        cache: WatchCache,
        stop: CancellationToken,
    ) -> Arc<dyn Interface> {
        self.inner.get_rest_options_until(resource, cache, stop)
    }
}

/// Hook `storage-object-count-tracker-hook`: counts objects, for lists to take their seats by.
pub fn count_hook(
    storages: Option<Arc<OpenedStorages>>,
    metrics: Metrics,
    fairness: Option<Arc<Controller>>,
) -> PostStartHookFunc {
    post_start_hook(move |context| {
        let (storages, metrics, fairness) = (storages.clone(), metrics.clone(), fairness.clone());
        async move {
            let Some(storages) = storages else { return Ok(()) };
            tokio::spawn(async move {
                let mut pause = Duration::from_secs(1);
                while context.stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
                    let counts = fairness.as_ref().map(|controller| &*controller.object_counts);
                    storages.observe(&metrics, counts).await;
                    pause = COUNT_METRIC_POLL_PERIOD;
                }
            });
            Ok(())
        }
    })
}

/// Hook `storage-readiness`: waits until every watch cache is filled, but not for ever.
///
/// Go: apiserver/pkg/server/storage_readiness_hook.go Hook
pub fn readiness_hook(storages: Option<Arc<OpenedStorages>>, timeout: Duration) -> PostStartHookFunc {
    post_start_hook(move |context| {
        let storages = storages.clone();
        async move {
            let ready = async {
                for (_, storage) in storages.iter().flat_map(|storages| storages.all()) {
                    while storage.readiness_check().is_err() {
                        tokio::time::sleep(READINESS_POLL).await;
                    }
                }
            };
            tokio::select! {
                biased;
                () = ready => {}
                () = tokio::time::sleep(timeout) => tracing::info!("Timed out waiting for storage to initialize"),
                () = context.stop.cancelled() => {}
            }
            Ok(())
        }
    })
}
