//! Validation of an object's metadata: what every kind has in common.
//!
//! `name` says what a kind's names look like, `object_meta` checks the whole of it on create and update.
//!
//! Go: apimachinery/pkg/api/validation

pub mod name;
pub mod object_meta;
