//! What happens to stored bytes on their way in and out: encryption at rest.
//!
//! A value that is encrypted says so at its beginning, and by what: `k8s:enc:aesgcm:v1:key1:`. The
//! first provider of a resource writes; all of them can read, so that keys can be changed while
//! values of the old one are still there.
//!
//! Go: apiserver/pkg/storage/value/transformer.go
//!
//! Read in this order.

pub mod prefix;

pub mod aes;

pub mod secretbox;

pub mod config;

use bytes::Bytes;
use phase::BoxFuture;

/// Bytes as they came out of storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FromStorage {
    /// The plain bytes.
    pub data: Bytes,
    /// Whether they would be written differently today (another key, another provider): worth a rewrite.
    pub stale: bool,
}

/// Changes bytes on their way to storage and back.
///
/// `context` is the key that the value stands under. It goes into the authenticated data, so that
/// nobody can pass one key's value off as another's.
///
/// Go: Transformer
pub trait Transformer: Send + Sync {
    /// Makes plain bytes of stored ones.
    fn transform_from_storage<'a>(
        &'a self,
        data: Bytes,
        context: &'a str,
    ) -> BoxFuture<'a, Result<FromStorage, String>>;

    /// Makes bytes to store of plain ones.
    fn transform_to_storage<'a>(&'a self, data: Bytes, context: &'a str) -> BoxFuture<'a, Result<Bytes, String>>;
}

/// What every encrypted value begins with.
const ENCRYPTED: &[u8] = b"k8s:enc:";

/// Stores values as they are.
///
/// Go: apiserver/pkg/storage/value/encrypt/identity/identity.go
#[derive(Clone, Copy, Debug, Default)]
pub struct Identity;

impl Transformer for Identity {
    /// Refuses what someone else encrypted, rather than to take it for an object.
    fn transform_from_storage<'a>(&'a self, data: Bytes, _: &'a str) -> BoxFuture<'a, Result<FromStorage, String>> {
        Box::pin(async move {
            if data.starts_with(ENCRYPTED) {
                return Err("identity transformer tried to read encrypted data".to_owned());
            }
            Ok(FromStorage { data, stale: false })
        })
    }

    fn transform_to_storage<'a>(&'a self, data: Bytes, _: &'a str) -> BoxFuture<'a, Result<Bytes, String>> {
        Box::pin(async move { Ok(data) })
    }
}
