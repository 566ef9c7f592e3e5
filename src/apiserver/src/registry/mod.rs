//! Resources as the endpoints see them, and the generic store behind most of them.
//!
//! Go: apiserver/pkg/registry

pub mod rest;
