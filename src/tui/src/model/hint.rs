//! What to do next, always: one line, with the keys that do it.

use phase::{
    catalog::{CATALOG, Level, Phase},
    record::TraceKind,
};

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
            TraceKind::Startup | TraceKind::Shutdown => {
                let word = if has_stages(hold.phase) { Word::HintHeldStages } else { Word::HintHeldStart };
                model.sentence(word, &[&phase])
            }
            TraceKind::Request | TraceKind::System => {
                let word = if writes(hold.phase) { Word::HintHeldWork } else { Word::HintHeld };
                model.sentence(word, &[&name, &phase])
            }
        };
    }
    let waiting = model.holds.len().to_string();
    let is_request = matches!(log.kind(), TraceKind::Request | TraceKind::System);
    match (log.finished(), model.holds.len()) {
        (Some(_), 0) if is_request && log.fact("code").is_none() => model.sentence(Word::HintNoAnswer, &[&name]),
        (Some(_), 0) if is_request => {
            let code = log.fact("code").unwrap_or("-");
            let word = if model.intercept.is_some() { Word::HintFinishedWalking } else { Word::HintFinished };
            model.sentence(word, &[&name, code])
        }
        (Some(_), _) if is_request => {
            let code = log.fact("code").unwrap_or("-");
            model.sentence(Word::HintFinishedMore, &[&name, code, &waiting])
        }
        (_, 1..) => model.sentence(Word::HintIdleHeld, &[&waiting]),
        (_, 0) if model.serving.is_none() => model.word(Word::HintRunning).to_owned(),
        (_, 0) if model.intercept.is_some() => model.word(Word::HintWaiting).to_owned(),
        (_, 0) if model.traffic == Traffic::On || timeline.seen() > 0 && model.cursor.at != At::Now => {
            model.word(Word::HintServingTraffic).to_owned()
        }
        (_, 0) if model.traffic == Traffic::On => model.word(Word::HintServingTraffic).to_owned(),
        (_, 0) => model.word(Word::HintServing).to_owned(),
    }
}

/// Says whether a start-up does a part of its work in stages inside a phase: going over it would miss them.
fn has_stages(phase: Phase) -> bool {
    let stage = |info: &phase::catalog::Info| info.parent == Some(phase) && info.level == Level::Teaching;
    phase != Phase::Startup && CATALOG.iter().any(stage)
}

/// Says whether a phase is the handler of a write, inside which most of it happens.
fn writes(phase: Phase) -> bool {
    matches!(phase, Phase::Create | Phase::Update | Phase::Patch | Phase::Delete | Phase::DeleteCollection)
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
