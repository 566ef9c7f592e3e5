//! All keys as of one revision: a persistent ordered map.

use std::{ops::Bound, sync::Arc};

use imbl::OrdMap;

use crate::backend::{Event, EventKind, KeyValue, List, Put, Revision};

/// All keys as of one revision. A copy shares everything that has not changed since.
#[derive(Clone, Debug)]
pub struct State {
    /// The revision of the newest write.
    pub revision: Revision,
    keys: OrdMap<Arc<str>, Arc<KeyValue>>,
}

impl Default for State {
    /// An empty store, at revision 1.
    fn default() -> Self {
        Self { revision: 1, keys: OrdMap::new() }
    }
}

impl State {
    /// Returns a key.
    pub fn get(&self, key: &str) -> Option<&Arc<KeyValue>> {
        self.keys.get(key)
    }

    /// Returns the number of keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Says whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns the keys under a prefix, from `start` on.
    pub fn range<'a>(&'a self, prefix: &'a str, start: Option<&str>) -> impl Iterator<Item = &'a Arc<KeyValue>> {
        let from = start.map_or(prefix, |start| start.max(prefix));
        let keys = self.keys.range::<_, str>((Bound::Included(from), Bound::Unbounded));
        keys.map(|(_, kv)| kv).take_while(move |kv| kv.key.starts_with(prefix))
    }

    /// Returns the keys that a list asks for, and how many there are from its start on.
    pub fn list(&self, list: &List<'_>) -> (Vec<Arc<KeyValue>>, u64) {
        if list.limit == 0 {
            let kvs: Vec<_> = self.range(list.prefix, list.start).cloned().collect();
            let count = kvs.len() as u64;
            return (kvs, count);
        }
        let mut rest = self.range(list.prefix, list.start);
        let kvs: Vec<_> = rest.by_ref().take(list.limit).cloned().collect();
        let count = kvs.len() + rest.count();
        (kvs, count as u64)
    }

    /// Says whether the last change of a key is the expected one.
    pub fn expects(&self, key: &str, expected: Revision) -> bool {
        self.get(key).map_or(0, |kv| kv.mod_revision) == expected
    }

    /// Writes a key at the next revision, whatever it was before.
    pub fn put(&mut self, put: &Put<'_>) -> Event {
        self.revision += 1;
        let prev = self.get(put.key).cloned();
        let kv = Arc::new(KeyValue {
            key: prev.as_ref().map_or_else(|| put.key.into(), |prev| prev.key.clone()),
            value: put.value.clone(),
            create_revision: prev.as_ref().map_or(self.revision, |prev| prev.create_revision),
            mod_revision: self.revision,
            version: prev.as_ref().map_or(1, |prev| prev.version + 1),
            lease: put.lease,
        });
        self.keys.insert(kv.key.clone(), kv.clone());
        Event { kind: EventKind::Put, kv, prev }
    }

    /// Deletes keys, all at the next revision. What is not there is left out; if nothing is, the revision stays.
    pub fn delete<'a>(&mut self, keys: impl IntoIterator<Item = &'a str>) -> Vec<Event> {
        let revision = self.revision + 1;
        let gone: Vec<Event> = keys
            .into_iter()
            .filter_map(|key| self.keys.remove(key))
            .map(|prev| Event { kind: EventKind::Delete, kv: tombstone(prev.key.clone(), revision), prev: Some(prev) })
            .collect();
        if !gone.is_empty() {
            self.revision = revision;
        }
        gone
    }

    /// Puts an event that was written earlier in place, as it was: for reading a log back.
    pub fn replay(&mut self, kind: EventKind, kv: Arc<KeyValue>) -> Event {
        self.revision = kv.mod_revision;
        let prev = match kind {
            EventKind::Put => self.keys.insert(kv.key.clone(), kv.clone()),
            EventKind::Delete => self.keys.remove(&*kv.key),
        };
        Event { kind, kv, prev }
    }

    /// Takes an event back: for looking into the past.
    pub fn undo(&mut self, event: &Event) {
        match &event.prev {
            Some(prev) => self.keys.insert(prev.key.clone(), prev.clone()),
            None => self.keys.remove(&event.kv.key),
        };
    }
}

/// The state of a key that was deleted at a revision.
pub fn tombstone(key: Arc<str>, revision: Revision) -> Arc<KeyValue> {
    Arc::new(KeyValue {
        key,
        value: bytes::Bytes::new(),
        create_revision: 0,
        mod_revision: revision,
        version: 0,
        lease: None,
    })
}
