//! How the server, its controllers and its watchers of the outside speak HTTP to an API server or a webhook.
//!
//! Go: k8s.io/client-go, apiserver/pkg/util/webhook
//!
//! One seam, [`transport::Transport`], with two forms: over TLS to another process, and in process
//! to our own handler chain (the loopback client). Everything above it does not know which it has.
//!
//! Read in this order.

pub mod transport;
