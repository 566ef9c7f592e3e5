//! Versioned objects over keys and revisions.
//!
//! `interface` is what the registry sees of it: create, get, list, watch, update in a loop, delete.
//! `etcd3` implements it over any `kv::Backend`; `cacher` implements it over `etcd3`, from memory.
//!
//! ```text
//!   registry --> Interface: cacher --(reads it cannot answer, all writes)--> Interface: etcd3 --> kv
//!                             ^                                                |
//!                             '---------------------- watch -------------------'
//! ```
//!
//! Go: apiserver/pkg/storage
//!
//! Read in this order.

pub mod interface;

pub mod error;
pub mod errors;

pub mod selection;

pub mod versioner;

pub mod continue_token;

pub mod value;

pub mod etcd3;

pub mod cacher;

#[cfg(test)]
mod suite;
