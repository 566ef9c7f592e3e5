//! What every Kubernetes object shares.
//!
//! Go: k8s.io/apimachinery, sigs.k8s.io/structured-merge-diff
//!
//! Everything generic (defaulting, pruning, field validation, merging, publishing) works on one
//! schema-driven value, for built-in and custom types alike; nothing here knows a kind.
//!
//! Read in this order.

pub mod api;
pub mod fields;
pub mod jsonmergepatch;
pub mod jsonpatch;
pub mod labels;
pub mod managedfields;
pub mod meta;
pub mod runtime;
pub mod schema;
pub mod strategicpatch;
pub mod util;
pub mod validation;
