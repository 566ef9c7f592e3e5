//! The server in front, and the proxy to extension servers.
//!
//! Go: k8s.io/kube-aggregator
//!
//! Read in this order.

pub mod apiserver;
