//! What the built-in resources do beyond the generic store: one folder per group.
//!
//! Go: pkg/registry

pub mod admissionregistration;
pub mod authentication;
pub mod authorization;
pub mod checked;
pub mod codec;
pub mod core;
pub mod devices;
pub mod fieldmanager;
pub mod namespace;
pub mod openid;
pub mod provider;
pub mod rbac;
pub mod review;
pub mod scale;
pub mod strategy;
pub mod subresources;
