//! Keys and revisions: memory, embedded, etcd.
