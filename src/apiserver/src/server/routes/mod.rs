//! Paths that every server has.
//!
//! Go: apiserver/pkg/server/routes

pub mod fairness;
pub mod index;
pub mod metrics;
pub mod profiling;
pub mod version;
pub mod zpages;
