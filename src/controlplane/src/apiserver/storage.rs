//! Where the objects of each resource are kept: one backend, one prefix, one media type.
//!
//! Go: pkg/kubeapiserver/default_storage_factory_builder.go, apiserver/pkg/server/storage/storage_factory.go

use std::{sync::Arc, time::Duration};

use ::storage::{etcd3::lease_manager::LeaseManagerConfig, value::Identity};
use apiserver::{
    registry::generic::{StorageFactoryRESTOptionsFactory, WatchCache},
    server::options::etcd::{EtcdOptions, HealthCheck},
};
use kv::backend::Backend;
use phase::{
    snapshot::{Snapshot, Subject},
    trace::Trace,
};
use serde_json::json;

use crate::apiserver::environment::{Environment, OpenBackend};

/// How storage will be opened; the defaults of kube-apiserver.
///
/// Go: pkg/kubeapiserver/default_storage_factory_builder.go StorageFactoryConfig
#[derive(Clone, Debug)]
pub struct StorageFactoryConfig {
    /// In which form objects are written where no one else says.
    pub default_storage_media_type: String,
    /// The prefix of all keys.
    pub prefix: String,
}

/// The same, after the options have spoken.
pub struct CompletedStorageFactoryConfig {
    config: StorageFactoryConfig,
    etcd: EtcdOptions,
}

/// Opened storage.
///
/// Go: apiserver/pkg/server/storage/storage_factory.go DefaultStorageFactory
#[derive(Clone)]
pub struct StorageFactory {
    /// Keys and revisions.
    pub backend: Arc<dyn Backend>,
    /// How it was opened.
    pub config: StorageFactoryConfig,
}

impl StorageFactoryConfig {
    /// Returns the defaults.
    ///
    /// Go: NewStorageFactoryConfig
    pub fn new() -> Self {
        Self {
            default_storage_media_type: "application/vnd.kubernetes.protobuf".to_owned(),
            prefix: "/registry".to_owned(),
        }
    }

    /// Lets the options speak.
    pub fn complete(mut self, etcd: &EtcdOptions) -> CompletedStorageFactoryConfig {
        self.default_storage_media_type.clone_from(&etcd.default_storage_media_type);
        self.prefix.clone_from(&etcd.prefix);
        CompletedStorageFactoryConfig { config: self, etcd: etcd.clone() }
    }
}

impl Default for StorageFactoryConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl CompletedStorageFactoryConfig {
    /// Opens the backend.
    ///
    /// Go: New
    pub async fn new_factory(self, open: &OpenBackend) -> Result<StorageFactory, String> {
        let backend = open(&self.etcd).await?;
        Ok(StorageFactory { backend, config: self.config })
    }
}

impl StorageFactory {
    /// Returns what opens the storage of one resource after another.
    pub fn rest_options_getter(
        &self,
        etcd: &EtcdOptions,
        environment: &Environment,
    ) -> StorageFactoryRESTOptionsFactory {
        StorageFactoryRESTOptionsFactory {
            client: self.backend.clone(),
            path_prefix: self.config.prefix.clone(),
            transformer: Arc::new(Identity),
            leases: LeaseManagerConfig {
                reuse_duration_seconds: etcd.lease_reuse_duration_seconds.unsigned_abs(),
                ..LeaseManagerConfig::default()
            },
            watch_cache: if etcd.enable_watch_cache { WatchCache::On } else { WatchCache::Off },
            clock: environment.services.clock.clone(),
            stop: environment.stop.clone(),
        }
    }

    /// Returns the check behind `/readyz/etcd`: one read of a key that is never written.
    ///
    /// Go: apiserver/pkg/storage/storagebackend/factory/etcd3.go newETCD3HealthCheck
    pub fn health_check(&self) -> HealthCheck {
        let (backend, key) = (self.backend.clone(), format!("{}/health", self.config.prefix));
        Arc::new(move |timeout: Duration| {
            let (backend, key) = (backend.clone(), key.clone());
            Box::pin(async move {
                let trace = Trace::unwatched();
                match tokio::time::timeout(timeout, backend.get(&trace, &key, None)).await {
                    Ok(Ok(_)) => Ok(()),
                    Ok(Err(error)) => Err(format!("error getting data from etcd: {error}")),
                    Err(_) => Err("etcd health check timed out".to_owned()),
                }
            })
        })
    }
}

impl Subject for StorageFactoryConfig {
    fn snapshot(&self) -> Arc<Snapshot> {
        let Self { default_storage_media_type, prefix } = self;
        Snapshot::value(
            "StorageFactoryConfig",
            json!({"defaultStorageMediaType": default_storage_media_type, "prefix": prefix}),
        )
    }
}
