//! Forgets the past at regular times, so that storage does not grow for ever.
//!
//! Several servers may share one storage. Each tries, once an interval, to write the key below on the
//! condition that nobody else has since it last looked; whoever succeeds compacts, to the revision
//! that was newest one interval ago. So clients can count on between one and two intervals of past.
//!
//! Go: apiserver/pkg/storage/etcd3/compact.go

use std::{sync::Arc, time::Duration};

use kv::{
    backend::{Backend, Put, Revision},
    error::Error,
};
use phase::trace::Trace;
use tokio_util::sync::CancellationToken;

/// The key that servers compete for. It stands outside of the prefix of all of storage.
pub const COMPACT_REV_KEY: &str = "compact_rev_key";

/// What a server knows from its last look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compactor {
    /// The last change of the key.
    seen: Revision,
    /// The newest revision at that time.
    revision: Revision,
}

impl Compactor {
    /// Compacts every `interval` until it is told to stop.
    ///
    /// Go: StartCompactor
    pub async fn run(mut self, client: Arc<dyn Backend>, interval: Duration, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(interval)).await.is_some() {
            if let Err(error) = self.compact(&*client).await {
                tracing::warn!(%error, "compaction failed");
            }
        }
    }

    /// Tries once.
    ///
    /// Go: compact
    pub async fn compact(&mut self, client: &dyn Backend) -> Result<(), Error> {
        let trace = Trace::unwatched();
        let value = self.revision.to_string().into();
        let put = Put { key: COMPACT_REV_KEY, value, expected: self.seen, lease: None };
        let outcome = client.optimistic_put(&trace, put).await?;
        self.seen = outcome.kv.as_ref().map_or(0, |kv| kv.mod_revision);
        let before = std::mem::replace(&mut self.revision, outcome.revision);
        // Someone else is at work, or this is the first look and there is no "one interval ago" yet.
        if !outcome.succeeded || before == 0 {
            return Ok(());
        }
        match client.compact(before).await {
            // Others may compact further, so this has happened already.
            Err(Error::Compacted { .. }) => Ok(()),
            done => done,
        }
    }
}
