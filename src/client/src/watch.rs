//! The stream of changes, as it is sent: one JSON document a line.
//!
//! Go: apimachinery/pkg/watch/watch.go, client-go/rest/watch

use apimachinery::{api::errors::StatusError, runtime::object::Object};
use bytes::{Buf, Bytes, BytesMut};
use futures_util::stream;
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    rest::Error,
    transport::{self, Body, BoxStream},
};

/// A line may not be longer; kube-apiserver's objects stay well below.
const MAX_LINE: usize = 32 << 20;

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The object came into the selection.
    Added(Object),
    /// It changed.
    Modified(Object),
    /// It left the selection; this is its last state.
    Deleted(Object),
    /// Nothing older than this object's version will come.
    Bookmark(Object),
}

/// Cuts a body into events. A Status of failure is the stream's last item.
pub fn events(body: Body) -> BoxStream<'static, Result<Event, Error>> {
    let frames = Frames { body, buffer: BytesMut::new(), searched: 0, ended: false };
    Box::pin(stream::unfold(frames, |mut frames| async move {
        let line = match frames.next().await {
            Ok(line) => line?,
            Err(error) => {
                frames.ended = true;
                return Some((Err(error), frames));
            }
        };
        let event = decode(&line);
        frames.ended |= event.is_err();
        Some((event, frames))
    }))
}

struct Frames {
    body: Body,
    buffer: BytesMut,
    /// How much of `buffer` is known to hold no end of a line.
    searched: usize,
    ended: bool,
}

impl Frames {
    /// Returns the next line that is not empty; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            if self.ended {
                return Ok(None);
            }
            if let Some(at) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(self.searched + at).freeze();
                self.buffer.advance(1);
                self.searched = 0;
                if line.is_empty() {
                    continue;
                }
                return Ok(Some(line));
            }
            self.searched = self.buffer.len();
            if self.buffer.len() > MAX_LINE {
                return Err(Error::Decode("watch event is too long".to_owned()));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(transport::Error::Unreachable(error.to_string()).into()),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
            }
        }
    }
}

fn decode(line: &[u8]) -> Result<Event, Error> {
    #[derive(Deserialize)]
    struct Raw {
        r#type: String,
        object: Object,
    }
    let unreadable = |error: &dyn std::fmt::Display| Error::Decode(format!("unable to decode watch event: {error}"));
    let Raw { r#type, object } = serde_json::from_slice(line).map_err(|error| unreadable(&error))?;
    match r#type.as_str() {
        "ADDED" => Ok(Event::Added(object)),
        "MODIFIED" => Ok(Event::Modified(object)),
        "DELETED" => Ok(Event::Deleted(object)),
        "BOOKMARK" => Ok(Event::Bookmark(object)),
        "ERROR" => {
            let status = serde_json::from_value::<StatusError>(Value::Object(object.0));
            Err(status.map_or_else(|error| unreadable(&error), Error::Status))
        }
        other => Err(Error::Decode(format!("unknown watch event type: {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    #[tokio::test]
    async fn lines_become_events_until_an_error_ends_them() {
        let text = concat!(
            "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}\n\n",
            "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}}\n",
            "{\"type\":\"ADDED\",\"object\":{}}\n"
        );
        let events: Vec<_> = events(transport::full(text)).collect().await;
        assert!(matches!(&events[0], Ok(Event::Added(object)) if object.name() == "a"));
        assert!(matches!(&events[1], Err(error) if error.is_expired()));
        assert_eq!(events.len(), 2);
    }
}
