//! The server of custom resources.
//!
//! Go: k8s.io/apiextensions-apiserver
//!
//! Read in this order.

pub mod apiserver;
pub mod validation;
