//! From one change to all who watch: an index of watchers, and a queue for each.
//!
//! A watcher stands in one place of the index: under the prefix that it watches and, within that,
//! under the value that it demands of a field, if it does. So a change of one pod is looked at for
//! the watchers of all pods, of its namespace and of its node, and for nobody else's.
//!
//! A queue has a bound. A watcher whose queue is full is *behind*: nothing more is queued, and it reads
//! the window when it gets to it. If it is so slow that the window has moved on, its watch ends.
//!
//! Go: apiserver/pkg/storage/cacher/{cacher,cache_watcher}.go

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use apimachinery::runtime::encoded::Encoded;
use parking_lot::{Mutex, RwLock};
use phase::record::TraceId;
use tokio::sync::Notify;

use crate::{
    cacher::{
        watch_cache::WatchCache,
        window::{CacheEvent, Kind},
    },
    interface::WatcherInfo,
    selection::SelectionPredicate,
};

/// Changes that wait in a queue before its watcher has to read the window: a burst, such as the end of a namespace.
const QUEUE: usize = 1000;

/// Changes that a watcher takes from the window at a time.
const CATCH_UP: usize = 256;

/// What a watcher sees of one change.
pub(crate) type Seen = (Kind, Arc<Encoded>);

/// Which objects are watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The one of a key.
    One(Arc<str>),
    /// All under a prefix, which ends in a slash.
    Under(Arc<str>),
}

impl Scope {
    /// The key or the prefix.
    pub(crate) fn key(&self) -> &Arc<str> {
        match self {
            Self::One(key) | Self::Under(key) => key,
        }
    }

    fn contains(&self, key: &str) -> bool {
        match self {
            Self::One(one) => **one == *key,
            Self::Under(prefix) => key.starts_with(&**prefix),
        }
    }
}

/// One watcher.
pub(crate) struct Cell {
    request: Option<TraceId>,
    pub(crate) scope: Scope,
    pub(crate) predicate: SelectionPredicate,
    queue: Mutex<Queue>,
    wake: Notify,
}

struct Queue {
    seen: VecDeque<Seen>,
    /// Set while behind: the next revision to read from the window. Nothing is queued then.
    behind: Option<u64>,
    /// Changes up to this revision have been looked at.
    done: u64,
    /// How many changes were taken.
    taken: u64,
    /// Nothing more comes.
    terminated: bool,
}

/// What there is for a watcher.
pub(crate) enum Delivery {
    /// Changes, in order.
    Changes,
    /// Nothing at the moment.
    Nothing,
    /// Nothing ever again.
    End,
}

impl Cell {
    /// Returns a watcher that is to be told what happens after a revision.
    pub(crate) fn new(request: Option<TraceId>, scope: Scope, predicate: SelectionPredicate, after: u64) -> Arc<Self> {
        let queue = Queue { seen: VecDeque::new(), behind: Some(after + 1), done: after, taken: 0, terminated: false };
        Arc::new(Self { request, scope, predicate, queue: Mutex::new(queue), wake: Notify::new() })
    }

    /// Returns when there may be something new.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Tells a change. Never waits.
    fn push(&self, event: &CacheEvent) {
        let Some(seen) = event.seen_by(&self.predicate) else { return };
        let mut queue = self.queue.lock();
        if queue.behind.is_some() || event.revision <= queue.done {
            return;
        }
        if queue.seen.len() >= QUEUE {
            // Never in the middle of a revision.
            while queue.seen.back().is_some_and(|(_, object)| object.revision == event.revision) {
                queue.seen.pop_back();
            }
            queue.behind = Some(event.revision);
        } else {
            queue.seen.push_back(seen);
        }
        drop(queue);
        self.wake.notify_one();
    }

    fn info(&self) -> WatcherInfo {
        let queue = self.queue.lock();
        WatcherInfo {
            request: self.request,
            key: self.scope.key().to_string(),
            exact: self.predicate.exact.clone(),
            taken: queue.taken,
            queued: queue.seen.len(),
            behind: queue.behind,
        }
    }

    fn terminate(&self) {
        self.queue.lock().terminated = true;
        self.wake.notify_one();
    }

    /// Takes what there is into an empty buffer. The queue goes on with the buffer, so that neither allocates again.
    ///
    /// The queue stays locked while the window is read: what is pushed after that is newer.
    pub(crate) fn take(&self, cache: &WatchCache, changes: &mut VecDeque<Seen>) -> Delivery {
        debug_assert!(changes.is_empty());
        let mut queue = self.queue.lock();
        loop {
            if !queue.seen.is_empty() {
                queue.taken += queue.seen.len() as u64;
                std::mem::swap(&mut queue.seen, changes);
                return Delivery::Changes;
            }
            if queue.terminated {
                return Delivery::End;
            }
            let Some(next) = queue.behind else { return Delivery::Nothing };
            let Some((events, revision)) = cache.since(next, CATCH_UP) else {
                queue.terminated = true;
                return Delivery::End;
            };
            queue.behind = (events.len() >= CATCH_UP).then_some(revision + 1);
            queue.done = queue.done.max(revision);
            let wanted = events.iter().filter(|event| self.scope.contains(&event.key));
            queue.seen.extend(wanted.filter_map(|event| event.seen_by(&self.predicate)));
        }
    }
}

/// All watchers of a resource.
#[derive(Default)]
pub(crate) struct FanOut {
    groups: RwLock<BTreeMap<Arc<str>, Group>>,
}

/// The watchers of one prefix or key.
#[derive(Default)]
struct Group {
    plain: Vec<Arc<Cell>>,
    by_field: BTreeMap<String, BTreeMap<String, Vec<Arc<Cell>>>>,
}

impl Group {
    fn place(&mut self, exact: Option<&(String, String)>) -> &mut Vec<Arc<Cell>> {
        match exact {
            None => &mut self.plain,
            Some((field, value)) => self.by_field.entry(field.clone()).or_default().entry(value.clone()).or_default(),
        }
    }

    /// Tells a change to those whom it may concern.
    fn dispatch(&self, event: &CacheEvent) {
        for cell in &self.plain {
            cell.push(event);
        }
        for (field, by_value) in &self.by_field {
            let (now, before) = (value_of(event.object.as_deref(), field), value_of(event.prev.as_deref(), field));
            let concerned = [now, before.filter(|_| before != now)];
            for cell in concerned.into_iter().flatten().filter_map(|value| by_value.get(value)).flatten() {
                cell.push(event);
            }
        }
    }

    fn cells(&self) -> impl Iterator<Item = &Arc<Cell>> {
        let indexed = self.by_field.values().flat_map(BTreeMap::values).flatten();
        self.plain.iter().chain(indexed)
    }

    fn prune(&mut self) {
        for by_value in self.by_field.values_mut() {
            by_value.retain(|_, cells| !cells.is_empty());
        }
        self.by_field.retain(|_, by_value| !by_value.is_empty());
    }
}

/// Returns the value of a field of an object; one that is not there counts as empty.
fn value_of<'a>(object: Option<&'a Encoded>, field: &str) -> Option<&'a str> {
    object.map(|object| object.fields.get(field).map_or("", String::as_str))
}

impl FanOut {
    /// Adds a watcher.
    pub(crate) fn add(&self, cell: Arc<Cell>) {
        let mut groups = self.groups.write();
        let group = groups.entry(cell.scope.key().clone()).or_default();
        group.place(cell.predicate.exact.as_ref()).push(cell);
    }

    /// Removes a watcher that has gone away.
    pub(crate) fn remove(&self, cell: &Arc<Cell>) {
        let mut groups = self.groups.write();
        let Some(group) = groups.get_mut(cell.scope.key()) else { return };
        group.place(cell.predicate.exact.as_ref()).retain(|other| !Arc::ptr_eq(other, cell));
        group.prune();
        if group.plain.is_empty() && group.by_field.is_empty() {
            groups.remove(cell.scope.key());
        }
    }

    /// Tells changes to all whom they may concern.
    ///
    /// Go: dispatchEvents
    pub(crate) fn dispatch(&self, events: &[Arc<CacheEvent>]) {
        let groups = self.groups.read();
        for event in events {
            // `/registry/pods/shop/web` concerns the watchers of `/registry/pods/`, of `/registry/pods/shop/` and its own.
            for (end, _) in event.key.match_indices('/') {
                if let Some(group) = groups.get(&event.key[..=end]) {
                    group.dispatch(event);
                }
            }
            if let Some(group) = groups.get(&*event.key) {
                group.dispatch(event);
            }
        }
    }

    /// Ends all watches.
    ///
    /// Go: terminateAllWatchers
    pub(crate) fn terminate_all(&self) {
        let groups = std::mem::take(&mut *self.groups.write());
        for cell in groups.values().flat_map(Group::cells) {
            cell.terminate();
        }
    }

    /// Returns who watches.
    pub(crate) fn watchers(&self) -> Vec<WatcherInfo> {
        self.groups.read().values().flat_map(Group::cells).map(|cell| cell.info()).collect()
    }
}
