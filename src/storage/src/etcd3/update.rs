//! Update and deletion: read, decide, write on the condition that nobody else did, and again.
//!
//! The first attempt may start from the watch cache and save a read. Whatever is decided on such an
//! object must not be final: a refusal, or "nothing to do", is checked once more on a fresh one.
//!
//! ```text
//!   state --> preconditions --> update --> unchanged? --> txn --> done
//!     ^            |              |             |           |
//!     '------------'--------------'-------------'-----------'   stale, or someone else wrote
//! ```
//!
//! Go: apiserver/pkg/storage/etcd3/store.go GuaranteedUpdate, conditionalDelete

use std::sync::Arc;

use apimachinery::runtime::{encoded::Encoded, object::Object};
use bytes::Bytes;
use kv::backend::Put;
use phase::{catalog::Phase, trace::Trace};

use crate::{
    error::Error,
    etcd3::{
        decoder::at_revision,
        object_state::ObjectState,
        store::{Access, Store, enter, finish, note_length},
    },
    interface::{Missing, Preconditions, TryUpdate, Ttl, ValidateDeletion},
};

/// What came of one attempt at an update.
enum Attempt {
    /// It is as it should be.
    Done(Arc<Encoded>),
    /// Someone else wrote: go on from here.
    Lost(ObjectState),
}

impl Store {
    /// Updates an object, starting from a cached one where there is one.
    pub(crate) async fn guaranteed_update_from(
        &self,
        trace: &Trace,
        key: &str,
        missing: Missing,
        preconditions: Preconditions,
        update: &mut dyn TryUpdate,
        cached: Option<Arc<Encoded>>,
    ) -> Result<Arc<Encoded>, Error> {
        let mut access = Access { key, resource: self.resource() };
        let phase = enter(trace, Phase::StorageUpdate, &mut access).await?;
        let key = self.prepare_key(key);
        finish(phase, self.update_loop(trace, &key, missing, &preconditions, update, cached).await)
    }

    async fn update_loop(
        &self,
        trace: &Trace,
        key: &str,
        missing: Missing,
        preconditions: &Preconditions,
        update: &mut dyn TryUpdate,
        cached: Option<Arc<Encoded>>,
    ) -> Result<Arc<Encoded>, Error> {
        let mut state = match cached {
            Some(object) => ObjectState::cached(object),
            None => self.current_state(trace, key, missing).await?,
        };
        trace.note("initial value restored");
        loop {
            let decided = match preconditions.check(key, state.object.as_deref()) {
                Err(error) => Err(error),
                Ok(()) => update.try_update(state.object.as_ref()).await.map_err(Error::Status),
            };
            let (object, ttl) = match decided {
                Ok(decided) => decided,
                Err(error) => {
                    state = self.refresh(trace, key, missing, &state, error).await?;
                    continue;
                }
            };
            match self.write(trace, key, missing, state, object, ttl).await? {
                Attempt::Done(object) => return Ok(object),
                Attempt::Lost(current) => state = current,
            }
        }
    }

    /// Reads a fresh state after a refusal. If the refused one was fresh already, the refusal stands.
    async fn refresh(
        &self,
        trace: &Trace,
        key: &str,
        missing: Missing,
        refused: &ObjectState,
        error: Error,
    ) -> Result<ObjectState, Error> {
        if refused.current {
            return Err(error);
        }
        let fresh = self.current_state(trace, key, missing).await?;
        // The cache was up to date after all: asking again would give the same answer.
        if fresh.revision == refused.revision {
            return Err(error);
        }
        Ok(fresh)
    }

    async fn write(
        &self,
        trace: &Trace,
        key: &str,
        missing: Missing,
        state: ObjectState,
        mut object: Object,
        ttl: Ttl,
    ) -> Result<Attempt, Error> {
        let data = self.encode(trace, &mut object).await?;
        let mut state = state;
        if state.unchanged(&object, &data) {
            if !state.current {
                state = self.current_state(trace, key, missing).await?;
                if state.data.as_ref() != Some(&data) {
                    return Ok(Attempt::Lost(state));
                }
            }
            if let (false, Some(object)) = (state.stale, state.object.take()) {
                return Ok(Attempt::Done(object));
            }
        }
        let value = self.to_storage(trace, data.clone(), key).await?;
        let lease = self.lease(trace, ttl).await?;
        trace.note("Transaction prepared");
        let put = Put { key, value, expected: state.revision, lease };
        self.commit(trace, missing, put, data).await
    }

    async fn commit(&self, trace: &Trace, missing: Missing, put: Put<'_>, data: Bytes) -> Result<Attempt, Error> {
        let key = put.key;
        let outcome = self.client.optimistic_put(trace, put).await.map_err(|error| {
            trace.note("Txn call failed");
            Error::from_kv(error, key)
        })?;
        trace.note("Txn call completed");
        if !outcome.succeeded {
            let current = self.state_of(outcome.kv.as_deref(), key, missing).await?;
            trace.note("Retry value restored");
            return Ok(Attempt::Lost(current));
        }
        trace.note("Transaction committed");
        let updated = self.decoder.decode_written(key, &data, outcome.revision).await?;
        note_length(trace, "decode succeeded", data.len());
        Ok(Attempt::Done(updated))
    }

    /// Deletes an object, starting from a cached one where there is one.
    ///
    /// Go: conditionalDelete
    pub(crate) async fn delete_from(
        &self,
        trace: &Trace,
        key: &str,
        preconditions: Preconditions,
        validate: &mut dyn ValidateDeletion,
        cached: Option<Arc<Encoded>>,
    ) -> Result<Arc<Encoded>, Error> {
        let key = self.prepare_key(key);
        let mut state = match cached {
            Some(object) => ObjectState::cached(object),
            None => self.current_state(trace, &key, Missing::Fail).await?,
        };
        loop {
            let object = state.object.clone().expect("a missing object is an error here");
            let allowed = match preconditions.check(&key, Some(&*object)) {
                Err(error) => Err(error),
                Ok(()) => validate.validate(&object).await.map_err(Error::Status),
            };
            if let Err(error) = allowed {
                state = self.refresh(trace, &key, Missing::Fail, &state, error).await?;
                continue;
            }
            let deleted = self.client.optimistic_delete(trace, &key, state.revision).await;
            let outcome = deleted.map_err(|error| Error::from_kv(error, &key))?;
            if outcome.succeeded {
                return Ok(at_revision(&object, outcome.revision));
            }
            state = self.state_of(outcome.kv.as_deref(), &key, Missing::Fail).await?;
        }
    }
}
