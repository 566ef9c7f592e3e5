//! Who waits, why, and since when. One hold per trace; a bounded number in all.
//!
//! A held trace is a future that has not been woken: no thread and no connection waits with it. It is
//! woken by a person, by the death of the interface (then everything goes on), or it goes away with
//! the client that gave up.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use phase::{
    catalog::Phase,
    clock::Nanos,
    hook::Resume,
    record::{Label, SpanId, TraceId, TraceKind},
    snapshot::Snapshot,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::breakpoint::BreakpointId;

/// How many traces may wait at once. Beyond it they pass and are counted: a crowd behind a forgotten
/// breakpoint must not fill the server's memory.
pub const LIMIT: usize = 256;

/// Why a trace waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// It was stepped here.
    Stepped,
    /// It was asked to run to here.
    Reached,
    /// It was asked to pause.
    Paused,
    /// A breakpoint stands here.
    Breakpoint(BreakpointId),
    /// It matches what shall be intercepted.
    Intercepted,
}

/// A trace that waits, as a client sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// Which trace.
    pub trace: TraceId,
    /// What it follows.
    pub kind: TraceKind,
    /// At which phase.
    pub span: SpanId,
    /// The same, by name.
    pub phase: Phase,
    /// Which plugin, authorizer, hook...
    pub label: Option<Label>,
    /// Why.
    pub reason: Reason,
    /// Since when.
    pub since: Nanos,
    /// What the phase is about to work on.
    pub subject: Arc<Snapshot>,
    /// What a person put in its place; goes into effect with the next step.
    pub edited: Option<Value>,
}

struct Waiting {
    hold: Hold,
    wake: oneshot::Sender<Resume>,
}

/// All traces that wait.
#[derive(Default)]
pub struct Holds {
    /// By trace. Written by the thread that serves a trace (in), and by whoever lets it go (out).
    waiting: Mutex<BTreeMap<TraceId, Waiting>>,
}

impl Holds {
    /// Lets a trace wait; `None` if too many do.
    pub fn add(&self, hold: Hold) -> Option<oneshot::Receiver<Resume>> {
        let mut waiting = self.waiting.lock();
        if waiting.len() >= LIMIT {
            return None;
        }
        let (wake, woken) = oneshot::channel();
        waiting.insert(hold.trace, Waiting { hold, wake });
        Some(woken)
    }

    /// Lets a trace go on, with what was edited unless it is told otherwise. Says whether it waited.
    pub fn release(&self, trace: TraceId, resume: Option<Resume>) -> Option<Hold> {
        let Waiting { hold, wake } = self.waiting.lock().remove(&trace)?;
        let resume = resume.unwrap_or_else(|| match &hold.edited {
            Some(value) => Resume::Edited(value.clone()),
            None => Resume::Proceed,
        });
        // Whoever waited may be gone; then there is nobody to wake.
        let _ = wake.send(resume);
        Some(hold)
    }

    /// Forgets a trace whose client gave up.
    pub fn abandon(&self, trace: TraceId, span: SpanId) -> bool {
        let mut waiting = self.waiting.lock();
        let there = waiting.get(&trace).is_some_and(|waiting| waiting.hold.span == span);
        if there {
            waiting.remove(&trace);
        }
        there
    }

    /// Puts an edited state in place of the subject, or takes it back. Says whether the trace waits.
    pub fn edit(&self, trace: TraceId, value: Option<Value>) -> Option<Hold> {
        let mut waiting = self.waiting.lock();
        let waiting = waiting.get_mut(&trace)?;
        waiting.hold.edited = value;
        Some(waiting.hold.clone())
    }

    /// Returns one hold.
    pub fn get(&self, trace: TraceId) -> Option<Hold> {
        self.waiting.lock().get(&trace).map(|waiting| waiting.hold.clone())
    }

    /// Returns the traces that wait, the longest waiting first.
    pub fn traces(&self) -> Vec<TraceId> {
        let waiting = self.waiting.lock();
        let mut traces: Vec<(Nanos, TraceId)> = waiting.values().map(|w| (w.hold.since, w.hold.trace)).collect();
        traces.sort_unstable();
        traces.into_iter().map(|(_, trace)| trace).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(trace: u64) -> Hold {
        Hold {
            trace: TraceId(trace),
            kind: TraceKind::Request,
            span: SpanId(1),
            phase: Phase::Request,
            label: None,
            reason: Reason::Stepped,
            since: trace,
            subject: Snapshot::value("x", Value::Null),
            edited: None,
        }
    }

    #[test]
    fn an_edit_goes_into_effect_when_the_trace_goes_on() {
        let holds = Holds::default();
        let mut woken = holds.add(hold(1)).expect("room");
        holds.edit(TraceId(1), Some(Value::from(7)));
        assert!(woken.try_recv().is_err(), "an edit does not wake");
        holds.release(TraceId(1), None);
        assert!(matches!(woken.try_recv(), Ok(Resume::Edited(value)) if value == 7));
        assert!(holds.release(TraceId(1), None).is_none());
    }

    #[test]
    fn a_crowd_passes() {
        let holds = Holds::default();
        let kept: Vec<_> = (0..LIMIT as u64).map(|id| holds.add(hold(id)).expect("room")).collect();
        assert!(holds.add(hold(9999)).is_none());
        assert_eq!(holds.traces().len(), kept.len());
        assert!(holds.abandon(TraceId(0), SpanId(1)) && !holds.abandon(TraceId(1), SpanId(9)));
    }
}
