//! The command line: what was asked for, checked as a whole.
//!
//! clap only splits the words; values are read afterwards, together, so that all mistakes are
//! reported at once. Every mistake ends in exit code 1.

pub mod flags;
pub mod invocation;
