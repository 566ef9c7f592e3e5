//! Pods, and what is made of their template elsewhere.
//!
//! ```text
//!   defaults --> strategy (what the server sets) --> spec (and its parts) --> update, for what is there already
//! ```
//!
//! Go: pkg/registry/core/pod/strategy.go, pkg/apis/core/validation/validation.go
//!
//! Read in this order.

pub mod defaults;
pub mod strategy;

pub mod condition;

pub mod spec;

mod containers;
mod fields;
mod mounts;
mod parts;
mod probes;
pub mod resources;
pub mod scheduling;
mod security;
mod volumes;

mod match_annotations;
mod status;
pub mod update;

pub mod volume_warnings;
pub mod warnings;
