//! Filters that belong to the server as a whole: its limits, its shutdown, its log.
//!
//! Those that look at what a request asks for are in `endpoints::filters`. The order in which
//! they stand is `config::handler_chain`'s.
//!
//! Go: apiserver/pkg/server/filters

pub mod timeout;
pub mod waitgroup;
pub mod wrap;
