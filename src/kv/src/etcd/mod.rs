//! etcd: a cluster of any size, for anything beyond one machine.
//!
//! From 3.4 on. Nothing here needs a newer feature; what a version is known to get wrong
//! (signs of progress) is not relied upon.
//!
//! Go: etcd/client/v3, apiserver/pkg/storage/storagebackend/factory/etcd3.go
//!
//! Read in this order.

pub mod client;

mod convert;

mod watch;
