//! Filters that look at what a request asks for and who asks.
//!
//! The order in which they stand is `server::config::handler_chain`'s.
//!
//! Go: apiserver/pkg/endpoints/filters

pub mod audit;
pub mod audit_init;
pub mod authentication;
pub mod authorization;
pub mod cachecontrol;
pub mod impersonation;
pub mod mux_discovery_complete;
pub mod refusal;
pub mod request_deadline;
pub mod request_received_time;
pub mod requestinfo;
pub mod traces;
pub mod warning;
pub mod webhook_duration;
