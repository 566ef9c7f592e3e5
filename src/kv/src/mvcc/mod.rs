//! What `memory` and `embedded` have in common: many versions of many keys, in memory.
//!
//! Writers work on a private copy (copying a persistent map costs nothing), and publish it when it
//! may be seen: at once in `memory`, after the fsync in `embedded`. Readers take the published
//! state as a whole and are never in anyone's way.
//!
//! ```text
//!   operation --> Working (state, leases) --> events --> Hub: publish --> readers, watchers
//!                                               |
//!                                               '-- embedded: log, fsync
//! ```
//!
//! Go: etcd/server/storage/mvcc
//!
//! Read in this order.

pub mod state;

pub mod lease;

pub mod working;

pub mod history;

pub mod hub;

pub mod watcher;
