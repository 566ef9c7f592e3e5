//! Lessons: one file is a lesson, a script and a test.
//!
//! ```text
//! scenarios/*.yaml --library--> source --format--> Scenario --lint--> mistakes, with file, line and field
//!                                                     |
//!                                                     +--runner (through control's ports)--> report: text, JSON, JUnit
//!                                                     '--player: the same steps at a learner's pace, in the interface
//! ```
//!
//! Read in this order.

pub mod format;
pub mod library;
pub mod lint;
mod place;
pub mod schema;
pub mod template;
pub mod text;

pub mod mask;
pub mod request;
pub mod requires;
pub mod run;

pub mod expect;
mod goal;
pub mod report;
pub mod runner;
mod start;
mod telling;

pub mod cast;
pub mod handout;
pub mod outputs;

pub mod player;
