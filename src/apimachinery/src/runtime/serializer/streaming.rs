//! Frames: how the events of a watch stand one behind the other.
//!
//! JSON ends each event with a line break; protobuf begins each with its length. YAML has no frames.
//! The object's bytes are those of any other answer and are copied, not made again.
//!
//! Go: apimachinery/pkg/runtime/serializer/streaming/streaming.go, apimachinery/pkg/util/framer/framer.go

use crate::runtime::serializer::protobuf::envelope;

/// Writes an event as a line of JSON; `object` is JSON, too.
pub fn json_event(kind: &str, object: &[u8]) -> Vec<u8> {
    let object = object.trim_ascii_end();
    let mut frame = Vec::with_capacity(object.len() + kind.len() + 24);
    frame.extend_from_slice(b"{\"type\":\"");
    frame.extend_from_slice(kind.as_bytes());
    frame.extend_from_slice(b"\",\"object\":");
    frame.extend_from_slice(object);
    frame.extend_from_slice(b"}\n");
    frame
}

/// Writes an event as a message behind its length in four bytes; `object` is an object in its envelope.
pub fn protobuf_event(kind: &str, object: &[u8]) -> Vec<u8> {
    let event = envelope::encode_watch_event(kind, object);
    // A message of 4 GiB cannot have come in.
    let length = u32::try_from(event.len()).unwrap_or(u32::MAX);
    let mut frame = length.to_be_bytes().to_vec();
    frame.extend_from_slice(&event);
    frame
}

/// Takes the next length-delimited frame from the front of a buffer; `None` if it is not complete yet.
pub fn next_frame<'a>(buffer: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = buffer.split_first_chunk::<4>()?;
    let (frame, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *buffer = rest;
    Some(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_lines_of_json() {
        let frame = json_event("ADDED", b"{\"kind\":\"Pod\"}\n");
        assert_eq!(String::from_utf8(frame).expect("text"), "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Pod\"}}\n");
    }

    #[test]
    fn protobuf_events_are_delimited() {
        let stream = [protobuf_event("ADDED", b"k8s\0one"), protobuf_event("DELETED", b"k8s\0two")].concat();
        let mut buffer = stream.as_slice();
        let first = envelope::decode_watch_event(next_frame(&mut buffer).expect("complete")).expect("an event");
        assert_eq!(first, ("ADDED".to_owned(), b"k8s\0one".as_slice()));
        let mut short = &buffer[..buffer.len() - 1];
        assert_eq!(next_frame(&mut short), None);
        assert!(next_frame(&mut buffer).is_some() && buffer.is_empty());
    }
}
