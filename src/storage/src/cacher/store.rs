//! The seam, answered from memory where that is allowed, and by the store behind it where it is not.
//!
//! | asked for                        | answered by                                               |
//! |----------------------------------|-----------------------------------------------------------|
//! | get, newest                      | the store; the object from the cache, if that is as new   |
//! | get or list, at least N          | the cache, once it has come to N; 504 after 3 s           |
//! | list, newest                     | the cache, once it has come to the newest revision        |
//! | list, exactly N; or a later page | the cache, if it remembers N; else the store              |
//! | watch                            | the cache                                                 |
//! | any of these before it is filled | the store, where that is cheap; else 429                  |
//! | create, update, delete           | the store; update and delete begin with the cached object |
//!
//! Go: apiserver/pkg/storage/cacher/{delegator,cacher}.go

use std::sync::Arc;

use apimachinery::runtime::{encoded::Encoded, object::Object};
use phase::{BoxFuture, catalog::Phase, clock::Clock, trace::Trace};

use crate::{
    cacher::watch_cache::WatchCache,
    error::Error,
    etcd3::store::{Access, Store, enter, finish},
    interface::{
        GetOptions, Interface, List, ListOptions, Missing, Preconditions, Stats, TryUpdate, Ttl, ValidateDeletion,
        WatchStream, WatcherInfo,
    },
};

/// A store with a watch cache before it. It serves once [`Cacher::run`] runs.
pub struct Cacher {
    store: Arc<Store>,
    pub(crate) cache: Arc<WatchCache>,
}

impl Cacher {
    /// Puts a cache before a store.
    ///
    /// Go: NewCacherFromConfig
    pub fn new(store: Arc<Store>, clock: Arc<dyn Clock>) -> Arc<Self> {
        store.decoder.recent.share();
        Arc::new(Self { store, cache: Arc::new(WatchCache::new(clock)) })
    }

    /// Returns the store behind the cache.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Waits until the cache is at least of a revision.
    pub(crate) async fn wait_until_fresh(&self, trace: &Trace, minimum: u64) -> Result<(), Error> {
        trace.note("watchCache locked acquired");
        let nudge = || async {
            if let Err(error) = self.store.request_watch_progress().await {
                tracing::debug!(%error, "no sign of progress to be had");
            }
        };
        self.cache.wait_until_fresh(minimum, nudge).await?;
        trace.note("watchCache fresh enough");
        Ok(())
    }

    /// The cached state of an object: a good guess for where an update or a deletion begins.
    pub(crate) fn guess(&self, key: &str) -> Option<Arc<Encoded>> {
        self.cache.get(&self.store.prepare_key(key))?.0
    }
}

impl Interface for Cacher {
    fn as_stored(&self, object: Object) -> BoxFuture<'_, Result<Object, Error>> {
        self.store.as_stored(object)
    }

    fn create<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        object: Object,
        ttl: Ttl,
    ) -> BoxFuture<'a, Result<Arc<Encoded>, Error>> {
        self.store.create(trace, key, object, ttl)
    }

    fn get<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        options: GetOptions,
    ) -> BoxFuture<'a, Result<Arc<Encoded>, Error>> {
        Box::pin(async move {
            let mut access = Access { key, resource: self.store.resource() };
            let phase = enter(trace, Phase::CacherGet, &mut access).await?;
            finish(phase, self.get_inner(trace, key, options).await)
        })
    }

    fn get_list<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        options: ListOptions,
    ) -> BoxFuture<'a, Result<List, Error>> {
        Box::pin(self.get_list_delegated(trace, key, options))
    }

    fn watch<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        options: ListOptions,
    ) -> BoxFuture<'a, Result<WatchStream, Error>> {
        Box::pin(async move {
            let mut access = Access { key, resource: self.store.resource() };
            let phase = enter(trace, Phase::CacherWatch, &mut access).await?;
            finish(phase, self.watch_inner(trace, key, options).await)
        })
    }

    fn guaranteed_update<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        missing: Missing,
        preconditions: Preconditions,
        update: &'a mut dyn TryUpdate,
    ) -> BoxFuture<'a, Result<Arc<Encoded>, Error>> {
        let cached = self.guess(key);
        Box::pin(self.store.guaranteed_update_from(trace, key, missing, preconditions, update, cached))
    }

    fn delete<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        preconditions: Preconditions,
        validate: &'a mut dyn ValidateDeletion,
    ) -> BoxFuture<'a, Result<Arc<Encoded>, Error>> {
        let cached = self.guess(key);
        Box::pin(self.store.delete_from(trace, key, preconditions, validate, cached))
    }

    fn stats<'a>(&'a self, trace: &'a Trace) -> BoxFuture<'a, Result<Stats, Error>> {
        match self.cache.len() {
            None => self.store.stats(trace),
            Some(count) => {
                Box::pin(
                    async move { Ok(Stats { object_count: count as u64, estimated_average_object_size_bytes: 0 }) },
                )
            }
        }
    }

    fn readiness_check(&self) -> Result<(), Error> {
        // Go: apiserver/pkg/storage/errors.go ErrStorageNotReady
        self.cache.check_ready().map_err(|_| Error::Other("storage not ready".to_owned()))
    }

    fn request_watch_progress(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.store.request_watch_progress()
    }

    fn current_resource_version<'a>(&'a self, trace: &'a Trace) -> BoxFuture<'a, Result<u64, Error>> {
        self.store.current_resource_version(trace)
    }

    fn watchers(&self) -> Vec<WatcherInfo> {
        self.cache.fan_out.watchers()
    }
}
