//! When a request arrived.
//!
//! Go: apiserver/pkg/endpoints/filters/request_received_time.go

use phase::{BoxFuture, catalog::Phase};

use crate::request::{
    context::Context,
    handler::{Filter, Next, Response},
};

/// Keeps the time of arrival: deadlines, latencies and audit events count from it.
///
/// Go: apiserver/pkg/endpoints/filters/request_received_time.go WithRequestReceivedTimestamp
pub struct WithRequestReceivedTimestamp;

impl Filter for WithRequestReceivedTimestamp {
    fn phase(&self) -> Phase {
        Phase::RequestReceivedTimestamp
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        cx.received = cx.services.clock.now();
        // A request that was held before this point has used none of its time yet.
        cx.held_before = cx.trace.held();
        next.run(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use phase::clock::VirtualClock;

    use super::*;
    use crate::request::testing;

    #[tokio::test]
    async fn the_time_is_that_of_the_servers_clock() {
        let clock = Arc::new(VirtualClock::default());
        let mut cx = testing::context("GET", "/");
        cx.services.clock = clock.clone();
        clock.advance(Duration::from_secs(7));
        testing::run(WithRequestReceivedTimestamp, &testing::ok(), &mut cx).await;
        assert_eq!(cx.received, 7_000_000_000);
    }
}
