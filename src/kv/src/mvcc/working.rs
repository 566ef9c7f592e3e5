//! The writer's own copy of the store: operations are applied to it one after another.

use std::time::Duration;

use bytes::Bytes;
use phase::clock::Nanos;

use crate::{
    backend::{Event, LeaseId, Outcome, Put, Revision},
    error::Error,
    mvcc::{lease::Leases, state::State},
};

/// The largest value that is taken, in bytes. etcd's own limit for a whole request.
///
/// Go: etcd/server/embed/config.go DefaultMaxRequestBytes
pub const MAX_VALUE: usize = 1_572_864;

/// Something to be written.
#[derive(Clone, Debug)]
pub enum Op {
    /// A conditional write.
    Put {
        /// The key.
        key: String,
        /// Its new value.
        value: Bytes,
        /// The expected last change.
        expected: Revision,
        /// The lease to attach.
        lease: Option<LeaseId>,
    },
    /// A conditional deletion.
    Delete {
        /// The key.
        key: String,
        /// The expected last change.
        expected: Revision,
    },
    /// A new lease.
    Grant {
        /// How long it runs.
        ttl: Duration,
    },
    /// The end of the leases that are due.
    Expire,
    /// The end of what clients may read of the past.
    Compact {
        /// The oldest revision that remains readable.
        revision: Revision,
    },
}

/// What came of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A write took place, or did not.
    Written(Outcome),
    /// A lease began.
    Granted(LeaseId),
    /// So many leases ended.
    Expired(usize),
    /// The past was forgotten.
    Compacted,
}

impl Op {
    /// Returns the bytes of the value that it writes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Put { value, .. } => value.len(),
            Self::Delete { .. } | Self::Grant { .. } | Self::Expire | Self::Compact { .. } => 0,
        }
    }
}

impl From<Put<'_>> for Op {
    fn from(put: Put<'_>) -> Self {
        Self::Put { key: put.key.to_owned(), value: put.value, expected: put.expected, lease: put.lease }
    }
}

/// Each operation has one kind of answer; these take it out.
impl Answer {
    /// The answer to a put or a deletion.
    pub fn written(self) -> Outcome {
        let Self::Written(outcome) = self else { unreachable!("asked to write, answered {self:?}") };
        outcome
    }

    /// The answer to a grant.
    pub fn granted(self) -> LeaseId {
        let Self::Granted(id) = self else { unreachable!("asked for a lease, answered {self:?}") };
        id
    }

    /// The answer to an expiry.
    pub fn expired(self) -> usize {
        let Self::Expired(count) = self else { unreachable!("asked to end leases, answered {self:?}") };
        count
    }
}

/// What an operation changed, for those who write it down.
#[derive(Debug, Default)]
pub struct Changes {
    /// The changes of keys, in order; those of one revision stand together.
    pub events: Vec<Event>,
    /// The leases that began.
    pub granted: Vec<(LeaseId, Duration)>,
    /// The leases that ended.
    pub ended: Vec<LeaseId>,
    /// The new end of the past.
    pub compacted: Option<Revision>,
}

impl Changes {
    /// Says whether there is nothing to write down.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.granted.is_empty() && self.ended.is_empty() && self.compacted.is_none()
    }
}

/// The writer's own copy.
#[derive(Debug, Default)]
pub struct Working {
    /// All keys.
    pub state: State,
    /// All leases.
    pub leases: Leases,
    /// The oldest revision that clients may read.
    pub compacted: Revision,
}

impl Working {
    /// Applies an operation and adds what it changed to `changes`.
    pub fn apply(&mut self, op: Op, now: Nanos, changes: &mut Changes) -> Result<Answer, Error> {
        match op {
            Op::Put { key, value, expected, lease } => {
                self.put(&Put { key: &key, value, expected, lease }, changes).map(Answer::Written)
            }
            Op::Delete { key, expected } => Ok(Answer::Written(self.delete(&key, expected, changes))),
            Op::Grant { ttl } => {
                let id = self.leases.grant(ttl, now);
                changes.granted.push((id, ttl));
                Ok(Answer::Granted(id))
            }
            Op::Expire => Ok(Answer::Expired(self.expire(now, changes))),
            Op::Compact { revision } => self.compact(revision, changes).map(|()| Answer::Compacted),
        }
    }

    fn put(&mut self, put: &Put<'_>, changes: &mut Changes) -> Result<Outcome, Error> {
        if put.value.len() > MAX_VALUE {
            return Err(Error::TooLarge);
        }
        if put.lease.is_some_and(|id| !self.leases.contains(id)) {
            return Err(Error::LeaseNotFound);
        }
        if !self.state.expects(put.key, put.expected) {
            return Ok(self.refused(put.key));
        }
        let event = self.state.put(put);
        self.leases.follow(&event);
        let kv = Some(event.kv.clone());
        changes.events.push(event);
        Ok(Outcome { revision: self.state.revision, succeeded: true, kv })
    }

    fn delete(&mut self, key: &str, expected: Revision, changes: &mut Changes) -> Outcome {
        // A key that is not there cannot be deleted, not even by someone who knows that it is not there.
        if expected == 0 || !self.state.expects(key, expected) {
            return self.refused(key);
        }
        let mut kv = None;
        for event in self.state.delete([key]) {
            self.leases.follow(&event);
            kv.clone_from(&event.prev);
            changes.events.push(event);
        }
        Outcome { revision: self.state.revision, succeeded: true, kv }
    }

    /// The answer to a write whose condition did not hold.
    fn refused(&self, key: &str) -> Outcome {
        Outcome { revision: self.state.revision, succeeded: false, kv: self.state.get(key).cloned() }
    }

    fn expire(&mut self, now: Nanos, changes: &mut Changes) -> usize {
        let ended = self.leases.expire(now);
        let count = ended.len();
        for (id, keys) in ended {
            changes.events.extend(self.state.delete(keys.iter().map(|key| &**key)));
            changes.ended.push(id);
        }
        count
    }

    /// Follows the history: what it has forgotten cannot be read either.
    pub fn forget(&mut self, forgotten: &[Event]) {
        if let Some(last) = forgotten.last() {
            self.compacted = self.compacted.max(last.kv.mod_revision);
        }
    }

    fn compact(&mut self, revision: Revision, changes: &mut Changes) -> Result<(), Error> {
        if revision > self.state.revision {
            return Err(Error::FutureRevision { requested: revision, current: self.state.revision });
        }
        if revision <= self.compacted {
            return Err(Error::Compacted { requested: revision, compacted: self.compacted });
        }
        self.compacted = revision;
        changes.compacted = Some(revision);
        Ok(())
    }
}
