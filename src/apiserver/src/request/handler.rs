//! Who answers a request, and who stands before it.
//!
//! Go: net/http Handler; apiserver/pkg/server/config.go DefaultBuildHandlerChain

use client::transport::Body;
use phase::{BoxFuture, catalog::Phase};

use crate::request::context::Context;

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
