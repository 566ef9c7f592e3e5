//! Versioned objects over kv, and the watch cache.
