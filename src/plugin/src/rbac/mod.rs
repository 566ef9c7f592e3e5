//! Roles and bindings: who may do what, and who may say so.
//!
//! Go: plugin/pkg/auth/authorizer/rbac, pkg/registry/rbac
//!
//! ```text
//! informers --> index --> authorizer    may this request pass?
//!                    '--> escalation    may this role or binding be written?
//! bootstrap_policy --> reconcile        what a new cluster allows, put in place at each start
//! ```
//!
//! Read in this order.

pub mod rule;

pub mod index;

pub mod authorizer;

pub mod escalation;

pub mod bootstrap_policy;

pub mod reconcile;
