//! Objects that were decoded a moment ago.
//!
//! A write is decoded twice: for whoever wrote it, and for the watch cache when the backend tells of it,
//! in either order. Whoever comes first leaves the object here for the other, so that it is decoded and
//! encoded once, and every form of it that is made for the writer serves the watchers too.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use apimachinery::runtime::encoded::Encoded;
use parking_lot::Mutex;

/// Objects that are kept for the other: more than are being written at a time.
const KEPT: usize = 256;

/// Objects by key and revision, the latest last.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    /// Whether there is a watch cache: without one, nobody would come for what is left here.
    shared: AtomicBool,
    kept: Mutex<VecDeque<(String, Arc<Encoded>)>>,
}

impl Recent {
    /// Says that there is a watch cache.
    pub(crate) fn share(&self) {
        self.shared.store(true, Ordering::Relaxed);
    }

    /// Takes an object out. Each is wanted twice, and the second is the one who asks.
    pub(crate) fn take(&self, key: &str, revision: u64) -> Option<Arc<Encoded>> {
        let mut kept = self.kept.lock();
        let found = kept.iter().rposition(|(other, object)| object.revision == revision && other == key)?;
        kept.remove(found).map(|(_, object)| object)
    }

    /// Leaves an object for the other.
    pub(crate) fn leave(&self, key: &str, object: Arc<Encoded>) {
        if !self.shared.load(Ordering::Relaxed) {
            return;
        }
        let mut kept = self.kept.lock();
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back((key.to_owned(), object));
    }
}
