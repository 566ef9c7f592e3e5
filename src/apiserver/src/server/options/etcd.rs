//! Where objects are kept.
//!
//! Go: apiserver/pkg/server/options/etcd.go

use std::{sync::Arc, time::Duration};

use component_base::flagset::{FlagSet, Kind, Values, flag, no_effect};
use phase::BoxFuture;

use crate::{
    registry::generic::RESTOptionsGetter,
    server::{config::Config, healthz, storage_objects::OpenedStorages},
};

/// The flags of this group.
#[rustfmt::skip]
pub const FLAGS: FlagSet = FlagSet {
    section: "Etcd",
    flags: &[
        flag("etcd-servers", Kind::List, "", "etcd servers, scheme://ip:port."),
        flag("etcd-cafile", Kind::String, "", "Authorities of etcd."),
        flag("etcd-certfile", Kind::String, "", "Certificate towards etcd."),
        flag("etcd-keyfile", Kind::String, "", "Its key."),
        flag("etcd-prefix", Kind::String, "/registry", "Beginning of all keys."),
        flag("storage-media-type", Kind::String, "application/vnd.kubernetes.protobuf", "Encoding of stored objects: application/json or protobuf."),
        flag("etcd-compaction-interval", Kind::Duration, "5m0s", "How often old revisions are given up; 0: never."),
        flag("etcd-healthcheck-timeout", Kind::Duration, "2s", "How long the check of the store may take."),
        flag("etcd-readycheck-timeout", Kind::Duration, "2s", "The same for /readyz."),
        flag("lease-reuse-duration-seconds", Kind::Int, "60", "Seconds for which events share a lease."),
        flag("watch-cache", Kind::Bool, "true", "Whether reads and watches are served from memory."),
        flag("watch-cache-sizes", Kind::List, "", "resource[.group]#0 turns the watch cache of a resource off."),
        flag("delete-collection-workers", Kind::Int, "1", "How many objects of a collection are deleted at a time."),
        flag("enable-garbage-collector", Kind::Bool, "true", "Whether deletes honour propagation policies."),
        flag("encryption-provider-config", Kind::String, "", "File that says which resources are encrypted at rest, and how."),
        no_effect("encryption-provider-config-automatic-reload", Kind::Bool, "false", "Reload of that file."),
        no_effect("storage-backend", Kind::String, "etcd3", "The only value is etcd3."),
        no_effect("etcd-servers-overrides", Kind::List, "", "Other servers for some resources."),
        no_effect("etcd-count-metric-poll-period", Kind::Duration, "1m0s", "How often objects are counted."),
        no_effect("etcd-db-metric-poll-interval", Kind::Duration, "30s", "How often the size of the store is asked."),
        no_effect("default-watch-cache-size", Kind::Int, "100", "Sizes follow the load."),
    ],
};

/// Go: apiserver/pkg/server/options/etcd.go EtcdOptions, apiserver/pkg/storage/storagebackend/config.go Config
#[derive(Clone, Debug)]
pub struct EtcdOptions {
    /// `--etcd-servers`
    pub server_list: Vec<String>,
    /// `--etcd-cafile`
    pub trusted_ca_file: String,
    /// `--etcd-certfile`
    pub cert_file: String,
    /// `--etcd-keyfile`
    pub key_file: String,
    /// `--etcd-prefix`
    pub prefix: String,
    /// `--storage-media-type`
    pub default_storage_media_type: String,
    /// `--encryption-provider-config`
    pub encryption_provider_config: String,
    /// `--etcd-compaction-interval`; zero: never.
    pub compaction_interval: Duration,
    /// `--etcd-healthcheck-timeout`
    pub healthcheck_timeout: Duration,
    /// `--etcd-readycheck-timeout`
    pub readycheck_timeout: Duration,
    /// `--lease-reuse-duration-seconds`
    pub lease_reuse_duration_seconds: i64,
    /// `--watch-cache`
    pub enable_watch_cache: bool,
    /// `--watch-cache-sizes`
    pub watch_cache_sizes: Vec<String>,
    /// `--delete-collection-workers`
    pub delete_collection_workers: i64,
    /// `--enable-garbage-collector`
    pub enable_garbage_collection: bool,
    /// How long the watch cache remembers events. Set on completion: longer than a request, so that a list can be followed.
    pub events_history_window: Duration,
    /// Whether health checks are left to another server of the chain.
    pub skip_health_endpoints: bool,
}

/// The media types in which objects can be stored.
const STORAGE_MEDIA_TYPES: [&str; 2] = ["application/json", "application/vnd.kubernetes.protobuf"];

/// Asks the store whether it works. Made by whoever has the backend.
pub type HealthCheck = Arc<dyn Fn(Duration) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

impl EtcdOptions {
    /// Reads the flags.
    pub fn from_values(values: &mut Values) -> Self {
        Self {
            server_list: values.list("etcd-servers"),
            trusted_ca_file: values.string("etcd-cafile"),
            cert_file: values.string("etcd-certfile"),
            key_file: values.string("etcd-keyfile"),
            prefix: values.string("etcd-prefix"),
            default_storage_media_type: values.string("storage-media-type"),
            encryption_provider_config: values.string("encryption-provider-config"),
            compaction_interval: values.duration("etcd-compaction-interval"),
            healthcheck_timeout: values.duration("etcd-healthcheck-timeout"),
            readycheck_timeout: values.duration("etcd-readycheck-timeout"),
            lease_reuse_duration_seconds: values.int("lease-reuse-duration-seconds"),
            enable_watch_cache: values.bool("watch-cache"),
            watch_cache_sizes: values.list("watch-cache-sizes"),
            delete_collection_workers: values.int("delete-collection-workers"),
            enable_garbage_collection: values.bool("enable-garbage-collector"),
            events_history_window: Duration::from_secs(75),
            skip_health_endpoints: false,
        }
    }

    /// Sets what follows from other options.
    ///
    /// Go: pkg/controlplane/apiserver/options/options.go Complete
    pub fn complete(&mut self, request_timeout: Duration) {
        self.events_history_window = self.events_history_window.max(request_timeout + Duration::from_secs(15));
    }

    /// Returns all mistakes.
    ///
    /// Go: apiserver/pkg/server/options/etcd.go Validate
    pub fn validate(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        if !STORAGE_MEDIA_TYPES.contains(&self.default_storage_media_type.as_str()) {
            let (given, allowed) = (&self.default_storage_media_type, STORAGE_MEDIA_TYPES.join(", "));
            mistakes.push(format!("--storage-media-type {given:?} invalid, allowed values: {allowed}"));
        }
        if self.cert_file.is_empty() != self.key_file.is_empty() {
            mistakes.push("--etcd-certfile and --etcd-keyfile must be given together".to_owned());
        }
        if self.lease_reuse_duration_seconds < 0 {
            mistakes.push("--lease-reuse-duration-seconds can not be negative value".to_owned());
        }
        if self.delete_collection_workers < 1 {
            mistakes.push("--delete-collection-workers must be at least 1".to_owned());
        }
        for size in &self.watch_cache_sizes {
            if size.split_once('#').is_none_or(|(_, size)| size.parse::<u64>().is_err()) {
                mistakes.push(format!("--watch-cache-sizes: invalid value of watch cache size: {size}"));
            }
        }
        mistakes
    }

    /// Says whether the reads of a resource are served from memory.
    ///
    /// Go: apiserver/pkg/server/options/etcd.go ParseWatchCacheSizes
    pub fn has_watch_cache(&self, resource: &str) -> bool {
        self.enable_watch_cache && !self.watch_cache_sizes.iter().any(|size| *size == format!("{resource}#0"))
    }

    /// Gives the servers their storage, and the health endpoints their checks of it.
    ///
    /// Go: apiserver/pkg/server/options/etcd.go ApplyWithStorageFactoryTo
    pub fn apply_with_storage_factory_to(
        &self,
        rest_options_getter: Arc<dyn RESTOptionsGetter>,
        health_check: HealthCheck,
        c: &mut Config,
    ) {
        if !self.skip_health_endpoints {
            let (check, timeout) = (health_check.clone(), self.healthcheck_timeout);
            c.add_health_checks(&[healthz::named_grouped_check("etcd", "etcd", move || check(timeout))]);
            let timeout = self.readycheck_timeout;
            c.add_readyz_checks(&[healthz::named_check("etcd-readiness", move || health_check(timeout))]);
        }
        let storages = Arc::new(OpenedStorages::new(rest_options_getter));
        c.rest_options_getter = Some(storages.clone());
        c.opened_storages = Some(storages);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn options(given: &[(&str, &str)]) -> EtcdOptions {
        let given: BTreeMap<_, _> =
            given.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect();
        EtcdOptions::from_values(&mut Values::new(&[FLAGS], given))
    }

    #[test]
    fn every_mistake_is_told_and_the_defaults_have_none() {
        assert_eq!(options(&[]).validate(), Vec::<String>::new());
        let wrong = options(&[
            ("storage-media-type", "text/plain"),
            ("etcd-certfile", "a"),
            ("watch-cache-sizes", "pods"),
            ("delete-collection-workers", "0"),
        ]);
        assert_eq!(wrong.validate().len(), 4);
    }

    #[test]
    fn a_watch_cache_is_turned_off_by_resource() {
        let options = options(&[("watch-cache-sizes", "events#0,pods#100")]);
        assert!(options.has_watch_cache("pods") && !options.has_watch_cache("events"));
    }
}
