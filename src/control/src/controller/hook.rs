//! The side that serves: told of every phase, asked whether a trace must wait there.
//!
//! Called by the threads that do the work, hence quick: an unwatched phase costs one look at a flag
//! and a push into a queue. Locks are held for a few instructions, and never while a snapshot is
//! made, a condition is asked or a client is told.

use std::{
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

use phase::{
    BoxFuture,
    hook::{At, PhaseHook, Resume},
    record::{Event as RecordEvent, Record, SpanId, TraceId, TraceKind},
    snapshot::Subject,
};
use tokio::sync::oneshot;

use super::{Controller, Pump, Start};
use crate::{
    breakpoint::{Action, Armed, Edge},
    condition::{AtPhase, Facts, Verdict},
    detail::{self, Detail, Open},
    holds::{Hold, Reason},
    protocol::{Capture, Event, SystemTraffic},
    stepper::Goal,
    system,
};

/// What is to be done at a phase.
enum Stop {
    Hold(Reason),
    Delay(Duration),
    Resume(Resume),
}

/// A trace at the phase it is about to enter.
struct Here {
    open: Open,
    facts: Arc<Facts>,
    met: Vec<crate::breakpoint::BreakpointId>,
}

impl PhaseHook for Controller {
    fn wants_snapshot(&self, at: &At<'_>) -> bool {
        if *self.policy.capture.read() == Capture::All {
            return true;
        }
        if self.attached.load(Ordering::Relaxed) == 0 {
            return false;
        }
        match at.kind {
            TraceKind::Startup | TraceKind::Shutdown => true,
            TraceKind::Request | TraceKind::System => self.is_watched(at),
        }
    }

    fn hold(&self, at: &At<'_>, subject: &dyn Subject) -> Option<BoxFuture<'static, Resume>> {
        if self.attached.load(Ordering::Relaxed) == 0 {
            return None;
        }
        match self.stop_at(at, subject)? {
            Stop::Hold(reason) => self.wait(at, reason, subject),
            Stop::Resume(resume) => Some(Box::pin(async move { resume })),
            Stop::Delay(delay) => Some(Box::pin(async move {
                tokio::time::sleep(delay).await;
                Resume::Proceed
            })),
        }
    }

    fn record(&self, record: Record) {
        let finished = matches!(record.event, RecordEvent::Finished { .. });
        self.recorder.record(record, |kind| self.first_goal(kind));
        match self.pump {
            Pump::Thread => self.wake(),
            // A queue is emptied where nobody is in the middle of a phase.
            Pump::Inline if finished => {
                self.pump();
            }
            Pump::Inline => {}
        }
    }
}

impl Controller {
    /// Returns where a trace that starts stops first.
    fn first_goal(&self, kind: TraceKind) -> Option<Goal> {
        let held = kind == TraceKind::Startup && self.start == Start::Held;
        (held && self.attached.load(Ordering::Relaxed) > 0).then_some(Goal::Next(Detail::default()))
    }

    /// Says whether all states of a request are kept.
    fn is_watched(&self, at: &At<'_>) -> bool {
        let armed = self.policy.armed.load(Ordering::Relaxed);
        let (facts, generation) = {
            let part = self.recorder.part(at.trace);
            let Some(live) = part.live.get(&at.trace) else { return false };
            if live.full {
                return true;
            }
            if !armed || self.passes(at.kind, &live.facts) {
                return false;
            }
            let generation = self.policy.generation.load(Ordering::Acquire);
            match live.candidate {
                Some((known, candidate)) if known == generation => return candidate,
                _ => (live.facts.clone(), generation),
            }
        };
        let candidate = self.may_match(&facts);
        if let Some(live) = self.recorder.part(at.trace).live.get_mut(&at.trace) {
            live.candidate = Some((generation, candidate));
        }
        candidate
    }

    fn passes(&self, kind: TraceKind, facts: &Facts) -> bool {
        *self.policy.system.read() == SystemTraffic::Passes && system::is_system(kind, facts)
    }

    /// Says whether a breakpoint or filter may still match, by what is known so far.
    fn may_match(&self, facts: &Facts) -> bool {
        let variables = AtPhase { facts, phase: "", hits: 0, object: None };
        let may = |armed: &Arc<Armed>| armed.enabled() && armed.ask(&variables) != Verdict::No;
        let breakpoints = self.policy.breakpoints.read().clone();
        breakpoints.iter().any(may) || self.policy.intercept.read().as_ref().is_some_and(may)
    }

    /// Decides what happens at a phase: its goal first, then breakpoints, then what is intercepted.
    fn stop_at(&self, at: &At<'_>, subject: &dyn Subject) -> Option<Stop> {
        let (here, reached, after) = {
            let mut part = self.recorder.part(at.trace);
            let live = part.live.get_mut(&at.trace)?;
            let (open, around) = live.around(at.span)?;
            let stops = |goal: &Goal| goal.stops(open, at.label, around);
            let reached = live.goal.as_ref().is_some_and(stops);
            let after: Vec<_> = live.after.iter().filter(|(_, goal)| stops(goal)).map(|(id, _)| *id).collect();
            let here = Here { open, facts: live.facts.clone(), met: live.met.clone() };
            live.after.retain(|(id, _)| !after.contains(id));
            (here, reached.then(|| live.goal.take()).flatten(), after)
        };
        if let Some(goal) = reached {
            let reason = if matches!(goal, Goal::Phase(..)) { Reason::Reached } else { Reason::Stepped };
            return Some(Stop::Hold(reason));
        }
        if !self.policy.armed.load(Ordering::Acquire) || self.passes(at.kind, &here.facts) {
            return None;
        }
        let breakpoints = self.policy.breakpoints.read().clone();
        for armed in breakpoints.iter() {
            let due = after.contains(&armed.id) || self.met(armed, &here, &breakpoints, at, subject);
            if due && let Some(stop) = self.act(armed, at) {
                return Some(stop);
            }
        }
        let intercept = self.policy.intercept.read().clone()?;
        let met = self.met(&intercept, &here, &breakpoints, at, subject);
        met.then(|| {
            intercept.hit();
            Stop::Hold(Reason::Intercepted)
        })
    }

    /// Says whether a breakpoint is met here. One that acts after the phase is only noted.
    fn met(&self, armed: &Armed, here: &Here, others: &[Arc<Armed>], at: &At<'_>, subject: &dyn Subject) -> bool {
        if !armed.enabled() || !armed.stands_at(at.phase) {
            return false;
        }
        // One that stands anywhere stops each request once, at a phase worth stopping at.
        if armed.anywhere() && (here.met.contains(&armed.id) || detail::minor(at.phase)) {
            return false;
        }
        if let Some(first) = armed.breakpoint.after
            && !others.iter().any(|other| other.id == first && other.hits() > 0)
        {
            return false;
        }
        let object = || subject.snapshot().to_value();
        let phase = at.phase.name();
        let variables = AtPhase { facts: &here.facts, phase, hits: armed.hits(), object: Some(&object) };
        if armed.ask(&variables) != Verdict::Yes {
            return false;
        }
        let mut part = self.recorder.part(at.trace);
        let Some(live) = part.live.get_mut(&at.trace) else { return false };
        if armed.anywhere() {
            live.met.push(armed.id);
        }
        if armed.breakpoint.edge == Edge::After && !armed.anywhere() {
            live.after.push((armed.id, Goal::After(here.open.span, at.phase)));
            return false;
        }
        true
    }

    /// Counts a hit and returns what it leads to.
    fn act(&self, armed: &Armed, at: &At<'_>) -> Option<Stop> {
        if !armed.hit() {
            return None;
        }
        self.publish(Event::Breakpoints(self.breakpoints()));
        let action = &armed.breakpoint.action;
        if *action == Action::Hold {
            return Some(Stop::Hold(Reason::Breakpoint(armed.id)));
        }
        let label = armed.breakpoint.label.as_deref().unwrap_or("breakpoint");
        let message = format!("{label}: {} of request {}", at.phase.name(), at.trace.0);
        self.publish(Event::Met { id: armed.id, trace: at.trace, message });
        let delay = action.delay().map(Stop::Delay);
        delay.or_else(|| action.interruption().map(|interrupted| Stop::Resume(Resume::Interrupt(interrupted))))
    }

    /// Lets a trace wait for a person.
    fn wait(&self, at: &At<'_>, reason: Reason, subject: &dyn Subject) -> Option<BoxFuture<'static, Resume>> {
        let hold = Hold {
            trace: at.trace,
            kind: at.kind,
            span: at.span,
            phase: at.phase,
            label: at.label.cloned(),
            reason,
            since: self.clock.now(),
            subject: subject.snapshot(),
            edited: None,
        };
        if let Some(live) = self.recorder.part(at.trace).live.get_mut(&at.trace) {
            live.full = true;
        }
        let Some(woken) = self.holds.add(hold.clone()) else {
            let passed = self.passed.fetch_add(1, Ordering::Relaxed) + 1;
            self.publish(Event::Passed(passed));
            return None;
        };
        self.publish(Event::Held(Box::new(hold)));
        // The last client may have gone between the first look and now; then nobody would ever wake this one.
        if self.attached.load(Ordering::Acquire) == 0 {
            self.continue_all();
        }
        let waiting = Waiting { controller: self.me.clone(), trace: at.trace, span: at.span };
        Some(Box::pin(waiting.until(woken)))
    }
}

/// The wait itself. Dropped before it is over, it takes its hold along: the client gave up.
struct Waiting {
    controller: Weak<Controller>,
    trace: TraceId,
    span: SpanId,
}

impl Waiting {
    async fn until(self, woken: oneshot::Receiver<Resume>) -> Resume {
        woken.await.unwrap_or(Resume::Proceed)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(controller) = self.controller.upgrade()
            && controller.holds.abandon(self.trace, self.span)
        {
            controller.publish(Event::Released(self.trace));
        }
    }
}
