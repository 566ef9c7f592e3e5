//! One watch: a bounded queue, and the history for whoever overflows it.
//!
//! A watcher is *up to date* (the writer pushes events into its queue) or *behind* (it reads the
//! history at its own pace). It starts behind if it asks for the past, and falls behind when its
//! queue is full. Nothing waits for a watcher, and none costs more than its queue.
//!
//! Go: etcd/server/storage/mvcc/watchable_store.go (synced and unsynced watchers)

use std::{collections::VecDeque, sync::Arc};

use futures_util::stream;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::{
    backend::{Event, Revision, Watch, WatchResponse},
    error::Error,
    mvcc::hub::Hub,
};

/// Events that a queue holds before its watcher has to read the history: a burst of a large commit.
const QUEUE: usize = 4096;

/// What the writer and the reader of one watch share.
#[derive(Debug)]
pub struct Cell {
    prefix: Arc<str>,
    /// Events of earlier revisions are not wanted.
    start: Revision,
    queue: Mutex<Queue>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Event>,
    /// Set while behind: the next revision to read from the history. Nothing is queued then.
    behind: Option<Revision>,
    /// A sign of progress to give once the events are delivered.
    progress: Option<Revision>,
}

impl Cell {
    /// Returns the cell of a watcher that starts up to date, or behind from a revision on.
    pub fn new(prefix: &str, start: Revision, behind: Option<Revision>) -> Self {
        let queue = Queue { behind, ..Queue::default() };
        Self { prefix: prefix.into(), start, queue: Mutex::new(queue), wake: Notify::new() }
    }

    /// The beginning of the keys that are watched.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Says whether an event is for this watcher.
    pub fn wants(&self, event: &Event) -> bool {
        event.kv.mod_revision >= self.start && event.kv.key.starts_with(&*self.prefix)
    }

    /// Queues what is for this watcher. Called by the writer, in the order of revisions.
    pub fn push(&self, events: &[Event]) {
        let mut queue = self.queue.lock();
        if queue.behind.is_some() {
            return;
        }
        let before = queue.events.len();
        for event in events.iter().filter(|event| self.wants(event)) {
            if queue.events.len() == QUEUE {
                // What is queued is delivered first; the last revision may be queued in part, so it is taken out.
                let revision = event.kv.mod_revision;
                while queue.events.back().is_some_and(|last| last.kv.mod_revision == revision) {
                    queue.events.pop_back();
                }
                queue.behind = Some(revision);
                break;
            }
            queue.events.push_back(event.clone());
        }
        if queue.events.len() != before || queue.behind.is_some() {
            self.wake.notify_one();
        }
    }

    /// Asks for a sign of progress at a revision.
    pub fn progress(&self, revision: Revision) {
        self.queue.lock().progress = Some(revision);
        self.wake.notify_one();
    }

    /// Notes how far the history was read: to the end (`None`), or up to the revision before this.
    pub fn caught_up(&self, behind: Option<Revision>) {
        self.queue.lock().behind = behind;
    }
}

/// What to do next.
enum Step {
    Deliver(WatchResponse),
    CatchUp(Revision),
    Wait,
}

/// The reading end of a watch.
#[derive(Debug)]
pub struct Watcher {
    hub: Arc<Hub>,
    cell: Arc<Cell>,
}

impl Watcher {
    pub(crate) fn new(hub: Arc<Hub>, cell: Arc<Cell>) -> Self {
        Self { hub, cell }
    }

    /// Waits for the next delivery.
    pub async fn next(&mut self) -> Result<WatchResponse, Error> {
        loop {
            match self.step() {
                Step::Deliver(response) => return Ok(response),
                Step::CatchUp(next) => {
                    if let Some(response) = self.hub.catch_up(&self.cell, next)? {
                        return Ok(response);
                    }
                }
                Step::Wait => self.cell.wake.notified().await,
            }
        }
    }

    fn step(&self) -> Step {
        let mut queue = self.cell.queue.lock();
        if let Some(last) = queue.events.back() {
            let revision = last.kv.mod_revision;
            return Step::Deliver(WatchResponse { revision, events: queue.events.drain(..).collect() });
        }
        if let Some(next) = queue.behind {
            return Step::CatchUp(next);
        }
        match queue.progress.take() {
            Some(revision) => Step::Deliver(WatchResponse { revision, events: Vec::new() }),
            None => Step::Wait,
        }
    }

    /// Turns it into the stream that a backend returns: it ends after the first error.
    pub fn into_stream(self) -> Watch {
        Box::pin(stream::unfold(Some(self), |watcher| async move {
            let mut watcher = watcher?;
            let item = watcher.next().await;
            let rest = item.is_ok().then_some(watcher);
            Some((item, rest))
        }))
    }
}
