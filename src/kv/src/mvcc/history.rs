//! The past: what every revision changed, as far back as the bound in bytes allows.
//!
//! The state at an earlier revision is the nearest later checkpoint with the changes in between
//! taken back. A checkpoint is a copy of the persistent map, so it costs what has changed since.
//!
//! ```text
//!   horizon                                            current
//!      |  e e e e [checkpoint] e e e e [checkpoint] e e e |
//!                     <------ undo ----
//! ```

use std::collections::VecDeque;

use crate::{
    backend::{Event, Revision},
    mvcc::state::State,
};

/// Revisions between two checkpoints: how much has to be taken back at most.
const CHECKPOINT: Revision = 128;

/// How many bytes of keys and values of the past are kept unless said otherwise.
pub const HISTORY_BYTES: usize = 128 << 20;

/// What every revision changed. Revisions follow one another without a gap.
#[derive(Debug)]
pub struct History {
    /// The newest revision whose changes are no longer here.
    horizon: Revision,
    entries: VecDeque<Entry>,
    bytes: usize,
    bound: usize,
}

/// The changes of one revision.
#[derive(Debug)]
struct Entry {
    events: Vec<Event>,
    bytes: usize,
    /// The state after these changes.
    checkpoint: Option<State>,
}

impl History {
    /// Returns a history that begins after a revision and keeps about `bound` bytes.
    pub fn new(horizon: Revision, bound: usize) -> Self {
        Self { horizon, entries: VecDeque::new(), bytes: 0, bound }
    }

    /// Returns the newest revision whose changes are no longer here. The state at that revision is still known.
    pub fn horizon(&self) -> Revision {
        self.horizon
    }

    /// Adds the changes of the next revision.
    ///
    /// `state` is the state after all changes that are being published; it serves as a checkpoint if
    /// this is its revision.
    pub fn push(&mut self, events: Vec<Event>, state: &State) {
        let revision = self.horizon + self.entries.len() as Revision + 1;
        debug_assert!(events.iter().all(|event| event.kv.mod_revision == revision), "a gap in the history");
        let bytes = events.iter().map(weight).sum();
        let due = (self.entries.len() as Revision).is_multiple_of(CHECKPOINT) || state.revision.is_multiple_of(16);
        let checkpoint = (state.revision == revision && due).then(|| state.clone());
        self.bytes += bytes;
        self.entries.push_back(Entry { events, bytes, checkpoint });
    }

    /// Drops the oldest changes beyond the bound and returns them, oldest first.
    pub fn trim(&mut self) -> Vec<Event> {
        let mut dropped = Vec::new();
        while self.bytes > self.bound {
            let Some(entry) = self.entries.pop_front() else { break };
            self.bytes -= entry.bytes;
            self.horizon += 1;
            dropped.extend(entry.events);
        }
        dropped
    }

    /// Returns the changes of the revisions from `start` on, revision by revision. `start` must be after the horizon.
    pub fn since(&self, start: Revision) -> impl Iterator<Item = (Revision, &[Event])> {
        let skip = start.saturating_sub(self.horizon + 1) as usize;
        let entries = self.entries.iter().enumerate().skip(skip);
        entries.map(|(index, entry)| (self.horizon + 1 + index as Revision, entry.events.as_slice()))
    }

    /// Returns the state at a revision between the horizon and that of `current`.
    pub fn state_at(&self, revision: Revision, current: &State) -> State {
        let first = revision.saturating_sub(self.horizon) as usize;
        // The entry of `revision` itself may carry a checkpoint: nothing to take back then.
        let from = first.saturating_sub(1);
        let nearest = self.entries.iter().enumerate().skip(from).find_map(|(index, entry)| {
            let checkpoint = entry.checkpoint.as_ref()?;
            (checkpoint.revision >= revision).then_some((index + 1, checkpoint))
        });
        let (end, later) = nearest.unwrap_or((self.entries.len(), current));
        let mut state = later.clone();
        for entry in self.entries.range(first.min(end)..end).rev() {
            entry.events.iter().rev().for_each(|event| state.undo(event));
        }
        state.revision = revision;
        state
    }
}

/// The bytes that an event keeps alive, roughly: values dominate.
fn weight(event: &Event) -> usize {
    const OVERHEAD: usize = 200;
    OVERHEAD + event.kv.key.len() + event.kv.value.len()
}
