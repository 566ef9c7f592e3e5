//! A storage that is opened when it is first used: many definitions are described and never asked for an object.

use std::sync::{Arc, OnceLock};

use apimachinery::runtime::{encoded::Encoded, object::Object};
use phase::{BoxFuture, trace::Trace};
use storage::{
    error::Error,
    interface::{
        GetOptions, Interface, List, ListOptions, Missing, Preconditions, Stats, TryUpdate, Ttl, ValidateDeletion,
        WatchStream, WatcherInfo,
    },
};

/// Opens a storage.
pub type Open = Box<dyn Fn() -> Arc<dyn Interface> + Send + Sync>;

/// A storage, open or yet to be opened.
pub struct LazyStorage {
    open: Open,
    opened: OnceLock<Arc<dyn Interface>>,
}

impl LazyStorage {
    /// Returns a storage that is not open yet.
    pub fn new(open: Open) -> Self {
        Self { open, opened: OnceLock::new() }
    }

    /// Opens it, if it is not open.
    pub fn opened(&self) -> &Arc<dyn Interface> {
        self.opened.get_or_init(|| (self.open)())
    }
}

impl Interface for LazyStorage {
    fn as_stored(&self, object: Object) -> BoxFuture<'_, Result<Object, Error>> {
        self.opened().as_stored(object)
    }

    fn create<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        object: Object,
        ttl: Ttl,
    ) -> BoxFuture<'a, Result<Arc<Encoded>, Error>> {
        self.opened().create(trace, key, object, ttl)
    }

    fn get<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        options: GetOptions,
    ) -> BoxFuture<'a, Result<Arc<Encoded>, Error>> {
        self.opened().get(trace, key, options)
    }

    fn get_list<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        options: ListOptions,
    ) -> BoxFuture<'a, Result<List, Error>> {
        self.opened().get_list(trace, key, options)
    }

    fn watch<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        options: ListOptions,
    ) -> BoxFuture<'a, Result<WatchStream, Error>> {
        self.opened().watch(trace, key, options)
    }

    fn guaranteed_update<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        missing: Missing,
        preconditions: Preconditions,
        update: &'a mut dyn TryUpdate,
    ) -> BoxFuture<'a, Result<Arc<Encoded>, Error>> {
        self.opened().guaranteed_update(trace, key, missing, preconditions, update)
    }

    fn delete<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        preconditions: Preconditions,
        validate: &'a mut dyn ValidateDeletion,
    ) -> BoxFuture<'a, Result<Arc<Encoded>, Error>> {
        self.opened().delete(trace, key, preconditions, validate)
    }

    fn stats<'a>(&'a self, trace: &'a Trace) -> BoxFuture<'a, Result<Stats, Error>> {
        self.opened().stats(trace)
    }

    fn readiness_check(&self) -> Result<(), Error> {
        self.opened().readiness_check()
    }

    fn request_watch_progress(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.opened().request_watch_progress()
    }

    fn current_resource_version<'a>(&'a self, trace: &'a Trace) -> BoxFuture<'a, Result<u64, Error>> {
        self.opened().current_resource_version(trace)
    }

    fn watchers(&self) -> Vec<WatcherInfo> {
        self.opened.get().map(|opened| opened.watchers()).unwrap_or_default()
    }
}
