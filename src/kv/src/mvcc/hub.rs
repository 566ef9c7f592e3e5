//! What is published: the current state, its past, and those who watch.

use std::sync::{Arc, Weak};

use parking_lot::RwLock;

use crate::{
    backend::{Event, GetResponse, List, ListResponse, Revision, Revisions, WatchResponse},
    error::Error,
    mvcc::{
        history::History,
        state::State,
        watcher::{Cell, Watcher},
    },
};

/// Events that one step of catching up delivers at most (more only if one revision has more).
const CATCH_UP: usize = 1000;

/// What is published. Written by the one writer, read by everyone.
#[derive(Debug)]
pub struct Hub {
    inner: RwLock<Published>,
}

#[derive(Debug)]
struct Published {
    state: State,
    history: History,
    /// The oldest revision that clients may read.
    compacted: Revision,
    /// Who watches. A watcher that is dropped leaves a dead reference, cleared when the next one comes.
    watchers: Vec<Weak<Cell>>,
}

impl Hub {
    /// Publishes a first state and its past.
    pub fn new(state: State, history: History, compacted: Revision) -> Arc<Self> {
        let published = Published { state, history, compacted, watchers: Vec::new() };
        Arc::new(Self { inner: RwLock::new(published) })
    }

    /// Publishes a new state with the events that led to it; returns what the bound on the past makes droppable.
    pub fn publish(&self, state: State, events: Vec<Event>, compacted: Revision) -> Vec<Event> {
        let mut inner = self.inner.write();
        let inner = &mut *inner;
        for cell in inner.watchers.iter().filter_map(Weak::upgrade) {
            cell.push(&events);
        }
        let mut events = events.into_iter().peekable();
        while let Some(first) = events.next() {
            let revision = first.kv.mod_revision;
            let mut together = vec![first];
            while let Some(event) = events.next_if(|event| event.kv.mod_revision == revision) {
                together.push(event);
            }
            inner.history.push(together, &state);
        }
        inner.state = state;
        let dropped = inner.history.trim();
        inner.compacted = inner.compacted.max(compacted).max(inner.history.horizon());
        dropped
    }

    /// Returns the published state.
    pub fn current(&self) -> State {
        self.inner.read().state.clone()
    }

    /// Returns where the store stands.
    pub fn revisions(&self) -> Revisions {
        let inner = self.inner.read();
        Revisions {
            current: inner.state.revision,
            compacted: inner.compacted.max(1),
            viewable: inner.history.horizon().max(1),
        }
    }

    /// Reads one key.
    pub fn get(&self, key: &str, revision: Option<Revision>) -> Result<GetResponse, Error> {
        let (current, state) = self.readable(revision)?;
        Ok(GetResponse { revision: current, kv: state.get(key).cloned() })
    }

    /// Reads the keys under a prefix.
    pub fn list(&self, list: &List<'_>) -> Result<ListResponse, Error> {
        let (current, state) = self.readable(list.revision)?;
        let (kvs, count) = state.list(list);
        Ok(ListResponse { revision: current, kvs, count })
    }

    /// Reads the past as far as it is there.
    pub fn view(&self, prefix: &str, revision: Revision) -> Result<ListResponse, Error> {
        let (current, state) = {
            let inner = self.inner.read();
            (inner.state.revision, inner.at(revision, inner.history.horizon())?)
        };
        let (kvs, count) = state.list(&List { prefix, ..List::default() });
        Ok(ListResponse { revision: current, kvs, count })
    }

    /// Returns the current revision, and the state at the one that a client asks for.
    fn readable(&self, revision: Option<Revision>) -> Result<(Revision, State), Error> {
        let inner = self.inner.read();
        let state = match revision {
            None => inner.state.clone(),
            Some(revision) => inner.at(revision, inner.compacted)?,
        };
        Ok((inner.state.revision, state))
    }

    /// Starts a watch.
    pub fn watch(self: &Arc<Self>, prefix: &str, start: Option<Revision>) -> Watcher {
        let mut inner = self.inner.write();
        // The next revision is not in the history yet: the watcher is up to date from the beginning.
        let behind = start.filter(|start| *start <= inner.state.revision);
        let cell = Arc::new(Cell::new(prefix, start.unwrap_or_default(), behind));
        inner.watchers.retain(|cell| cell.strong_count() > 0);
        inner.watchers.push(Arc::downgrade(&cell));
        Watcher::new(self.clone(), cell)
    }

    /// Delivers a sign of progress to the watches of a prefix that are up to date; the others get one when they are.
    pub fn request_progress(&self, prefix: &str) {
        let inner = self.inner.read();
        for cell in inner.watchers.iter().filter_map(Weak::upgrade).filter(|cell| cell.prefix() == prefix) {
            cell.progress(inner.state.revision);
        }
    }

    /// Reads for a watcher that has fallen behind (or has just begun) what it has missed from `next` on.
    /// `None`: it missed nothing that it is interested in, and is up to date now.
    pub(crate) fn catch_up(&self, cell: &Cell, next: Revision) -> Result<Option<WatchResponse>, Error> {
        let inner = self.inner.read();
        // Nothing ever happened at revision 1: a store that is still at its beginning has forgotten nothing.
        let horizon = inner.history.horizon();
        if next < inner.compacted || (next <= horizon && horizon > 1) {
            return Err(Error::Compacted { requested: next, compacted: inner.compacted });
        }
        let mut events = Vec::new();
        let mut revision = inner.state.revision;
        let mut behind = None;
        for (at, changes) in inner.history.since(next) {
            if events.len() >= CATCH_UP {
                revision = at - 1;
                behind = Some(at);
                break;
            }
            events.extend(changes.iter().filter(|event| cell.wants(event)).cloned());
        }
        // Still under the lock: nothing can be published between the last event read and this.
        cell.caught_up(behind);
        Ok((!events.is_empty()).then_some(WatchResponse { revision, events }))
    }
}

impl Published {
    /// Returns the state at a revision that must not be older than `oldest`.
    fn at(&self, revision: Revision, oldest: Revision) -> Result<State, Error> {
        let current = self.state.revision;
        if revision > current {
            return Err(Error::FutureRevision { requested: revision, current });
        }
        if revision < oldest {
            return Err(Error::Compacted { requested: revision, compacted: oldest });
        }
        Ok(if revision == current { self.state.clone() } else { self.history.state_at(revision, &self.state) })
    }
}
