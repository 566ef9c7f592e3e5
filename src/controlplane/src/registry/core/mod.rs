//! The core group: what pods, service accounts, nodes and services do besides being stored.
//!
//! Go: pkg/registry/core

pub mod binding;
pub mod eviction;
pub mod token;
