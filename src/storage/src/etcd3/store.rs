//! The store of one resource: create, get, and what the other verbs share.
//!
//! Go: apiserver/pkg/storage/etcd3/store.go

use std::sync::Arc;

use apimachinery::runtime::{encoded::Encoded, object::Object};
use bytes::Bytes;
use kv::backend::{Backend, LeaseId, Put};
use phase::{
    BoxFuture,
    catalog::Phase,
    snapshot::{Snapshot, Subject},
    trace::{Guard, Trace},
};
use serde_json::json;

use crate::{
    error::Error,
    etcd3::{decoder::Decoder, lease_manager::LeaseManager},
    interface::{
        GetOptions, Interface, List, ListOptions, Missing, Preconditions, Resource, Stats, TryUpdate, Ttl,
        ValidateDeletion, WatchStream,
    },
    value::Transformer,
    versioner,
};

/// The objects of one resource, over a backend.
pub struct Store {
    pub(crate) client: Arc<dyn Backend>,
    /// Prefix of all of storage: `/registry`.
    path_prefix: String,
    pub(crate) decoder: Decoder,
    leases: LeaseManager,
}

/// What a person sees of a storage operation that has no object to show yet.
pub(crate) struct Access<'a> {
    /// The key, relative to the prefix of all of storage.
    pub(crate) key: &'a str,
    /// The resource.
    pub(crate) resource: &'a Resource,
}

impl Subject for Access<'_> {
    fn snapshot(&self) -> Arc<Snapshot> {
        Snapshot::value("Storage", json!({"key": self.key, "resource": self.resource.group_resource.to_string()}))
    }
}

/// Ends a phase as its result says.
pub(crate) fn finish<T>(phase: Guard, result: Result<T, Error>) -> Result<T, Error> {
    match &result {
        Ok(_) => phase.done(),
        Err(error) => phase.fail(error),
    }
    result
}

/// Enters a phase; a person may have ended the request there.
pub(crate) async fn enter(trace: &Trace, phase: Phase, subject: &mut dyn Subject) -> Result<Guard, Error> {
    trace.enter(phase, subject).await.map_err(|interrupted| Error::Status(interrupted.into()))
}

/// Notes an event with a length, as the real server's spans have it.
pub(crate) fn note_length(trace: &Trace, what: &'static str, length: usize) {
    if trace.watched() {
        trace.note(format!("{what} [len={length}]"));
    }
}

impl Store {
    /// Returns the store of a resource. `path_prefix` is that of all of storage: `/registry`.
    ///
    /// Go: New
    pub fn new(
        client: Arc<dyn Backend>,
        path_prefix: &str,
        resource: Resource,
        transformer: Arc<dyn Transformer>,
        leases: LeaseManager,
    ) -> Self {
        let path_prefix = format!("/{}", path_prefix.trim_matches('/'));
        Self { client, path_prefix, decoder: Decoder { resource, transformer, recent: Arc::default() }, leases }
    }

    /// Returns what is known of the resource.
    pub fn resource(&self) -> &Resource {
        &self.decoder.resource
    }

    /// Returns the whole key.
    ///
    /// Go: prepareKey
    pub(crate) fn prepare_key(&self, key: &str) -> String {
        format!("{}/{}", self.path_prefix, key.trim_start_matches('/'))
    }

    /// Returns the whole key of many objects: it ends in a slash, or `/pods/shop` would be the beginning of `/pods/shopping`.
    pub(crate) fn prepare_prefix(&self, key: &str) -> String {
        let mut prefix = self.prepare_key(key);
        if !prefix.ends_with('/') {
            prefix.push('/');
        }
        prefix
    }

    /// Returns the prefix of all keys of the resource.
    pub(crate) fn resource_prefix(&self) -> String {
        self.prepare_prefix(&self.resource().prefix)
    }

    /// Makes plain bytes of an object. What storage keeps does not name a version of itself.
    ///
    /// Go: api_object_versioner.go PrepareObjectForStorage
    pub(crate) async fn encode(&self, trace: &Trace, object: &mut Object) -> Result<Bytes, Error> {
        object.set_resource_version("");
        object.remove(&["metadata", "selfLink"]);
        self.resource().codec.tidy(object);
        trace.note("About to Encode");
        match self.resource().codec.encode(object).await {
            Ok(data) => {
                note_length(trace, "Encode succeeded", data.len());
                Ok(data.into())
            }
            Err(error) => {
                trace.note("Encode failed");
                Err(Error::Status(error))
            }
        }
    }

    /// Makes bytes to store of plain ones.
    pub(crate) async fn to_storage(&self, trace: &Trace, data: Bytes, key: &str) -> Result<Bytes, Error> {
        match self.decoder.transformer.transform_to_storage(data, key).await {
            Ok(stored) => {
                trace.note("TransformToStorage succeeded");
                Ok(stored)
            }
            Err(error) => {
                trace.note("TransformToStorage failed");
                Err(Error::Internal(error))
            }
        }
    }

    /// Returns a lease for a time to live.
    ///
    /// Go: ttlOpts
    pub(crate) async fn lease(&self, trace: &Trace, ttl: Ttl) -> Result<Option<LeaseId>, Error> {
        match ttl {
            None | Some(0) => Ok(None),
            Some(ttl) => {
                let lease = self.leases.lease(&*self.client, trace, ttl).await;
                lease.map(Some).map_err(|error| Error::from_kv(error, &self.resource().prefix))
            }
        }
    }

    async fn create_inner(
        &self,
        trace: &Trace,
        key: &str,
        object: &mut Object,
        ttl: Ttl,
    ) -> Result<Arc<Encoded>, Error> {
        if !matches!(object.resource_version(), "" | "0") {
            return Err(Error::Other("resourceVersion should not be set on objects to be created".to_owned()));
        }
        let key = self.prepare_key(key);
        let data = self.encode(trace, object).await?;
        let lease = self.lease(trace, ttl).await?;
        let value = self.to_storage(trace, data.clone(), &key).await?;
        let put = Put { key: &key, value, expected: 0, lease };
        let outcome = self.client.optimistic_put(trace, put).await.map_err(|error| {
            trace.note("Txn call failed");
            Error::from_kv(error, &key)
        })?;
        trace.note("Txn call succeeded");
        if !outcome.succeeded {
            return Err(Error::KeyExists { key, revision: 0 });
        }
        // What a client gets is what is stored, not what it sent.
        let created = self.decoder.decode_written(&key, &data, outcome.revision).await?;
        note_length(trace, "decode succeeded", data.len());
        Ok(created)
    }

    /// Returns the newest state of an object. `known`, if it is that, saves making it of what is stored.
    pub(crate) async fn get_inner(
        &self,
        trace: &Trace,
        key: &str,
        options: GetOptions,
        known: Option<Arc<Encoded>>,
    ) -> Result<Arc<Encoded>, Error> {
        let key = self.prepare_key(key);
        let response = self.client.get(trace, &key, None).await.map_err(|error| Error::from_kv(error, &key))?;
        let minimum = versioner::parse_list_resource_version(&options.resource_version)?;
        versioner::validate_minimum(minimum, response.revision)?;
        match response.kv {
            None => Err(Error::KeyNotFound { key, revision: 0 }),
            Some(kv) => match known.filter(|known| known.revision == kv.mod_revision) {
                Some(known) => Ok(known),
                None => self.decoder.decode_kv(&kv).await,
            },
        }
    }
}

impl Interface for Store {
    fn as_stored(&self, mut object: Object) -> BoxFuture<'_, Result<Object, Error>> {
        Box::pin(async move {
            let codec = &self.resource().codec;
            codec.tidy(&mut object);
            let data = codec.encode(&object).await.map_err(Error::Status)?;
            codec.decode(&data).await.map_err(Error::Status)
        })
    }

    fn create<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        mut object: Object,
        ttl: Ttl,
    ) -> BoxFuture<'a, Result<Arc<Encoded>, Error>> {
        Box::pin(async move {
            let phase = enter(trace, Phase::StorageCreate, &mut object).await?;
            finish(phase, self.create_inner(trace, key, &mut object, ttl).await)
        })
    }

    fn get<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        options: GetOptions,
    ) -> BoxFuture<'a, Result<Arc<Encoded>, Error>> {
        Box::pin(self.get_inner(trace, key, options, None))
    }

    fn get_list<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        options: ListOptions,
    ) -> BoxFuture<'a, Result<List, Error>> {
        Box::pin(async move {
            let mut access = Access { key, resource: self.resource() };
            let phase = enter(trace, Phase::StorageList, &mut access).await?;
            finish(phase, self.get_list_inner(trace, key, options).await)
        })
    }

    fn watch<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        options: ListOptions,
    ) -> BoxFuture<'a, Result<WatchStream, Error>> {
        Box::pin(self.watch_inner(trace, key, options))
    }

    fn guaranteed_update<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        missing: Missing,
        preconditions: Preconditions,
        update: &'a mut dyn TryUpdate,
    ) -> BoxFuture<'a, Result<Arc<Encoded>, Error>> {
        Box::pin(self.guaranteed_update_from(trace, key, missing, preconditions, update, None))
    }

    fn delete<'a>(
        &'a self,
        trace: &'a Trace,
        key: &'a str,
        preconditions: Preconditions,
        validate: &'a mut dyn ValidateDeletion,
    ) -> BoxFuture<'a, Result<Arc<Encoded>, Error>> {
        Box::pin(self.delete_from(trace, key, preconditions, validate, None))
    }

    fn stats<'a>(&'a self, trace: &'a Trace) -> BoxFuture<'a, Result<Stats, Error>> {
        Box::pin(async move {
            let prefix = self.resource_prefix();
            let count = self.client.count(trace, &prefix).await.map_err(|error| Error::from_kv(error, &prefix))?;
            Ok(Stats { object_count: count, estimated_average_object_size_bytes: 0 })
        })
    }

    fn readiness_check(&self) -> Result<(), Error> {
        Ok(())
    }

    fn request_watch_progress(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let prefix = self.resource_prefix();
            let asked = self.client.request_progress(&prefix).await;
            asked.map_err(|error| Error::from_kv(error, &prefix))
        })
    }

    fn current_resource_version<'a>(&'a self, trace: &'a Trace) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(self.current_revision(trace))
    }
}

impl Store {
    /// Returns the newest revision, by listing one key: the header of any answer has it.
    ///
    /// Go: GetCurrentResourceVersion
    pub(crate) async fn current_revision(&self, trace: &Trace) -> Result<u64, Error> {
        let mut access = Access { key: &self.resource().prefix, resource: self.resource() };
        let phase = enter(trace, Phase::StorageList, &mut access).await?;
        let prefix = self.resource_prefix();
        let list = kv::backend::List { prefix: &prefix, limit: 1, ..kv::backend::List::default() };
        let listed = self.client.list(trace, list).await;
        finish(phase, listed.map(|response| response.revision).map_err(|error| Error::from_kv(error, &prefix)))
    }
}
