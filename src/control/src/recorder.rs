//! Takes in records from the threads that serve, without making them wait.
//!
//! Queues are split by trace, so that threads seldom meet and the records of a trace keep their
//! order. Each has a bound: beyond it records are dropped and counted, never silently. Beside its
//! queue each part keeps what must be known at once to decide about a hold: facts and open phases of
//! the traces that are under way.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::{Mutex, MutexGuard};
use phase::record::{Event, Label, Record, SpanId, TraceId, TraceKind};

use crate::{
    breakpoint::BreakpointId,
    condition::Facts,
    detail::{self, Open},
    stepper::Goal,
};

/// Parts; a power of two.
const PARTS: usize = 16;

/// Records that wait in one part. All parts together hold a second of 10,000 requests of 25 phases.
const BOUND: usize = 32_768;

/// A trace that is under way.
#[derive(Debug)]
pub struct Live {
    /// What it follows.
    pub kind: TraceKind,
    /// What is known of it. Shared with whoever asks a condition outside the lock.
    pub facts: Arc<Facts>,
    /// Its open phases, outermost first.
    pub open: Vec<Open>,
    /// Where it stops next.
    pub goal: Option<Goal>,
    /// Breakpoints whose phase is open and that act after it.
    pub after: Vec<(BreakpointId, Goal)>,
    /// Breakpoints that stand anywhere and were met.
    pub met: Vec<BreakpointId>,
    /// Whether its states are kept, because it is or was held or stepped.
    pub full: bool,
    /// Whether a breakpoint may still match it, and for which generation of breakpoints that was found.
    pub candidate: Option<(u64, bool)>,
}

/// Trace numbers count up: they need no mixing.
#[derive(Debug, Default)]
pub struct Plain(u64);

impl Hasher for Plain {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 << 8) | u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        // The map takes the control byte from the top bits.
        self.0 = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// One part.
#[derive(Debug, Default)]
pub struct Part {
    records: Vec<Record>,
    /// Traces under way: added when they start, removed when they finish.
    pub live: HashMap<TraceId, Live, BuildHasherDefault<Plain>>,
}

/// The queues.
#[derive(Debug)]
pub struct Recorder {
    parts: Vec<Mutex<Part>>,
    dropped: AtomicU64,
}

impl Default for Recorder {
    fn default() -> Self {
        Self { parts: (0..PARTS).map(|_| Mutex::default()).collect(), dropped: AtomicU64::new(0) }
    }
}

impl Recorder {
    /// Returns the part of a trace, for a moment: never across a wait.
    pub fn part(&self, trace: TraceId) -> MutexGuard<'_, Part> {
        self.parts[trace.0 as usize % PARTS].lock()
    }

    /// Returns all parts, one after another.
    pub fn each_part(&self) -> impl Iterator<Item = MutexGuard<'_, Part>> {
        self.parts.iter().map(Mutex::lock)
    }

    /// Returns how many records were dropped.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Takes in a record. `first` is where a trace that starts has to stop.
    pub fn record(&self, record: Record, first: impl FnOnce(TraceKind) -> Option<Goal>) {
        let mut part = self.part(record.trace);
        part.follow(&record, first);
        if part.records.len() < BOUND {
            part.records.push(record);
        } else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes out everything that waits, in the order of time; records of one trace keep their order.
    pub fn drain(&self) -> Vec<Record> {
        let mut records = Vec::new();
        for mut part in self.each_part() {
            records.append(&mut part.records);
        }
        records.sort_by_key(|record| record.at);
        records
    }
}

impl Part {
    /// Keeps what must be known at once in step with a record.
    fn follow(&mut self, record: &Record, first: impl FnOnce(TraceKind) -> Option<Goal>) {
        let id = record.trace;
        if let Event::Started { kind, .. } = record.event {
            self.live.insert(id, Live::new(kind, first(kind)));
            return;
        }
        let Some(live) = self.live.get_mut(&id) else { return };
        match &record.event {
            Event::Described { facts } => live.describe(facts),
            Event::Entered { span, parent, phase, .. } => {
                let outer = parent.and_then(|parent| live.open.iter().find(|open| open.span == parent));
                let depth = outer.map_or(0, |outer| detail::depth_below(outer.phase, outer.depth, *phase));
                live.open.push(Open { span: *span, phase: *phase, depth, parent: *parent });
            }
            Event::Exited { span, .. } => live.close(*span),
            Event::Finished { .. } => {
                self.live.remove(&id);
            }
            Event::Started { .. } | Event::Noted { .. } | Event::Held { .. } | Event::Resumed { .. } => {}
        }
    }
}

impl Live {
    fn new(kind: TraceKind, goal: Option<Goal>) -> Self {
        Self {
            kind,
            facts: Arc::default(),
            open: Vec::new(),
            full: goal.is_some(),
            goal,
            after: Vec::new(),
            met: Vec::new(),
            candidate: None,
        }
    }

    fn describe(&mut self, facts: &[(Label, String)]) {
        Arc::make_mut(&mut self.facts).extend(facts.iter().cloned());
        self.candidate = None;
    }

    fn close(&mut self, span: SpanId) {
        if let Some(at) = self.open.iter().rposition(|open| open.span == span) {
            self.open.remove(at);
        }
    }

    /// Returns an open phase and those around it.
    pub fn around(&self, span: SpanId) -> Option<(Open, &[Open])> {
        let at = self.open.iter().rposition(|open| open.span == span)?;
        Some((self.open[at], &self.open[..at]))
    }
}
