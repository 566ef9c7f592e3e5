//! Where the time of a request goes.
//!
//! Go: apiserver/pkg/endpoints/filters/webhook_duration.go

use phase::{BoxFuture, catalog::Phase};

use crate::request::{
    context::Context,
    handler::{Filter, Next, Response},
};

/// Lets the layers behind it keep the time they take; watches have no end to speak of and are left out.
///
/// Go: apiserver/pkg/endpoints/filters/webhook_duration.go WithLatencyTrackers
pub struct WithLatencyTrackers;

impl Filter for WithLatencyTrackers {
    fn phase(&self) -> Phase {
        Phase::LatencyTrackers
    }

    fn handle<'a>(&'a self, cx: &'a mut Context, next: Next<'a>) -> BoxFuture<'a, Response> {
        if cx.info.verb != "watch" {
            cx.latency.track();
        }
        next.run(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{latency::Layer, testing};

    #[tokio::test]
    async fn watches_are_not_tracked() {
        for (path, expected) in [("/api/v1/pods", Some(5)), ("/api/v1/pods?watch=1", None)] {
            let mut cx = testing::context("GET", path);
            testing::run(WithLatencyTrackers, &testing::ok(), &mut cx).await;
            cx.latency.add(Layer::Etcd, 5);
            assert_eq!(cx.latency.of(Layer::Etcd), expected, "{path}");
        }
    }
}
