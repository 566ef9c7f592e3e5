//! Keys and revisions: what a store of bytes must offer so that objects can be kept in it.
//!
//! Every successful write gets the next number, the *revision*; a key remembers the revision of its
//! last change. Writes are conditional on it, reads may ask for the past, watches start at one:
//! these three are all that Kubernetes needs of etcd. Nothing here knows what an object is.
//!
//! ```text
//!   storage ---> observed (phases) ---> memory | embedded | etcd
//!                                         \______/
//!                                           mvcc: state, history, watchers
//! ```
//!
//! Read in this order.

pub mod backend;
pub mod error;
pub mod mvcc;

pub mod memory;

pub mod embedded;

pub mod etcd;

pub mod observed;

pub mod lessor;

pub mod suite;

pub mod mirror;

pub mod faulty;
