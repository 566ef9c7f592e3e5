//! The clock of a lesson that must repeat: it is the runtime's, which is paused and moves only where all else rests.

use std::{sync::Arc, time::Duration};

use phase::clock::{Clock, Nanos, VIRTUAL_EPOCH};
use tokio::time::Instant;

/// Reads the paused time of the runtime it was made in.
#[derive(Debug)]
pub struct LessonClock {
    started: Instant,
}

impl LessonClock {
    /// Returns a clock that starts now. Call it inside the runtime.
    pub fn shared() -> Arc<dyn Clock> {
        Arc::new(Self { started: Instant::now() })
    }
}

impl Clock for LessonClock {
    fn now(&self) -> Nanos {
        // Not at zero: in a timeline that means never.
        (Duration::from_secs(1) + self.started.elapsed()).as_nanos() as Nanos
    }

    fn wall(&self) -> Duration {
        VIRTUAL_EPOCH + Duration::from_nanos(self.now())
    }
}
