//! The core group: what pods, service accounts, nodes and services do besides being stored.
//!
//! Go: pkg/registry/core

pub mod binding;
pub mod componentstatus;
pub mod eviction;
pub mod remote;
pub mod service;
pub mod token;
