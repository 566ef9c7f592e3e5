//! A stream of events as a body.
//!
//! Go: apiserver/pkg/endpoints/handlers/watch.go WatchServer.HandleHTTP, apiserver/pkg/endpoints/handlers/response.go watchEncoder
//!
//! ```text
//!   {"type":"ADDED","object":   the bytes of the object, as they lie in the cache   }\n
//! ```
//!
//! Nothing is encoded per watcher. What is ready at once goes out in one frame.

use std::{pin::Pin, sync::Arc, time::Duration};

use apimachinery::{
    api::errors::StatusError,
    runtime::{encoded::Encoded, object::Object},
};
use bytes::{Bytes, BytesMut};
use client::transport::{Body, BodyError};
use futures_util::{FutureExt, StreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use phase::trace::{Guard, Trace};
use tokio::time::Sleep;

use crate::{
    endpoints::{
        handlers::{
            protobuf_parts, respond,
            scope::RequestScope,
            transform::{self, Columns, IncludeObject, Viewer},
        },
        negotiation::{MediaType, Output, TransformKind},
    },
    registry::rest::{Result, WatchEvent, WatchStream},
    request::context::{Context, Services},
};

/// How much is gathered into one frame at most, beyond the event that reaches it.
const FRAME: usize = 64 * 1024;

/// How long what stands around an object is at most.
const EVENT: usize = 32;

/// The annotation of the bookmark that ends the initial state.
///
/// Go: metav1.InitialEventsAnnotationKey
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// The events of one watcher on their way out.
pub(super) struct WatchBody {
    scope: RequestScope,
    trace: Trace,
    services: Services,
    events: WatchStream,
    output: Output,
    include: IncludeObject,
    /// The name under which objects keep what this watch sends in protobuf.
    form: String,
    /// Whether the client has seen the columns of its Table.
    columns: Columns,
    /// Open until the initial events are out.
    phase: Option<Guard>,
    /// Set by the last event of a watch that failed.
    over: bool,
}

impl WatchBody {
    /// Takes over the stream.
    pub(super) fn new(
        scope: RequestScope,
        cx: &Context,
        events: WatchStream,
        output: Output,
        include: IncludeObject,
        phase: Guard,
    ) -> Self {
        let (trace, services) = (cx.trace.clone(), cx.services.clone());
        let form = protobuf_parts::form(&scope);
        Self {
            scope,
            form,
            trace,
            services,
            events,
            output,
            include,
            columns: Columns::Shown,
            phase: Some(phase),
            over: false,
        }
    }

    /// Returns the body; it ends after `timeout`, without a word.
    pub(super) fn until(self, timeout: Duration) -> Body {
        let (trace, held) = (self.trace.clone(), self.trace.held());
        let deadline = Deadline { sleep: Box::pin(tokio::time::sleep(timeout)), trace, held };
        let frames = stream::unfold((self, deadline), |(mut body, mut deadline)| async move {
            let frame = tokio::select! {
                biased;
                frame = body.next_frame() => frame?,
                () = deadline.reached() => return None,
            };
            Some((Ok::<_, BodyError>(Frame::data(frame)), (body, deadline)))
        });
        StreamBody::new(frames).boxed_unsync()
    }

    /// Waits for an event and takes what else is ready.
    async fn next_frame(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        let first = self.events.next().await?;
        let mut frame = BytesMut::new();
        let mut next = Some(first);
        while let Some(event) = next.take() {
            self.write(event, &mut frame).await;
            if !self.over && frame.len() < FRAME {
                next = self.events.next().now_or_never().flatten();
            }
        }
        Some(frame.freeze())
    }

    /// Writes one event. What cannot be written becomes the last event.
    async fn write(&mut self, event: WatchEvent, out: &mut BytesMut) {
        let written = match event {
            WatchEvent::Added(object) => self.object("ADDED", &object, out).await,
            WatchEvent::Modified(object) => self.object("MODIFIED", &object, out).await,
            WatchEvent::Deleted(object) => self.object("DELETED", &object, out).await,
            WatchEvent::Bookmark { revision, initial_events_end } => {
                self.bookmark(revision, initial_events_end, out).await
            }
            WatchEvent::Error(error) => Err(error),
        };
        if let Err(error) = written {
            self.over = true;
            let status = error.to_object().to_json();
            // A Status that cannot be framed leaves only the end of the stream.
            let _ = self.frame("ERROR", &[status.into()], out);
        }
    }

    async fn object(&mut self, kind: &str, object: &Arc<Encoded>, out: &mut BytesMut) -> Result<()> {
        let parts = match self.output.transform {
            None if self.output.media == MediaType::Protobuf => {
                // All watchers but the first find it made.
                if let Some(message) = object.made_form(&self.form) {
                    protobuf_parts::write_event(kind, &message, out);
                    return Ok(());
                }
                let items = std::slice::from_ref(object);
                let messages = protobuf_parts::objects(&self.scope, &self.trace, items, &self.form).await?;
                messages.iter().for_each(|message| protobuf_parts::write_event(kind, message, out));
                return Ok(());
            }
            None if !self.scope.converts() => return self.frame(kind, std::slice::from_ref(&object.json), out),
            None => respond::served(&self.scope, &self.trace, std::slice::from_ref(object)).await?,
            Some(transform) if transform.kind == TransformKind::Table => {
                let viewer = Viewer { trace: &self.trace, now: self.services.clock.wall() };
                let columns = std::mem::replace(&mut self.columns, Columns::Known);
                transform::watched_table(&self.scope, viewer, object, self.include, transform, columns).await?
            }
            Some(transform) => vec![transform::partial(&self.scope, object, transform)],
        };
        self.frame(kind, &parts, out)
    }

    /// Writes a bookmark: an empty object of the kind with nothing but the revision.
    async fn bookmark(&mut self, revision: u64, initial_events_end: bool, out: &mut BytesMut) -> Result<()> {
        let mut object = Object::new(&self.scope.kind);
        self.scope.codec.complete(&mut object);
        object.set_resource_version(&revision.to_string());
        if initial_events_end {
            object.set(&["metadata", "annotations", INITIAL_EVENTS_END], "true");
        }
        let encoded = Arc::new(Encoded::new(&object, |_| std::collections::BTreeMap::new()));
        let parts = match self.output.transform {
            None => vec![encoded.json.clone()],
            Some(transform) if transform.kind == TransformKind::Table => {
                let columns = std::mem::replace(&mut self.columns, Columns::Known);
                let metadata = object.get(&["metadata"]).cloned().unwrap_or_default();
                let rows = Bytes::from_static(b"]}");
                vec![transform::table_header(&self.scope, transform, &metadata, columns), rows]
            }
            Some(transform) => vec![transform::partial(&self.scope, &encoded, transform)],
        };
        self.frame("BOOKMARK", &parts, out)?;
        if initial_events_end && let Some(phase) = self.phase.take() {
            self.trace.note("Writing initial events done");
            phase.done();
        }
        Ok(())
    }

    /// Frames the JSON of an object in the media type of the stream.
    fn frame(&self, kind: &str, parts: &[Bytes], out: &mut BytesMut) -> Result<()> {
        match self.output.media {
            MediaType::Json | MediaType::Yaml => {
                let length: usize = parts.iter().map(Bytes::len).sum();
                out.reserve(length + EVENT);
                out.extend_from_slice(b"{\"type\":\"");
                out.extend_from_slice(kind.as_bytes());
                out.extend_from_slice(b"\",\"object\":");
                parts.iter().for_each(|part| out.extend_from_slice(part));
                out.extend_from_slice(b"}\n");
            }
            MediaType::Protobuf => {
                let object = serde_json::from_slice(&parts.concat()).map_err(StatusError::new_internal_error)?;
                let object = self.scope.codec.encode(&object, MediaType::Protobuf)?;
                protobuf_parts::write_event(kind, &object, out);
            }
        }
        Ok(())
    }
}

/// When a watch is over; the time it is held does not count.
struct Deadline {
    sleep: Pin<Box<Sleep>>,
    trace: Trace,
    /// How long the trace had been held when the deadline was set.
    held: u64,
}

impl Deadline {
    async fn reached(&mut self) {
        loop {
            self.sleep.as_mut().await;
            let held = self.trace.held();
            if held == self.held {
                return;
            }
            let more = Duration::from_nanos(held - self.held);
            self.held = held;
            let deadline = self.sleep.deadline() + more;
            self.sleep.as_mut().reset(deadline);
        }
    }
}
