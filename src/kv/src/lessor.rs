//! Ends the leases that are due, for backends that do not do it by themselves.
//!
//! Go: etcd/server/lease/lessor.go runLoop

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::backend::Backend;

/// How often leases are looked at.
const PERIOD: Duration = Duration::from_millis(500);

/// Ends leases until it is told to stop. Whoever opened the backend runs this, once.
pub async fn run(backend: Arc<dyn Backend>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(PERIOD)).await.is_some() {
        match backend.expire().await {
            Ok(0) => {}
            Ok(count) => tracing::debug!(count, "leases ended"),
            Err(error) => tracing::warn!(%error, "leases could not be ended"),
        }
    }
}
