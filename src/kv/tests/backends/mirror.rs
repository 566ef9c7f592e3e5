//! Random operations on two backends at once: whatever one does, the other does too.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt;
use kv::{
    backend::{Backend, List, Put},
    embedded::store::{Embedded, Options},
    error::Error,
    memory::Memory,
    mirror::Mirror,
};
use phase::{
    clock::VirtualClock,
    ids::{IdSource, Ids},
    trace::Trace,
};

const TRACE: Trace = Trace::unwatched();

/// What is done at random.
struct Run {
    ids: Ids,
    /// Moved by random steps; `None`: leases are left out.
    clock: Option<Arc<VirtualClock>>,
    lease: Option<i64>,
}

impl Run {
    fn below(&self, bound: u64) -> u64 {
        self.ids.next_u64() % bound
    }

    fn key(&self) -> String {
        format!("/{}/{}", ["a", "b", "ab"][self.below(3) as usize], self.below(8))
    }

    /// One operation. The mirror says if the two disagree.
    async fn step(&mut self, both: &Mirror) -> Result<(), Error> {
        let current = both.revisions().await?.current;
        let key = self.key();
        // Around the present, the past, the compacted past, and the future.
        let revision = (current + 2).saturating_sub(self.below(200)).max(1);
        match self.below(20) {
            0..8 => self.put(both, &key).await,
            8..11 => {
                let kv = both.get(&TRACE, &key, None).await?.kv;
                let expected = kv.map_or(0, |kv| kv.mod_revision) + u64::from(self.below(5) == 0);
                both.optimistic_delete(&TRACE, &key, expected).await.map(|_| ())
            }
            11..13 => both.get(&TRACE, &key, Some(revision)).await.map(|_| ()),
            13..16 => {
                let prefix = ["/", "/a", "/a/", "/b/", "/c/"][self.below(5) as usize];
                let start = (self.below(2) == 0).then_some(key.as_str());
                let revision = (self.below(2) == 0).then_some(revision);
                both.list(&TRACE, List { prefix, start, revision, limit: self.below(6) as usize }).await.map(|_| ())
            }
            16 => both.count(&TRACE, "/a").await.map(|_| ()),
            17 => self.watch(both, revision.min(current)).await,
            18 if self.below(10) == 0 => both.compact(revision).await,
            _ => self.leases(both).await,
        }
    }

    async fn put(&self, both: &Mirror, key: &str) -> Result<(), Error> {
        let kv = both.get(&TRACE, key, None).await?.kv;
        let expected = kv.map_or(0, |kv| kv.mod_revision) + u64::from(self.below(5) == 0);
        let value = Bytes::from(self.below(1000).to_string());
        let lease = self.lease.filter(|_| self.below(3) == 0);
        both.optimistic_put(&TRACE, Put { key, value, expected, lease }).await.map(|_| ())
    }

    /// Reads everything that happened since a revision.
    async fn watch(&self, both: &Mirror, start: u64) -> Result<(), Error> {
        let current = both.revisions().await?.current;
        let Put { key, .. } = Put { key: "/a/mark", value: Bytes::new(), expected: 0, lease: None };
        let mark = both.get(&TRACE, key, None).await?.kv.map_or(0, |kv| kv.mod_revision);
        let mut watch = both.watch("/a", Some(start)).await?;
        both.optimistic_put(&TRACE, Put { key, value: Bytes::new(), expected: mark, lease: None }).await?;
        while let Some(item) = watch.next().await {
            if item?.events.iter().any(|event| event.kv.mod_revision > current) {
                break;
            }
        }
        Ok(())
    }

    async fn leases(&mut self, both: &Mirror) -> Result<(), Error> {
        let Some(clock) = &self.clock else { return Ok(()) };
        if self.below(2) == 0 {
            self.lease = Some(both.grant(&TRACE, Duration::from_secs(2 + self.below(10))).await?);
        }
        clock.advance(Duration::from_secs(self.below(4)));
        both.expire().await.map(|_| ())
    }
}

/// Refusals are answers like any other, as long as both give them.
fn check(step: usize, done: Result<(), Error>) {
    if let Err(error @ (Error::Corrupt(_) | Error::Unavailable(_) | Error::Timeout(_))) = done {
        panic!("step {step}: {error}");
    }
}

#[tokio::test]
async fn memory_and_embedded() {
    let clock = Arc::new(VirtualClock::default());
    let directory = tempfile::tempdir().expect("directory");
    // So little history that it is trimmed all the time.
    let options = Options { history_bytes: 20_000, ..Options::default() };
    let memory = Arc::new(Memory::with_history(clock.clone(), 20_000));
    let embedded = Embedded::open(directory.path(), clock.clone(), options).expect("store");
    let both = Mirror::new(memory, Arc::new(embedded));
    let mut run = Run { ids: Ids::seeded(crate::support::seed()), clock: Some(clock), lease: None };
    for step in 0..3000 {
        check(step, run.step(&both).await);
    }
}

#[tokio::test]
async fn memory_and_embedded_that_is_opened_anew() {
    let clock = Arc::new(VirtualClock::default());
    let directory = tempfile::tempdir().expect("directory");
    let options = Options { history_bytes: 20_000, ..Options::default() };
    let memory = Arc::new(Memory::with_history(clock.clone(), 20_000));
    let mut run = Run { ids: Ids::seeded(crate::support::seed()), clock: None, lease: None };
    for round in 0..15 {
        let embedded = Embedded::open(directory.path(), clock.clone(), options).expect("store");
        let both = Mirror::new(memory.clone(), Arc::new(embedded));
        for step in 0..100 {
            check(100 * round + step, run.step(&both).await);
        }
    }
}

#[tokio::test]
async fn memory_and_etcd() {
    let directory = tempfile::tempdir().expect("directory");
    let Some(server) = crate::support::etcd(directory.path()) else { return };
    let etcd = Arc::new(crate::support::connect(&server).await);
    let clock = Arc::new(VirtualClock::default());
    let both = Mirror::new(Arc::new(Memory::new(clock)), etcd);
    let mut run = Run { ids: Ids::seeded(crate::support::seed()), clock: None, lease: None };
    for step in 0..1500 {
        check(step, run.step(&both).await);
    }
}
