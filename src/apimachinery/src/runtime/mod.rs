//! Objects and their encodings.
//!
//! Go: apimachinery/pkg/runtime

pub mod schema;

pub mod object;

pub mod raw;

pub mod encoded;

pub mod serializer;
