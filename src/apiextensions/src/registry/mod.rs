//! How definitions and custom resources are kept.
//!
//! Go: apiextensions-apiserver/pkg/registry

pub mod customresourcedefinition;

pub mod customresource;
