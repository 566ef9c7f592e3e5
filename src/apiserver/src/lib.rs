//! The generic API server: everything that the three servers share.
//!
//! Go: k8s.io/apiserver
//!
//! ```text
//! server      listener, handler chain, director, hooks, lifecycle, health, options -> config -> server
//!   v
//! endpoints   paths to resources: filters, one file per verb, negotiation, discovery, openapi
//!   v
//! registry    `rest` traits, and the generic `Store` that implements them over `storage`
//!   v
//! admission   interfaces, chain, webhooks, policies
//!   v
//! request     RequestInfo, Context, handlers and filters as types
//! ```
//!
//! A module may use those below it only. Read from the bottom.

pub mod admission;
pub mod endpoints;
pub mod registry;
pub mod request;
pub mod server;
