//! The latest changes of a resource: what watchers read who start in the past or cannot keep up.
//!
//! Go: apiserver/pkg/storage/cacher/watch_cache.go, store_btree.go (snapshots)

use std::{
    collections::VecDeque,
    sync::{Arc, OnceLock},
};

use apimachinery::runtime::encoded::Encoded;
use imbl::OrdMap;
use phase::clock::Nanos;

use crate::{etcd3::decoder::at_revision, selection::SelectionPredicate};

/// All objects of a resource by their keys. A copy costs nothing.
pub(crate) type Objects = OrdMap<Arc<str>, Arc<Encoded>>;

/// Changes between two checkpoints: how much has to be taken back at most to see the past.
const CHECKPOINT: usize = 128;

/// Changes that are kept however old they are.
///
/// Go: defaultLowerBoundCapacity
const MIN_EVENTS: usize = 100;

/// Changes that are kept at most.
///
/// Go: defaultUpperBoundCapacity
const MAX_EVENTS: usize = 102_400;

/// Bytes of objects that are kept at most for the sake of the past.
const MAX_BYTES: usize = 64 << 20;

/// How long changes are kept, if the bounds allow.
///
/// Go: eventFreshDuration
const FRESH: Nanos = 75_000_000_000;

/// What a watcher is told about an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Added,
    Modified,
    Deleted,
}

/// One change of one object.
#[derive(Debug)]
pub(crate) struct CacheEvent {
    pub(crate) key: Arc<str>,
    pub(crate) revision: u64,
    /// The object afterwards; `None`: it was deleted.
    pub(crate) object: Option<Arc<Encoded>>,
    /// The object before; `None`: it was created.
    pub(crate) prev: Option<Arc<Encoded>>,
    /// The object before with the revision of the change, once someone has to be told that it is gone.
    gone: OnceLock<Arc<Encoded>>,
}

impl CacheEvent {
    pub(crate) fn new(
        key: Arc<str>,
        revision: u64,
        object: Option<Arc<Encoded>>,
        prev: Option<Arc<Encoded>>,
    ) -> Arc<Self> {
        Arc::new(Self { key, revision, object, prev, gone: OnceLock::new() })
    }

    /// Returns what someone sees of the change who sees only some objects.
    ///
    /// Go: cache_watcher.go convertToWatchEvent
    pub(crate) fn seen_by(&self, predicate: &SelectionPredicate) -> Option<(Kind, Arc<Encoded>)> {
        let selects = |object: &&Arc<Encoded>| predicate.selects(object);
        match (self.prev.as_ref().filter(selects), self.object.as_ref().filter(selects)) {
            (None, Some(object)) => Some((Kind::Added, object.clone())),
            (Some(_), Some(object)) => Some((Kind::Modified, object.clone())),
            (Some(prev), None) => {
                Some((Kind::Deleted, self.gone.get_or_init(|| at_revision(prev, self.revision)).clone()))
            }
            (None, None) => None,
        }
    }

    /// The bytes that this keeps in memory, roughly: that which it replaced.
    fn weight(&self) -> usize {
        const OVERHEAD: usize = 256;
        OVERHEAD + self.prev.as_ref().map_or(0, |prev| prev.json.len())
    }
}

#[derive(Debug)]
struct Entry {
    event: Arc<CacheEvent>,
    at: Nanos,
    /// All objects after the change.
    checkpoint: Option<Objects>,
}

/// The latest changes.
#[derive(Debug)]
pub(crate) struct Window {
    /// All changes after this revision are here.
    oldest: u64,
    entries: VecDeque<Entry>,
    bytes: usize,
    /// Changes since the last checkpoint.
    unchecked: usize,
}

impl Window {
    /// Returns a window that begins with the list of a revision.
    pub(crate) fn new(listed: u64) -> Self {
        Self { oldest: listed, entries: VecDeque::new(), bytes: 0, unchecked: 0 }
    }

    /// Returns the oldest revision after which everything is known.
    pub(crate) fn oldest(&self) -> u64 {
        self.oldest
    }

    /// Adds a change. `objects` are all objects after it.
    pub(crate) fn push(&mut self, event: Arc<CacheEvent>, objects: &Objects, now: Nanos) {
        self.unchecked += 1;
        let checkpoint = (self.unchecked >= CHECKPOINT).then(|| {
            self.unchecked = 0;
            objects.clone()
        });
        self.bytes += event.weight();
        self.entries.push_back(Entry { event, at: now, checkpoint });
        while self.is_too_large(now) {
            self.drop_oldest();
        }
    }

    fn is_too_large(&self, now: Nanos) -> bool {
        let aged = self.entries.front().is_some_and(|entry| entry.at.saturating_add(FRESH) < now);
        let many = self.entries.len() > MIN_EVENTS;
        (many && aged) || self.entries.len() > MAX_EVENTS || (many && self.bytes > MAX_BYTES)
    }

    /// Drops the changes of the oldest revision: all of them, so that a reader sees all or none.
    fn drop_oldest(&mut self) {
        let Some(revision) = self.entries.front().map(|entry| entry.event.revision) else { return };
        while self.entries.front().is_some_and(|entry| entry.event.revision == revision) {
            let entry = self.entries.pop_front().expect("looked at above");
            self.bytes -= entry.event.weight();
        }
        self.oldest = revision;
    }

    /// Returns the changes from a revision on, itself included.
    pub(crate) fn since(&self, start: u64) -> impl Iterator<Item = &Arc<CacheEvent>> {
        let from = self.entries.partition_point(|entry| entry.event.revision < start);
        self.entries.range(from..).map(|entry| &entry.event)
    }

    /// Returns the objects at a revision that is not before the oldest. `current` are those of now.
    pub(crate) fn objects_at(&self, revision: u64, current: &Objects) -> Objects {
        let first = self.entries.partition_point(|entry| entry.event.revision <= revision);
        let nearest = self
            .entries
            .iter()
            .enumerate()
            .skip(first)
            .find_map(|(index, entry)| entry.checkpoint.as_ref().map(|checkpoint| (index + 1, checkpoint)));
        let (end, later) = nearest.unwrap_or((self.entries.len(), current));
        let mut objects = later.clone();
        for Entry { event, .. } in self.entries.range(first..end).rev() {
            match &event.prev {
                Some(prev) => objects.insert(event.key.clone(), prev.clone()),
                None => objects.remove(&event.key),
            };
        }
        objects
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use apimachinery::runtime::object::Object;
    use serde_json::json;

    use super::*;

    fn object(name: &str, revision: u64) -> Arc<Encoded> {
        let value = json!({"metadata": {"name": name, "resourceVersion": revision.to_string()}});
        Arc::new(Encoded::new(&Object::from_value(value).expect("object"), |_| BTreeMap::new()))
    }

    /// Writes `count` changes of ten objects, the first at revision 11; returns all states by revision.
    fn filled(window: &mut Window, count: u64, now: impl Fn(u64) -> Nanos) -> Vec<Objects> {
        let mut objects = Objects::new();
        let mut states = vec![objects.clone()];
        for revision in 11..11 + count {
            let key: Arc<str> = format!("/{}", revision % 10).into();
            let object = (revision % 7 != 0).then(|| object(&key, revision));
            let prev = match &object {
                Some(object) => objects.insert(key.clone(), object.clone()),
                None => objects.remove(&key),
            };
            window.push(CacheEvent::new(key, revision, object, prev), &objects, now(revision));
            states.push(objects.clone());
        }
        states
    }

    #[test]
    fn every_kept_state_can_be_seen_again() {
        let mut window = Window::new(10);
        let states = filled(&mut window, 500, |_| 0);
        let current = states.last().expect("states").clone();
        for (index, state) in states.iter().enumerate() {
            let seen = window.objects_at(10 + index as u64, &current);
            let revisions = |objects: &Objects| -> Vec<u64> { objects.values().map(|o| o.revision).collect() };
            assert_eq!(revisions(&seen), revisions(state), "at {}", 10 + index);
        }
        assert_eq!(window.since(505).count(), 6);
    }

    #[test]
    fn old_changes_go_and_recent_ones_stay() {
        let mut window = Window::new(10);
        // One change a second: a hundred are kept although those before the last 75 s are old.
        filled(&mut window, 300, |revision| revision * 1_000_000_000);
        assert_eq!((window.entries.len(), window.oldest()), (MIN_EVENTS, 210));
        // All at the same time: everything is kept.
        let mut window = Window::new(10);
        filled(&mut window, 300, |_| 0);
        assert_eq!((window.entries.len(), window.oldest()), (300, 10));
    }
}
