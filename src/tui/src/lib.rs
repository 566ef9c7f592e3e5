//! The terminal interface: walks start-up and requests, phase by phase.
//!
//! It is a client of [`control`] like any other. Everything it shows comes from the timeline and the
//! events of its handle, so that a saved recording looks the same as a live server; everything it
//! does is a [`control::protocol::Command`].
//!
//! ```text
//!   keys, mouse, events --> Message --> update(&mut Model) --> Command --> control, clipboard, editor
//!                                          |
//!                                          v
//!                            view(&Model, &mut Frame)      draws when something changed
//! ```
//!
//! `update` is the only writer and `view` only reads, hence going back in time is a number in the model.
//!
//! Read in this order: words and looks, what keys mean, the model, how messages change it, how it is
//! drawn, and how a terminal is driven.

pub mod theme;
pub mod width;
pub mod words;

pub mod keymap;
pub mod message;

pub mod model;

pub mod update;

pub mod view;

pub mod copy;
pub mod fuzzy;
pub mod highlight;

pub mod options;
pub mod plain;
pub mod run;
pub mod terminal;

pub use options::Options;
pub use run::run;

#[cfg(test)]
#[path = "../tests/world/mod.rs"]
mod testing;
