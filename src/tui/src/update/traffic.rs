//! Breakpoints, filters, traffic, edits, answers by hand, and what is copied.

use control::{
    breakpoint::Breakpoint,
    lesson::LessonAction,
    ports::{LabRequest, Traffic},
    protocol::{self, Question},
};
use phase::{catalog::Phase, hook::Interrupted, record::TraceId};

use super::{ask, prompt};
use crate::{
    copy,
    keymap::Action,
    message::Command,
    model::{
        Model, Purpose,
        input::{Overlay, Prompt},
        requests::SystemRows,
        tree::RowKey,
    },
    words::Word,
};

/// Returns the phase of the selected row of the tree, or of the current step.
pub fn selected_phase(model: &Model) -> Option<Phase> {
    let timeline = model.timeline.read_recursive();
    let log = model.log(&timeline)?;
    let of = |index: usize| log.span(index).map(control::timeline::trace::Span::phase);
    match model.tree.selected {
        Some(RowKey::Ahead(phase)) => Some(phase),
        Some(RowKey::Span(index) | RowKey::Fold(index, _)) => of(index),
        None => of(model.cursor.step(log)),
    }
}

/// Sets a breakpoint at the selected phase, or removes the one that stands there.
pub fn toggle_breakpoint(model: &mut Model) -> Option<Command> {
    let phase = selected_phase(model)?;
    if let Some(listed) = model.breakpoint_at(phase) {
        let id = listed.id;
        model.say(Word::SaidBreakGone, &[phase.name()]);
        return Command::one(protocol::Command::Unbreak(id));
    }
    set_breakpoint(model, phase, None)
}

/// Sets a breakpoint.
pub fn set_breakpoint(model: &mut Model, phase: Phase, when: Option<String>) -> Option<Command> {
    model.say(Word::SaidBreakSet, &[phase.name()]);
    // Phases of start-up and of a request share names (authentication); the variant does not.
    let at = Some(format!("{phase:?}"));
    Command::one(protocol::Command::Break(Breakpoint { at, when, ..Breakpoint::default() }))
}

/// Asks what to intercept, or stops intercepting.
pub fn ask_intercept(model: &mut Model) -> Option<Command> {
    if model.intercept.is_some() {
        return Command::one(protocol::Command::Intercept(None));
    }
    prompt(model, Prompt::Intercept)
}

/// Starts or stops the built-in traffic.
pub fn toggle_traffic(model: &mut Model) -> Option<Command> {
    let wanted = if model.traffic == Traffic::On { Traffic::Off } else { Traffic::On };
    ask(model, Purpose::Other, Question::Traffic(wanted))
}

/// Shows or hides requests of the system.
pub fn toggle_system(model: &mut Model) -> Option<Command> {
    model.requests.system = match model.requests.system {
        SystemRows::Hidden => SystemRows::Shown,
        SystemRows::Shown => SystemRows::Hidden,
    };
    None
}

/// Sends the selected request again.
pub fn replay(model: &mut Model) -> Option<Command> {
    let request = {
        let timeline = model.timeline.read_recursive();
        let log = model.requests.selected.and_then(|id| timeline.trace(id)).or_else(|| model.log(&timeline))?;
        let (method, path) = log.method_and_path();
        let writes = matches!(method, "POST" | "PUT" | "PATCH");
        let body = copy::body(log);
        if writes && body.is_none() {
            None
        } else {
            let user = log.fact("user").unwrap_or_default().to_owned();
            Some(LabRequest { user, method: method.to_owned(), path: path.to_owned(), body, ..LabRequest::default() })
        }
    };
    let Some(request) = request else {
        model.say(Word::SaidNoBody, &[]);
        return None;
    };
    ask(model, Purpose::Sent, Question::Send(request))
}

/// Returns the held trace that is looked at, or says that there is none.
fn held(model: &mut Model) -> Option<TraceId> {
    let trace = model.current_hold().map(|hold| hold.trace);
    if trace.is_none() {
        model.say(Word::SaidNotHeld, &[]);
    }
    trace
}

/// Ends the held request without an answer.
pub fn kill(model: &mut Model) -> Option<Command> {
    let trace = held(model)?;
    model.say(Word::SaidKilled, &[&trace.0.to_string()]);
    Command::one(protocol::Command::Interrupt { trace, interrupted: Interrupted::Kill })
}

/// Answers the held request with 503.
pub fn fault(model: &mut Model) -> Option<Command> {
    let trace = held(model)?;
    let message = "a fault was injected while this request was held".to_owned();
    let interrupted = Interrupted::Fail { code: 503, message };
    Command::one(protocol::Command::Interrupt { trace, interrupted })
}

/// Takes an edit back.
pub fn revert(model: &mut Model) -> Option<Command> {
    let trace = held(model)?;
    model.say(Word::SaidReverted, &[]);
    Command::one(protocol::Command::Edit { trace, value: None })
}

/// Offers lines to copy.
pub fn copy(model: &mut Model) -> Option<Command> {
    let lines = {
        let timeline = model.timeline.read_recursive();
        copy::lines(model, model.log(&timeline))
    };
    if !lines.is_empty() {
        model.overlay = Some(Overlay::Copy(lines));
    }
    None
}

/// Answers that can be predicted.
pub const CODES: &[&str] = &["2xx", "401", "403", "404", "409", "422", "5xx"];

/// Chooses the next prediction for the held request (or answers the lesson's question).
pub fn predict(model: &mut Model) -> Option<Command> {
    if let Some(predict) = model.lesson.as_ref().and_then(|lesson| lesson.predict.as_ref()) {
        let next = predict.chosen.map_or(0, |chosen| (chosen + 1) % predict.choices.len().max(1));
        return ask(model, Purpose::Other, Question::Lesson(LessonAction::Answer(next)));
    }
    let trace = held(model)?;
    let chosen = model.predictions.get(&trace).and_then(|chosen| CODES.iter().position(|code| code == chosen));
    let next = chosen.map_or(0, |chosen| (chosen + 1) % CODES.len());
    model.predictions.insert(trace, CODES[next].to_owned());
    None
}

/// Says whether an answer is the predicted one.
pub fn is_predicted(predicted: &str, code: &str) -> bool {
    match predicted.strip_suffix("xx") {
        Some(class) => code.starts_with(class),
        None => code == predicted,
    }
}

/// Hands on what a learner asks for.
pub fn lesson(model: &mut Model, action: Action) -> Option<Command> {
    if model.lesson.is_none() {
        model.say(Word::SaidNoLesson, &[]);
        return None;
    }
    let action = match action {
        Action::Hint => LessonAction::Hint,
        Action::Verify => LessonAction::Verify,
        Action::LessonNext => LessonAction::Next,
        _ => LessonAction::Solve,
    };
    ask(model, Purpose::Other, Question::Lesson(action))
}
