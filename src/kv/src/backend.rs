//! The seam: the dozen operations that Kubernetes needs of etcd, and their types.
//!
//! Go: etcd/client/v3/kubernetes/interface.go (the same narrowing of etcd, made for the same reason)

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use phase::{BoxFuture, trace::Trace};

use crate::error::Error;

/// Number of a write, counted from 2: an empty store is at revision 1, as etcd's is.
pub type Revision = u64;

/// Number of a lease.
pub type LeaseId = i64;

/// A key with its value, as of one revision.
///
/// Go: etcd/api/v3/mvccpb/kv.pb.go KeyValue
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValue {
    /// The whole key: `/registry/pods/shop/web`.
    pub key: Arc<str>,
    /// The value; empty in the event of a deletion.
    pub value: Bytes,
    /// The revision at which the key came into being.
    pub create_revision: Revision,
    /// The revision of its last change.
    pub mod_revision: Revision,
    /// How often it was written since it came into being; 0 for a deletion.
    pub version: u64,
    /// The lease whose end deletes it.
    pub lease: Option<LeaseId>,
}

/// One change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The key afterwards; for a deletion only key and revision.
    pub kv: Arc<KeyValue>,
    /// The key before.
    pub prev: Option<Arc<KeyValue>>,
}

/// What happened to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It was created or changed.
    Put,
    /// It was deleted, or its lease ended.
    Delete,
}

impl Event {
    /// Says whether the event brought the key into being.
    pub fn is_create(&self) -> bool {
        self.kind == EventKind::Put && self.kv.create_revision == self.kv.mod_revision
    }
}

/// The answer to a read of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetResponse {
    /// The store's revision at the time of the read.
    pub revision: Revision,
    /// The key, if it is there.
    pub kv: Option<Arc<KeyValue>>,
}

/// What to list: the keys under a prefix in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct List<'a> {
    /// The keys' common beginning.
    pub prefix: &'a str,
    /// The first key to return, itself included; `None`: the first of all.
    pub start: Option<&'a str>,
    /// The revision to read at; `None`: the current one.
    pub revision: Option<Revision>,
    /// At most so many; 0: all.
    pub limit: usize,
}

/// The answer to a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListResponse {
    /// The store's current revision, also when the past was read.
    pub revision: Revision,
    /// The keys, in order.
    pub kvs: Vec<Arc<KeyValue>>,
    /// How many keys there are from `start` on, beyond the limit too.
    pub count: u64,
}

/// A conditional write of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put<'a> {
    /// The key.
    pub key: &'a str,
    /// Its new value.
    pub value: Bytes,
    /// The revision of its last change, as the writer knows it; 0: it must not exist.
    pub expected: Revision,
    /// The lease to attach; `None` detaches.
    pub lease: Option<LeaseId>,
}

/// The answer to a conditional write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The store's revision afterwards: that of the write, if it took place.
    pub revision: Revision,
    /// Whether the condition held and the write took place.
    pub succeeded: bool,
    /// After a put that took place: the new state. After a deletion: the one deleted. Else the one in the way, if any.
    pub kv: Option<Arc<KeyValue>>,
}

/// What the store has been through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revisions {
    /// The newest revision.
    pub current: Revision,
    /// The oldest revision that clients may read.
    pub compacted: Revision,
    /// The oldest revision that can still be viewed, compacted or not.
    pub viewable: Revision,
}

/// One delivery of a watch: changes of one or more whole revisions in order, or none as a sign of progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchResponse {
    /// Everything up to this revision has been delivered.
    pub revision: Revision,
    /// The changes.
    pub events: Vec<Event>,
}

/// What a watch delivers. An error is its last item.
pub type Watch = BoxStream<'static, Result<WatchResponse, Error>>;

/// A store of bytes with revisions. Shared by everything that serves, as `Arc<dyn Backend>`.
///
/// The trace goes along so that [`crate::observed`] can enter a phase around each operation; the
/// engines themselves do not look at it.
pub trait Backend: Send + Sync {
    /// Reads one key, now or at an earlier revision.
    fn get<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        revision: Option<Revision>,
    ) -> BoxFuture<'a, Result<GetResponse, Error>>;

    /// Reads the keys under a prefix.
    fn list<'a>(&'a self, trace: &'a Trace, list: List<'a>) -> BoxFuture<'a, Result<ListResponse, Error>>;

    /// Counts the keys under a prefix.
    fn count<'a>(&'a self, trace: &'a Trace, prefix: &'a str) -> BoxFuture<'a, Result<u64, Error>>;

    /// Writes a key if its last change is the expected one.
    fn optimistic_put<'a>(&'a self, trace: &'a Trace, put: Put<'a>) -> BoxFuture<'a, Result<Outcome, Error>>;

    /// Deletes a key if its last change is the expected one.
    fn optimistic_delete<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        expected: Revision,
    ) -> BoxFuture<'a, Result<Outcome, Error>>;

    /// Starts a lease: when it ends, the keys attached to it are deleted, all at one revision.
    fn grant<'a>(&'a self, trace: &'a Trace, ttl: Duration) -> BoxFuture<'a, Result<LeaseId, Error>>;

    /// Watches the keys under a prefix from `start` on, itself included; `None`: from the next change on.
    fn watch<'a>(&'a self, prefix: &'a str, start: Option<Revision>) -> BoxFuture<'a, Result<Watch, Error>>;

    /// Asks for a sign of progress on the watches of a prefix (others may get one too). It comes after all changes
    /// that happened before the call.
    fn request_progress<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<(), Error>>;

    /// Says whether [`Backend::request_progress`] can be relied on.
    fn supports_progress(&self) -> bool {
        true
    }

    /// Forgets what was before a revision.
    fn compact(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>>;

    /// Returns where the store stands.
    fn revisions(&self) -> BoxFuture<'_, Result<Revisions, Error>>;

    /// Lists the past beyond what clients may read, as far as it is still there: for looking back, not for serving.
    fn view<'a>(&'a self, prefix: &'a str, revision: Revision) -> BoxFuture<'a, Result<ListResponse, Error>>;

    /// Returns the bytes that the store takes on its medium.
    fn size(&self) -> BoxFuture<'_, Result<u64, Error>>;

    /// Ends the leases that are due; returns how many. A server of its own does that by itself.
    fn expire(&self) -> BoxFuture<'_, Result<usize, Error>> {
        Box::pin(async { Ok(0) })
    }
}
