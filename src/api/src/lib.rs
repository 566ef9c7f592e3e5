//! The built-in API groups and their facts.
//!
//! Go: k8s.io/api, pkg/apis, pkg/printers
//!
//! Generic code works on schema-driven values and knows no kind; whatever is particular to a kind stands here. The
//! facts come from two tables in `assets/api` (`types.txt`, `resources.txt`) and from the schemas that k8s-openapi
//! publishes; the rules are code, one folder a group.
//!
//! Read in this order.

// The facts.
pub mod gonames;
pub mod resources;
pub mod scheme;
mod transforms;
pub mod types;

// What is particular to each kind, and what the kinds share.
pub mod capabilities;
pub mod conversion;
pub mod declared;
pub mod defaults;
pub mod diff;
pub mod fieldlabels;
pub mod gojson;
pub mod gostruct;
pub mod node;
pub mod rules;
pub mod validation;

pub mod printers;

// The groups.
pub mod admissionregistration;
pub mod apiregistration;
pub mod apps;
pub mod authentication;
pub mod authorization;
pub mod autoscaling;
pub mod batch;
pub mod certificates;
pub mod coordination;
pub mod core;
pub mod discovery;
pub mod flowcontrol;
pub mod networking;
pub mod node_k8s;
pub mod policy;
pub mod rbac;
pub mod resource;
pub mod scheduling;
pub mod storage;
