//! Whether a write is acceptable, and what is added to it.
//!
//! Go: apiserver/pkg/admission
//!
//! ```text
//! handler --> chain.admit: every plugin that may change the object, in order; once more if a webhook changed it
//!         --> registry: prepare, validate
//!         --> chain.validate: every plugin that may only refuse
//! ```
//!
//! The chain is made once, from the plugins that the flags leave enabled. Read in this order.

pub mod attributes;
pub mod interfaces;

pub mod chain;
pub mod errors;
pub mod initializer;
pub mod plugins;

pub mod equivalents;
pub mod webhook;

pub mod policy;
