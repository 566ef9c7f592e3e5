//! A small world to look at: a start-up and some requests, told through the real tracer.
//!
//! Used by unit tests (under a clock that moves by itself), by the demo (in real time, through the
//! controller) and by the bench. What is told here is what a server tells, in the same order.

#![allow(dead_code, reason = "each user takes what it needs")]

pub mod requests;
pub mod startup;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use control::timeline::Timeline;
use futures_util::FutureExt;
use parking_lot::Mutex;
use phase::{
    BoxFuture,
    catalog::Phase,
    clock::{Clock, Nanos},
    hook::{At, PhaseHook, Resume},
    record::{Record, TraceId, TraceKind},
    snapshot::Subject,
    trace::{Trace, Tracer},
};

/// The first request.
pub const REQUEST: TraceId = TraceId(1);

/// Work that takes time: really, or only on a clock.
pub trait Pace: Send + Sync {
    /// Lets this much time pass.
    fn work(&self, micros: u64) -> BoxFuture<'static, ()>;
}

/// A clock that moves when work is done.
#[derive(Debug, Default)]
pub struct Moving(AtomicU64);

impl Clock for Moving {
    fn now(&self) -> Nanos {
        self.0.load(Ordering::Relaxed)
    }

    fn wall(&self) -> Duration {
        Duration::from_hours(490_896) + Duration::from_nanos(self.now())
    }
}

impl Pace for Arc<Moving> {
    fn work(&self, micros: u64) -> BoxFuture<'static, ()> {
        self.0.fetch_add(micros * 1_000, Ordering::Relaxed);
        Box::pin(std::future::ready(()))
    }
}

/// Keeps every record with all states, and stops one trace for ever at a phase.
struct Keeper {
    timeline: Mutex<Timeline>,
    stop_at: Option<Phase>,
}

impl PhaseHook for Keeper {
    fn wants_snapshot(&self, _at: &At<'_>) -> bool {
        true
    }

    fn hold(&self, at: &At<'_>, _subject: &dyn Subject) -> Option<BoxFuture<'static, Resume>> {
        (self.stop_at == Some(at.phase)).then(|| Box::pin(std::future::pending()) as BoxFuture<'static, Resume>)
    }

    fn record(&self, record: Record) {
        self.timeline.lock().apply(record);
    }
}

/// What happens on the stage, as a function of the tracer and the pace.
pub fn play(
    stop_at: Option<Phase>,
    acts: impl FnOnce(&Arc<Tracer>, &Arc<dyn Pace>) -> Vec<BoxFuture<'static, ()>>,
) -> Timeline {
    let clock = Arc::new(Moving::default());
    let pace: Arc<dyn Pace> = Arc::new(clock.clone());
    let keeper = Arc::new(Keeper { timeline: Mutex::default(), stop_at });
    let tracer = Tracer::new(clock);
    tracer.listen(Some(keeper.clone()));
    for mut act in acts(&tracer, &pace) {
        if act.as_mut().now_or_never().is_none() {
            // Held for good: dropped, it would be cancelled.
            std::mem::forget(act);
        }
    }
    std::mem::take(&mut keeper.timeline.lock())
}

/// A timeline with one request of alice's that is held at a phase.
pub fn request_held_at(phase: Phase) -> Timeline {
    play(Some(phase), |tracer, pace| vec![requests::send(tracer, pace, requests::ALICE_CREATES_A_POD)])
}

/// A timeline with a start-up that is held at a phase.
pub fn startup_held_at(phase: Phase) -> Timeline {
    play(Some(phase), |tracer, pace| vec![startup::start(tracer, pace)])
}

/// A timeline with a whole start-up and one of each request.
pub fn an_afternoon() -> Timeline {
    play(None, |tracer, pace| {
        let mut acts = vec![startup::start(tracer, pace)];
        acts.extend(requests::ALL.iter().map(|script| requests::send(tracer, pace, *script)));
        acts
    })
}

/// Starts a trace.
pub fn begin(tracer: &Tracer, kind: TraceKind, title: &str) -> Trace {
    tracer.start(kind, || title.to_owned())
}
