//! What every Kubernetes object shares.
//!
//! Go: k8s.io/apimachinery, sigs.k8s.io/structured-merge-diff
//!
//! Everything generic (defaulting, pruning, field validation, merging, publishing) works on one
//! schema-driven value, for built-in and custom types alike; nothing here knows a kind.
//!
//! Read in this order.

// Objects and their bytes.
pub mod runtime;

// What they share, and what is said when something is refused.
pub mod api;
pub mod meta;

// Which of them are meant.
pub mod fields;
pub mod labels;

// What a type looks like, and how values of it change.
pub mod schema;

pub mod jsonmergepatch;
pub mod jsonpatch;
pub mod managedfields;
pub mod strategicpatch;

// Tools.
pub mod util;
pub mod validation;
