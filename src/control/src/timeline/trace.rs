//! One trace as it is kept, and what it can be asked.

use std::sync::Arc;

use phase::{
    catalog::Phase,
    clock::Nanos,
    record::{Label, Outcome, SpanId, TraceId, TraceKind},
    snapshot::Snapshot,
};

use crate::detail;

/// A phase that was entered.
#[derive(Clone, Debug)]
pub struct Span {
    entered: Nanos,
    /// 0 while it is open.
    exited: Nanos,
    /// What few phases have.
    more: Option<Box<More>>,
    /// Number of the phase around it; 0 for the root.
    parent: u32,
    label: u32,
    source: u32,
    phase: Phase,
    depth: u8,
    outcome: End,
}

/// How a phase ended, without the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It has not.
    Open,
    /// Well.
    Ok,
    /// With an error, see [`Span::error`].
    Failed,
    /// Whoever waited went away.
    Cancelled,
}

#[derive(Clone, Debug, Default)]
struct More {
    before: Option<Arc<Snapshot>>,
    after: Option<Arc<Snapshot>>,
    error: Option<String>,
    notes: Vec<(Nanos, Label)>,
    held: Nanos,
    held_since: Option<Nanos>,
}

impl Span {
    pub(super) fn new(phase: Phase, parent: u32, label: u32, source: u32, entered: Nanos) -> Self {
        Self { entered, exited: 0, more: None, parent, label, source, phase, depth: 0, outcome: End::Open }
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    /// Which phase.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// How deep it is drawn; see [`detail`].
    pub fn depth(&self) -> u8 {
        self.depth
    }

    /// Index of the phase around it.
    pub fn parent(&self) -> Option<usize> {
        self.parent.checked_sub(1).map(|parent| parent as usize)
    }

    /// Number of its label in the timeline's names.
    pub fn label(&self) -> u32 {
        self.label
    }

    /// Number of its source line in the timeline's names.
    pub fn source(&self) -> u32 {
        self.source
    }

    /// When it was entered.
    pub fn entered(&self) -> Nanos {
        self.entered
    }

    /// When it ended.
    pub fn exited(&self) -> Option<Nanos> {
        (self.outcome != End::Open).then_some(self.exited)
    }

    /// How long it took in all, what it encloses included, without the time it was held at its entry.
    pub fn duration(&self) -> Option<Nanos> {
        self.exited().map(|exited| exited.saturating_sub(self.entered).saturating_sub(self.held()))
    }

    /// How it ended.
    pub fn end(&self) -> End {
        self.outcome
    }

    /// With which message it failed.
    pub fn error(&self) -> Option<&str> {
        self.more.as_ref().and_then(|more| more.error.as_deref())
    }

    /// What happened inside it.
    pub fn notes(&self) -> &[(Nanos, Label)] {
        self.more.as_ref().map_or(&[], |more| &more.notes)
    }

    /// The state when it was entered.
    pub fn before(&self) -> Option<&Arc<Snapshot>> {
        self.more.as_ref().and_then(|more| more.before.as_ref())
    }

    /// The state when it ended.
    pub fn after(&self) -> Option<&Arc<Snapshot>> {
        self.more.as_ref().and_then(|more| more.after.as_ref())
    }

    /// How long it was held at its entry, as far as that is over.
    pub fn held(&self) -> Nanos {
        self.more.as_ref().map_or(0, |more| more.held)
    }

    /// Since when it is held.
    pub fn held_since(&self) -> Option<Nanos> {
        self.more.as_ref().and_then(|more| more.held_since)
    }
}

/// Some phases work on nothing that can be shown; what was seen last still stands then.
fn tells(state: &Snapshot) -> bool {
    state.kind != "nothing"
}

/// One start-up, request or shutdown.
#[derive(Clone, Debug)]
pub struct TraceLog {
    id: TraceId,
    kind: TraceKind,
    title: String,
    facts: Vec<(Label, String)>,
    spans: Vec<Span>,
    started: Nanos,
    finished: Option<Nanos>,
    held: Nanos,
}

/// A phase as it stood at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not entered yet.
    Ahead,
    /// Entered, not over.
    Open,
    /// Over.
    Over(End),
}

impl TraceLog {
    pub(super) fn new(id: TraceId, kind: TraceKind, title: String, started: Nanos) -> Self {
        let (facts, spans) = (Vec::new(), Vec::new());
        Self { id, kind, title, facts, spans, started, finished: None, held: 0 }
    }

    pub(super) fn describe(&mut self, facts: Vec<(Label, String)>) {
        for (name, value) in facts {
            match self.facts.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = value,
                None => self.facts.push((name, value)),
            }
        }
    }

    pub(super) fn enter(&mut self, number: usize, mut span: Span, snapshot: Option<Arc<Snapshot>>) {
        // Numbers count from 1 without gaps, unless a record was lost: then the phase is left out.
        if number != self.spans.len() + 1 {
            return;
        }
        span.depth = span
            .parent()
            .and_then(|parent| self.spans.get(parent))
            .map_or(0, |parent| detail::depth_below(parent.phase, parent.depth, span.phase));
        if snapshot.is_some() {
            span.more().before = snapshot;
        }
        self.spans.push(span);
    }

    fn span_mut(&mut self, id: SpanId) -> Option<&mut Span> {
        self.spans.get_mut((id.0 as usize).checked_sub(1)?)
    }

    pub(super) fn note(&mut self, id: SpanId, at: Nanos, message: Label) {
        if let Some(span) = self.span_mut(id) {
            span.more().notes.push((at, message));
        }
    }

    pub(super) fn hold(&mut self, id: SpanId, at: Nanos) {
        if let Some(span) = self.span_mut(id) {
            span.more().held_since = Some(at);
        }
    }

    pub(super) fn resume(&mut self, id: SpanId, at: Nanos) {
        let Some(span) = self.span_mut(id) else { return };
        let more = span.more();
        let waited = more.held_since.take().map_or(0, |since| at.saturating_sub(since));
        more.held += waited;
        self.held += waited;
    }

    pub(super) fn exit(&mut self, id: SpanId, at: Nanos, outcome: Outcome, snapshot: Option<Arc<Snapshot>>) {
        let Some(span) = self.span_mut(id) else { return };
        span.exited = at;
        span.outcome = match outcome {
            Outcome::Ok => End::Ok,
            Outcome::Cancelled => End::Cancelled,
            Outcome::Failed(message) => {
                span.more().error = Some(message);
                End::Failed
            }
        };
        // Whoever waited went away: that, too, was waiting and no work.
        if let Some(more) = &mut span.more
            && let Some(since) = more.held_since.take()
        {
            more.held += at.saturating_sub(since);
        }
        if snapshot.is_some() {
            span.more().after = snapshot;
        }
    }

    pub(super) fn finish(&mut self, at: Nanos, held: Nanos) {
        self.finished = Some(at);
        self.held = held;
        self.spans.shrink_to_fit();
        self.facts.shrink_to_fit();
    }

    /// Its number.
    pub fn id(&self) -> TraceId {
        self.id
    }

    /// What it follows.
    pub fn kind(&self) -> TraceKind {
        self.kind
    }

    /// One line: `POST /api/v1/namespaces/shop/pods`.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Its method and path, where the title has both.
    pub fn method_and_path(&self) -> (&str, &str) {
        self.title.split_once(' ').unwrap_or((&self.title, ""))
    }

    /// All facts, in the order in which they became known.
    pub fn facts(&self) -> &[(Label, String)] {
        &self.facts
    }

    /// Says whether it is the system's own request, see [`crate::system`].
    pub fn is_system(&self) -> bool {
        match self.kind {
            TraceKind::System => true,
            TraceKind::Request => crate::system::asked_by_system(self.fact("user"), self.fact("userAgent")),
            TraceKind::Startup | TraceKind::Shutdown => false,
        }
    }

    /// One fact.
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.facts.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Its phases, in the order in which they were entered.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// One phase.
    pub fn span(&self, index: usize) -> Option<&Span> {
        self.spans.get(index)
    }

    /// The phase that decided a refusal: the last one that failed. `None` while all is well: an authenticator that does not
    /// recognise a request fails, too, and another one then lets it in.
    pub fn refused_by(&self) -> Option<usize> {
        let refused = match self.kind {
            TraceKind::Request | TraceKind::System => {
                self.fact("code").is_some_and(|code| code.starts_with(['4', '5']))
            }
            TraceKind::Startup | TraceKind::Shutdown => true,
        };
        self.spans.iter().rposition(|span| span.outcome == End::Failed).filter(|at| refused && *at > 0)
    }

    /// When it began.
    pub fn started(&self) -> Nanos {
        self.started
    }

    /// When it ended.
    pub fn finished(&self) -> Option<Nanos> {
        self.finished
    }

    /// How long it was held in all, as far as that is over.
    pub fn held(&self) -> Nanos {
        self.held
    }

    /// The phase at which it is held now.
    pub fn held_at(&self) -> Option<usize> {
        if self.finished.is_some() {
            return None;
        }
        self.spans.iter().rposition(|span| span.held_since().is_some())
    }

    /// How many steps it has: its phases, and its end once it is over.
    pub fn steps(&self) -> usize {
        self.spans.len() + usize::from(self.finished.is_some())
    }

    /// The time at which a step began.
    pub fn time_of(&self, step: usize) -> Nanos {
        match self.spans.get(step) {
            Some(span) => span.entered,
            None => self.finished.unwrap_or_else(|| self.spans.last().map_or(self.started, |span| span.entered)),
        }
    }

    /// How a phase stood at a step.
    pub fn standing(&self, index: usize, step: usize) -> Standing {
        if index > step {
            return Standing::Ahead;
        }
        let Some(span) = self.spans.get(index) else { return Standing::Ahead };
        match span.exited() {
            // Phases of one instant are told apart by their order: a phase that is entered after this one ended at the
            // same reading of the clock is a sibling, and a child otherwise.
            Some(exited)
                if step >= self.spans.len() || (exited <= self.time_of(step) && !self.encloses(index, step)) =>
            {
                Standing::Over(span.outcome)
            }
            Some(_) | None => Standing::Open,
        }
    }

    /// Says whether a phase encloses another (or is it).
    pub fn encloses(&self, outer: usize, inner: usize) -> bool {
        let mut at = Some(inner);
        while let Some(index) = at {
            if index == outer {
                return true;
            }
            at = self.spans.get(index).and_then(Span::parent);
        }
        false
    }

    /// The time from the beginning of a phase to its end (or to a moment), without the time that it or anything inside it
    /// was held.
    pub fn worked(&self, index: usize) -> Option<Nanos> {
        let span = self.spans.get(index)?;
        let exited = span.exited()?;
        Some(exited.saturating_sub(span.entered).saturating_sub(self.held_within(index, &|_| false)))
    }

    /// How long a phase and what it encloses were held, leaving out what lies in certain phases.
    fn held_within(&self, index: usize, leave_out: &dyn Fn(usize) -> bool) -> Nanos {
        let inside = |at: usize| {
            let mut at = Some(at);
            while let Some(here) = at {
                if here == index {
                    return true;
                }
                if leave_out(here) {
                    return false;
                }
                at = self.spans[here].parent().filter(|parent| *parent < here);
            }
            false
        };
        let held = (index..self.spans.len()).filter(|at| self.spans[*at].more.is_some() && inside(*at));
        held.map(|at| self.spans[at].held()).sum()
    }

    /// The time a phase spent itself, with what it called: for a filter, before what follows was entered and after that came
    /// back. Exact once the phase is over; until then, what is known so far.
    pub fn own_time(&self, index: usize) -> Option<Nanos> {
        let span = self.spans.get(index)?;
        let in_line = |at: usize| {
            let child = &self.spans[at];
            child.parent() == Some(index) && child.depth <= span.depth
        };
        let mut following = (index + 1..self.spans.len()).filter(|at| in_line(*at));
        let held = self.held_within(index, &in_line);
        let Some(exited) = span.exited() else {
            let next = &self.spans[following.next()?];
            return Some(next.entered.saturating_sub(span.entered).saturating_sub(held));
        };
        let inner: Nanos = following
            .map(|at| &self.spans[at])
            .map(|child| child.exited().unwrap_or(child.entered).saturating_sub(child.entered))
            .sum();
        Some(exited.saturating_sub(span.entered).saturating_sub(inner).saturating_sub(held))
    }

    /// The state at a step, with the phase that it belongs to.
    pub fn state_at(&self, step: usize) -> Option<(usize, &Arc<Snapshot>)> {
        self.states_until(step).last()
    }

    /// The state that a step is compared with: the newest older one of the same kind.
    pub fn state_before(&self, step: usize) -> Option<(usize, &Arc<Snapshot>)> {
        let (index, now) = self.state_at(step)?;
        self.states_until(step)
            .filter(|(at, state)| (*at != index || !Arc::ptr_eq(state, now)) && state.kind == now.kind)
            .last()
    }

    /// The newest state of a kind at a step.
    pub fn state_of_kind(&self, step: usize, kind: &dyn Fn(&str) -> bool) -> Option<(usize, &Arc<Snapshot>)> {
        self.states_until(step).filter(|(_, state)| kind(&state.kind)).last()
    }

    /// All states up to a step, in the order of time.
    pub fn states_until(&self, step: usize) -> impl Iterator<Item = (usize, &Arc<Snapshot>)> {
        let until = self.time_of(step);
        let ended = step >= self.spans.len();
        let last_inside = self.last_inside();
        let mut states: Vec<(Nanos, u64, usize, &Arc<Snapshot>)> = Vec::new();
        let shown = self.spans.iter().enumerate().take(step.saturating_add(1));
        for (index, span) in shown {
            let Some(more) = &span.more else { continue };
            if let Some(state) = more.before.as_ref().filter(|state| tells(state)) {
                states.push((span.entered, index as u64 * 2, index, state));
            }
            if let (Some(state), Some(exited)) = (more.after.as_ref().filter(|state| tells(state)), span.exited())
                && (ended || (exited <= until && !self.encloses(index, step)))
            {
                // Of two ends at one instant the inner came first; and what was entered at that instant is older
                // only if it lies inside.
                let order = last_inside[index] as u64 * 2 + 1;
                states.push((exited, order, index, state));
            }
        }
        states.sort_by_key(|(at, order, index, _)| (*at, *order, std::cmp::Reverse(*index)));
        states.into_iter().map(|(_, _, index, state)| (index, state))
    }

    /// For each phase, the last one that was entered inside it (or the phase itself).
    pub(crate) fn last_inside(&self) -> Vec<usize> {
        let mut last: Vec<usize> = (0..self.spans.len()).collect();
        for index in (0..self.spans.len()).rev() {
            if let Some(parent) = self.spans[index].parent().filter(|parent| *parent < index) {
                last[parent] = last[parent].max(last[index]);
            }
        }
        last
    }
}
