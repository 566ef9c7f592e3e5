//! Time, given to the code instead of taken by it.
//!
//! Two readings: `now` is monotonic and measures (phase times, deadlines); `wall` is what a
//! calendar shows (creationTimestamp, token expiry). A lesson under a virtual clock passes a
//! [`VirtualClock`] and gets the same times in every run.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Nanoseconds since the clock was made.
pub type Nanos = u64;

/// Where times come from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Returns the monotonic time since this clock was made, in nanoseconds.
    fn now(&self) -> Nanos;
    /// Returns the time of day, as the time since the Unix epoch.
    fn wall(&self) -> Duration;
}

/// The machine's own clock.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Returns a clock that starts at zero now.
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }

    /// Returns the same, ready to be shared.
    pub fn shared() -> Arc<dyn Clock> {
        Arc::new(Self::new())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Nanos {
        self.started.elapsed().as_nanos() as Nanos
    }

    #[allow(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn wall(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

/// A clock that moves only when it is told to.
///
/// `wall` starts at 2026-01-01T00:00:00Z, so that what a lesson shows does not depend on the day.
#[derive(Debug, Default)]
pub struct VirtualClock {
    nanos: AtomicU64,
}

/// Where every virtual clock begins: 2026-01-01T00:00:00Z, 20,454 days after the Unix epoch.
pub const VIRTUAL_EPOCH: Duration = Duration::from_hours(490_896);

impl VirtualClock {
    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.nanos.fetch_add(by.as_nanos() as u64, Ordering::Relaxed);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Nanos {
        self.nanos.load(Ordering::Relaxed)
    }

    fn wall(&self) -> Duration {
        VIRTUAL_EPOCH + Duration::from_nanos(self.now())
    }
}
