//! Between etcd's types and ours.

use std::sync::Arc;

use bytes::Bytes;
use etcd_client::{EventType, ResponseHeader};

use crate::{
    backend::{Event, EventKind, KeyValue, Outcome, Revision},
    error::Error,
    mvcc::state::tombstone,
};

/// gRPC status codes, as numbers: the client's own type for them is not public.
const DEADLINE_EXCEEDED: i32 = 4;

/// Returns the revision of an answer. Every answer of etcd has a header.
pub(crate) fn revision(header: Option<&ResponseHeader>) -> Revision {
    header.map_or(0, |header| header.revision() as Revision)
}

/// A key with its value. Keys are text: Kubernetes has no others.
pub(crate) fn key_value(kv: &etcd_client::KeyValue) -> Arc<KeyValue> {
    Arc::new(KeyValue {
        key: String::from_utf8_lossy(kv.key()).into(),
        value: Bytes::copy_from_slice(kv.value()),
        create_revision: kv.create_revision() as Revision,
        mod_revision: kv.mod_revision() as Revision,
        version: kv.version() as u64,
        lease: Some(kv.lease()).filter(|lease| *lease != 0),
    })
}

/// The keys of an answer, without a copy of their values.
pub(crate) fn key_values(kvs: Vec<etcd_client::KeyValue>) -> Vec<Arc<KeyValue>> {
    kvs.into_iter().map(taken).collect()
}

fn taken(kv: etcd_client::KeyValue) -> Arc<KeyValue> {
    let (create_revision, mod_revision) = (kv.create_revision() as Revision, kv.mod_revision() as Revision);
    let (version, lease) = (kv.version() as u64, Some(kv.lease()).filter(|lease| *lease != 0));
    let (key, value) = kv.into_key_value();
    let key = String::from_utf8_lossy(&key).into();
    Arc::new(KeyValue { key, value: value.into(), create_revision, mod_revision, version, lease })
}

/// A change.
pub(crate) fn event(event: &etcd_client::Event) -> Option<Event> {
    let kv = event.kv()?;
    let prev = event.prev_kv().map(key_value);
    Some(match event.event_type() {
        EventType::Put => Event { kind: EventKind::Put, kv: key_value(kv), prev },
        EventType::Delete => {
            let key = String::from_utf8_lossy(kv.key()).into();
            Event { kind: EventKind::Delete, kv: tombstone(key, kv.mod_revision() as Revision), prev }
        }
    })
}

/// The outcome of a write that took place.
pub(crate) fn written(revision: Revision, kv: Option<Arc<KeyValue>>) -> Outcome {
    Outcome { revision, succeeded: true, kv }
}

/// Takes an error apart. etcd has no codes of its own, only texts.
///
/// `requested` is the revision that was asked for.
///
/// Go: etcd/api/v3/v3rpc/rpctypes/error.go
pub(crate) fn error(error: etcd_client::Error, requested: Revision, known: &super::client::Known) -> Error {
    let etcd_client::Error::GRpcStatus(status) = error else {
        return Error::Unavailable(error.to_string());
    };
    match status.message() {
        "etcdserver: mvcc: required revision has been compacted" => {
            Error::Compacted { requested, compacted: known.compacted() }
        }
        "etcdserver: mvcc: required revision is a future revision" => {
            Error::FutureRevision { requested, current: known.current() }
        }
        "etcdserver: requested lease not found" => Error::LeaseNotFound,
        "etcdserver: request is too large" => Error::TooLarge,
        // So large that it was not even looked at.
        message if message.starts_with("grpc: received message larger than max") => Error::TooLarge,
        message if message.starts_with("etcdserver: request timed out") => Error::Timeout(message.to_owned()),
        message if status.code() as i32 == DEADLINE_EXCEEDED => Error::Timeout(message.to_owned()),
        message => Error::Unavailable(message.to_owned()),
    }
}
