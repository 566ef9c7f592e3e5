//! Paths that every server has.
//!
//! Go: apiserver/pkg/server/routes

pub mod index;
pub mod version;
