//! What the interface needs of a server to look inside it.

use std::sync::{Arc, OnceLock};

use control::ports::{Answer, InFlight, Inspect, Key, Keys, PortError, StoredValue, Watcher};
use controlplane::registry::codec;
use kv::backend::{Backend, KeyValue, List};
use phase::trace::Trace;

/// The store, once it is open.
pub type OpenedBackend = Arc<OnceLock<Arc<dyn Backend>>>;

/// Looks into the store.
pub struct StoreInspector {
    /// The store, once it is open.
    pub backend: OpenedBackend,
}

/// Says what went wrong.
pub fn refuse(error: impl ToString) -> PortError {
    PortError(error.to_string())
}

fn key_of(kv: &KeyValue) -> Key {
    Key {
        key: kv.key.to_string(),
        mod_revision: kv.mod_revision as i64,
        create_revision: kv.create_revision as i64,
        version: kv.version as i64,
        size: kv.value.len(),
    }
}

impl StoreInspector {
    fn backend(&self) -> Result<&Arc<dyn Backend>, PortError> {
        self.backend.get().ok_or_else(|| PortError("the store is not open yet".to_owned()))
    }
}

impl Inspect for StoreInspector {
    fn keys(&self, prefix: String, revision: Option<i64>, limit: usize) -> Answer<'_, Keys> {
        Box::pin(async move {
            let backend = self.backend()?;
            let revisions = backend.revisions().await.map_err(refuse)?;
            let list = match revision {
                Some(revision) => backend.view(&prefix, revision.unsigned_abs()).await,
                None => {
                    let list = List { prefix: &prefix, start: None, revision: None, limit };
                    backend.list(&Trace::unwatched(), list).await
                }
            };
            let list = list.map_err(refuse)?;
            Ok(Keys {
                revision: list.revision as i64,
                oldest: revisions.viewable as i64,
                count: list.count as usize,
                keys: list.kvs.iter().take(limit).map(|kv| key_of(kv)).collect(),
            })
        })
    }

    fn value(&self, key: String, revision: Option<i64>) -> Answer<'_, StoredValue> {
        Box::pin(async move {
            let revision = revision.map(i64::unsigned_abs);
            let found = self.backend()?.get(&Trace::unwatched(), &key, revision).await.map_err(refuse)?;
            let kv = found.kv.ok_or_else(|| PortError(format!("{key} is not there")))?;
            let (encoding, object) = codec::describe(&kv.value);
            Ok(StoredValue { key: key_of(&kv), encoding: encoding.to_owned(), object })
        })
    }

    fn watchers(&self) -> Answer<'_, Vec<Watcher>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn in_flight(&self) -> Answer<'_, InFlight> {
        Box::pin(async { Ok(InFlight::default()) })
    }
}
