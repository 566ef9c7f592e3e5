//! Follows a collection: lists it, watches from there, and lists it again when the watch cannot go on.
//!
//! Go: client-go/tools/cache/reflector.go

use std::time::Duration;

use apimachinery::runtime::object::Object;
use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::{
    rest::{Error, Resource},
    watch::Event,
};

/// First and longest pause after a failure.
///
/// Go: client-go/tools/cache/reflector.go newRealClock backoff
const BACKOFF: (Duration, Duration) = (Duration::from_millis(800), Duration::from_secs(30));

/// A watch is renewed after this many seconds, so that it is spread anew over the servers behind a balancer.
const WATCH_SECONDS: &str = "450";

/// Told about what happens to the collection. Called by one task, in order.
pub trait Sink: Send + Sync {
    /// This is the whole collection.
    fn replace(&self, objects: Vec<Object>);
    /// The object is new or changed.
    fn upsert(&self, object: Object);
    /// The object is gone; this is its last state.
    fn delete(&self, object: Object);
}

/// Follows a collection until it is told to stop.
///
/// Go: client-go/tools/cache/reflector.go Reflector
#[derive(Debug)]
pub struct Reflector {
    resource: Resource,
    /// Further query parameters: selectors.
    selectors: Vec<(&'static str, String)>,
}

impl Reflector {
    /// Follows what `selectors` (`labelSelector`, `fieldSelector`) select of a resource.
    pub fn new(resource: Resource, selectors: Vec<(&'static str, String)>) -> Self {
        Self { resource, selectors }
    }

    /// Runs until `stop`.
    pub async fn run(&self, sink: &dyn Sink, stop: &CancellationToken) {
        let (mut version, mut pause) = (String::new(), BACKOFF.0);
        // The first list may come from the server's cache; after an expired version only the newest will do.
        let mut list_from = "0";
        loop {
            let step = self.step(sink, &mut version, list_from);
            let outcome = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                outcome = step => outcome,
            };
            match outcome {
                Ok(()) => {
                    pause = BACKOFF.0;
                    continue;
                }
                Err(error) if error.is_expired() => {
                    version.clear();
                    list_from = "";
                }
                Err(error) => tracing::debug!("cannot follow {:?}: {error}", self.resource),
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(BACKOFF.1),
            }
        }
    }

    /// Lists if there is nothing to go on from, then watches until the watch ends. `version` is where to go on.
    async fn step(&self, sink: &dyn Sink, version: &mut String, list_from: &str) -> Result<(), Error> {
        if version.is_empty() {
            let selectors = self.selectors.iter().map(|(name, value)| (*name, value.as_str()));
            let query: Vec<_> = [("resourceVersion", list_from)].into_iter().chain(selectors).collect();
            let list = self.resource.list(&query).await?;
            sink.replace(list.items);
            *version = list.resource_version;
        }
        let selectors = self.selectors.iter().map(|(name, value)| (*name, value.as_str()));
        let fixed =
            [("resourceVersion", version.as_str()), ("allowWatchBookmarks", "true"), ("timeoutSeconds", WATCH_SECONDS)];
        let query: Vec<_> = fixed.into_iter().chain(selectors).collect();
        let mut events = self.resource.watch(&query).await?;
        while let Some(event) = events.next().await {
            let object = match &event {
                Ok(
                    Event::Added(object) | Event::Modified(object) | Event::Deleted(object) | Event::Bookmark(object),
                ) => object,
                Err(_) => {
                    event?;
                    continue;
                }
            };
            object.resource_version().clone_into(version);
            match event? {
                Event::Added(object) | Event::Modified(object) => sink.upsert(object),
                Event::Deleted(object) => sink.delete(object),
                Event::Bookmark(_) => {}
            }
        }
        Ok(())
    }
}
