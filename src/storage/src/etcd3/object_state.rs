//! The state that an update or a deletion starts from.
//!
//! Go: apiserver/pkg/storage/etcd3/store.go objState

use std::sync::Arc;

use apimachinery::runtime::{encoded::Encoded, object::Object};
use bytes::Bytes;
use kv::backend::KeyValue;
use phase::trace::Trace;

use crate::{
    error::Error,
    etcd3::store::Store,
    interface::{Missing, Preconditions},
};

/// An object with what is known of it in storage.
#[derive(Clone, Debug)]
pub(crate) struct ObjectState {
    /// The object; `None` where there is none.
    pub(crate) object: Option<Arc<Encoded>>,
    /// The plain bytes it was read from; `None` for an object out of the watch cache.
    pub(crate) data: Option<Bytes>,
    /// The revision of its last change; 0 where there is none.
    pub(crate) revision: u64,
    /// Whether the same bytes would be stored differently today.
    pub(crate) stale: bool,
    /// Whether it was read from the backend, or may be old news from the watch cache.
    pub(crate) current: bool,
}

impl ObjectState {
    /// Takes an object out of the watch cache.
    pub(crate) fn cached(object: Arc<Encoded>) -> Self {
        Self { revision: object.revision, object: Some(object), data: None, stale: false, current: false }
    }

    /// Says whether writing would change nothing. `data` is the encoding of `new`.
    pub(crate) fn unchanged(&self, new: &Object, data: &Bytes) -> bool {
        match (&self.data, &self.object) {
            (Some(stored), _) => !self.stale && stored == data,
            (None, Some(cached)) => {
                let mut new = new.clone();
                new.set_resource_version(&self.revision.to_string());
                cached.is_encoding_of(&new)
            }
            (None, None) => false,
        }
    }
}

impl Store {
    /// Reads an object from the backend.
    ///
    /// Go: getCurrentState
    pub(crate) async fn current_state(&self, trace: &Trace, key: &str, missing: Missing) -> Result<ObjectState, Error> {
        let response = self.client.get(trace, key, None).await.map_err(|error| Error::from_kv(error, key))?;
        self.state_of(response.kv.as_deref(), key, missing).await
    }

    /// Makes a state of what the backend answered.
    ///
    /// Go: getState
    pub(crate) async fn state_of(
        &self,
        kv: Option<&KeyValue>,
        key: &str,
        missing: Missing,
    ) -> Result<ObjectState, Error> {
        match (kv, missing) {
            (None, Missing::Fail) => Err(Error::KeyNotFound { key: key.to_owned(), revision: 0 }),
            (None, Missing::Create) => {
                Ok(ObjectState { object: None, data: None, revision: 0, stale: false, current: true })
            }
            (Some(kv), _) => {
                let plain = self.decoder.plain(kv).await?;
                let object = self.decoder.decode(&plain.data, kv.mod_revision).await?;
                Ok(ObjectState {
                    object: Some(object),
                    data: Some(plain.data),
                    revision: kv.mod_revision,
                    stale: plain.stale,
                    current: true,
                })
            }
        }
    }
}

impl Preconditions {
    /// Refuses an object for which they do not hold. One that is not there has no uid and no version.
    ///
    /// Go: Check
    pub(crate) fn check(&self, key: &str, object: Option<&Encoded>) -> Result<(), Error> {
        let refuse = |message| Err(Error::InvalidObject { key: key.to_owned(), message });
        if let Some(expected) = &self.uid {
            let uid = object.map(|object| object.object().uid().to_owned()).unwrap_or_default();
            if *expected != uid {
                return refuse(format!(
                    "Precondition failed: UID in precondition: {expected}, UID in object meta: {uid}"
                ));
            }
        }
        if let Some(expected) = &self.resource_version {
            let version = object.map(|object| object.revision.to_string()).unwrap_or_default();
            if *expected != version {
                return refuse(format!(
                    "Precondition failed: ResourceVersion in precondition: {expected}, ResourceVersion in object \
                     meta: {version}"
                ));
            }
        }
        Ok(())
    }
}
