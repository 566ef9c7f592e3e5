//! `authentication.k8s.io`: whose token is this, and who am I.
//!
//! Go: pkg/registry/authentication

pub mod selfsubjectreview;
pub mod tokenreview;
