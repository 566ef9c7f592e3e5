//! Asking others over the network whether a write is acceptable, and what to add to it.
//!
//! Go: apiserver/pkg/admission/plugin/webhook
//!
//! ```text
//! configurations (informer) --> source: all webhooks, in order
//!                                 |  matcher: namespace, object, rules, conditions
//!                                 v
//!                   mutating: one after the other        validating: all at once
//!                                 |                             |
//!                                 '------> review: AdmissionReview out, answer checked <------'
//! ```
//!
//! Read in this order.

pub mod config;
pub mod rules;
pub mod source;

pub mod conditions;
pub mod matcher;

pub mod review;

pub mod call;

mod plugin;

pub mod mutating;
pub mod validating;
