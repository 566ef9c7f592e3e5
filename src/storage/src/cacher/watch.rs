//! One watch: the state as it is, if wanted, then the changes, with bookmarks in between.
//!
//! Go: apiserver/pkg/storage/cacher/{cacher,cache_watcher}.go Watch

use std::{collections::VecDeque, ops::Bound, pin::Pin, sync::Arc, time::Duration};

use apimachinery::api::errors::StatusError;
use futures_util::stream;
use phase::trace::Trace;
use tokio::time::Sleep;

use crate::{
    cacher::{
        fan_out::{Cell, Delivery, Scope, Seen},
        store::Cacher,
        watch_cache::{Snapshot, WatchCache},
        window::Kind,
    },
    error::Error,
    interface::{AllowWatchBookmarks, Interface, ListOptions, WatchEvent, WatchStream},
    versioner,
};

/// How often a watch gets a bookmark.
///
/// Go: defaultBookmarkFrequency
const BOOKMARK_FREQUENCY: Duration = Duration::from_mins(1);

/// How long before its end a watch gets the last one, so that its reader comes back with a recent revision.
///
/// Go: cache_watcher.go nextBookmarkTime
const BEFORE_DEADLINE: Duration = Duration::from_secs(2);

/// Objects of the initial state that are turned into events at a time.
const CHUNK: usize = 256;

impl Cacher {
    pub(crate) async fn watch_inner(
        &self,
        trace: &Trace,
        key: &str,
        options: ListOptions,
    ) -> Result<WatchStream, Error> {
        let version = versioner::parse_resource_version(&options.resource_version)?;
        self.cache.check_ready()?;
        // Whoever says neither where to begin nor how begins with any state. Whoever says how begins with the newest.
        let newest = options.resource_version.is_empty() && options.send_initial_events.is_some();
        if newest && !self.store().client.supports_progress() {
            // Nothing would bring the cache to the newest revision: the backend's own watch knows it.
            return self.store().watch(trace, key, options).await;
        }
        let required = if newest { self.store().current_revision(trace).await? } else { version };
        let initial = match (options.send_initial_events, version) {
            (Some(true), _) => {
                self.wait_until_fresh(trace, required).await?;
                Some(self.snapshot()?)
            }
            (None, 0) => Some(self.snapshot()?),
            (Some(false), 0) if !newest => return Ok(self.start(trace, key, options, None, self.snapshot()?.revision)),
            (Some(false) | None, _) => None,
        };
        let after = initial.as_ref().map_or(required, |snapshot| snapshot.revision);
        let oldest = self.cache.oldest().unwrap_or_default();
        if after < oldest {
            let error = StatusError::new_resource_expired(format!("too old resource version: {after} ({oldest})"));
            return Ok(Box::pin(stream::iter([WatchEvent::Error(error)])));
        }
        Ok(self.start(trace, key, options, initial, after))
    }

    fn snapshot(&self) -> Result<Snapshot, Error> {
        self.cache.snapshot().ok_or_else(|| self.cache.not_ready())
    }

    /// Starts a watch of what happens after a revision, with an initial state before it.
    fn start(
        &self,
        trace: &Trace,
        key: &str,
        options: ListOptions,
        initial: Option<Snapshot>,
        after: u64,
    ) -> WatchStream {
        let scope = if options.recursive {
            Scope::Under(self.store().prepare_prefix(key).into())
        } else {
            Scope::One(self.store().prepare_key(key).into())
        };
        let bookmarks = options.allow_watch_bookmarks == AllowWatchBookmarks::Yes;
        let cell = Cell::new(trace.id(), scope, options.predicate, after);
        self.cache.fan_out.add(cell.clone());
        let watcher = CacheWatcher {
            cache: self.cache.clone(),
            cell,
            initial: initial.map(|snapshot| Initial { snapshot, after: None }),
            ends_with_bookmark: bookmarks && options.send_initial_events == Some(true),
            changes: VecDeque::new(),
            ready: VecDeque::new(),
            bookmarks: if bookmarks { Bookmarks::new(options.timeout) } else { Bookmarks::none() },
        };
        Box::pin(stream::unfold(watcher, |mut watcher| async move { Some((watcher.next().await?, watcher)) }))
    }
}

/// The initial state, as far as it has not been delivered.
struct Initial {
    snapshot: Snapshot,
    /// The key of the last object that was delivered.
    after: Option<Arc<str>>,
}

/// The reading end of a watch.
///
/// Go: cacheWatcher
struct CacheWatcher {
    cache: Arc<WatchCache>,
    cell: Arc<Cell>,
    initial: Option<Initial>,
    /// Whether a bookmark says that the initial state has been delivered.
    ends_with_bookmark: bool,
    /// What was taken from the queue, to be delivered first.
    changes: VecDeque<Seen>,
    /// What is to be delivered before more is taken.
    ready: VecDeque<WatchEvent>,
    bookmarks: Bookmarks,
}

impl Drop for CacheWatcher {
    fn drop(&mut self) {
        self.cache.fan_out.remove(&self.cell);
    }
}

impl CacheWatcher {
    async fn next(&mut self) -> Option<WatchEvent> {
        loop {
            if let Some(seen) = self.changes.pop_front() {
                return Some(event(seen));
            }
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if let Some(initial) = self.initial.take() {
                self.deliver(initial);
                continue;
            }
            match self.cell.take(&self.cache, &mut self.changes) {
                Delivery::Changes => {}
                Delivery::End => return None,
                Delivery::Nothing => tokio::select! {
                    // Changes first: a bookmark says that there are none.
                    biased;
                    () = self.cell.woken() => {}
                    () = self.bookmarks.due() => self.bookmark(),
                },
            }
        }
    }

    /// Turns the next part of the initial state into events.
    fn deliver(&mut self, mut initial: Initial) {
        let Snapshot { objects, revision } = &initial.snapshot;
        let mut end = true;
        match &self.cell.scope {
            Scope::One(key) => {
                let one = objects.get(key).filter(|object| self.cell.predicate.selects(object));
                self.ready.extend(one.cloned().map(WatchEvent::Added));
            }
            Scope::Under(prefix) => {
                let from = initial.after.as_ref().map_or(Bound::Included(prefix), Bound::Excluded);
                let mut rest = objects.range::<_, Arc<str>>((from, Bound::Unbounded));
                let mut last = None;
                for (key, object) in rest.by_ref().take(CHUNK).take_while(|(key, _)| key.starts_with(&**prefix)) {
                    last = Some(key.clone());
                    if self.cell.predicate.selects(object) {
                        self.ready.push_back(WatchEvent::Added(object.clone()));
                    }
                }
                end = last.is_none();
                initial.after = last;
            }
        }
        if !end {
            self.initial = Some(initial);
        } else if self.ends_with_bookmark {
            self.ready.push_back(WatchEvent::Bookmark { revision: *revision, initial_events_end: true });
        }
    }

    /// Delivers a bookmark, unless there is something else to deliver after all.
    fn bookmark(&mut self) {
        // In this order: what was dispatched before is in the queue now.
        let revision = self.cache.dispatched();
        // The end of the watch, if this is it, is found when the next is asked for.
        let _ = self.cell.take(&self.cache, &mut self.changes);
        self.ready.push_back(WatchEvent::Bookmark { revision, initial_events_end: false });
    }
}

fn event((kind, object): Seen) -> WatchEvent {
    match kind {
        Kind::Added => WatchEvent::Added(object),
        Kind::Modified => WatchEvent::Modified(object),
        Kind::Deleted => WatchEvent::Deleted(object),
    }
}

/// When bookmarks are due.
struct Bookmarks {
    /// `None`: never again.
    next: Option<Pin<Box<Sleep>>>,
    /// How much is left of the watch after the next one; `None`: it has no end.
    left: Option<Duration>,
}

impl Bookmarks {
    fn none() -> Self {
        Self { next: None, left: None }
    }

    /// Schedules the bookmarks of a watch that is going to end after a time.
    fn new(timeout: Option<Duration>) -> Self {
        let mut bookmarks = Self { next: None, left: timeout };
        bookmarks.schedule();
        bookmarks
    }

    fn schedule(&mut self) {
        let wait = match self.left {
            None => BOOKMARK_FREQUENCY,
            Some(left) => match left.checked_sub(BEFORE_DEADLINE).filter(|wait| !wait.is_zero()) {
                None => return self.next = None,
                Some(wait) => wait.min(BOOKMARK_FREQUENCY),
            },
        };
        self.left = self.left.map(|left| left.saturating_sub(wait));
        self.next = Some(Box::pin(tokio::time::sleep(wait)));
    }

    /// Returns when the next one is due, and schedules the one after it.
    async fn due(&mut self) {
        match &mut self.next {
            None => std::future::pending().await,
            Some(next) => next.await,
        }
        self.schedule();
    }
}
