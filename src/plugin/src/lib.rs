//! What Kubernetes adds to the generic server's seams: authorizers, bootstrap policy, admission plugins.
//!
//! Go: plugin/pkg
//!
//! Everything here reads objects from local copies (`client::cache`), which the server's own loopback client fills.
//!
//! Read in this order.

pub mod rbac;

pub mod bootstrap_token;
pub mod service_account_getter;

pub mod node;

pub mod admission;
