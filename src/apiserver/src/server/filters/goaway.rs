//! Now and then a long-lived connection moves on, so that load spreads over all servers.
//!
//! Go: apiserver/pkg/server/filters/goaway.go

use http::{HeaderValue, Version, header};
use phase::{BoxFuture, catalog::Phase, ids::IdSource};

use crate::request::{
    context::Context,
    handler::{Filter, Next, Response},
};

/// Closes the connection of a random HTTP/2 request once it is answered; those in flight on it are finished.
///
/// Go: apiserver/pkg/server/filters/goaway.go WithProbabilisticGoaway
pub struct WithProbabilisticGoaway {
    chance: f64,
}

impl WithProbabilisticGoaway {
    /// Returns the filter; `chance` is between 0 and 1.
    pub fn new(chance: f64) -> Self {
        Self { chance }
    }
}

impl Filter for WithProbabilisticGoaway {
    fn phase(&self) -> Phase {
        Phase::ProbabilisticGoaway
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        if cx.version != Version::HTTP_2 || fraction(&*cx.services.ids) >= self.chance {
            return next.run(cx);
        }
        Box::pin(async move {
            let mut response = next.run(cx).await;
            // The connection turns this into GOAWAY.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            response
        })
    }
}

/// A number from 0 to below 1, of 53 random bits.
fn fraction(ids: &dyn IdSource) -> f64 {
    (ids.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::testing;

    async fn closes(chance: f64, version: Version) -> usize {
        let mut cx = testing::context("GET", "/");
        cx.version = version;
        let mut closed = 0;
        for _ in 0..1000 {
            let response = testing::run(WithProbabilisticGoaway::new(chance), &testing::ok(), &mut cx).await;
            closed += usize::from(response.headers().contains_key("connection"));
        }
        closed
    }

    #[tokio::test]
    async fn about_the_given_share_of_http2_connections_is_closed() {
        assert_eq!(closes(1.0, Version::HTTP_11).await, 0);
        assert!((10..40).contains(&closes(0.02, Version::HTTP_2).await));
    }
}
