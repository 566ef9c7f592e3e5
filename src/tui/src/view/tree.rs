//! The phase tree: phases flat, with the time each spent itself.

use control::{
    detail::Minor,
    timeline::{
        Timeline,
        trace::{End, Standing, TraceLog},
    },
};
use phase::catalog::Level;
use ratatui::{buffer::Buffer, layout::Rect};

use super::paint::{self, put};
use crate::{
    model::{
        Model, Pane, format,
        hint::phase_name,
        trace_name,
        tree::{self, Node, Row, RowKey},
    },
    theme::Role,
    update::panes,
    width,
    words::Word,
};

/// Draws the tree.
pub fn draw(model: &Model, timeline: &Timeline, area: Rect, buffer: &mut Buffer) {
    let title = [(format!("{} ", model.word(Word::Phases)), Role::Border)];
    let rows = panes::tree_rows(model);
    let (Some(log), Some((_, rows, selected))) = (model.log(timeline), rows) else {
        let inner = paint::pane(model, area, Pane::Phases, &title, "", buffer);
        paint::line(model, buffer, inner, 0, &[(model.word(Word::NoTrace).to_owned(), Role::Quiet)]);
        return;
    };
    let skipped = tree::scroll(rows.len(), selected, usize::from(super::inner(area).height));
    let above = if skipped > 0 { format!("+{skipped}  {}", detail(model)) } else { detail(model).to_owned() };
    let inner = paint::pane(model, area, Pane::Phases, &title, &above, buffer);
    let current = tree::position(&rows, tree::current(log, model.cursor.step(log)));
    let seen = rows.iter().enumerate().skip(skipped).take(usize::from(inner.height));
    for (line, (index, row)) in seen.enumerate() {
        let at = Rect::new(inner.x, inner.y + line as u16, inner.width, 1);
        draw_row(model, timeline, log, row, Some(index) == current, at, buffer);
        if index == selected && (model.focus == Pane::Phases || Some(index) == current) {
            paint::select(model, buffer, inner, line as u16);
        }
    }
    let below = rows.len().saturating_sub(skipped + usize::from(inner.height));
    if below > 0 {
        paint::more(model, area, below, buffer);
    }
}

/// How much is shown, of four.
fn detail(model: &Model) -> &'static str {
    match (model.detail.level, model.detail.minor) {
        (Level::Teaching, _) => "D 1/4",
        (Level::Filter, _) => "D 2/4",
        (Level::Call, Minor::Folded) => "D 3/4",
        (Level::Call, Minor::Unfolded) => "D 4/4",
    }
}

fn is_call(phase: phase::catalog::Phase) -> bool {
    phase.info().level == Level::Call
}

/// Returns what a row is called.
pub fn row_name(model: &Model, timeline: &Timeline, log: &TraceLog, row: &Row) -> String {
    match row.key {
        RowKey::Span(0) => {
            let (method, path) = log.method_and_path();
            match log.kind() {
                phase::record::TraceKind::Startup | phase::record::TraceKind::Shutdown => trace_name(model, log),
                _ => {
                    let what = log.fact("resource").filter(|resource| !resource.is_empty());
                    format!("{} {method} {}", trace_name(model, log), what.unwrap_or(path))
                }
            }
        }
        // Below the phase that calls it, what is called is known by its own name.
        RowKey::Span(index) if log.span(index).is_some_and(|span| span.label() != 0 && is_call(span.phase())) => {
            log.span(index).map_or("", |span| timeline.name(span.label())).to_owned()
        }
        RowKey::Span(index) => log
            .span(index)
            .map_or(String::new(), |span| phase_name(span.phase().name(), Some(timeline.name(span.label())))),
        RowKey::Fold(from, to) if from == to => {
            log.span(from).map_or(String::new(), |span| span.phase().name().to_owned())
        }
        RowKey::Fold(from, to) => model.sentence(Word::MinorFilters, &[&(to - from + 1).to_string()]),
        RowKey::Ahead(phase) => phase.name().to_owned(),
    }
}

fn draw_row(
    model: &Model,
    timeline: &Timeline,
    log: &TraceLog,
    row: &Row,
    current: bool,
    at: Rect,
    buffer: &mut Buffer,
) {
    let signs = &model.look.signs;
    let standing = tree::standing(log, row.key, model.cursor.moment(log));
    let phase = match row.key {
        RowKey::Span(index) | RowKey::Fold(index, _) => log.span(index).map(control::timeline::trace::Span::phase),
        RowKey::Ahead(phase) => Some(phase),
    };
    let breaks = phase.and_then(|phase| model.breakpoint_at(phase)).map(|listed| listed.enabled);
    let (gutter, gutter_role) = match breaks {
        Some(true) => (signs.breakpoint, Role::Bad),
        Some(false) => (signs.breakpoint, Role::Faint),
        None => (" ", Role::Text),
    };
    let held = current && !model.cursor.is_past(log) && model.holds.contains_key(&log.id());
    let mark_role = if held { Role::Held } else { Role::Accent };
    let (sign, sign_role, name_role) = looks(model, row, standing, current, held);
    let indent = "  ".repeat(usize::from(row.depth));
    let mut x = put(buffer, at.x, at.y, at.right(), gutter, model.style(gutter_role));
    x = put(buffer, x, at.y, at.right(), if current { signs.current } else { " " }, model.style(mark_role));
    x = put(buffer, x, at.y, at.right(), &indent, model.style(Role::Text));
    x = put(buffer, x, at.y, at.right(), &format!("{sign} "), model.style(sign_role));
    let (time, time_role) = time(model, log, row, standing, held);
    let room = usize::from(at.right().saturating_sub(x)).saturating_sub(width::cells(&time) + 1);
    let name = width::clip(&row_name(model, timeline, log, row), room);
    put(buffer, x, at.y, at.right(), &name, model.style(name_role));
    let time_x = at.right().saturating_sub(width::cells(&time) as u16);
    put(buffer, time_x, at.y, at.right(), &time, model.style(time_role));
}

/// The sign before a row, and the roles of sign and name.
fn looks(model: &Model, row: &Row, standing: Standing, current: bool, held: bool) -> (&'static str, Role, Role) {
    let signs = &model.look.signs;
    let (sign, role) = match standing {
        Standing::Ahead => (" ", Role::Faint),
        Standing::Open => (signs.open, Role::Accent),
        Standing::Over(End::Ok | End::Open) => (signs.done, Role::Good),
        Standing::Over(End::Failed) => (signs.failed, Role::Bad),
        Standing::Over(End::Cancelled) => (signs.cancelled, Role::Warn),
    };
    let sign = match (row.key, row.node) {
        (RowKey::Fold(..), _) => "+",
        (_, Node::Closed) => signs.closed,
        (_, Node::Open) => signs.opened,
        (_, Node::Leaf) => sign,
    };
    let name = match (standing, current) {
        _ if held => Role::Held,
        (_, true) => Role::Strong,
        (Standing::Ahead, _) => Role::Faint,
        (Standing::Over(End::Failed), _) => Role::Bad,
        _ if matches!(row.key, RowKey::Fold(..)) => Role::Quiet,
        _ => Role::Text,
    };
    (sign, role, name)
}

/// What stands at the right: the time a phase spent itself, or that it is held.
fn time(model: &Model, log: &TraceLog, row: &Row, standing: Standing, held: bool) -> (String, Role) {
    if held {
        return (model.word(Word::Held).to_owned(), Role::Held);
    }
    let nanos = match (row.key, standing) {
        (RowKey::Ahead(_), _) | (_, Standing::Ahead) => return (String::new(), Role::Faint),
        (RowKey::Span(0), Standing::Over(_)) => log.worked(0),
        (RowKey::Span(0), Standing::Open) => None,
        (RowKey::Span(index), _) => log.own_time(index),
        (RowKey::Fold(from, to), _) => (from..=to).map(|index| log.own_time(index)).sum(),
    };
    match nanos {
        Some(nanos) if nanos >= 100_000_000 => (format::duration(nanos), Role::Warn),
        Some(nanos) => (format::duration(nanos), Role::Quiet),
        None => ("..".to_owned(), Role::Faint),
    }
}
