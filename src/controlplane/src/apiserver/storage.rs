//! Where the objects of each resource are kept: one backend, one prefix, one media type.
//!
//! Go: pkg/kubeapiserver/default_storage_factory_builder.go, apiserver/pkg/server/storage/storage_factory.go

use std::{sync::Arc, time::Duration};

use ::storage::{
    etcd3::{
        compact::Compactor,
        lease_manager::{LeaseManager, LeaseManagerConfig},
        store::Store,
    },
    interface::{self, Interface},
    value::config::{EncryptionConfiguration, Transformers},
};
use apimachinery::runtime::{
    schema::{GroupResource, GroupVersionKind},
    serializer::yaml,
};
use apiserver::{
    endpoints::negotiation::MediaType,
    registry::generic::{StorageFactoryRESTOptionsFactory, WatchCache},
    server::options::etcd::{EtcdOptions, HealthCheck},
};
use kv::{backend::Backend, lessor};
use phase::{
    clock::Clock,
    snapshot::{Snapshot, Subject},
    trace::Trace,
};
use serde_json::json;

use crate::{
    apiserver::environment::{Environment, OpenBackend},
    registry::codec::StorageCodec,
};

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
    /// What is encrypted at rest, and how.
    pub transformers: Transformers,
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
        let transformers = transformers(&self.etcd.encryption_provider_config)?;
        let backend = open(&self.etcd).await?;
        Ok(StorageFactory { backend, config: self.config, transformers })
    }
}

/// Reads the file that says what is encrypted at rest; without one, nothing is.
///
/// Go: apiserver/pkg/server/options/encryptionconfig/config.go LoadEncryptionConfig
fn transformers(file: &str) -> Result<Transformers, String> {
    if file.is_empty() {
        return Ok(Transformers::default());
    }
    let refuse = |error: &dyn std::fmt::Display| format!("--encryption-provider-config {file}: {error}");
    let text = std::fs::read(file).map_err(|error| refuse(&error))?;
    let document = yaml::decode(&text).map_err(|error| refuse(&error))?;
    if let Some(error) = document.strict_error() {
        return Err(refuse(&error));
    }
    let config: EncryptionConfiguration = serde_json::from_value(document.value).map_err(|error| refuse(&error))?;
    Transformers::new(&config).map_err(|mistakes| refuse(&mistakes.join("; ")))
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
            transformers: self.transformers.clone(),
            leases: LeaseManagerConfig {
                reuse_duration_seconds: etcd.lease_reuse_duration_seconds.unsigned_abs(),
                ..LeaseManagerConfig::default()
            },
            watch_cache: if etcd.enable_watch_cache { WatchCache::On } else { WatchCache::Off },
            clock: environment.services.clock.clone(),
            stop: environment.stop.clone(),
        }
    }

    /// Opens a place for objects behind no resource and no watch cache. Each has a lease of its own.
    ///
    /// Go: apiserver/pkg/registry/generic/registry/storage_factory.go NewRawStorage
    pub fn raw_storage(
        &self,
        group_resource: GroupResource,
        prefix: &str,
        hub: GroupVersionKind,
        clock: Arc<dyn Clock>,
    ) -> Arc<dyn Interface> {
        let transformer = self.transformers.of(&group_resource);
        let resource = interface::Resource {
            group_resource,
            prefix: prefix.to_owned(),
            codec: Arc::new(StorageCodec { hub, media: MediaType::Protobuf }),
            fields: Arc::new(interface::metadata_fields),
        };
        let leases = LeaseManager::new(LeaseManagerConfig { reuse_duration_seconds: 0, max_object_count: 1 }, clock);
        Arc::new(Store::new(self.backend.clone(), &self.config.prefix, resource, transformer, leases))
    }

    /// Starts what keeps storage in order: the past is forgotten at intervals, and leases end.
    ///
    /// Go: apiserver/pkg/storage/storagebackend/factory/etcd3.go startCompactorOnce
    pub fn start_maintenance(&self, etcd: &EtcdOptions, environment: &Environment) {
        let stop = &environment.stop;
        environment.tasks.spawn(lessor::run(self.backend.clone(), stop.clone()));
        if !etcd.compaction_interval.is_zero() {
            let compactor = Compactor::default();
            environment.tasks.spawn(compactor.run(self.backend.clone(), etcd.compaction_interval, stop.clone()));
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
