//! Watches straight from the backend: for resources without a watch cache.
//!
//! Nothing is queued here: the stream takes the next delivery of the backend when its reader asks,
//! and a backend keeps for a slow reader what its history holds.
//!
//! Go: apiserver/pkg/storage/etcd3/watcher.go

use std::collections::VecDeque;

use apimachinery::api::errors::StatusError;
use futures_util::{StreamExt, stream};
use kv::backend::{Event, EventKind, Watch};
use phase::trace::Trace;

use crate::{
    error::Error,
    errors,
    etcd3::{decoder::Decoder, store::Store},
    interface::{AllowWatchBookmarks, Interface, ListOptions, WatchEvent, WatchStream},
    selection::SelectionPredicate,
    versioner,
};

/// The revision that a watch starts at is too old.
const EXPIRED: &str = "The resourceVersion for the provided watch is too old.";

impl Store {
    /// Begins with the state as it is or with the changes after a revision, as the options say.
    pub(crate) async fn watch_inner(
        &self,
        trace: &Trace,
        key: &str,
        options: ListOptions,
    ) -> Result<WatchStream, Error> {
        let prefix = if options.recursive { self.prepare_prefix(key) } else { self.prepare_key(key) };
        let version = versioner::parse_resource_version(&options.resource_version)?;
        let (initial, revision) = match (options.send_initial_events, version) {
            (Some(true), _) | (None, 0) => {
                let list = ListOptions { recursive: options.recursive, ..ListOptions::default() };
                let list = self.get_list(trace, key, list).await?;
                versioner::validate_minimum(version, list.revision)?;
                (list.items, list.revision)
            }
            (Some(false), 0) => (Vec::new(), self.current_resource_version(trace).await?),
            (_, version) => (Vec::new(), version),
        };
        let selected = initial.into_iter().filter(|object| options.predicate.selects(object));
        let mut ready: VecDeque<WatchEvent> = selected.map(WatchEvent::Added).collect();
        if options.send_initial_events == Some(true) && options.allow_watch_bookmarks == AllowWatchBookmarks::Yes {
            ready.push_back(WatchEvent::Bookmark { revision, initial_events_end: true });
        }
        let watch = self.client.watch(&prefix, Some(revision + 1)).await;
        let watch = watch.map_err(|error| Error::from_kv(error, &prefix))?;
        let view = View {
            decoder: self.decoder.clone(),
            predicate: options.predicate,
            // The backend watches all keys that begin like the one: `web` and `web-2`.
            only: (!options.recursive).then_some(prefix),
        };
        let chan = WatchChan { view, watch: Some(watch), ready };
        Ok(Box::pin(stream::unfold(chan, |mut chan| async move { Some((chan.next().await?, chan)) })))
    }
}

/// One watch.
///
/// Go: watchChan
struct WatchChan {
    view: View,
    /// Where changes come from; `None` once it has failed.
    watch: Option<Watch>,
    /// What is to be delivered before more is asked for.
    ready: VecDeque<WatchEvent>,
}

impl WatchChan {
    async fn next(&mut self) -> Option<WatchEvent> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            match self.watch.as_mut()?.next().await? {
                Ok(response) => {
                    for event in response.events {
                        match self.view.transform(&event).await {
                            Ok(event) => self.ready.extend(event),
                            Err(error) => self.fail(errors::interpret_watch_error(error)),
                        }
                    }
                }
                Err(kv::error::Error::Compacted { .. }) => self.fail(StatusError::new_resource_expired(EXPIRED)),
                Err(error) => self.fail(errors::interpret_watch_error(Error::from_kv(error, ""))),
            }
        }
    }

    /// Ends the watch with an error.
    fn fail(&mut self, error: StatusError) {
        if self.watch.take().is_some() {
            self.ready.push_back(WatchEvent::Error(error));
        }
    }
}

/// What one client sees.
struct View {
    decoder: Decoder,
    predicate: SelectionPredicate,
    /// The one key that is watched; `None`: all that the backend delivers.
    only: Option<String>,
}

impl View {
    /// Makes of a change of a key what a client sees of it, if it sees any.
    async fn transform(&self, event: &Event) -> Result<Option<WatchEvent>, Error> {
        if self.only.as_ref().is_some_and(|only| **only != *event.kv.key) {
            return Ok(None);
        }
        let revision = event.kv.mod_revision;
        if event.prev.is_none() && !event.is_create() {
            // The backend has compacted it away. Go: etcd3/event.go parseEvent
            let (key, kind) = (&event.kv.key, if event.kind == EventKind::Put { "PUT" } else { "DELETE" });
            let what =
                format!("etcd event received with PrevKv=nil (key={key:?}, modRevision={revision}, type={kind})");
            return Err(Error::Other(what));
        }
        let now = match event.kind {
            EventKind::Put => Some(self.decoder.decode_kv(&event.kv).await?),
            EventKind::Delete => None,
        };
        // The past matters to a selector (was it selected?) and to a deletion (what was it?).
        let before = match &event.prev {
            Some(prev) if now.is_none() || !self.predicate.everything() => {
                Some(self.decoder.decode_kv_at(prev, revision).await?)
            }
            _ => None,
        };
        if self.predicate.everything() && now.is_some() && !event.is_create() {
            return Ok(now.map(WatchEvent::Modified));
        }
        let now = now.filter(|object| self.predicate.selects(object));
        let before = before.filter(|object| self.predicate.selects(object));
        Ok(match (before, now) {
            (None, Some(now)) => Some(WatchEvent::Added(now)),
            (Some(_), Some(now)) => Some(WatchEvent::Modified(now)),
            (Some(before), None) => Some(WatchEvent::Deleted(before)),
            (None, None) => None,
        })
    }
}
