//! Everything in memory, nothing on disk: for tests, lessons and forks.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use phase::{BoxFuture, clock::Clock, trace::Trace};

use crate::{
    backend::{Backend, GetResponse, KeyValue, LeaseId, List, ListResponse, Outcome, Put, Revision, Revisions, Watch},
    error::Error,
    mvcc::{
        history::{HISTORY_BYTES, History},
        hub::Hub,
        state::State,
        working::{Answer, Changes, Op, Working},
    },
};

/// A store in memory.
#[derive(Debug)]
pub struct Memory {
    working: Mutex<Working>,
    hub: Arc<Hub>,
    clock: Arc<dyn Clock>,
}

impl Memory {
    /// Returns an empty store. The clock says when leases end.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_history(clock, HISTORY_BYTES)
    }

    /// Returns an empty store that keeps about so many bytes of its past.
    pub fn with_history(clock: Arc<dyn Clock>, bound: usize) -> Self {
        Self::at(State::default(), clock, bound)
    }

    /// Returns a store that goes on from a state of another: a fork. Leases do not come along.
    pub fn fork(kvs: Vec<Arc<KeyValue>>, revision: Revision, clock: Arc<dyn Clock>) -> Self {
        let mut state = State::default();
        for kv in kvs {
            let kv = Arc::new(KeyValue { lease: None, ..(*kv).clone() });
            state.replay(crate::backend::EventKind::Put, kv);
        }
        state.revision = revision;
        Self::at(state, clock, HISTORY_BYTES)
    }

    fn at(state: State, clock: Arc<dyn Clock>, bound: usize) -> Self {
        // Revision 1 is the empty beginning: nothing before it could be compacted.
        let compacted = if state.revision > 1 { state.revision } else { 0 };
        let hub = Hub::new(state.clone(), History::new(state.revision, bound), compacted);
        let working = Mutex::new(Working { state, compacted, ..Working::default() });
        Self { working, hub, clock }
    }

    /// Applies an operation and publishes it while still holding the writer's lock: in the order of revisions.
    fn write(&self, op: Op) -> Result<Answer, Error> {
        let mut working = self.working.lock();
        let mut changes = Changes::default();
        let answer = working.apply(op, self.clock.now(), &mut changes)?;
        if !changes.is_empty() {
            let forgotten = self.hub.publish(working.state.clone(), changes.events, working.compacted);
            working.forget(&forgotten);
        }
        Ok(answer)
    }
}

impl Backend for Memory {
    fn get<'a>(
        &'a self,
        _: &'a Trace,
        key: &'a str,
        revision: Option<Revision>,
    ) -> BoxFuture<'a, Result<GetResponse, Error>> {
        Box::pin(async move { self.hub.get(key, revision) })
    }

    fn list<'a>(&'a self, _: &'a Trace, list: List<'a>) -> BoxFuture<'a, Result<ListResponse, Error>> {
        Box::pin(async move { self.hub.list(&list) })
    }

    fn count<'a>(&'a self, _: &'a Trace, prefix: &'a str) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async move { Ok(self.hub.current().range(prefix, None).count() as u64) })
    }

    fn optimistic_put<'a>(&'a self, _: &'a Trace, put: Put<'a>) -> BoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(async move { self.write(Op::from(put)).map(Answer::written) })
    }

    fn optimistic_delete<'a>(
        &'a self,
        _: &'a Trace,
        key: &'a str,
        expected: Revision,
    ) -> BoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(async move { self.write(Op::Delete { key: key.to_owned(), expected }).map(Answer::written) })
    }

    fn grant<'a>(&'a self, _: &'a Trace, ttl: Duration) -> BoxFuture<'a, Result<LeaseId, Error>> {
        Box::pin(async move { self.write(Op::Grant { ttl }).map(Answer::granted) })
    }

    fn watch<'a>(&'a self, prefix: &'a str, start: Option<Revision>) -> BoxFuture<'a, Result<Watch, Error>> {
        Box::pin(async move { Ok(self.hub.watch(prefix, start).into_stream()) })
    }

    fn request_progress<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.hub.request_progress(prefix);
            Ok(())
        })
    }

    fn compact(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move { self.write(Op::Compact { revision }).map(|_| ()) })
    }

    fn revisions(&self) -> BoxFuture<'_, Result<Revisions, Error>> {
        Box::pin(async move { Ok(self.hub.revisions()) })
    }

    fn view<'a>(&'a self, prefix: &'a str, revision: Revision) -> BoxFuture<'a, Result<ListResponse, Error>> {
        Box::pin(async move { self.hub.view(prefix, revision) })
    }

    /// The bytes of all current keys and values: what a dump of them would take.
    fn size(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async move {
            Ok(self.hub.current().range("", None).map(|kv| (kv.key.len() + kv.value.len()) as u64).sum())
        })
    }

    fn expire(&self) -> BoxFuture<'_, Result<usize, Error>> {
        Box::pin(async move { self.write(Op::Expire).map(Answer::expired) })
    }
}
