//! The generic machinery on built-in types, held against what a real server answered.
//!
//! The recordings are not part of the repository: they are found through `KUBESTEP_SHARED`, or in
//! `../shared` next to it; where they are absent the tests say that they are skipped.

mod answers;
mod apply;
mod bodies;
mod decoding;
mod patches;
mod protobuf;
mod recorded;
