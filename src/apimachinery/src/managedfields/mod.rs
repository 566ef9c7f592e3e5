//! Who set which field: server-side apply and `metadata.managedFields`.
//!
//! Every write names a manager, and the object remembers which fields that manager last set. An update
//! takes over whatever it changes. An apply states all the fields its manager cares about: what it states
//! and another manager owns with another value is a conflict, what it no longer states is removed.
//!
//! ```text
//!   manager    a request's way: decode the entries, update or apply, encode them again
//!      |
//!   updater    who owns what afterwards: take over, conflict, prune
//!      |
//!   compare, merge, remove, fieldset    on two values of a type
//!      |
//!   typed      how the schema says values merge      fieldpath    sets of paths
//! ```
//!
//! Go: apimachinery/pkg/util/managedfields, sigs.k8s.io/structured-merge-diff
//!
//! Read from the bottom.

mod compare;
pub mod conflict;
pub mod fieldpath;
mod fieldset;
mod last_applied;
pub mod managed;
pub mod manager;
mod merge;
pub mod overlay;
mod remove;
pub mod scale;
mod typed;
pub mod updater;
