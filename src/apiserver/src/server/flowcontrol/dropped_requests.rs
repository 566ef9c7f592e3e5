//! How long refused clients should stay away.
//!
//! Go: apiserver/pkg/util/flowcontrol/dropped_requests_tracker.go

use std::time::Duration;

use phase::clock::Nanos;

/// The longest that a client is told to wait, in seconds.
const MAX_RETRY_AFTER: u32 = 32;

/// Counts refusals of one level in steps of the present `Retry-After`.
///
/// Go: apiserver/pkg/util/flowcontrol/dropped_requests_tracker.go droppedRequestsStats
#[derive(Debug)]
pub struct DroppedRequests {
    retry_after: u32,
    /// Refusals since `since`.
    dropped: u32,
    since: Nanos,
}

impl Default for DroppedRequests {
    fn default() -> Self {
        Self { retry_after: 1, dropped: 0, since: 0 }
    }
}

impl DroppedRequests {
    /// Counts a refusal and returns what to answer, in seconds.
    ///
    /// Many refusals within the time that clients were told to stay away double it; few shorten it by a second.
    pub fn record(&mut self, now: Nanos) -> u32 {
        let window = Duration::from_secs(u64::from(self.retry_after)).as_nanos() as Nanos;
        if now.saturating_sub(self.since) >= window {
            if self.dropped < self.retry_after && self.retry_after > 1 {
                self.retry_after -= 1;
            }
            self.dropped = 0;
            self.since = now;
        }
        self.dropped += 1;
        if self.dropped >= 3 * self.retry_after {
            self.retry_after = (self.retry_after * 2).min(MAX_RETRY_AFTER);
            self.dropped = 0;
            self.since = now;
        }
        self.retry_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_doubles_the_time_and_calm_shortens_it() {
        let mut dropped = DroppedRequests::default();
        let answers: Vec<u32> = (0..9).map(|_| dropped.record(0)).collect();
        assert_eq!(answers, [1, 1, 2, 2, 2, 2, 2, 2, 4]);
        let second = Duration::from_secs(1).as_nanos() as Nanos;
        assert_eq!(dropped.record(10 * second), 3);
        assert_eq!(dropped.record(20 * second), 2);
    }
}
