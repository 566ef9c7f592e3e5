//! Whether all paths were installed when a request arrived.
//!
//! Go: apiserver/pkg/endpoints/filters/mux_discovery_complete.go

use phase::{BoxFuture, catalog::Phase};
use tokio_util::sync::CancellationToken;

use crate::request::{
    context::Context,
    handler::{Filter, Next, Response},
};

/// Remembers whether paths were still missing when the request arrived: an unknown path is then 503, not 404.
///
/// Go: apiserver/pkg/endpoints/filters/mux_discovery_complete.go WithMuxAndDiscoveryComplete
pub struct WithMuxAndDiscoveryComplete(CancellationToken);

impl WithMuxAndDiscoveryComplete {
    /// Returns the filter; `complete` is cancelled when the moment MuxAndDiscoveryComplete has come.
    pub fn new(complete: CancellationToken) -> Self {
        Self(complete)
    }
}

impl Filter for WithMuxAndDiscoveryComplete {
    fn phase(&self) -> Phase {
        Phase::MuxAndDiscoveryComplete
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        // Now, not when the path turns out to be unknown: by then it may have been installed.
        cx.mux_and_discovery_complete = self.0.is_cancelled();
        next.run(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::testing;

    #[tokio::test]
    async fn what_counts_is_the_moment_of_arrival() {
        let complete = CancellationToken::new();
        let mut cx = testing::context("GET", "/apis/unknown");
        testing::run(WithMuxAndDiscoveryComplete::new(complete.clone()), &testing::ok(), &mut cx).await;
        assert!(!cx.mux_and_discovery_complete);
        complete.cancel();
        testing::run(WithMuxAndDiscoveryComplete::new(complete), &testing::ok(), &mut cx).await;
        assert!(cx.mux_and_discovery_complete);
    }
}
