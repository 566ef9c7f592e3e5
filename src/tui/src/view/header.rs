//! The line at the top: what stands still, where, and what else waits.

use control::timeline::{Timeline, trace::TraceLog};
use phase::record::TraceKind;
use ratatui::{buffer::Buffer, layout::Rect};

use super::paint::put;
use crate::{
    model::{Model, cursor, format, hint::phase_name, trace_name},
    theme::Role,
    width,
    words::{Language, Word},
};

/// Draws the header.
pub fn draw(model: &Model, timeline: &Timeline, area: Rect, buffer: &mut Buffer) {
    let right = right(model, timeline);
    let right_width: usize = right.iter().map(|(text, _)| width::cells(text)).sum();
    let limit = area.right().saturating_sub(right_width as u16 + 1);
    let mut x = put(buffer, area.x, area.y, limit, " kubestep ", model.style(Role::Accent));
    if let Some(log) = model.log(timeline) {
        for (text, role) in left(model, timeline, log) {
            // What matters less is left out rather than cut.
            let fits = x + width::cells(&text) as u16 <= limit;
            if fits || role != Role::Quiet {
                let text = width::clip(&text, usize::from(limit.saturating_sub(x)));
                x = put(buffer, x, area.y, limit, &text, model.style(role));
            }
        }
    } else {
        put(buffer, x, area.y, limit, model.word(Word::Starting), model.style(Role::Quiet));
    }
    let mut x = area.right().saturating_sub(right_width as u16);
    for (text, role) in right {
        x = put(buffer, x, area.y, area.right(), &text, model.style(role));
    }
}

fn left(model: &Model, timeline: &Timeline, log: &TraceLog) -> Vec<(String, Role)> {
    let step = model.cursor.step(log);
    let at = log.span(step);
    let phase = at.map(|span| phase_name(span.phase().name(), Some(timeline.name(span.label()))));
    let (badge, role) = badge(model, log);
    let mut pieces = vec![(format!(" {badge} "), role), (" ".to_owned(), Role::Text)];
    match phase {
        Some(phase) if step > 0 || log.kind() != TraceKind::Startup => {
            pieces.push((phase, Role::Strong));
            pieces.push((format!("  {}", trace_name(model, log)), Role::Quiet));
        }
        _ => pieces.push((trace_name(model, log), Role::Strong)),
    }
    if matches!(log.kind(), TraceKind::Request | TraceKind::System) {
        let (method, path) = log.method_and_path();
        pieces.push((format!(" {method} "), Role::Name));
        pieces.push((width::clip_middle(&format::short_path(path), 44), Role::Text));
        if let Some(user) = log.fact("user").filter(|user| !user.is_empty()) {
            pieces.push((format!("  {user}"), Role::Quiet));
        }
    }
    pieces
}

fn badge(model: &Model, log: &TraceLog) -> (String, Role) {
    if model.cursor.is_past(log) {
        return (model.word(Word::LookingBack).to_owned(), Role::Selected);
    }
    if model.holds.contains_key(&log.id()) {
        return (model.word(Word::Held).to_owned(), Role::HeldBadge);
    }
    match (log.finished(), log.kind()) {
        (Some(_), TraceKind::Request | TraceKind::System) => {
            let code = log.fact("code").unwrap_or("-").to_owned();
            let role = if code.starts_with(['4', '5']) { Role::Bad } else { Role::Good };
            (code, role)
        }
        (_, TraceKind::Startup) if model.serving.is_some() => (model.word(Word::Serving).to_owned(), Role::Good),
        (Some(_), _) => (model.word(Word::Done).to_owned(), Role::Good),
        (None, _) if !model.live => (model.word(Word::Recording).to_owned(), Role::Quiet),
        (None, _) => (model.word(Word::Running).to_owned(), Role::Good),
    }
}

fn right(model: &Model, timeline: &Timeline) -> Vec<(String, Role)> {
    let mut pieces = Vec::new();
    let mut push = |text: String, role| {
        pieces.push((text, role));
        pieces.push(("  ".to_owned(), Role::Text));
    };
    let queue = model.queue().len();
    if queue > 0 {
        push(model.sentence(Word::MoreHeld, &[&queue.to_string()]), Role::Held);
    }
    if model.lost.0 > 0 {
        push(model.sentence(Word::Dropped, &[&model.lost.0.to_string()]), Role::Bad);
    }
    if model.lost.1 > 0 {
        push(model.sentence(Word::Passed, &[&model.lost.1.to_string()]), Role::Warn);
    }
    if let Some(log) = model.log(timeline) {
        let (step, newest) = (model.cursor.step(log) + 1, cursor::newest(log) + 1);
        push(format!("{} {step}/{newest}", model.word(Word::Step)), Role::Quiet);
    }
    let language = if model.look.language == Language::Zh { "\u{4e2d}" } else { "EN" };
    pieces.push((format!("{language} "), Role::Faint));
    pieces
}
