//! Filters that belong to the server as a whole: its limits, its shutdown, its log.
//!
//! Those that look at what a request asks for are in `endpoints::filters`. The order in which
//! they stand is `config::handler_chain`'s.
//!
//! Go: apiserver/pkg/server/filters

pub mod cors;
pub mod goaway;
pub mod hsts;
pub mod httplog;
pub mod maxinflight;
pub mod priority_and_fairness;
pub mod timeout;
pub mod waitgroup;
pub mod watch_termination;
pub mod with_retry_after;
pub mod wrap;
