//! Label selectors: which objects a list, a watch or a controller is about.
//!
//! `selector` holds what a selector is and what it matches; `parser` reads one from a query string.
//!
//! ```text
//! app=web,tier in (front, back),!legacy        three requirements, all of which must hold
//! ```
//!
//! Go: apimachinery/pkg/labels

pub mod parser;
pub mod selector;
