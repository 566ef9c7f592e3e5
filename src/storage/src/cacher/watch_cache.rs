//! The state of the watch cache: objects, window, and how far it has come.
//!
//! Go: apiserver/pkg/storage/cacher/watch_cache.go

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use apimachinery::{api::errors::StatusError, runtime::encoded::Encoded};
use parking_lot::RwLock;
use phase::clock::{Clock, Nanos};
use tokio::sync::Notify;

use crate::{
    cacher::{
        fan_out::FanOut,
        window::{CacheEvent, Objects, Window},
    },
    error::Error,
};

/// For how long a read waits for a revision.
///
/// Go: blockTimeout
const BLOCK_TIMEOUT: Duration = Duration::from_secs(3);

/// After how long a waiting read asks for a sign of progress again.
///
/// Go: progressRequestPeriod
const PROGRESS_PERIOD: Duration = Duration::from_millis(100);

/// What a client is told to wait before it asks for a revision again, in seconds.
///
/// Go: resourceVersionTooHighRetrySeconds
const TOO_HIGH_RETRY_SECONDS: u32 = 1;

/// A change as the reflector decoded it.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) key: Arc<str>,
    pub(crate) revision: u64,
    /// `None`: it was deleted.
    pub(crate) object: Option<Arc<Encoded>>,
}

/// The objects as of a revision.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) objects: Objects,
    pub(crate) revision: u64,
}

/// The state. Written by the reflector alone.
pub(crate) struct WatchCache {
    /// `None` until the first list, and between the end of a watch and the next list.
    filled: RwLock<Option<Filled>>,
    /// The revision of `filled`, for those who wait for it; 0 while there is none.
    fresh: AtomicU64,
    /// Wakes those who wait for `fresh`, in the order in which they came.
    freshened: Notify,
    /// Everything up to this revision has been pushed to the watchers' queues.
    dispatched: AtomicU64,
    /// Since when there is no state.
    down_since: AtomicU64,
    pub(crate) fan_out: FanOut,
    clock: Arc<dyn Clock>,
}

struct Filled {
    objects: Objects,
    revision: u64,
    window: Window,
}

impl WatchCache {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            filled: RwLock::new(None),
            fresh: AtomicU64::new(0),
            freshened: Notify::new(),
            dispatched: AtomicU64::new(0),
            down_since: AtomicU64::new(clock.now()),
            fan_out: FanOut::default(),
            clock,
        }
    }

    fn freshen(&self, revision: u64) {
        self.fresh.store(revision, Ordering::Release);
        self.freshened.notify_waiters();
    }

    fn fresh(&self) -> u64 {
        self.fresh.load(Ordering::Acquire)
    }

    /// Waits until `fresh` is at least this.
    async fn freshened(&self, minimum: u64) {
        loop {
            let mut freshened = pin!(self.freshened.notified());
            // Enlisted before the look, so that no change is missed.
            freshened.as_mut().enable();
            if self.fresh() >= minimum {
                return;
            }
            freshened.await;
        }
    }

    /// Begins with the objects of a list.
    ///
    /// Go: Replace
    pub(crate) fn replace(&self, objects: Objects, revision: u64) {
        *self.filled.write() = Some(Filled { objects, revision, window: Window::new(revision) });
        self.dispatched.store(revision, Ordering::Release);
        self.freshen(revision);
    }

    /// Ends with what it knows: after this, nobody is served before the next list.
    pub(crate) fn reset(&self) {
        self.down_since.store(self.clock.now(), Ordering::Relaxed);
        *self.filled.write() = None;
        self.freshen(0);
        self.fan_out.terminate_all();
    }

    /// Takes changes in, up to a revision, and tells the watchers.
    ///
    /// Go: processEvent, UpdateResourceVersion
    pub(crate) fn apply(&self, changes: Vec<Change>, revision: u64) {
        let now = self.clock.now();
        let events: Vec<_> = {
            let mut filled = self.filled.write();
            let Some(filled) = filled.as_mut() else { return };
            filled.revision = filled.revision.max(revision);
            changes.into_iter().map(|change| filled.apply(change, now)).collect()
        };
        self.freshen(revision);
        self.fan_out.dispatch(&events);
        self.dispatched.store(revision, Ordering::Release);
    }

    /// Refuses while there is no state.
    ///
    /// Go: ready.go checkAndReadGeneration
    pub(crate) fn check_ready(&self) -> Result<(), Error> {
        if self.filled.read().is_some() { Ok(()) } else { Err(self.not_ready()) }
    }

    /// What a client hears while there is no state: to come back, the later the longer this lasts.
    ///
    /// Go: cacher.go calculateRetryAfterForUnreadyCache
    pub(crate) fn not_ready(&self) -> Error {
        let down: Nanos = self.clock.now().saturating_sub(self.down_since.load(Ordering::Relaxed));
        let retry_after = (Duration::from_nanos(down).as_secs_f64() * 0.06).floor().clamp(1.0, 30.0) as u32;
        StatusError::new_too_many_requests("storage is (re)initializing", retry_after).into()
    }

    /// Returns all objects as they are.
    pub(crate) fn snapshot(&self) -> Option<Snapshot> {
        let filled = self.filled.read();
        filled.as_ref().map(|filled| Snapshot { objects: filled.objects.clone(), revision: filled.revision })
    }

    /// Returns all objects as they were at a revision; `None` if that is too long ago.
    pub(crate) fn snapshot_at(&self, revision: u64) -> Option<Snapshot> {
        let filled = self.filled.read();
        let filled = filled.as_ref()?;
        let known = (filled.window.oldest()..=filled.revision).contains(&revision);
        known.then(|| Snapshot { objects: filled.window.objects_at(revision, &filled.objects), revision })
    }

    /// Returns an object, and the revision at which it is so.
    pub(crate) fn get(&self, key: &str) -> Option<(Option<Arc<Encoded>>, u64)> {
        let filled = self.filled.read();
        filled.as_ref().map(|filled| (filled.objects.get(key).cloned(), filled.revision))
    }

    /// Returns the number of objects.
    pub(crate) fn len(&self) -> Option<usize> {
        self.filled.read().as_ref().map(|filled| filled.objects.len())
    }

    /// Returns the oldest revision after which everything is known; `None` if nothing is.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.filled.read().as_ref().map(|filled| filled.window.oldest())
    }

    /// Reads the changes from a revision on, at most about `limit`, and the revision up to which that is all.
    /// `None` if some of them are no longer known.
    pub(crate) fn since(&self, start: u64, limit: usize) -> Option<(Vec<Arc<CacheEvent>>, u64)> {
        let filled = self.filled.read();
        let filled = filled.as_ref()?;
        if start <= filled.window.oldest() {
            return None;
        }
        let mut events: Vec<Arc<CacheEvent>> = Vec::new();
        for event in filled.window.since(start) {
            match events.last() {
                // Never in the middle of a revision.
                Some(last) if events.len() >= limit && last.revision != event.revision => {
                    let last = last.revision;
                    return Some((events, last));
                }
                _ => events.push(event.clone()),
            }
        }
        Some((events, filled.revision))
    }

    /// Returns the revision up to which every watcher has been told everything.
    pub(crate) fn dispatched(&self) -> u64 {
        self.dispatched.load(Ordering::Acquire)
    }

    /// Waits until the state is at least of a revision. `nudge` asks the backend for a sign of progress.
    ///
    /// Go: waitUntilFreshAndBlock
    pub(crate) async fn wait_until_fresh<F>(&self, minimum: u64, nudge: impl Fn() -> F) -> Result<(), Error>
    where
        F: Future<Output = ()>,
    {
        if self.fresh() >= minimum {
            return Ok(());
        }
        let caught_up = async {
            loop {
                nudge().await;
                if tokio::time::timeout(PROGRESS_PERIOD, self.freshened(minimum)).await.is_ok() {
                    return;
                }
            }
        };
        if tokio::time::timeout(BLOCK_TIMEOUT, caught_up).await.is_ok() {
            return Ok(());
        }
        let current = self.fresh();
        Err(StatusError::new_too_large_resource_version(minimum, current, TOO_HIGH_RETRY_SECONDS).into())
    }
}

impl Filled {
    fn apply(&mut self, change: Change, now: Nanos) -> Arc<CacheEvent> {
        let Change { key, revision, object } = change;
        let prev = match &object {
            Some(object) => self.objects.insert(key.clone(), object.clone()),
            None => self.objects.remove(&key),
        };
        let event = CacheEvent::new(key, revision, object, prev);
        self.window.push(event.clone(), &self.objects, now);
        event
    }
}
