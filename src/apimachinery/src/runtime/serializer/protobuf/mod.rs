//! Protobuf, driven by the schema: numbers instead of names, nothing else known of any type.
//!
//! An object travels and is stored in an envelope that tells its kind:
//!
//! ```text
//!   "k8s\0"  Unknown { typeMeta { apiVersion, kind }, raw: the message, contentEncoding, contentType }
//! ```
//!
//! Four kinds of messages are not what their JSON is: fields of Go's embedded structs stand in a message
//! of their own (`VolumeSource` in `Volume`), times, quantities and numbers-or-texts are messages, raw
//! JSON is bytes, and a map to lists wraps each list.
//!
//! Read in this order.
//!
//! Go: apimachinery/pkg/runtime/serializer/protobuf/protobuf.go

pub mod wire;

pub mod layout;

pub mod envelope;

pub mod encode;

pub mod decode;

#[cfg(test)]
mod tests;
