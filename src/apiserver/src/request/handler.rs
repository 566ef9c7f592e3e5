//! Who answers a request, and who stands before it.
//!
//! ```text
//!   Next::run          enters the first filter's phase
//!     filter.handle    does its work before ...
//!       next.run       ... the rest of the chain, in the same way, down to the handler
//!     filter.handle    ... and after it
//!   Next::run          ends the phase
//! ```
//!
//! Go: net/http Handler; apiserver/pkg/server/config.go DefaultBuildHandlerChain

use std::sync::Arc;

use apimachinery::api::errors::StatusError;
use client::transport::Body;
use http::{HeaderMap, StatusCode};
use phase::{
    BoxFuture,
    catalog::Phase,
    hook::Interrupted,
    snapshot::{Snapshot, Subject},
    trace::Guard,
};
use serde_json::{Value, json};

use crate::request::{context::Context, responses};

/// What goes back to the client.
pub type Response = http::Response<Body>;

/// Answers a request.
pub trait Handler: Send + Sync {
    /// Answers; every error is an answer too.
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response>;
}

/// One element of the handler chain: works before and after what follows it.
///
/// A filter does not mention phases: the chain enters the filter's phase around it.
pub trait Filter: Send + Sync {
    /// The phase that the chain enters around this filter and all that follows.
    fn phase(&self) -> Phase;
    /// Handles the request, usually by calling `next`.
    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response>;
}

/// The rest of the chain.
#[derive(Clone, Copy)]
pub struct Next<'a> {
    /// The filters still to come.
    pub filters: &'a [Box<dyn Filter>],
    /// Who answers in the end.
    pub handler: &'a dyn Handler,
}

impl<'a> Next<'a> {
    /// Hands the request to the rest of the chain: the one place where the phase of a filter is entered.
    ///
    /// The phase encloses all that follows, as the real server's spans do; a filter's own time is the
    /// time of its phase without that of the phase inside it.
    pub fn run(self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        let Some((filter, rest)) = self.filters.split_first() else { return self.handler.serve(cx) };
        let next = Next { filters: rest, handler: self.handler };
        cx.filters_left = rest.len();
        if !cx.trace.watched() {
            return filter.handle(cx, next);
        }
        Box::pin(async move {
            let trace = cx.trace.clone();
            let guard = match trace.enter(filter.phase(), cx).await {
                Ok(guard) => guard,
                Err(interrupted) => return interrupted_response(interrupted),
            };
            let response = filter.handle(cx, next).await;
            // The filter that let nobody else see the request is the one that refused it.
            let refused = cx.filters_left == rest.len() && response.status().as_u16() >= 400;
            end(guard, &response, refused);
            response
        })
    }
}

/// Ends a phase by what was answered in it.
pub fn end(guard: Guard, response: &Response, refused: bool) {
    if refused {
        guard.fail(&response.status());
    } else {
        guard.exit(&Head { code: response.status(), headers: response.headers() });
    }
}

/// Marks a response that must not be sent: the connection (HTTP/2: the stream) is cut instead.
///
/// Go: net/http ErrAbortHandler
#[derive(Clone, Copy, Debug)]
pub struct Abort;

/// Returns the answer to a request that a person ended at a held phase.
pub fn interrupted_response(interrupted: Interrupted) -> Response {
    let kill = interrupted == Interrupted::Kill;
    let mut response = responses::status(&StatusError::from(interrupted));
    if kill {
        response.extensions_mut().insert(Abort);
    }
    response
}

/// The head of a response, as a phase shows it.
struct Head<'a> {
    code: StatusCode,
    headers: &'a HeaderMap,
}

impl Subject for Head<'_> {
    fn snapshot(&self) -> Arc<Snapshot> {
        let headers = self.headers.iter().map(|(name, value)| {
            let shown = if name == http::header::SET_COOKIE {
                "(redacted)".into()
            } else {
                String::from_utf8_lossy(value.as_bytes())
            };
            (name.to_string(), Value::from(shown))
        });
        let headers: serde_json::Map<_, _> = headers.collect();
        Snapshot::value("Response", json!({"code": self.code.as_u16(), "headers": headers}))
    }
}
