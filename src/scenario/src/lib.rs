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
pub mod schema;
pub mod text;

pub mod request;
pub mod run;

pub mod expect;
pub mod report;
pub mod runner;
mod start;

pub mod player;
