//! Who is asking, may they, and what is written down about it.
//!
//! Go: apiserver/pkg/{authentication,authorization,audit}
//!
//! Interfaces first, then the implementations that need no API objects; those that do (RBAC, Node,
//! service account look-ups) live in `plugin`.
//!
//! Read in this order.

pub mod audit;
pub mod authentication;
pub mod authorization;
pub mod user;
