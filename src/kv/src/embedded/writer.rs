//! The one thread that writes.

use std::sync::Arc;

use phase::clock::Clock;
use tokio::sync::{mpsc, oneshot};

use crate::{
    backend::{Event, EventKind, KeyValue},
    embedded::{
        log::{Contents, Log, OpenError, Trim},
        medium::Medium,
        store::Options,
    },
    error::Error,
    mvcc::{
        history::History,
        hub::Hub,
        working::{Answer, Changes, MAX_VALUE, Op, Working},
    },
};

/// Operations that share one fsync at most: a longer batch would make the first of them wait for too many others.
const BATCH: usize = 1024;

/// Bytes of values that share one fsync at most.
const BATCH_BYTES: usize = 8 * MAX_VALUE;

/// An operation, and where its answer goes.
pub(crate) struct Job {
    pub(crate) op: Op,
    pub(crate) reply: oneshot::Sender<Result<Answer, Error>>,
}

/// The state of the writer.
pub(crate) struct Writer {
    medium: Arc<dyn Medium>,
    clock: Arc<dyn Clock>,
    options: Options,
    hub: Arc<Hub>,
    /// `None` after a write has failed: the database takes no more, and is opened anew for the next batch.
    log: Option<Log>,
    working: Working,
    /// What the next write may remove from the disk.
    trim: Trim,
}

impl Writer {
    /// Opens the log and brings the state up from it.
    pub(crate) fn open(medium: Arc<dyn Medium>, clock: Arc<dyn Clock>, options: Options) -> Result<Self, OpenError> {
        let (log, contents) = Log::open(&*medium)?;
        let (working, history, trim) = restore(contents, &*clock, options);
        let hub = Hub::new(working.state.clone(), history, working.compacted);
        Ok(Self { medium, clock, options, hub, log: Some(log), working, trim })
    }

    /// Where the writer publishes.
    pub(crate) fn hub(&self) -> Arc<Hub> {
        self.hub.clone()
    }

    /// Writes until nobody can hand anything over any more.
    pub(crate) fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        while let Some(first) = queue.blocking_recv() {
            let mut bytes = first.op.bytes();
            let mut batch = vec![first];
            while batch.len() < BATCH && bytes < BATCH_BYTES {
                let Ok(job) = queue.try_recv() else { break };
                bytes += job.op.bytes();
                batch.push(job);
            }
            self.write(batch);
        }
    }

    /// Applies a batch, writes it down, publishes it, answers.
    fn write(&mut self, batch: Vec<Job>) {
        if let Err(error) = self.reopen() {
            tracing::error!(%error, "the embedded store cannot be written");
            return refuse(batch.into_iter().map(|job| job.reply), &error.to_string());
        }
        let now = self.clock.now();
        let mut changes = Changes::default();
        let answers: Vec<_> =
            batch.into_iter().map(|job| (job.reply, self.working.apply(job.op, now, &mut changes))).collect();
        if !changes.is_empty()
            && let Err(error) = self.log.as_ref().expect("opened above").write(&changes, &self.working, &self.trim)
        {
            // What was applied is not what is on disk: forget it, and read the disk before the next batch.
            self.log = None;
            let error = format!("cannot write to {}: {error}", self.medium.name());
            tracing::error!(%error, "a write failed");
            return refuse(answers.into_iter().map(|(reply, _)| reply), &error);
        }
        if !changes.is_empty() {
            self.trim = Trim::default();
            self.publish(changes.events);
        }
        for (reply, answer) in answers {
            // Whoever asked may have gone away: the write stands all the same.
            let _ = reply.send(answer);
        }
    }

    fn publish(&mut self, events: Vec<Event>) {
        let forgotten = self.hub.publish(self.working.state.clone(), events, self.working.compacted);
        self.working.forget(&forgotten);
        self.trim.add(&forgotten);
    }

    /// Opens the log anew if a write has failed, and publishes what that write had brought to the disk after all.
    fn reopen(&mut self) -> Result<(), OpenError> {
        if self.log.is_some() {
            return Ok(());
        }
        let (log, contents) = Log::open(&*self.medium)?;
        let published = self.hub.current().revision;
        let newer: Vec<_> = contents.rows.iter().filter(|(_, kv)| kv.mod_revision > published).cloned().collect();
        if contents.revision < published {
            let what = format!("it ends at revision {} after {published} was written", contents.revision);
            return Err(OpenError::Corrupt { name: self.medium.name(), what });
        }
        let (working, _, trim) = restore(contents, &*self.clock, self.options);
        self.working = working;
        self.trim = trim;
        self.log = Some(log);
        let mut state = self.hub.current();
        let events = newer.into_iter().map(|(kind, kv)| state.replay(kind, kv)).collect();
        self.publish(events);
        Ok(())
    }
}

/// Answers that nothing is known of what became of these operations.
fn refuse(replies: impl Iterator<Item = oneshot::Sender<Result<Answer, Error>>>, error: &str) {
    for reply in replies {
        let _ = reply.send(Err(Error::Unavailable(error.to_owned())));
    }
}

/// Brings state, leases and past up from what the log says.
fn restore(contents: Contents, clock: &dyn Clock, options: Options) -> (Working, History, Trim) {
    let Contents { rows, leases, revision, compacted, horizon } = contents;
    let mut working = Working { compacted, ..Working::default() };
    for (id, ttl) in leases {
        working.leases.restore(id, ttl, clock.now());
    }
    let mut history = History::new(horizon, options.history_bytes);
    let mut trim = Trim::default();
    let mut rows = rows.into_iter().peekable();
    while let Some(first) = rows.next() {
        let at = first.1.mod_revision;
        let mut events = vec![follow(&mut working, first)];
        while let Some(row) = rows.next_if(|(_, kv)| kv.mod_revision == at) {
            events.push(follow(&mut working, row));
        }
        if at > horizon {
            history.push(events, &working.state);
            trim.add(&history.trim());
        }
    }
    // The newest revisions may have been deletions that are forgotten by now.
    working.state.revision = revision;
    if history.horizon() > 1 {
        working.compacted = working.compacted.max(history.horizon());
    }
    (working, history, trim)
}

fn follow(working: &mut Working, (kind, kv): (EventKind, Arc<KeyValue>)) -> Event {
    let event = working.state.replay(kind, kv);
    working.leases.follow(&event);
    event
}
