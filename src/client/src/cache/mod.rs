//! Local copies of collections, kept up to date by watching them.
//!
//! Go: k8s.io/client-go/tools/cache, k8s.io/client-go/informers
//!
//! ```text
//! reflector: list, then watch from there; on 410 list again
//!     | replace, add, update, delete
//!     v
//! informer --> store (what listers read)
//!     '------> event handlers, in the same order
//! ```
//!
//! Read in this order.

pub mod store;

pub mod informer;
pub mod reflector;
