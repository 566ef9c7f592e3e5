//! Whether a write is acceptable, and what is added to it.
//!
//! Go: apiserver/pkg/admission
//!
//! Mutating plugins run first, in order; then, after the registry's own validation, the validating ones.

pub mod attributes;
pub mod interfaces;
