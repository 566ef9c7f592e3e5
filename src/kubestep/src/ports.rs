//! What the interface needs of a server to look inside it.

use std::sync::{Arc, OnceLock};

use apiserver::server::{
    config::Config as GenericConfig, flowcontrol::controller as flowcontrol, storage_objects::OpenedStorages,
};
use control::ports::{Answer, Inspect, Key, Keys, PortError, PriorityLevel, StoredValue, Watcher};
use controlplane::registry::codec;
use kv::backend::{Backend, KeyValue, List};
use phase::trace::Trace;

/// Looks inside a running server, as far as it is made.
#[derive(Default)]
pub struct Insides {
    /// The store, once it is open.
    backend: OnceLock<Arc<dyn Backend>>,
    /// What was made of it for each resource.
    storages: OnceLock<Arc<OpenedStorages>>,
    /// Whose turn it is.
    fairness: OnceLock<Arc<flowcontrol::Controller>>,
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

impl Insides {
    /// Learns which store was opened. Only one server runs at a time; a second one would have a process of its own.
    pub fn opened(&self, backend: &Arc<dyn Backend>) {
        self.backend.set(backend.clone()).unwrap_or_default();
    }

    /// Learns what the servers share.
    pub fn configured(&self, config: &GenericConfig) {
        if let Some(storages) = &config.opened_storages {
            self.storages.set(storages.clone()).unwrap_or_default();
        }
        if let Some(fairness) = &config.flow_control {
            self.fairness.set(fairness.clone()).unwrap_or_default();
        }
    }

    fn backend(&self) -> Result<&Arc<dyn Backend>, PortError> {
        self.backend.get().ok_or_else(|| PortError("the store is not open yet".to_owned()))
    }
}

impl Inspect for Insides {
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
        let known = self.storages.get().map(|storages| storages.watchers()).unwrap_or_default();
        // The server's own copies of resources that no request watches are left out.
        let watchers = known.into_iter().filter_map(|known| {
            Some(Watcher {
                request: known.request?,
                key: known.key,
                sent: known.taken,
                lag: known.queued,
                behind: known.behind.is_some(),
            })
        });
        let watchers = watchers.collect();
        Box::pin(async { Ok(watchers) })
    }

    fn levels(&self) -> Answer<'_, Vec<PriorityLevel>> {
        let levels = self.fairness.get().map(|fairness| fairness.levels()).unwrap_or_default();
        let level = |level: &Arc<flowcontrol::Level>| {
            let counters = level.queue_set.counters();
            PriorityLevel {
                name: level.config.name.clone(),
                executing: counters.executing as usize,
                seats: counters.seats_in_use as usize,
                nominal: level.nominal_seats as usize,
                waiting: counters.waiting as usize,
                rejected: counters.rejected + counters.timed_out,
            }
        };
        let levels = levels.iter().map(level).collect();
        Box::pin(async { Ok(levels) })
    }
}
