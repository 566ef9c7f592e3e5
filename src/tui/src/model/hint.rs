//! What to do next, always: one line, with the keys that do it.

use phase::record::TraceKind;

use super::{Model, cursor::At};
use crate::words::Word;
use control::{ports::Traffic, timeline::Timeline};

/// Returns the line; backquotes stand around keys.
pub fn hint(model: &Model, timeline: &Timeline) -> String {
    let Some(log) = model.log(timeline) else {
        return model.word(if model.live { Word::HintStarting } else { Word::HintRecording }).to_owned();
    };
    let step = model.cursor.step(log);
    if !model.live {
        return model.word(Word::HintRecording).to_owned();
    }
    if model.cursor.is_past(log) {
        let newest = super::cursor::newest(log);
        return model.sentence(Word::HintBack, &[&(step + 1).to_string(), &(newest + 1).to_string()]);
    }
    let name = log.id().0.to_string();
    if let Some(hold) = model.holds.get(&log.id()) {
        let phase = phase_name(hold.phase.name(), hold.label.as_deref());
        return match hold.kind {
            TraceKind::Startup | TraceKind::Shutdown => model.sentence(Word::HintHeldStart, &[&phase]),
            TraceKind::Request | TraceKind::System => model.sentence(Word::HintHeld, &[&name, &phase]),
        };
    }
    let waiting = model.holds.len().to_string();
    let is_request = matches!(log.kind(), TraceKind::Request | TraceKind::System);
    match (log.finished(), model.holds.len()) {
        (Some(_), 0) if is_request => {
            let code = log.fact("code").unwrap_or("-");
            model.sentence(Word::HintFinished, &[&name, code])
        }
        (Some(_), _) if is_request => {
            let code = log.fact("code").unwrap_or("-");
            model.sentence(Word::HintFinishedMore, &[&name, code, &waiting])
        }
        (_, 1..) => model.sentence(Word::HintIdleHeld, &[&waiting]),
        (_, 0) if model.serving.is_none() => model.word(Word::HintRunning).to_owned(),
        (_, 0) if model.traffic == Traffic::On || timeline.seen() > 0 && model.cursor.at != At::Now => {
            model.word(Word::HintServingTraffic).to_owned()
        }
        (_, 0) if model.traffic == Traffic::On => model.word(Word::HintServingTraffic).to_owned(),
        (_, 0) => model.word(Word::HintServing).to_owned(),
    }
}

/// Returns a phase's name, with the plugin, authorizer or hook it is about.
pub fn phase_name(name: &str, label: Option<&str>) -> String {
    match label.filter(|label| !label.is_empty()) {
        Some(label) => format!("{name} {label}"),
        None => name.to_owned(),
    }
}

/// Splits a sentence at its keys.
pub fn pieces(sentence: &str) -> impl Iterator<Item = (&str, Piece)> {
    sentence.split('`').enumerate().map(|(index, text)| (text, if index % 2 == 1 { Piece::Key } else { Piece::Text }))
}

/// What a piece of a sentence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Words.
    Text,
    /// A key to press.
    Key,
}
