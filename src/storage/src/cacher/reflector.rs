//! Keeps the watch cache up to date: a list, then a watch from its revision on, for ever.
//!
//! Go: client-go/tools/cache/reflector.go, apiserver/pkg/storage/cacher/lister_watcher.go

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use kv::backend::{EventKind, List, WatchResponse};
use phase::trace::Trace;
use tokio_util::sync::CancellationToken;

use crate::{
    cacher::{store::Cacher, watch_cache::Change, window::Objects},
    error::Error,
};

/// Keys that one request to the backend asks for.
///
/// Go: lister_watcher.go watchCache list page size
const PAGE: usize = 10_000;

/// How long is waited after a failure, doubling up to the maximum.
const BACKOFF: Duration = Duration::from_millis(500);
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// How often changes that cannot be read are asked for again before the cache is filled anew: half a minute long.
///
/// Go: client-go/tools/cache/reflector.go MaxInternalErrorRetryDuration
const MAX_FAILURES: u32 = 60;

impl Cacher {
    /// Keeps the cache up to date until it is told to stop. Whoever made the cache runs this, once.
    ///
    /// Go: cacher.go startCaching
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut backoff = BACKOFF;
        loop {
            let served = match stop.run_until_cancelled(self.list_and_watch()).await {
                None => {
                    self.cache.reset();
                    return;
                }
                Some(Ok(())) => true,
                Some(Err(error)) => {
                    let resource = &self.store().resource().group_resource;
                    tracing::warn!(%resource, %error, "the watch cache lists anew");
                    self.cache.check_ready().is_ok()
                }
            };
            self.cache.reset();
            backoff = if served { BACKOFF } else { (backoff * 2).min(MAX_BACKOFF) };
            if stop.run_until_cancelled(tokio::time::sleep(backoff)).await.is_none() {
                return;
            }
        }
    }

    /// Lists, then follows the changes. Returns when the changes cannot be followed any more.
    async fn list_and_watch(&self) -> Result<(), Error> {
        let mut revision = self.fill().await?;
        let prefix = self.store().resource_prefix();
        let mut failures = 0;
        loop {
            let watch = self.store().client.watch(&prefix, Some(revision + 1)).await;
            let mut watch = watch.map_err(|error| Error::from_kv(error, &prefix))?;
            while let Some(next) = watch.next().await {
                match next {
                    Ok(response) => {
                        let reached = response.revision;
                        if let Err(error) = self.follow(response).await {
                            // An object that cannot be read now (its conversion webhook fails) may be read soon. Until
                            // then the cache serves what it has, and says that it is behind.
                            failures += 1;
                            if failures > MAX_FAILURES {
                                return Err(error);
                            }
                            break;
                        }
                        (revision, failures) = (reached, 0);
                    }
                    Err(kv::error::Error::Unavailable(_) | kv::error::Error::Timeout(_)) => break,
                    Err(error) => return Err(Error::from_kv(error, &prefix)),
                }
            }
            // The backend went away, the cache goes on from where it is when it is back.
            tokio::time::sleep(BACKOFF).await;
        }
    }

    /// Fills the cache with all objects as of one revision.
    async fn fill(&self) -> Result<u64, Error> {
        let prefix = self.store().resource_prefix();
        let mut objects = Objects::new();
        let mut start: Option<String> = None;
        let mut revision = None;
        loop {
            let list = List { prefix: &prefix, start: start.as_deref(), revision, limit: PAGE };
            let page = self.store().client.list(&Trace::unwatched(), list).await;
            let page = page.map_err(|error| Error::from_kv(error, &prefix))?;
            let at = *revision.get_or_insert(page.revision);
            for kv in &page.kvs {
                objects.insert(kv.key.clone(), self.store().decoder.decode_kv(kv).await?);
            }
            match page.kvs.last() {
                Some(last) if (page.kvs.len() as u64) < page.count => start = Some(format!("{}\0", last.key)),
                _ => {
                    self.cache.replace(objects, at);
                    return Ok(at);
                }
            }
        }
    }

    async fn follow(&self, response: WatchResponse) -> Result<(), Error> {
        let mut changes = Vec::with_capacity(response.events.len());
        for event in response.events {
            let object = match event.kind {
                EventKind::Put => Some(self.store().decoder.decode_told(&event.kv).await?),
                EventKind::Delete => None,
            };
            changes.push(Change { key: event.kv.key.clone(), revision: event.kv.mod_revision, object });
        }
        self.cache.apply(changes, response.revision);
        Ok(())
    }
}
