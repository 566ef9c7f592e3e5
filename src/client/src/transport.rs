//! The seam to whoever answers HTTP requests.
//!
//! Go: client-go/transport

use std::{fmt, pin::Pin};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use phase::BoxFuture;

/// What goes wrong while a body flows.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A request or response body, ours or a peer's.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

/// Returns a body that is already complete.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Returns an empty body.
pub fn empty() -> Body {
    full(Bytes::new())
}

/// Why no response came back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The peer cannot be reached, or the connection broke.
    #[error("{0}")]
    Unreachable(String),
    /// The peer took too long.
    #[error("context deadline exceeded")]
    Timeout,
    /// The request itself is unusable.
    #[error("{0}")]
    Invalid(String),
}

/// Sends one request and returns the response head with its streaming body.
pub trait Transport: Send + Sync + fmt::Debug {
    /// Sends a request. The URI's path and query matter; scheme and authority are the transport's own.
    fn send(&self, request: http::Request<Body>) -> BoxFuture<'_, Result<http::Response<Body>, Error>>;
}

/// A stream of anything, behind a pointer.
pub type BoxStream<'a, T> = Pin<Box<dyn futures_util::Stream<Item = T> + Send + 'a>>;
