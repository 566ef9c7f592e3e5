//! Where one is looking: a trace, and a step of it or always its newest.
//!
//! Looking back is free: nothing is undone, the past is drawn from what was kept. A step forward from
//! the past moves the cursor; a step forward from now moves the trace.

use control::timeline::trace::TraceLog;
use phase::record::TraceId;

use super::tree::{Row, RowKey};

/// Where one is looking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Which trace; `None`: the start-up, or whatever comes first.
    pub trace: Option<TraceId>,
    /// Which step.
    pub at: At,
}

/// Which step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum At {
    /// Always the newest.
    #[default]
    Now,
    /// This one.
    Step(usize),
}

/// Returns the newest step of a trace: where it is held, the phase it entered last, or what comes after that one if it is
/// over.
pub fn newest(log: &TraceLog) -> usize {
    let entered = log.spans().len();
    if log.finished().is_some() {
        return entered;
    }
    let last_is_over = log.spans().last().is_some_and(|span| span.exited().is_some());
    log.held_at().unwrap_or(if last_is_over { entered } else { entered.saturating_sub(1) })
}

impl Cursor {
    /// Returns the step that is looked at.
    pub fn step(&self, log: &TraceLog) -> usize {
        match self.at {
            At::Now => newest(log),
            At::Step(step) => step.min(newest(log)),
        }
    }

    /// Returns the step up to which endings count: now, all that are known do, also of what runs beside a held phase.
    pub fn moment(&self, log: &TraceLog) -> usize {
        if self.is_past(log) { self.step(log) } else { usize::MAX }
    }

    /// Says whether one looks at the past.
    pub fn is_past(&self, log: &TraceLog) -> bool {
        matches!(self.at, At::Step(step) if step < newest(log))
    }
}

/// Returns the steps that are stopped at when looking back and forth: the rows of the tree, and the newest step.
pub fn stops(log: &TraceLog, rows: &[Row]) -> Vec<usize> {
    let newest = newest(log);
    let spans = rows.iter().filter_map(|row| if let RowKey::Span(index) = row.key { Some(index) } else { None });
    let mut stops: Vec<usize> = spans.filter(|step| *step < newest).collect();
    stops.push(newest);
    // Rows stand by where they belong, steps by when they came.
    stops.sort_unstable();
    stops
}

/// Returns the stop before a step.
pub fn before(stops: &[usize], step: usize) -> Option<usize> {
    stops.iter().rev().find(|stop| **stop < step).copied()
}

/// Returns the stop after a step.
pub fn after(stops: &[usize], step: usize) -> Option<usize> {
    stops.iter().find(|stop| **stop > step).copied()
}
