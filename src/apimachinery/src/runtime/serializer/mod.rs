//! Objects as bytes: JSON, YAML and protobuf, read and written as kube-apiserver does.
//!
//! ```text
//!   request body --media type--> json | yaml -> json | protobuf --schema--> Object
//!   Object --schema--> json | yaml | protobuf --frames--> one answer, or a stream of events
//! ```
//!
//! The formats know texts and bytes; what a type looks like comes from [`crate::schema`]. Read in
//! this order.
//!
//! Go: apimachinery/pkg/runtime/serializer

pub mod json;

pub mod yaml;

pub mod protobuf;

pub mod codec;

pub mod streaming;
