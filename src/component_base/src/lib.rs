//! Feature gates, metrics, version, flag value types.
//!
//! Go: k8s.io/component-base

pub mod duration;
pub mod featuregate;
pub mod flagset;
pub mod metrics;
pub mod values;
pub mod version;
