//! Answers from outside take the time they take: meanwhile a virtual clock must stand still.
//!
//! ```text
//! runtime with paused time:  nothing to do --> jumps to the next timer
//!                            nothing to do, but somebody outside is asked --> waits
//! ```
//!
//! A program whose time is real never calls [`keep_time_still`], and [`asked`] costs one look.

use std::{
    cell::RefCell,
    sync::{Arc, Condvar, Mutex, PoisonError},
};

thread_local! {
    /// Who is outside, for the runtime that this thread drives.
    static WAITING: RefCell<Option<Arc<Waiting>>> = const { RefCell::new(None) };
}

/// How many answers are waited for. One that the peer itself lets wait for time to pass is not counted.
#[derive(Default)]
struct Waiting {
    count: Mutex<i64>,
    changed: Condvar,
}

impl Waiting {
    fn add(self: &Arc<Self>, answers: i64) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *count;
        *count += answers;
        self.changed.notify_all();
        if before <= 0 && *count > 0 {
            let waiting = self.clone();
            // A blocking task is what keeps tokio's paused clock from jumping.
            tokio::task::spawn_blocking(move || {
                let count = waiting.count.lock().unwrap_or_else(PoisonError::into_inner);
                drop(waiting.changed.wait_while(count, |count| *count > 0));
            });
        }
    }
}

/// From now on the time of this thread's runtime, which is paused, waits for answers from outside.
pub fn keep_time_still() {
    WAITING.set(Some(Arc::default()));
}

/// An answer that is waited for, until this is dropped.
pub struct Asked(Option<Arc<Waiting>>);

/// Says that somebody outside is asked.
pub fn asked() -> Asked {
    let waiting = WAITING.with_borrow(Clone::clone);
    if let Some(waiting) = &waiting {
        waiting.add(1);
    }
    Asked(waiting)
}

impl Drop for Asked {
    fn drop(&mut self) {
        if let Some(waiting) = &self.0 {
            waiting.add(-1);
        }
    }
}

/// A peer in this process that answers late on purpose: time passes until this is dropped.
pub struct Late(Option<Arc<Waiting>>);

/// Says that an answer waits for time to pass.
pub fn late() -> Late {
    let waiting = WAITING.with_borrow(Clone::clone);
    if let Some(waiting) = &waiting {
        waiting.add(-1);
    }
    Late(waiting)
}

impl Drop for Late {
    fn drop(&mut self) {
        if let Some(waiting) = &self.0 {
            waiting.add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{self, Instant};

    use super::*;

    #[test]
    fn paused_time_jumps_unless_somebody_is_asked() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            keep_time_still();
            let started = Instant::now();
            let (answer, answered) = tokio::sync::oneshot::channel();
            let outside = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(30));
                answer.send(()).expect("somebody waits");
            });
            let asking = asked();
            time::timeout(Duration::from_secs(1), answered).await.expect("not by this clock").expect("an answer");
            drop(asking);
            assert_eq!(started.elapsed(), Duration::ZERO);
            outside.join().expect("it ends");

            let asking = asked();
            let late = late();
            time::sleep(Duration::from_secs(5)).await;
            assert!(started.elapsed() >= Duration::from_secs(5));
            drop((late, asking));
        });
        WAITING.set(None);
    }
}
