//! Objects over keys and revisions. The name is Go's; any `kv::Backend` will do.
//!
//! An object is one key; its resource version is the revision of the key's last change. An update
//! is a read, a change and a write on the condition that nobody else wrote: no locks anywhere.
//!
//! Go: apiserver/pkg/storage/etcd3
//!
//! Read in this order.

pub mod store;

pub mod decoder;

mod recent;

mod object_state;

mod update;

mod list;

mod watcher;

pub mod lease_manager;

pub mod compact;
