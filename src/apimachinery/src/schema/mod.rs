//! The structural schema: one description of a type that drives everything generic.
//!
//! Decoding, defaulting, pruning, field validation, the three merges (JSON, strategic, apply) and the
//! published OpenAPI documents all read the same [`model::Schema`], for built-in and for custom types
//! alike. A built-in type differs in one thing: its values pass through a Go struct in kube-apiserver,
//! so its fields know how that struct writes them ([`model::GoField`]).
//!
//! Go: kube-openapi's generated definitions, apiextensions-apiserver/pkg/apiserver/schema
//!
//! Read in this order.

pub mod custom;
pub mod decode;
pub mod defaulting;
pub mod empties;
pub mod gotypes;
pub mod model;
pub mod openapi;
mod place;
pub mod registry;
mod scalars;
pub mod tidy;
