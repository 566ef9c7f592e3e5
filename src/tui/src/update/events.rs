//! What the controller tells, taken into the model.
//!
//! The rule for hits: a new one goes into the queue and is counted on the screen. It moves the eyes only
//! if they rest on nothing: nothing held, nothing open, not looking back.

use control::{
    holds::Hold,
    ports::Traffic,
    protocol::{Event, Reply},
};
use phase::record::TraceKind;

use super::walk;
use crate::{
    message::Command,
    model::{Model, Purpose, cursor::At},
    words::Word,
};

/// Takes in an event.
pub fn event(model: &mut Model, event: Event) -> Option<Command> {
    match event {
        Event::Records(_) => {
            if let Some(filter) = &mut model.requests.filter {
                filter.ask(&model.timeline.read_recursive());
            }
        }
        Event::Held(hold) => held(model, *hold),
        Event::Released(trace) => {
            model.holds.remove(&trace);
        }
        Event::Breakpoints(breakpoints) => model.breakpoints = breakpoints,
        Event::Met { message, .. } => model.said = Some(message),
        Event::Intercepting(when) => {
            match &when {
                Some(when) => model.say(Word::SaidIntercept, &[when]),
                None => model.say(Word::SaidInterceptOff, &[]),
            }
            model.intercept = when;
        }
        Event::Dropped(dropped) => model.lost.0 = dropped,
        Event::Passed(passed) => model.lost.1 = passed,
        Event::Marked(marker) => model.say(Word::SaidMarked, &[&marker.name]),
        Event::Serving(launched) => model.serving = Some(launched),
        Event::Traffic(traffic) => {
            if model.traffic != traffic {
                model.say(if traffic == Traffic::On { Word::SaidTrafficOn } else { Word::SaidTrafficOff }, &[]);
            }
            model.traffic = traffic;
        }
        Event::Lesson(lesson) => model.lesson = Some(*lesson),
        Event::Log(line) => model.log_line(line),
        Event::Reply { id, reply } => replied(model, id, reply),
        Event::Refused(sentence) => model.said = Some(sentence),
    }
    None
}

fn held(model: &mut Model, hold: Hold) {
    let trace = hold.trace;
    let known = model.holds.insert(trace, hold).is_some();
    let here = model.cursor.trace == Some(trace);
    let arrived = here && model.cursor.at == At::Now && !known;
    let goes_there = arrived || (!here && eyes_rest(model, trace));
    if (here && !known) || goes_there {
        model.said = None;
    }
    if goes_there {
        walk::follow(model, trace);
    }
}

/// Says whether nothing keeps the eyes where they are.
fn eyes_rest(model: &Model, new: phase::record::TraceId) -> bool {
    if model.overlay.is_some() || model.cursor.at != At::Now {
        return false;
    }
    let others = model.holds.keys().any(|held| *held != new);
    let Some(current) = model.cursor.trace else { return !others };
    let timeline = model.timeline.read_recursive();
    let over = timeline
        .trace(current)
        .is_none_or(|log| log.finished().is_some() || matches!(log.kind(), TraceKind::Startup | TraceKind::Shutdown));
    over && !model.holds.contains_key(&current) && !others
}

fn replied(model: &mut Model, id: u64, reply: Result<Reply, control::ports::PortError>) {
    let Some(purpose) = model.questions.open.remove(&id) else { return };
    match (purpose, reply) {
        (Purpose::Keys, Ok(Reply::Keys(keys))) => {
            let store = &mut model.inspect.store;
            if store.error.is_none() && store.keys.as_ref() == Some(&keys) {
                return;
            }
            store.selected = store.selected.min(keys.keys.len().saturating_sub(1));
            (store.keys, store.error) = (Some(keys), None);
        }
        (Purpose::Value, Ok(Reply::Value(value))) => model.inspect.store.value = Some(*value),
        (Purpose::Watchers, Ok(Reply::Watchers(mut watchers))) => {
            watchers.sort_by(|one, other| (&one.key, one.request).cmp(&(&other.key, other.request)));
            if model.inspect.watchers.as_ref() == Some(&watchers) {
                return;
            }
            model.inspect.watchers = Some(watchers);
        }
        (Purpose::Levels, Ok(Reply::Levels(levels))) if model.inspect.levels.as_ref() == Some(&levels) => return,
        (Purpose::Levels, Ok(Reply::Levels(levels))) => model.inspect.levels = Some(levels),
        (Purpose::Sent, Ok(_)) => model.say(Word::SaidReplayed, &[]),
        (Purpose::Keys | Purpose::Value, Err(error)) => model.inspect.store.error = Some(error.to_string()),
        (Purpose::Watchers, Err(_)) => model.inspect.watchers = Some(Vec::new()),
        (Purpose::Levels, Err(_)) => model.inspect.levels = Some(Vec::new()),
        (Purpose::Sent | Purpose::Other, Err(error)) => model.said = Some(error.to_string()),
        (_, Ok(_)) => return,
    }
    model.inspect.told += 1;
}
