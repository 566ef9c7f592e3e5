//! From stored bytes to objects.
//!
//! Go: apiserver/pkg/storage/etcd3/decoder.go

use std::sync::Arc;

use apimachinery::{api::errors::StatusError, runtime::encoded::Encoded};
use kv::backend::KeyValue;

use crate::{
    error::Error,
    etcd3::recent::Recent,
    interface::Resource,
    value::{FromStorage, Transformer},
};

/// Decodes the stored values of one resource. Cheap to copy: a watch takes one along.
#[derive(Clone)]
pub struct Decoder {
    /// The resource.
    pub(crate) resource: Resource,
    /// What happens to bytes on their way.
    pub(crate) transformer: Arc<dyn Transformer>,
    /// What the writer and the watch cache leave for one another.
    pub(crate) recent: Arc<Recent>,
}

impl Decoder {
    /// Reads the plain bytes out of a stored value.
    pub(crate) async fn plain(&self, kv: &KeyValue) -> Result<FromStorage, Error> {
        self.transformer.transform_from_storage(kv.value.clone(), &kv.key).await.map_err(Error::Internal)
    }

    /// Makes an object of plain bytes, with a revision as its resource version.
    pub(crate) async fn decode(&self, data: &[u8], revision: u64) -> Result<Arc<Encoded>, Error> {
        let mut object = self.resource.codec.decode(data).await?;
        object.set_resource_version(&revision.to_string());
        Ok(Arc::new(Encoded::new(&object, |object| (self.resource.fields)(object))))
    }

    /// Makes an object of plain bytes that were just written, unless the watch cache has made it.
    pub(crate) async fn decode_written(&self, key: &str, data: &[u8], revision: u64) -> Result<Arc<Encoded>, Error> {
        match self.recent.take(key, revision) {
            Some(object) => Ok(object),
            None => Ok(self.leave(key, self.decode(data, revision).await?)),
        }
    }

    /// Makes an object of a stored value that the backend tells of, unless its writer has made it.
    pub(crate) async fn decode_told(&self, kv: &KeyValue) -> Result<Arc<Encoded>, Error> {
        match self.recent.take(&kv.key, kv.mod_revision) {
            Some(object) => Ok(object),
            None => Ok(self.leave(&kv.key, self.decode_kv(kv).await?)),
        }
    }

    fn leave(&self, key: &str, object: Arc<Encoded>) -> Arc<Encoded> {
        self.recent.leave(key, object.clone());
        object
    }

    /// Makes an object of a stored value.
    pub(crate) async fn decode_kv(&self, kv: &KeyValue) -> Result<Arc<Encoded>, Error> {
        self.decode_kv_at(kv, kv.mod_revision).await
    }

    /// Makes an object of a stored value, with another revision: what is deleted bears that of the deletion.
    pub(crate) async fn decode_kv_at(&self, kv: &KeyValue, revision: u64) -> Result<Arc<Encoded>, Error> {
        let plain = self.plain(kv).await?;
        self.decode(&plain.data, revision).await
    }
}

/// Returns an object with another revision.
pub(crate) fn at_revision(object: &Encoded, revision: u64) -> Arc<Encoded> {
    let mut changed = object.object();
    changed.set_resource_version(&revision.to_string());
    Arc::new(Encoded::new(&changed, |_| object.fields.clone()))
}

impl From<phase::hook::Interrupted> for Error {
    /// A person ended the request at a held phase.
    fn from(interrupted: phase::hook::Interrupted) -> Self {
        Self::Status(StatusError::from(interrupted))
    }
}
