//! Leases for objects that go away by themselves (Events), shared by many: a lease each would be a burden.
//!
//! Go: apiserver/pkg/storage/etcd3/lease_manager.go

use std::{sync::Arc, time::Duration};

use kv::backend::{Backend, LeaseId};
use parking_lot::Mutex;
use phase::{
    clock::{Clock, Nanos},
    trace::Trace,
};

/// How leases are shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseManagerConfig {
    /// For how long at most a lease is given to new objects, in seconds. An object then lives longer by at most this.
    ///
    /// Go: --lease-reuse-duration-seconds
    pub reuse_duration_seconds: u64,
    /// How many objects one lease gets at most: its end deletes them all at once.
    pub max_object_count: u64,
}

impl Default for LeaseManagerConfig {
    fn default() -> Self {
        Self { reuse_duration_seconds: 60, max_object_count: 1000 }
    }
}

/// Gives leases to objects.
#[derive(Debug)]
pub struct LeaseManager {
    config: LeaseManagerConfig,
    clock: Arc<dyn Clock>,
    /// The lease that was granted last.
    last: Mutex<Option<Last>>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    id: LeaseId,
    expires: Nanos,
    attached: u64,
}

const SECOND: Nanos = 1_000_000_000;

impl LeaseManager {
    /// Returns a manager that has no lease yet.
    pub fn new(config: LeaseManagerConfig, clock: Arc<dyn Clock>) -> Self {
        Self { config, clock, last: Mutex::new(None) }
    }

    /// Returns a lease under which an object lives at least `ttl` seconds.
    ///
    /// Two that ask at once may both be granted a new one: no lock is held while the backend is
    /// asked, because a person may hold the request there.
    ///
    /// Go: GetLease
    pub async fn lease(&self, client: &dyn Backend, trace: &Trace, ttl: u64) -> Result<LeaseId, kv::error::Error> {
        let now = self.clock.now();
        // At most a twentieth of the time that the object is to live.
        let reuse = self.config.reuse_duration_seconds.min(ttl / 20);
        if let Some(id) = self.reuse(now, ttl, reuse) {
            return Ok(id);
        }
        let ttl = ttl + reuse;
        let id = client.grant(trace, Duration::from_secs(ttl)).await?;
        *self.last.lock() = Some(Last { id, expires: now + ttl * SECOND, attached: 1 });
        Ok(id)
    }

    /// The last lease, if it runs long enough for this object and not too long.
    fn reuse(&self, now: Nanos, ttl: u64, reuse: u64) -> Option<LeaseId> {
        let mut last = self.last.lock();
        let last = last.as_mut()?;
        let valid = now + ttl * SECOND < last.expires;
        // Go compares strictly, but its clock never stands still between two calls.
        let sufficient = now + (ttl + reuse) * SECOND >= last.expires;
        last.attached += 1;
        (valid && sufficient && last.attached <= self.config.max_object_count).then_some(last.id)
    }
}
