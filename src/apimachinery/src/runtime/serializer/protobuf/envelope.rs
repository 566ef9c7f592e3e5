//! The envelope around an object, and the messages of a watch.
//!
//! Go: apimachinery/pkg/runtime/generated.proto Unknown, TypeMeta, RawExtension; apis/meta/v1 WatchEvent

use super::wire::{Payload, Reader, WireError, Writer};

/// What an object in protobuf begins with.
pub const MAGIC: &[u8; 4] = b"k8s\0";

/// An object in its envelope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unknown<'a> {
    /// Group and version, as in JSON.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The object's message.
    pub raw: &'a [u8],
    /// `gzip` or empty.
    pub content_encoding: String,
    /// Empty: `raw` is protobuf.
    pub content_type: String,
}

impl<'a> Unknown<'a> {
    /// Reads an envelope.
    pub fn decode(data: &'a [u8]) -> Result<Self, WireError> {
        let message = data.strip_prefix(MAGIC).ok_or_else(|| {
            WireError(format!(
                "provided data does not appear to be a protobuf message, expected prefix [{}]",
                MAGIC.map(|byte| byte.to_string()).join(" ")
            ))
        })?;
        let mut unknown = Self::default();
        let mut reader = Reader(message);
        while let Some((number, payload)) = reader.field()? {
            match (number, payload) {
                (1, Payload::Bytes(type_meta)) => unknown.type_meta(type_meta)?,
                (2, Payload::Bytes(raw)) => unknown.raw = raw,
                (3, Payload::Bytes(encoding)) => unknown.content_encoding = text(encoding),
                (4, Payload::Bytes(content_type)) => unknown.content_type = text(content_type),
                _ => {}
            }
        }
        Ok(unknown)
    }

    fn type_meta(&mut self, message: &[u8]) -> Result<(), WireError> {
        let mut reader = Reader(message);
        while let Some((number, payload)) = reader.field()? {
            match (number, payload) {
                (1, Payload::Bytes(api_version)) => self.api_version = text(api_version),
                (2, Payload::Bytes(kind)) => self.kind = text(kind),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Returns the message in an envelope.
pub fn message(data: &[u8]) -> Result<&[u8], WireError> {
    let mut reader = Reader(data.strip_prefix(MAGIC).unwrap_or_default());
    while let Some((number, payload)) = reader.field()? {
        if let (2, Payload::Bytes(raw)) = (number, payload) {
            return Ok(raw);
        }
    }
    Ok(&[])
}

/// Writes an envelope around the message that `write` writes.
pub fn encode<E>(
    api_version: &str,
    kind: &str,
    write: impl FnOnce(&mut Writer) -> Result<(), E>,
) -> Result<Vec<u8>, E> {
    let mut writer = begin(api_version, kind);
    writer.message_field(2, write)?;
    writer.0.extend_from_slice(END);
    Ok(writer.0)
}

/// The two empty texts that Go writes, too; so stored bytes are the same.
const END: &[u8] = &[3 << 3 | 2, 0, 4 << 3 | 2, 0];

fn begin(api_version: &str, kind: &str) -> Writer {
    let mut writer = Writer(MAGIC.to_vec());
    let written: Result<(), std::convert::Infallible> = writer.message_field(1, |writer| {
        writer.bytes_field(1, api_version.as_bytes());
        writer.bytes_field(2, kind.as_bytes());
        Ok(())
    });
    written.expect("cannot fail");
    writer
}

/// Returns what stands before and after a message of this length: an envelope around parts that lie in memory.
pub fn around(api_version: &str, kind: &str, length: usize) -> (Vec<u8>, &'static [u8]) {
    let mut writer = begin(api_version, kind);
    writer.prefix(2, length);
    (writer.0, END)
}

/// Writes an event of a watch: its type, and the object as it would be answered alone.
pub fn encode_watch_event(kind: &str, object: &[u8]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.bytes_field(1, kind.as_bytes());
    let written: Result<(), std::convert::Infallible> = writer.message_field(2, |writer| {
        writer.bytes_field(1, object);
        Ok(())
    });
    written.expect("cannot fail");
    writer.0
}

/// Reads an event of a watch: its type and its object's bytes.
pub fn decode_watch_event(message: &[u8]) -> Result<(String, &[u8]), WireError> {
    let (mut kind, mut object): (String, &[u8]) = (String::new(), &[]);
    let mut reader = Reader(message);
    while let Some((number, payload)) = reader.field()? {
        match (number, payload) {
            (1, Payload::Bytes(bytes)) => kind = text(bytes),
            (2, Payload::Bytes(extension)) => object = raw(extension)?,
            _ => {}
        }
    }
    Ok((kind, object))
}

/// Reads a message whose first field is bytes: `RawExtension`, `FieldsV1`, `JSON`.
pub(crate) fn raw(message: &[u8]) -> Result<&[u8], WireError> {
    let mut raw: &[u8] = &[];
    let mut reader = Reader(message);
    while let Some((number, payload)) = reader.field()? {
        if let (1, Payload::Bytes(bytes)) = (number, payload) {
            raw = bytes;
        }
    }
    Ok(raw)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
