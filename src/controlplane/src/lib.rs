//! The server of the built-in resources.
//!
//! Go: pkg/controlplane, pkg/kubeapiserver, pkg/registry
//!
//! Read in this order.

pub mod controller;
pub mod options;
pub mod registry;
