//! What the phase is for: the question it answers, the answer, its place in Go and here, and what comes next.

use control::{
    texts,
    timeline::{Timeline, trace::TraceLog},
};
use phase::{catalog::Phase, record::TraceKind};
use ratatui::{buffer::Buffer, layout::Rect};

use super::paint::{self, Line};
use crate::{
    copy,
    model::{Model, Pane, tree::RowKey},
    theme::Role,
    update::traffic,
    words::Word,
};

/// Draws the explanation.
pub fn draw(model: &Model, timeline: &Timeline, area: Rect, buffer: &mut Buffer) {
    let phase = shown_phase(model, timeline);
    let title = phase.map_or("", |phase| &texts::of(phase, model.look.language).title);
    let title = [
        (format!("{} ", model.word(Word::Explain)), Role::Border),
        (if title.is_empty() { String::new() } else { format!("{title} ") }, Role::Strong),
    ];
    let inner = paint::pane(model, area, Pane::Explain, &title, "", buffer);
    let inner = text_area(inner);
    let bottom = fitting_bottom(model, timeline, inner);
    let lines = lines(model, timeline, usize::from(inner.width));
    let room = usize::from(inner.height).saturating_sub(bottom.len());
    let skipped = model.explain_scroll.min(lines.len().saturating_sub(room));
    for (row, line) in lines.iter().skip(skipped).take(room).enumerate() {
        paint::line(model, buffer, inner, row as u16, line);
    }
    let below = lines.len().saturating_sub(skipped + room);
    if below > 0 {
        paint::more(model, area, below, buffer);
    }
    let start = usize::from(inner.height) - bottom.len();
    for (row, line) in bottom.iter().enumerate() {
        paint::line(model, buffer, inner, (start + row) as u16, line);
    }
}

fn text_area(inner: Rect) -> Rect {
    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
}

fn fitting_bottom(model: &Model, timeline: &Timeline, inner: Rect) -> Vec<Line> {
    let mut bottom = bottom(model, timeline, usize::from(inner.width));
    bottom.truncate(usize::from(inner.height).saturating_sub(4));
    bottom
}

/// Returns how many lines of the explanation do not fit into the pane.
pub fn beyond(model: &Model, timeline: &Timeline, area: Rect) -> usize {
    let inner = text_area(super::inner(area));
    let room = usize::from(inner.height).saturating_sub(fitting_bottom(model, timeline, inner).len());
    lines(model, timeline, usize::from(inner.width)).len().saturating_sub(room)
}

/// Returns the phase that is explained: the selected row, or the current step.
pub fn shown_phase(model: &Model, timeline: &Timeline) -> Option<Phase> {
    let log = model.log(timeline)?;
    let of = |index: usize| log.span(index).map(control::timeline::trace::Span::phase);
    match model.tree.selected {
        Some(RowKey::Ahead(phase)) => Some(phase),
        Some(RowKey::Span(index) | RowKey::Fold(index, _)) => of(index),
        None => of(model.cursor.step(log)).or_else(|| of(deciding(log))),
    }
}

/// At the end of a trace: the phase that decided it.
fn deciding(log: &TraceLog) -> usize {
    match log.kind() {
        TraceKind::Startup => log.spans().iter().rposition(|span| span.phase() == Phase::Ready).unwrap_or(0),
        _ => log.refused_by().unwrap_or(0),
    }
}

/// Returns the explanation as lines.
pub fn lines(model: &Model, timeline: &Timeline, width: usize) -> Vec<Line> {
    let Some(phase) = shown_phase(model, timeline) else {
        return paint::paragraph(model.word(Word::NoTrace), width, Role::Quiet);
    };
    let text = texts::of(phase, model.look.language);
    let mut lines = paint::paragraph(&text.question, width, Role::Accent);
    lines.push(Vec::new());
    lines.extend(paint::paragraph(&text.explanation, width, Role::Text));
    if !text.classic.is_empty() {
        lines.push(Vec::new());
        lines.push(vec![(model.word(Word::Classic).to_owned(), Role::Strong)]);
        lines.extend(paint::paragraph(&text.classic, width, Role::Quiet));
    }
    lines.push(Vec::new());
    lines.extend(go(model, phase, width));
    lines.extend(ours(model, timeline, width));
    lines
}

/// Returns the explanation as a few lines (the question, and as much of the answer as fits), and what stands in the rule
/// above it.
pub fn brief(model: &Model, timeline: &Timeline, width: usize, rows: usize) -> (String, Vec<Line>) {
    let Some(phase) = shown_phase(model, timeline) else { return (String::new(), Vec::new()) };
    let text = texts::of(phase, model.look.language);
    let mut lines = paint::paragraph(&text.question, width, Role::Accent);
    lines.extend(paint::paragraph(&text.explanation, width, Role::Text));
    let cut = lines.len() > rows;
    lines.truncate(rows);
    if let Some((last, _)) = lines.last_mut().and_then(|line| line.last_mut()).filter(|_| cut) {
        *last = format!("{} ..", crate::width::take(last, width.saturating_sub(4)).trim_end());
    }
    let function = phase.info().go.rsplit_once(' ').map_or("", |(_, function)| function);
    let title = format!("[{}] {}  {function} ", Pane::Explain.number(), model.word(Word::Explain));
    (title, lines)
}

/// Where it is in Kubernetes: the function, then its file.
fn go(model: &Model, phase: Phase, width: usize) -> Vec<Line> {
    let (file, function) = phase.info().go.rsplit_once(' ').unwrap_or((phase.info().go, ""));
    let mut lines =
        vec![vec![(format!("{}  ", model.word(Word::GoCode)), Role::Quiet), (function.to_owned(), Role::Name)]];
    let room = width.saturating_sub(4);
    lines.push(vec![("    ".to_owned(), Role::Text), (crate::width::clip_middle(file, room), Role::Faint)]);
    lines
}

/// Where it is here.
fn ours(model: &Model, timeline: &Timeline, width: usize) -> Vec<Line> {
    let Some(log) = model.log(timeline) else { return Vec::new() };
    let Some(span) = log.span(model.cursor.step(log)).filter(|_| model.tree.selected.is_none()) else {
        return Vec::new();
    };
    let source = timeline.name(span.source());
    if source.is_empty() {
        return Vec::new();
    }
    let room = width.saturating_sub(12);
    vec![vec![
        (format!("{}  ", model.word(Word::Ours)), Role::Quiet),
        (crate::width::clip_middle(source, room), Role::Faint),
        ("  g".to_owned(), Role::Key),
    ]]
}

/// What stands at the bottom: the prediction, or how to reach the server.
fn bottom(model: &Model, timeline: &Timeline, width: usize) -> Vec<Line> {
    let Some(log) = model.log(timeline) else { return Vec::new() };
    if log.kind() == TraceKind::Startup {
        return reach(model, width);
    }
    prediction(model, log, width)
}

/// How another terminal reaches the server.
fn reach(model: &Model, width: usize) -> Vec<Line> {
    let Some(serving) = &model.serving else { return Vec::new() };
    let mut lines = vec![Vec::new(), vec![(format!("{}:", model.word(Word::Kubeconfig)), Role::Strong)]];
    let command = copy::kubeconfig(&serving.kubeconfig.display().to_string());
    lines.extend(paint::paragraph(&command, width, Role::Good));
    lines.push(vec![("kubectl get namespaces".to_owned(), Role::Good)]);
    lines
}

fn prediction(model: &Model, log: &TraceLog, width: usize) -> Vec<Line> {
    let chosen = model.predictions.get(&log.id());
    let answered = log.finished().and_then(|_| log.fact("code"));
    let heading = |text: String, role| vec![(format!("{}  ", model.word(Word::Predict)), Role::Key), (text, role)];
    match (chosen, answered) {
        (None, Some(_)) => Vec::new(),
        (None, None) if !model.holds.contains_key(&log.id()) => Vec::new(),
        (None, None) => {
            let question = format!("{} `p`", model.word(Word::PredictCode));
            let mut lines = paint::paragraph(&question, width, Role::Text);
            lines.insert(0, Vec::new());
            lines
        }
        (Some(chosen), None) => {
            let mut choices: Line = vec![("  ".to_owned(), Role::Text)];
            for code in traffic::CODES {
                let role = if code == chosen { Role::Selected } else { Role::Quiet };
                choices.push((format!(" {code} "), role));
            }
            let waiting = model.sentence(Word::PredictWaiting, &[chosen]);
            vec![
                Vec::new(),
                heading(model.word(Word::PredictCode).to_owned(), Role::Text),
                choices,
                vec![(waiting, Role::Quiet)],
            ]
        }
        (Some(chosen), Some(code)) => {
            let right = traffic::is_predicted(chosen, code);
            let (word, role) = if right { (Word::PredictRight, Role::Good) } else { (Word::PredictWrong, Role::Warn) };
            let sign = if right { model.look.signs.done } else { model.look.signs.failed };
            vec![Vec::new(), heading(format!("{sign} {}", model.sentence(word, &[chosen, code])), role)]
        }
    }
}
