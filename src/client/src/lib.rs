//! Speaking to an API server: to our own through the loopback, to others over TLS.
//!
//! Go: k8s.io/client-go, apiserver/pkg/util/webhook
//!
//! One seam, [`transport::Transport`], with two forms: over TLS to another process, and in process
//! to our own handler chain (the loopback client). Everything above it does not know which it has.
//!
//! ```text
//! cache     reflector (list, then watch) -> store -> event handlers; what admission, RBAC and controllers read
//!   v
//! rest      get, list, watch, create, update, patch, delete of objects        webhook   one POST to a webhook
//!   v                                                                           v
//! transport the seam                         tls   its form over the network, kubeconfig
//! ```
//!
//! Read in this order.

pub mod transport;

pub mod rest;
pub mod watch;

pub mod cache;

pub mod anywhere;
pub mod certificate_files;
pub mod outside;
pub mod tls;
mod verifier;

pub mod kubeconfig;
pub mod proxy;
pub mod service_resolver;
pub mod webhook;
