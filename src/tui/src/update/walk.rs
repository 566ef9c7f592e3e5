//! Into, over, out, back, on: moving a trace forward, and one's eyes in both directions.
//!
//! A step forward from the past moves the cursor over what was kept. A step forward from now lets a
//! held trace go to its next stop.

use control::{
    protocol::{self},
    stepper::Step,
};
use phase::record::TraceId;

use crate::{
    message::Command,
    model::{
        Model,
        cursor::{self, At, Cursor},
        input::Overlay,
        tree::{self, RowKey},
    },
    words::Word,
};

/// One step forward.
pub fn forward(model: &mut Model, step: Step) -> Option<Command> {
    let timeline = model.timeline.clone();
    let timeline = timeline.read_recursive();
    let Some(log) = model.log(&timeline) else {
        model.say(Word::HintStarting, &[]);
        return None;
    };
    let id = log.id();
    if model.cursor.is_past(log) {
        let at = model.cursor.step(log);
        let newest = cursor::newest(log);
        let rows = tree::rows(log, newest, model.detail, &model.tree.opened);
        let stops = cursor::stops(log, &rows);
        let depth = |step: usize| log.span(step).map_or(0, control::timeline::trace::Span::depth);
        let inside = at + 1 < newest && depth(at + 1) > depth(at) && step == Step::Into;
        let fits = |stop: &usize| match step {
            Step::Into => true,
            Step::Over => depth(*stop) <= depth(at).max(1) || *stop == newest,
            Step::Out => depth(*stop) < depth(at) || *stop == newest,
        };
        let next = if inside { Some(at + 1) } else { stops.into_iter().filter(|stop| *stop > at).find(fits) };
        look_at(model, id, next.unwrap_or(newest), newest);
        return None;
    }
    if model.holds.contains_key(&id) {
        model.came_from = Some((id, model.cursor.step(log)));
        follow(model, id);
        return Command::one(protocol::Command::Step { trace: id, step, detail: model.detail });
    }
    let next = model.queue().first().copied();
    match (log.finished().is_some(), next) {
        // Walking on from a request that is over goes to the next one that waits.
        (true, Some(next)) => follow(model, next),
        (true, None) => model.say(Word::SaidAtNow, &[]),
        // It runs, and the hint says so.
        (false, _) => {}
    }
    None
}

/// Looks at a step; the newest is always followed.
fn look_at(model: &mut Model, trace: TraceId, step: usize, newest: usize) {
    let at = if step >= newest { At::Now } else { At::Step(step) };
    set_cursor(model, Cursor { trace: Some(trace), at });
}

/// Looks at the newest step of a trace.
pub fn follow(model: &mut Model, trace: TraceId) {
    set_cursor(model, Cursor { trace: Some(trace), at: At::Now });
}

/// Moves the cursor, and lets go of what belonged to where it was.
pub fn set_cursor(model: &mut Model, cursor: Cursor) {
    if model.cursor.trace != cursor.trace {
        model.tree.opened.clear();
        model.requests.selected = None;
    }
    if model.cursor != cursor {
        model.inspect.change = 0;
        model.inspect.scroll.clear();
        model.explain_scroll = 0;
    }
    model.tree.selected = None;
    model.cursor = cursor;
}

/// One step back. Nothing is undone.
pub fn back(model: &mut Model) -> Option<Command> {
    let timeline = model.timeline.clone();
    let timeline = timeline.read_recursive();
    let log = model.log(&timeline)?;
    let at = model.cursor.step(log);
    let rows = tree::rows(log, at, model.detail, &model.tree.opened);
    let target = cursor::before(&cursor::stops(log, &rows), at);
    if let Some(step) = target {
        look_at(model, log.id(), step, cursor::newest(log));
    }
    None
}

/// Looks at a step by its number, as people count.
pub fn go_to_step(model: &mut Model, number: usize) {
    let timeline = model.timeline.clone();
    let timeline = timeline.read_recursive();
    let Some(log) = model.log(&timeline) else { return };
    look_at(model, log.id(), number.saturating_sub(1), cursor::newest(log));
}

/// Looks at the step that was under way at a time, counted from the beginning of the trace.
pub fn go_to_time(model: &mut Model, since_start: phase::clock::Nanos) {
    let timeline = model.timeline.clone();
    let timeline = timeline.read_recursive();
    let Some(log) = model.log(&timeline) else { return };
    let time = log.started() + since_start;
    let step = log.spans().iter().rposition(|span| span.entered() <= time).unwrap_or(0);
    look_at(model, log.id(), step, cursor::newest(log));
}

/// From the past: back to now. From now: lets the trace run on.
pub fn go_on(model: &mut Model) -> Option<Command> {
    let timeline = model.timeline.clone();
    let timeline = timeline.read_recursive();
    let log = model.log(&timeline)?;
    let id = log.id();
    if model.cursor.is_past(log) {
        // Forward to the next mark or breakpoint, or to now.
        let at = model.cursor.step(log);
        let newest = cursor::newest(log);
        let next = marks(model, id).into_iter().find(|mark| *mark > at).unwrap_or(newest);
        look_at(model, id, next, newest);
        return None;
    }
    if model.holds.contains_key(&id) {
        model.came_from = Some((id, model.cursor.step(log)));
        follow(model, id);
        return Command::one(protocol::Command::Continue(id));
    }
    if let Some(next) = model.queue().first().copied() {
        follow(model, next);
    } else {
        model.say(Word::SaidNothingHeld, &[]);
    }
    None
}

/// The steps of a trace that have a mark or a breakpoint, in order.
fn marks(model: &Model, trace: TraceId) -> Vec<usize> {
    let timeline = model.timeline.read_recursive();
    let marked = timeline.markers().iter().filter(|marker| marker.trace == trace).map(|marker| marker.step);
    let spans = timeline.trace(trace).map_or(&[][..], |log| log.spans());
    let breaks = spans.iter().enumerate().filter(|(_, span)| model.breakpoint_at(span.phase()).is_some());
    let mut marks: Vec<usize> = marked.chain(breaks.map(|(step, _)| step)).collect();
    marks.sort_unstable();
    marks
}

/// Back to the last mark or breakpoint, or to the first step.
pub fn to_last_mark(model: &mut Model) -> Option<Command> {
    let timeline = model.timeline.clone();
    let timeline = timeline.read_recursive();
    let log = model.log(&timeline)?;
    let at = model.cursor.step(log);
    let target = marks(model, log.id()).into_iter().rev().find(|mark| *mark < at).unwrap_or(0);
    look_at(model, log.id(), target, cursor::newest(log));
    None
}

/// Back to now.
pub fn to_now(model: &mut Model) -> Option<Command> {
    let cursor = Cursor { at: At::Now, ..model.cursor };
    set_cursor(model, cursor);
    None
}

/// Looks at the next trace that waits.
pub fn to_next_held(model: &mut Model) -> Option<Command> {
    // After the present one in the order of waiting, then round again.
    let mut waiting: Vec<_> = model.holds.values().map(|hold| (hold.since, hold.trace)).collect();
    waiting.sort_unstable();
    let here = model.current_hold().map(|hold| (hold.since, hold.trace));
    let next = waiting.iter().find(|one| here.is_some_and(|here| **one > here)).or(waiting.first());
    match next.copied() {
        Some((_, trace)) => follow(model, trace),
        None => model.say(Word::SaidNothingHeld, &[]),
    }
    None
}

/// Lets everything go on.
pub fn resume_all(model: &mut Model) -> Option<Command> {
    model.say(Word::SaidResumedAll, &[]);
    Command::one(protocol::Command::ContinueAll)
}

/// Holds the trace that is looked at at its next phase.
pub fn pause(model: &mut Model) -> Option<Command> {
    let id = {
        let timeline = model.timeline.clone();
        let timeline = timeline.read_recursive();
        let log = model.log(&timeline)?;
        if log.finished().is_some() || model.holds.contains_key(&log.id()) {
            return None;
        }
        log.id()
    };
    follow(model, id);
    Command::one(protocol::Command::Pause { trace: id, detail: model.detail })
}

/// Runs to the selected row of the tree, or looks at it if it lies in the past.
pub fn run_to_selected(model: &mut Model) -> Option<Command> {
    let timeline = model.timeline.clone();
    let timeline = timeline.read_recursive();
    let log = model.log(&timeline)?;
    match model.tree.selected {
        Some(RowKey::Ahead(phase)) => run_to(model, phase),
        Some(RowKey::Span(step) | RowKey::Fold(step, _)) => {
            look_at(model, log.id(), step, cursor::newest(log));
            None
        }
        None => None,
    }
}

/// Lets the trace that is looked at run to a phase.
pub fn run_to(model: &mut Model, phase: phase::catalog::Phase) -> Option<Command> {
    let Some(hold) = model.holds.get(&model.cursor.trace?) else {
        model.say(Word::SaidNotHeld, &[]);
        return None;
    };
    let trace = hold.trace;
    model.came_from = Some((trace, (hold.span.0 as usize).saturating_sub(1)));
    follow(model, trace);
    Command::one(protocol::Command::RunTo { trace, phase, label: None })
}

/// Offers the marks to jump to.
pub fn ask_jump(model: &mut Model) -> Option<Command> {
    let markers = model.timeline.read_recursive().markers().to_vec();
    model.overlay = Some(Overlay::Jump(markers));
    None
}

/// Jumps to a mark.
pub fn jump(model: &mut Model, name: &str) {
    let timeline = model.timeline.clone();
    let timeline = timeline.read_recursive();
    let marker = timeline.markers().iter().find(|marker| marker.name == name).cloned();
    match marker.as_ref().and_then(|marker| Some((marker, timeline.trace(marker.trace)?))) {
        Some((marker, log)) => look_at(model, marker.trace, marker.step, cursor::newest(log)),
        None => model.say(Word::SaidNoMark, &[name]),
    }
}
