//! The names of what happens, and the seam to watch it.
//!
//! Every start-up and every request is a *trace*: a tree of *phases*. Code that does the work holds
//! a [`trace::Trace`] and enters a phase around it; whoever wants to watch (or to hold the work at
//! that point) implements [`hook::PhaseHook`]. Nothing here knows what an API server is: delete
//! every watcher and a complete server remains; delete the server and a recording can still be read.
//!
//! ```text
//!   server code                this crate                      control (stepper, recorder)
//!   trace.enter(Authorization) ---> PhaseHook::on_enter ------> record, maybe hold
//!        |  waits if held      <--- Verdict::{Proceed, Hold} <--
//!   guard.exit(&subject)       ---> PhaseHook::on_exit  ------> record
//! ```
//!
//! Read in this order.

pub mod catalog;
pub mod clock;
pub mod hook;
pub mod ids;
pub mod record;
pub mod snapshot;
pub mod trace;

use std::{future::Future, pin::Pin};

/// What the asynchronous functions of a seam return: a future behind a pointer, so that the seam can be `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
