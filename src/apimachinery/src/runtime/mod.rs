//! Objects and their encodings.
//!
//! Go: apimachinery/pkg/runtime

pub mod encoded;
pub mod object;
pub mod schema;
pub mod serializer;
