//! From a path to a resource.
//!
//! Go: apiserver/pkg/endpoints

pub mod filters;
