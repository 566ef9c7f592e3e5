//! `authorization.k8s.io`: may someone do something, and what may I do.
//!
//! Go: pkg/registry/authorization

pub mod accessreview;
pub mod rulesreview;
