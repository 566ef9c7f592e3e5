//! One request on its way through the server.
//!
//! Go: apiserver/pkg/endpoints/request, net/http
//!
//! [`context::Context`] holds, in named fields, what Go's filters put into a `context.Context`.
//! [`handler::Handler`] answers it; [`handler::Filter`] does something before and after another handler does.

pub mod context;
pub mod handler;
pub mod latency;
pub mod requestinfo;
pub mod responses;

#[cfg(test)]
pub(crate) mod testing;
