//! What stands between the server that is watched and whoever watches it.
//!
//! The server tells every phase to a [`phase::hook::PhaseHook`]. Here is the one that walks: it keeps
//! what happened, decides who must wait, and lets them go on again. The interface, a headless run
//! and an attached terminal are clients of it, and all three speak the same [`protocol`].
//!
//! ```text
//!   threads that serve                    the controller                        clients
//!   enter(phase) --> wants_snapshot? --+
//!                --> record ----------> recorder (bounded) --> pump --> timeline --> events
//!                --> hold? ----------> stepper, breakpoints --> holds <------------ commands
//! ```
//!
//! Nothing here names a server. What a client needs from one goes through three [`ports`], which the
//! binary implements: to look inside, to launch, and to set up a lesson.
//!
//! Read in this order: what is known of a trace, who must wait, what clients say and hear, and the
//! controller that holds it together.

pub mod detail;
pub mod diff;
pub mod timeline;

pub mod condition;

pub mod breakpoint;
pub mod holds;
pub mod stepper;
pub mod system;

pub mod lesson;
pub mod ports;
pub mod protocol;

pub mod controller;
pub mod handle;
pub mod recorder;
pub mod wire;

pub mod provenance;
pub mod recording;

pub mod texts;
