//! Webhooks and policies that are asked about every write.
//!
//! Go: pkg/apis/admissionregistration
//!
//! Read in this order.

pub mod client_config;
