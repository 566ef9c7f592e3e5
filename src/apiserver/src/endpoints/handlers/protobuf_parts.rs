//! Objects and lists in protobuf, of messages that are made once and kept with the object.
//!
//! ```text
//!   object   k8s\0 { type, { message } }                           kept, and copied to whoever gets or watches it
//!   list     k8s\0 { type, { metadata, { message }, { message }... } }   the messages again, without their envelopes
//! ```

use std::sync::Arc;

use apimachinery::{
    api::errors::StatusError,
    runtime::{
        encoded::Encoded,
        object::Object,
        serializer::protobuf::envelope::{self, Unknown},
    },
};
use bytes::{Bytes, BytesMut};
use phase::trace::Trace;

use crate::{
    endpoints::{
        handlers::{respond, scope::RequestScope},
        negotiation::MediaType,
    },
    registry::rest::{List, Result},
};

/// The number of a list's items in its message.
const ITEMS: u8 = 2;

/// Returns the name under which objects keep their message.
pub(super) fn form(scope: &RequestScope) -> String {
    format!("{} {}", scope.kind.group_version(), MediaType::Protobuf.as_str())
}

/// Returns objects at the served version, each in its envelope. `form`: the name of that.
pub(super) async fn objects(
    scope: &RequestScope,
    trace: &Trace,
    items: &[Arc<Encoded>],
    form: &str,
) -> Result<Vec<Bytes>> {
    let mut made: Vec<Option<Bytes>> = items.iter().map(|item| item.made_form(form)).collect();
    if made.iter().any(Option::is_none) {
        let json = respond::served(scope, trace, items).await?;
        for ((made, item), json) in made.iter_mut().zip(items).zip(json).filter(|((made, _), _)| made.is_none()) {
            let mut object: Object = serde_json::from_slice(&json).map_err(StatusError::new_internal_error)?;
            object.1 = item.texts.clone();
            let message = Bytes::from(scope.codec.encode(&object, MediaType::Protobuf)?);
            *made = Some(item.form(form, || message));
        }
    }
    Ok(made.into_iter().map(|made| made.expect("made above")).collect())
}

/// Returns a list at the served version. `header`: the same list without its items.
pub(super) async fn list(scope: &RequestScope, trace: &Trace, list: &List, header: &Object) -> Result<Vec<Bytes>> {
    let messages = objects(scope, trace, &list.items, &form(scope)).await?;
    let header = Bytes::from(scope.codec.encode(header, MediaType::Protobuf)?);
    let unknown = Unknown::decode(&header).map_err(StatusError::new_internal_error)?;
    let mut parts = Vec::with_capacity(messages.len() * 2 + 3);
    // Takes the place of what stands before all, which depends on the length of all.
    parts.push(Bytes::new());
    parts.push(header.slice_ref(unknown.raw));
    // What stands before each item, in one piece of memory.
    let mut prefixes = BytesMut::with_capacity(messages.len() * PREFIX);
    for message in &messages {
        let raw = envelope::message(message).map_err(StatusError::new_internal_error)?;
        write_prefix(ITEMS, raw.len(), &mut prefixes);
        parts.push(prefixes.split().freeze());
        parts.push(message.slice_ref(raw));
    }
    let length = parts.iter().map(Bytes::len).sum();
    let (before, after) = envelope::around(&unknown.api_version, &unknown.kind, length);
    parts[0] = before.into();
    parts.push(Bytes::from_static(after));
    Ok(parts)
}

/// Frames an event of a watch: its length, its type, the object in its envelope.
pub(super) fn write_event(kind: &str, object: &[u8], out: &mut BytesMut) {
    // A type (field 1), and the object as raw bytes (field 1 of field 2).
    let raw = 1 + varint_length(object.len()) + object.len();
    let event = 1 + varint_length(kind.len()) + kind.len() + 1 + varint_length(raw) + raw;
    out.reserve(4 + event);
    out.extend_from_slice(&(event as u32).to_be_bytes());
    write_prefix(1, kind.len(), out);
    out.extend_from_slice(kind.as_bytes());
    write_prefix(2, raw, out);
    write_prefix(1, object.len(), out);
    out.extend_from_slice(object);
}

/// The bytes of a field's number and of a length, at most.
const PREFIX: usize = 6;

/// Writes what stands in front of the bytes of a field: its number, and how many they are.
fn write_prefix(number: u8, length: usize, out: &mut BytesMut) {
    out.extend_from_slice(&[number << 3 | 2]);
    let mut left = length;
    while left >= 0x80 {
        out.extend_from_slice(&[left as u8 | 0x80]);
        left >>= 7;
    }
    out.extend_from_slice(&[left as u8]);
}

fn varint_length(value: usize) -> usize {
    (usize::BITS - (value | 1).leading_zeros()).div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_framed_as_go_frames_it() {
        for length in [0, 5, 127, 128, 20_000] {
            let (object, mut out) = (vec![7; length], BytesMut::new());
            write_event("MODIFIED", &object, &mut out);
            let (size, event) = out.split_at(4);
            assert_eq!(size, (event.len() as u32).to_be_bytes());
            assert_eq!(event, envelope::encode_watch_event("MODIFIED", &object));
            assert_eq!(envelope::decode_watch_event(event).expect("an event"), ("MODIFIED".to_owned(), &*object));
        }
    }
}
