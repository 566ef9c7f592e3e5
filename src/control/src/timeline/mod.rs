//! Everything that happened, kept small: traces, their phases, and the state at each step.
//!
//! A million steps must fit and any of them be reached at once, so a phase costs 40 bytes: names are
//! numbers into one table, and what few phases have (snapshots, notes, an error) stands behind one
//! pointer. Read [`trace`] for what a trace can be asked; this file fills it from records.
//!
//! A *step* is the entry of a phase: step 0 is the root, step n-1 the last phase entered, and a trace
//! that is over has one more, its end.

pub mod names;
pub mod trace;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use parking_lot::RwLock;
use phase::{
    clock::Nanos,
    record::{Event, Record, TraceId, TraceKind},
};

use names::Names;
use trace::{Span, TraceLog};

/// Finished requests that are kept; the oldest go first. Start-up, shutdown and marked traces stay.
pub const DEFAULT_LIMIT: usize = 40_000;

/// All that is kept. Written by the pump alone, read by whoever draws.
#[derive(Debug)]
pub struct Timeline {
    traces: BTreeMap<TraceId, TraceLog>,
    names: Names,
    /// The newest time seen.
    now: Nanos,
    /// Records taken in, and records that were lost because the queue was full.
    records: u64,
    dropped: u64,
    /// Requests and system requests seen in all, also those no longer kept.
    seen: u64,
    /// Those of them that are not over, watches apart: added when they start or say that they watch, removed when they end.
    under_way: BTreeSet<TraceId>,
    watching: BTreeSet<TraceId>,
    limit: usize,
    markers: Vec<Marker>,
}

/// A timeline as the pump and its readers share it.
pub type Shared = Arc<RwLock<Timeline>>;

/// A place worth coming back to.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Marker {
    /// One letter or word.
    pub name: String,
    /// Where.
    pub trace: TraceId,
    /// Which step of it.
    pub step: usize,
    /// What is there.
    pub note: String,
}

impl Default for Timeline {
    fn default() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }
}

impl Timeline {
    /// Returns an empty timeline that keeps this many traces.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            traces: BTreeMap::new(),
            names: Names::default(),
            now: 0,
            records: 0,
            dropped: 0,
            seen: 0,
            under_way: BTreeSet::new(),
            watching: BTreeSet::new(),
            limit,
            markers: Vec::new(),
        }
    }

    /// Returns an empty timeline, ready to be shared.
    pub fn shared() -> Shared {
        Arc::new(RwLock::new(Self::default()))
    }

    /// Takes in one record.
    pub fn apply(&mut self, record: Record) {
        let Record { trace: id, at, event } = record;
        self.now = self.now.max(at);
        self.records += 1;
        if let Event::Started { kind, title } = event {
            if matches!(kind, TraceKind::Request | TraceKind::System) {
                self.seen += 1;
                self.under_way.insert(id);
            }
            self.traces.insert(id, TraceLog::new(id, kind, title, at));
            self.forget();
            return;
        }
        // A trace whose beginning was dropped or is forgotten: its other records say too little.
        let Some(trace) = self.traces.get_mut(&id) else { return };
        match event {
            Event::Started { .. } => {}
            Event::Described { facts } => {
                trace.describe(facts);
                if trace.fact("verb") == Some("watch") && self.under_way.remove(&id) {
                    self.watching.insert(id);
                }
            }
            Event::Entered { span, parent, phase, label, source, snapshot } => {
                let span_at = span.0 as usize;
                let label = label.map_or(0, |label| self.names.number(&label));
                let source = self.names.number(&source);
                let span = Span::new(phase, parent.map_or(0, |parent| parent.0), label, source, at);
                trace.enter(span_at, span, snapshot);
            }
            Event::Noted { span, message } => trace.note(span, at, message),
            Event::Held { span } => trace.hold(span, at),
            Event::Resumed { span } => trace.resume(span, at),
            Event::Exited { span, outcome, snapshot } => trace.exit(span, at, outcome, snapshot),
            Event::Finished { held } => {
                self.under_way.remove(&id);
                self.watching.remove(&id);
                trace.finish(at, held);
            }
        }
    }

    /// Drops the oldest finished requests beyond the limit.
    fn forget(&mut self) {
        while self.traces.len() > self.limit {
            let markers = &self.markers;
            let oldest = self.traces.values().find(|trace| {
                trace.finished().is_some()
                    && matches!(trace.kind(), TraceKind::Request | TraceKind::System)
                    && !markers.iter().any(|marker| marker.trace == trace.id())
            });
            let Some(oldest) = oldest.map(TraceLog::id) else { return };
            self.traces.remove(&oldest);
        }
    }

    /// Notes records that were lost, in all.
    pub fn set_dropped(&mut self, dropped: u64) {
        self.dropped = dropped;
    }

    /// Returns how many records were lost.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Returns how many records were taken in: changes whenever anything does.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Returns how many requests were seen.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Returns the requests that are under way, oldest first, without those that watch.
    pub fn in_flight(&self) -> impl ExactSizeIterator<Item = &TraceLog> {
        self.under_way.iter().map(|id| &self.traces[id])
    }

    /// Returns the requests that watch, oldest first.
    pub fn watches(&self) -> impl ExactSizeIterator<Item = &TraceLog> {
        self.watching.iter().map(|id| &self.traces[id])
    }

    /// Returns the newest time seen.
    pub fn now(&self) -> Nanos {
        self.now
    }

    /// Returns a trace.
    pub fn trace(&self, id: TraceId) -> Option<&TraceLog> {
        self.traces.get(&id)
    }

    /// Returns all traces, oldest first.
    pub fn traces(&self) -> impl DoubleEndedIterator<Item = &TraceLog> {
        self.traces.values()
    }

    /// Returns the traces from a number on, oldest first.
    pub fn traces_from(&self, id: TraceId) -> impl DoubleEndedIterator<Item = &TraceLog> {
        self.traces.range(id..).map(|(_, trace)| trace)
    }

    /// Returns the newest start-up.
    pub fn startup(&self) -> Option<&TraceLog> {
        // Start-ups are few and early, so that looking from the oldest finds them at once.
        self.traces.values().find(|trace| trace.kind() == TraceKind::Startup)
    }

    /// Returns the word behind a number; number 0 is the empty word.
    pub fn name(&self, number: u32) -> &str {
        self.names.name(number)
    }

    /// Returns the marked places.
    pub fn markers(&self) -> &[Marker] {
        &self.markers
    }

    /// Marks a place; the same name moves.
    pub fn mark(&mut self, marker: Marker) {
        self.markers.retain(|known| known.name != marker.name);
        self.markers.push(marker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use phase::{
        catalog::Phase,
        record::{Outcome, SpanId},
    };

    pub(crate) fn record(trace: u64, at: Nanos, event: Event) -> Record {
        Record { trace: TraceId(trace), at, event }
    }

    fn enter(span: u32, parent: u32, phase: Phase) -> Event {
        let parent = (parent > 0).then_some(SpanId(parent));
        Event::Entered { span: SpanId(span), parent, phase, label: None, source: "a.rs:1".into(), snapshot: None }
    }

    fn exit(span: u32) -> Event {
        Event::Exited { span: SpanId(span), outcome: Outcome::Ok, snapshot: None }
    }

    #[test]
    fn a_trace_is_built_from_its_records() {
        let mut timeline = Timeline::default();
        for (at, event) in [
            Event::Started { kind: TraceKind::Request, title: "GET /version".into() },
            enter(1, 0, Phase::Request),
            enter(2, 1, Phase::Authentication),
            Event::Described { facts: vec![("user".into(), "alice".into())] },
            exit(2),
            exit(1),
            Event::Finished { held: 0 },
        ]
        .into_iter()
        .enumerate()
        {
            timeline.apply(record(1, at as u64 * 10, event));
        }
        let trace = timeline.trace(TraceId(1)).expect("kept");
        assert_eq!(trace.spans().len(), 2);
        assert_eq!(trace.fact("user"), Some("alice"));
        assert_eq!(trace.span(0).map(Span::duration), Some(Some(40)));
        assert_eq!(trace.steps(), 3, "two phases and the end");
        assert_eq!(timeline.name(trace.spans()[0].source()), "a.rs:1");
    }

    #[test]
    fn watches_are_counted_apart_from_what_ends_by_itself() {
        let mut timeline = Timeline::default();
        let start = || Event::Started { kind: TraceKind::Request, title: String::new() };
        let verb = |verb: &str| Event::Described { facts: vec![("verb".into(), verb.to_owned())] };
        for (id, verbs) in [(1, "watch"), (2, "list"), (3, "watch")] {
            timeline.apply(record(id, 0, start()));
            timeline.apply(record(id, 0, verb(verbs)));
        }
        let ids = |timeline: &Timeline| timeline.watches().map(|log| log.id().0).collect::<Vec<_>>();
        assert_eq!((timeline.in_flight().len(), ids(&timeline)), (1, vec![1, 3]));
        timeline.apply(record(1, 5, Event::Finished { held: 0 }));
        timeline.apply(record(2, 5, Event::Finished { held: 0 }));
        assert_eq!((timeline.in_flight().len(), ids(&timeline)), (0, vec![3]));
    }

    #[test]
    fn the_oldest_requests_go_and_the_start_stays() {
        let mut timeline = Timeline::with_limit(3);
        timeline.apply(record(1, 0, Event::Started { kind: TraceKind::Startup, title: String::new() }));
        timeline.apply(record(1, 0, Event::Finished { held: 0 }));
        for id in 2..10 {
            timeline.apply(record(id, 0, Event::Started { kind: TraceKind::Request, title: String::new() }));
            timeline.apply(record(id, 0, Event::Finished { held: 0 }));
        }
        let kept: Vec<u64> = timeline.traces().map(|trace| trace.id().0).collect();
        assert_eq!(kept, [1, 8, 9]);
        assert_eq!(timeline.seen(), 8);
    }

    #[test]
    fn a_phase_costs_forty_bytes() {
        assert_eq!(std::mem::size_of::<Span>(), 40);
    }
}
