//! The watch cache: all objects of a resource in memory, kept up to date by one watch.
//!
//! Each object is decoded and encoded once, when it enters; gets, lists and watches share it. A list
//! takes the persistent map as it is and blocks nobody. A read that must not be older than a revision
//! waits for the watch to get there, and asks the backend for a sign of progress, since a revision may
//! be another resource's.
//!
//! ```text
//!   backend --watch--> reflector --decode--> watch cache (objects, window of events)
//!                                               |        \
//!                                    get, list  |         fan out --> watcher, watcher...
//!                                    wait until fresh                 a queue each; the window for the slow
//! ```
//!
//! Go: apiserver/pkg/storage/cacher
//!
//! Read in this order.

pub mod store;

mod get;

mod list;

mod watch;

mod watch_cache;

mod window;

mod fan_out;

mod reflector;

#[cfg(test)]
mod tests;
