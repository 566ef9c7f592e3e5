//! The default store: one directory, crash-safe, no server to install.
//!
//! All keys live in memory (`mvcc`); the disk holds a log of what changed, in a redb file. One thread
//! writes: it takes everything that has arrived, writes it in one transaction, waits for the disk
//! once, publishes, and only then answers. So an answer means that the change survives a power cut,
//! and many writers share the price of one fsync.
//!
//! ```text
//!   put --\                                          .--> answer
//!   put ---+--> queue --> apply --> log --> fsync --> publish
//!   del --/               (private copy)              '--> watchers
//! ```
//!
//! Read in this order.

pub mod store;

mod writer;

pub mod log;

pub mod medium;
