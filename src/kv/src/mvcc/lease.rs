//! Leases: keys that go away by themselves.
//!
//! Go: etcd/server/lease/lessor.go

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use phase::clock::Nanos;

use crate::backend::{Event, LeaseId};

/// The leases that run, and the keys that hang on them. Owned by the one writer.
#[derive(Debug, Default)]
pub struct Leases {
    /// The highest number given so far.
    last: LeaseId,
    by_id: BTreeMap<LeaseId, Lease>,
}

#[derive(Debug)]
struct Lease {
    ttl: Duration,
    /// When it ends, on the store's clock.
    due: Nanos,
    keys: BTreeSet<Arc<str>>,
}

impl Leases {
    /// Starts a lease and returns its number.
    pub fn grant(&mut self, ttl: Duration, now: Nanos) -> LeaseId {
        let id = self.last + 1;
        self.restore(id, ttl, now);
        id
    }

    /// Starts a lease that was granted earlier, with its whole time before it: as etcd does when its leader changes.
    pub fn restore(&mut self, id: LeaseId, ttl: Duration, now: Nanos) {
        self.last = self.last.max(id);
        let due = now.saturating_add(ttl.as_nanos() as Nanos);
        self.by_id.insert(id, Lease { ttl, due, keys: BTreeSet::new() });
    }

    /// Says whether a lease runs.
    pub fn contains(&self, id: LeaseId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// Returns the time that a lease was granted for.
    pub fn ttl(&self, id: LeaseId) -> Option<Duration> {
        self.by_id.get(&id).map(|lease| lease.ttl)
    }

    /// Follows a change: detaches the key from the lease it had, attaches it to the one it has.
    pub fn follow(&mut self, event: &Event) {
        let before = event.prev.as_ref().and_then(|prev| prev.lease);
        if before == event.kv.lease {
            return;
        }
        if let Some(lease) = before.and_then(|id| self.by_id.get_mut(&id)) {
            lease.keys.remove(&event.kv.key);
        }
        if let Some(lease) = event.kv.lease.and_then(|id| self.by_id.get_mut(&id)) {
            lease.keys.insert(event.kv.key.clone());
        }
    }

    /// Ends the leases that are due; returns each with its keys.
    pub fn expire(&mut self, now: Nanos) -> Vec<(LeaseId, BTreeSet<Arc<str>>)> {
        let due: Vec<LeaseId> = self.by_id.iter().filter(|(_, lease)| lease.due <= now).map(|(id, _)| *id).collect();
        due.into_iter().filter_map(|id| Some((id, self.by_id.remove(&id)?.keys))).collect()
    }
}
