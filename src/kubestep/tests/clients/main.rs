//! The program as clients see it from outside.
//!
//! ```text
//!   kube_rs      a client library, and what is kept when the program or its store is killed
//!   replicas     several of it on one etcd
//!   envtest      under the name kube-apiserver, as test frameworks start it
//! ```

mod envtest;
mod kube_rs;
mod replicas;
#[path = "../support/mod.rs"]
mod support;
