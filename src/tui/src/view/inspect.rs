//! The inspector: what changed, the state, the config with who set what, request and response, source, store,
//! watches, log.

use control::{
    diff,
    timeline::{Timeline, trace::TraceLog},
};
use phase::record::TraceKind;
use ratatui::{buffer::Buffer, layout::Rect};
use serde_json::Value;

use super::paint::{self, Line, put};
use crate::{
    highlight,
    model::{
        Model, Pane, Tab, areas, format,
        hint::phase_name,
        inspect::{self, Changes},
    },
    options::Layout,
    theme::Role,
    width,
    words::Word,
};

/// Draws the inspector.
pub fn draw(model: &Model, timeline: &Timeline, area: Rect, buffer: &mut Buffer) {
    let inner = paint::pane(model, area, Pane::Inspect, &[], "", buffer);
    for (tab, x, limit) in tabs(model, area) {
        let role = if tab == model.inspect.tab { Role::Accent } else { Role::Quiet };
        let name = model.word(tab.title());
        let text = if tab == model.inspect.tab { format!("[{name}]") } else { format!(" {name} ") };
        put(buffer, x, area.y, limit, &text, model.style(role));
    }
    let (all, shown) = (Tab::ALL.len(), tabs(model, area));
    if let Some((last, x, _)) = shown.last().filter(|_| shown.len() < all) {
        let x = x + width::cells(model.word(last.title())) as u16 + 2;
        let sign = if *last == Tab::ALL[all - 1] { "" } else { model.look.signs.right };
        put(buffer, x, area.y, area.right() - 1, sign, model.style(Role::Quiet));
    }
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(1), ..inner };
    draw_brief(model, timeline, inner, buffer);
    let inner = own_area(model, inner);
    let lines = lines(model, timeline, usize::from(inner.width));
    let height = usize::from(inner.height);
    let scroll = scrolled(model, &lines, height);
    for (row, line) in lines.iter().skip(scroll).take(height).enumerate() {
        paint::line(model, buffer, inner, row as u16, line);
        if is_selected(line) {
            paint::select(model, buffer, inner, row as u16);
        }
    }
    let below = lines.len().saturating_sub(scroll + height);
    if below > 0 {
        paint::more(model, area, below, buffer);
    }
}

/// Rows that the inspector keeps for itself.
const OWN_ROWS: u16 = 8;

/// Rows of the explanation below the inspector, where it has no pane of its own.
fn brief_rows(model: &Model, inner: Rect) -> u16 {
    let compact = areas::room(model.size) == areas::Room::Compact && model.layout == Layout::Debugger;
    let rows = inner.height.saturating_sub(OWN_ROWS + 1);
    if compact && !model.zoomed && rows >= 2 { rows } else { 0 }
}

/// What the explanation leaves, with the rule above it.
fn own_area(model: &Model, inner: Rect) -> Rect {
    let rows = brief_rows(model, inner);
    Rect { height: inner.height - rows - u16::from(rows > 0), ..inner }
}

/// Returns how many lines are skipped, and how many there are besides those that fit.
pub fn scroll_and_beyond(model: &Model, timeline: &Timeline, area: Rect) -> (usize, usize) {
    let inner = super::inner(area);
    let own = own_area(model, Rect { width: inner.width.saturating_sub(1), ..inner });
    let lines = lines(model, timeline, usize::from(own.width));
    let height = usize::from(own.height);
    (scrolled(model, &lines, height), lines.len().saturating_sub(height))
}

fn scrolled(model: &Model, lines: &[Line], height: usize) -> usize {
    let scroll = model.inspect.scroll.get(&model.inspect.tab).copied().unwrap_or(0);
    follow(model, lines, height, scroll).min(lines.len().saturating_sub(height))
}

fn draw_brief(model: &Model, timeline: &Timeline, inner: Rect, buffer: &mut Buffer) {
    let rows = brief_rows(model, inner);
    if rows == 0 {
        return;
    }
    let below = Rect { y: inner.bottom() - rows, height: rows, ..inner };
    let (title, lines) = super::explain::brief(model, timeline, usize::from(inner.width), usize::from(rows));
    let rule = model.look.signs.line.repeat(usize::from(inner.width) - 1);
    put(buffer, inner.x, below.y - 1, inner.right(), &rule, model.style(Role::Border));
    put(buffer, inner.x, below.y - 1, inner.right(), &title, model.style(Role::Quiet));
    for (row, line) in lines.iter().enumerate() {
        paint::line(model, buffer, below, row as u16, line);
    }
}

/// A selected line begins with an empty piece in the role of one.
fn is_selected(line: &Line) -> bool {
    line.first().is_some_and(|(text, role)| text.is_empty() && *role == Role::Selected)
}

/// Scrolls so that the selected line is seen, where a line is selected; the log shows its end.
fn follow(model: &Model, lines: &[Line], height: usize, scroll: usize) -> usize {
    if let Some(at) = lines.iter().position(is_selected) {
        let last = at + 1;
        return if at < scroll { at } else { scroll.max(last.saturating_sub(height)) };
    }
    match model.inspect.tab {
        Tab::Logs => lines.len().saturating_sub(height).saturating_sub(scroll),
        _ => scroll,
    }
}

/// Where the tabs stand in the border: those around the shown one, as many as fit.
fn tabs(model: &Model, area: Rect) -> Vec<(Tab, u16, u16)> {
    let start = area.x + 5;
    let limit = area.right().saturating_sub(2);
    let width = |tab: Tab| width::cells(model.word(tab.title())) as u16 + 2;
    let active = Tab::ALL.iter().position(|tab| *tab == model.inspect.tab).unwrap_or(0);
    // The first tab from which the shown one still fits.
    let mut first = 0;
    while Tab::ALL[first..=active].iter().map(|tab| width(*tab)).sum::<u16>() > limit.saturating_sub(start)
        && first < active
    {
        first += 1;
    }
    let mut x = start;
    let mut out = Vec::new();
    for tab in &Tab::ALL[first..] {
        if x + width(*tab) > limit {
            break;
        }
        out.push((*tab, x, limit));
        x += width(*tab);
    }
    out
}

/// Returns the tab at a column of the border.
pub fn tab_at(model: &Model, area: Rect, column: u16) -> Option<Tab> {
    tabs(model, area).into_iter().rev().find(|(_, x, _)| *x <= column).map(|(tab, ..)| tab)
}

/// Returns the lines of the shown tab.
pub fn lines(model: &Model, timeline: &Timeline, width: usize) -> Vec<Line> {
    let quiet = |word: Word| paint::paragraph(model.word(word), width, Role::Quiet);
    match model.inspect.tab {
        Tab::Store => return super::inspect_live::store(model, width),
        Tab::Watch => return super::inspect_flow::lines(model, timeline, width),
        Tab::Logs => return super::inspect_live::logs(model, width),
        Tab::Config => return config(model, timeline, width),
        Tab::Diff | Tab::State | Tab::Request | Tab::Response | Tab::Source => {}
    }
    let Some(log) = model.log(timeline) else { return quiet(Word::NoTrace) };
    let step = model.cursor.step(log);
    match model.inspect.tab {
        Tab::Diff => difference(model, timeline, log, step, width),
        Tab::State => state(model, log, step, width),
        Tab::Request => request(model, log, step, width),
        Tab::Response => response(model, log, step, width),
        _ => super::inspect_live::source(model, timeline, log, step, width),
    }
}

fn difference(model: &Model, timeline: &Timeline, log: &TraceLog, step: usize, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    match inspect::changes(model, log, step) {
        None => lines.extend(paint::paragraph(model.word(no_states(log)), width, Role::Quiet)),
        Some(changes) => {
            lines.push(heading(model, log, &changes, step));
            if changes.changes.is_empty() {
                lines.push(vec![(model.word(Word::NoChanges).to_owned(), Role::Quiet)]);
            }
            let selected = model.inspect.change.min(changes.changes.len().saturating_sub(1));
            for (index, change) in changes.changes.iter().enumerate() {
                lines.extend(change_lines(model, change, index == selected, width));
            }
        }
    }
    if let Some(hold) = model.holds.get(&log.id()).filter(|hold| hold.edited.is_some() && !model.cursor.is_past(log)) {
        lines.push(Vec::new());
        lines.extend(paint::paragraph(model.word(Word::Edited), width, Role::Warn));
        let edited = hold.edited.clone().unwrap_or_default();
        for change in diff::changes(&hold.subject.to_value(), &edited) {
            lines.extend(change_lines(model, &change, false, width));
        }
    }
    lines.extend(notes(model, timeline, log, step, width));
    lines.extend(watches(model, log, step));
    lines
}

/// Why there is no state.
fn no_states(log: &TraceLog) -> Word {
    if log.kind() == TraceKind::Startup { Word::NoStatesStart } else { Word::NoStates }
}

fn heading(model: &Model, log: &TraceLog, changes: &Changes, step: usize) -> Line {
    let word = if changes.changes.len() == 1 { Word::OneChange } else { Word::Changes };
    let count = model.sentence(word, &[&changes.changes.len().to_string()]);
    let here = if step >= log.spans().len() { log.spans().len() } else { step };
    let arrow = model.look.signs.becomes;
    let word = model.word(Word::Step);
    let steps = changes.since.map_or(String::new(), |since| format!("{} {arrow} ", since + 1));
    vec![
        (format!("{word} {steps}{}", here + 1), Role::Strong),
        (format!("  {}", if changes.kind == "value" { "" } else { &changes.kind }), Role::Name),
        ("  ".to_owned(), Role::Text),
        (count, Role::Quiet),
    ]
}

/// A change in one line, or in two where both values are long.
fn change_lines(model: &Model, change: &diff::Change, selected: bool, width: usize) -> Vec<Line> {
    let sign = change.sign();
    let role = match sign {
        '+' => Role::Added,
        '-' => Role::Removed,
        _ => Role::Changed,
    };
    let shown = |value: &Option<Value>| value.as_ref().map_or(String::new(), highlight::inline);
    let (before, after) = (shown(&change.before), shown(&change.after));
    let arrow = format!(" {} ", model.look.signs.becomes);
    let mut line: Line = Vec::new();
    if selected {
        line.push((String::new(), Role::Selected));
    }
    line.push((format!("{sign} "), role));
    // The path may take what the values leave, but never less than half.
    let wanted = width::cells(&before) + width::cells(&after) + 8;
    let path_room = width.saturating_sub(wanted).clamp(width / 2, width * 3 / 4);
    let path = width::clip_start(&change.path, path_room);
    line.push((width::pad(&path, width::cells(&path).max(16)), Role::Name));
    line.push((" ".to_owned(), Role::Text));
    let used: usize = line.iter().map(|(text, _)| width::cells(text)).sum();
    let room = width.saturating_sub(used + 1);
    if let Some(members) = change.before.as_ref().zip(change.after.as_ref()).and_then(members) {
        line.push((width::clip(&members, room), Role::Text));
        return vec![line];
    }
    match sign {
        '+' => line.push((width::clip(&after, room), Role::Text)),
        '-' => line.push((width::clip(&before, room), Role::Removed)),
        _ if width::cells(&before) + width::cells(&after) + 4 <= room => {
            line.extend([(before, Role::Quiet), (arrow, Role::Quiet), (after, Role::Text)]);
        }
        _ => {
            line.push((width::clip(&before, room), Role::Quiet));
            let second = vec![
                ("  ".to_owned(), Role::Text),
                (arrow, Role::Quiet),
                (width::clip(&after, width.saturating_sub(6)), Role::Text),
            ];
            return vec![line, second];
        }
    }
    vec![line]
}

/// Of two lists: what came and what went, `+b -a`; the rest of a long list says nothing.
fn members((before, after): (&Value, &Value)) -> Option<String> {
    let (before, after) = (before.as_array()?, after.as_array()?);
    let only = |these: &[Value], those: &[Value], sign: char| -> Vec<String> {
        these.iter().filter(|one| !those.contains(one)).map(|one| format!("{sign}{}", highlight::inline(one))).collect()
    };
    let changes = [only(after, before, '+'), only(before, after, '-')].concat();
    (!changes.is_empty()).then(|| changes.join(" "))
}

/// What happened inside the phase, and with which error it ended.
fn notes(model: &Model, timeline: &Timeline, log: &TraceLog, step: usize, width: usize) -> Vec<Line> {
    let ended = step >= log.spans().len();
    let Some(span) = log.span(step.min(log.spans().len().saturating_sub(1))) else { return Vec::new() };
    let mut lines: Vec<Line> = Vec::new();
    // At the end of a refused request the reason is what one wants to see, wherever it came from.
    let failed = log.refused_by().and_then(|at| log.span(at)).filter(|_| ended).or(Some(span).filter(|_| !ended));
    if let Some((span, error)) = failed.and_then(|span| Some((span, span.error()?))) {
        lines.push(Vec::new());
        let name = phase_name(span.phase().name(), Some(timeline.name(span.label())));
        lines.push(vec![(format!("{} {name}", model.look.signs.failed), Role::Bad)]);
        lines.extend(paint::paragraph(error, width, Role::Bad));
    }
    for (_, note) in span.notes() {
        lines.push(vec![(format!("{} ", model.look.signs.open), Role::Quiet), (note.to_string(), Role::Quiet)]);
    }
    lines
}

fn watches(model: &Model, log: &TraceLog, step: usize) -> Vec<Line> {
    if model.watches.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![Vec::new(), vec![(model.word(Word::WatchExpressions).to_owned(), Role::Strong)]];
    for expression in &model.watches {
        let value = match inspect::watch(model, log, step, expression) {
            Ok(Some(value)) => (highlight::inline(&value), highlight::role(&value)),
            Ok(None) => (model.word(Word::Unknown).to_owned(), Role::Faint),
            Err(error) => (error, Role::Bad),
        };
        lines.push(vec![(format!("$ {expression}  "), Role::Name), value]);
    }
    lines
}

fn state(model: &Model, log: &TraceLog, step: usize, width: usize) -> Vec<Line> {
    let Some((kind, value)) = inspect::state(model, log, step) else {
        return paint::paragraph(model.word(no_states(log)), width, Role::Quiet);
    };
    let changes = inspect::changes(model, log, step).map(|changes| changes.changes).unwrap_or_default();
    let selected = changes.get(model.inspect.change).map(|change| change.path.as_str());
    let mut lines = vec![vec![(kind, Role::Strong)]];
    lines.extend(value_lines(&value, width, &|path| {
        let changed = changes.iter().any(|change| change.path == path);
        (changed, changed && selected == Some(path))
    }));
    lines
}

/// A value as lines; changed fields have a mark, the selected one is selected.
fn value_lines(value: &Value, width: usize, mark: &dyn Fn(&str) -> (bool, bool)) -> Vec<Line> {
    highlight::lines(value)
        .into_iter()
        .map(|line| {
            let (changed, selected) = mark(&line.path);
            let mut pieces: Line = Vec::new();
            if selected {
                pieces.push((String::new(), Role::Selected));
            }
            pieces.push((if changed { "~ " } else { "  " }.to_owned(), Role::Changed));
            pieces.push((format!("{}{}", "  ".repeat(line.depth), line.key), Role::Name));
            pieces.push((if line.key == "-" { " " } else { ": " }.to_owned(), Role::Quiet));
            if let Some(value) = &line.value {
                let used: usize = pieces.iter().map(|(text, _)| width::cells(text)).sum();
                let role = if changed { Role::Changed } else { highlight::role(value) };
                pieces.push((width::clip(&highlight::inline(value), width.saturating_sub(used + 1)), role));
            }
            pieces
        })
        .collect()
}

/// The config, field by field: its value, and the stage that set it.
fn config(model: &Model, timeline: &Timeline, width: usize) -> Vec<Line> {
    let Some(provenance) = inspect::config(model, timeline).filter(|known| !known.config.is_null()) else {
        return paint::paragraph(model.word(Word::NoStates), width, Role::Quiet);
    };
    let changes = model
        .log(timeline)
        .and_then(|log| inspect::changes(model, log, model.cursor.step(log)))
        .filter(|changes| changes.kind == inspect::CONFIG)
        .map(|changes| changes.changes)
        .unwrap_or_default();
    let selected = changes.get(model.inspect.change).map(|change| change.path.as_str());
    let set = provenance.setters.len().to_string();
    let mut lines = vec![vec![(model.sentence(Word::FieldsSet, &[&set, &changes.len().to_string()]), Role::Strong)]];
    let by_width = (width / 3).clamp(10, 30);
    for line in highlight::lines(&provenance.config) {
        let changed = changes.iter().any(|change| change.path == line.path);
        let mut pieces: Line = Vec::new();
        if changed && selected == Some(line.path.as_str()) {
            pieces.push((String::new(), Role::Selected));
        }
        pieces.push((if changed { "+ " } else { "  " }.to_owned(), Role::Added));
        pieces
            .push((format!("{}{}", "  ".repeat(line.depth), line.key), if changed { Role::Added } else { Role::Name }));
        if let Some(value) = &line.value {
            let empty = value.is_null();
            let text = if empty { model.word(Word::NotSet).to_owned() } else { highlight::inline(value) };
            let by = provenance.setter(&line.path).map_or("", |setter| setter.phase.name());
            let used: usize = pieces.iter().map(|(text, _)| width::cells(text)).sum::<usize>() + 2;
            // The value is worth more than the whole name of the stage, and its beginning more than either's end.
            let room = width.saturating_sub(used + 1);
            let by = width::clip(by, by_width.min(room.saturating_sub(width::cells(&text).min(10) + 3)));
            let room = room.saturating_sub(width::cells(&by) + 3);
            let role = if empty { Role::Faint } else { highlight::role(value) };
            pieces.push((": ".to_owned(), Role::Quiet));
            pieces.push((width::pad(&text, room), role));
            let by_role = if changed { Role::Added } else { Role::Quiet };
            pieces.push((
                if by.is_empty() { String::new() } else { format!(" {} {by}", model.look.signs.left) },
                by_role,
            ));
        }
        lines.push(pieces);
    }
    lines
}

fn request(model: &Model, log: &TraceLog, step: usize, width: usize) -> Vec<Line> {
    let (method, path) = log.method_and_path();
    let mut lines = Vec::new();
    let is_request = path.starts_with('/');
    if is_request {
        lines.extend(labelled((method, Role::Keyword), 7, (path, Role::Strong), width));
    }
    for (name, value) in log.facts().iter().filter(|(_, value)| !value.is_empty()) {
        lines.extend(labelled((name, Role::Name), 14, (&value.replace(',', ", "), Role::Text), width));
    }
    for (index, state) in inspect::request_states(log, step, false) {
        lines.push(Vec::new());
        let word = model.word(Word::Step);
        lines.push(vec![(state.kind.clone(), Role::Strong), (format!("  {word} {}", index + 1), Role::Quiet)]);
        lines.extend(value_lines(&state.to_value(), width, &|_| (false, false)));
    }
    if lines.is_empty() {
        return paint::paragraph(model.word(Word::NoStates), width, Role::Quiet);
    }
    lines
}

/// A name, and a text beside it that takes as many lines as it needs.
fn labelled(name: (&str, Role), indent: usize, text: (&str, Role), width: usize) -> Vec<Line> {
    let rows = width::wrap(text.0, width.saturating_sub(indent + 1));
    let names = std::iter::once(name.0).chain(std::iter::repeat(""));
    rows.into_iter().zip(names).map(|(row, label)| vec![(width::pad(label, indent), name.1), (row, text.1)]).collect()
}

fn response(model: &Model, log: &TraceLog, step: usize, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let over = step >= log.spans().len();
    if let Some(code) = log.fact("code").filter(|_| over) {
        let role = if code.starts_with(['4', '5']) { Role::Bad } else { Role::Good };
        let took = log.finished().map(|finished| finished.saturating_sub(log.started()).saturating_sub(log.held()));
        let took = took.map(format::duration).unwrap_or_default();
        lines.push(vec![(code.to_owned(), role), (format!("  {took}"), Role::Quiet)]);
    }
    if let Some(span) = log.refused_by().and_then(|at| log.span(at)).filter(|_| over) {
        lines.extend(paint::paragraph(span.error().unwrap_or_default(), width, Role::Bad));
    }
    for (_, state) in inspect::request_states(log, step, true) {
        lines.push(Vec::new());
        lines.extend(value_lines(&state.to_value(), width, &|_| (false, false)));
    }
    if lines.is_empty() {
        return paint::paragraph(model.word(Word::NoResponseYet), width, Role::Quiet);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn of_two_lists_one_sees_what_came_and_what_went() {
        let told = |before: Value, after: Value| members((&before, &after));
        assert_eq!(told(json!(["a", "b"]), json!(["b", "c"])), Some("+c -a".to_owned()));
        assert_eq!(told(json!(["a", "b"]), json!(["b", "a"])), None, "an order is shown as it is");
        assert_eq!(told(json!("a"), json!(["a"])), None);
    }
}
