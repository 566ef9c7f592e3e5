//! Requests as a waterfall: one letter a phase, held ones on top with the clocks that run against them.

use control::timeline::{Timeline, trace::TraceLog};
use phase::record::TraceId;
use ratatui::{buffer::Buffer, layout::Rect};

use super::paint::{self, put};
use crate::{
    model::{
        Model, Pane,
        clocks::{self, Client},
        format, requests,
    },
    theme::Role,
    width,
    words::Word,
};

/// A line of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    Request(TraceId),
    /// The clocks of the held request above.
    Clocks(TraceId),
}

/// Widths of the columns.
struct Columns {
    id: usize,
    user: usize,
    method: usize,
    path: usize,
    bar: usize,
}

fn columns(width: usize) -> Columns {
    let (id, method) = (5, 6);
    let user = if width >= 100 { 16 } else { 0 };
    let rest = width.saturating_sub(id + user + method + 10);
    // A path seldom needs more; what is left shows time.
    let path = (rest * 45 / 100).min(60);
    Columns { id, user, method, path, bar: rest - path }
}

/// Draws the list.
pub fn draw(model: &Model, timeline: &Timeline, area: Rect, buffer: &mut Buffer) {
    let mut title = vec![(format!("{} ", model.word(Word::Requests)), Role::Border)];
    if let Some(filter) = &model.requests.filter {
        title.push((format!("{}: ", model.word(Word::Filter)), Role::Quiet));
        title.push((format!("{} ", width::clip(filter.text(), 40)), Role::Accent));
    }
    if let Some(intercept) = &model.intercept {
        title.push(("i ".to_owned(), Role::Key));
        title.push((format!("{} ", width::clip(intercept, 40)), Role::Held));
    }
    let right = match model.requests.system {
        requests::SystemRows::Hidden => format!("{} H", model.word(Word::HiddenSystem)),
        requests::SystemRows::Shown => String::new(),
    };
    let inner = paint::pane(model, area, Pane::Requests, &title, &right, buffer);
    let rows = rows(model, timeline, usize::from(inner.height));
    let columns = columns(usize::from(inner.width));
    if rows.is_empty() {
        nothing(model, inner, buffer);
        return;
    }
    let shown: Vec<TraceId> =
        rows.iter().filter_map(|row| if let Row::Request(id) = row { Some(*id) } else { None }).collect();
    let scale = requests::scale(model, timeline, &shown);
    ruler(model, inner, &columns, scale, buffer);
    for (line, row) in rows.iter().enumerate() {
        let y = inner.y + 1 + line as u16;
        if y >= inner.bottom() {
            break;
        }
        let at = Rect { y, height: 1, ..inner };
        match row {
            Row::Request(id) => {
                let Some(log) = timeline.trace(*id) else { continue };
                draw_row(model, log, &columns, scale, at, buffer);
                let selected = model.requests.selected.or(model.cursor.trace) == Some(*id);
                if selected {
                    paint::select(model, buffer, at, 0);
                }
            }
            Row::Clocks(id) => draw_clocks(model, timeline, *id, at, buffer),
        }
    }
}

/// While there are no requests: how to make some.
fn nothing(model: &Model, inner: Rect, buffer: &mut Buffer) {
    let (x, limit) = (inner.x + 1, inner.right());
    if model.requests.filter.is_some() {
        paint::sentence(model, buffer, (x, inner.y), limit, model.word(Word::NoMatch), Role::Quiet);
        return;
    }
    paint::sentence(model, buffer, (x, inner.y), limit, model.word(Word::NoRequests), Role::Quiet);
    let Some(serving) = model.serving.as_ref().filter(|_| inner.height >= 3) else { return };
    let at =
        put(buffer, x, inner.y + 1, limit, &format!("{}:  ", model.word(Word::Kubeconfig)), model.style(Role::Quiet));
    let export = crate::copy::kubeconfig(&serving.kubeconfig.display().to_string());
    put(buffer, at, inner.y + 1, limit, &export, model.style(Role::Good));
    put(buffer, at, inner.y + 2, limit, "kubectl get namespaces", model.style(Role::Good));
}

/// Returns the lines that fit below the ruler, so that the selected request is among them.
fn rows(model: &Model, timeline: &Timeline, height: usize) -> Vec<Row> {
    let room = height.saturating_sub(1);
    // The selected one may stand far down.
    let wanted = if model.requests.selected.is_some() { 1_000 } else { room };
    let list = requests::list(model, timeline, wanted);
    let mut rows = Vec::new();
    for id in list {
        rows.push(Row::Request(id));
        if model.holds.contains_key(&id) && height >= 5 {
            rows.push(Row::Clocks(id));
        }
    }
    let selected = model.requests.selected.and_then(|id| rows.iter().position(|row| *row == Row::Request(id)));
    let skipped = selected.map_or(0, |at| (at + 1).saturating_sub(room));
    rows.into_iter().skip(skipped).take(room).collect()
}

/// Returns the request at a line below the ruler.
pub fn row_at(model: &Model, timeline: &Timeline, height: usize, line: usize) -> Option<TraceId> {
    rows(model, timeline, height).get(line).map(|row| match row {
        Row::Request(id) | Row::Clocks(id) => *id,
    })
}

fn ruler(model: &Model, inner: Rect, columns: &Columns, scale: u64, buffer: &mut Buffer) {
    let style = model.style(Role::Faint);
    let start = inner.right().saturating_sub(columns.bar as u16);
    let heads = [("id", columns.id), ("user", columns.user), ("verb", columns.method), ("path", columns.path)];
    let mut x = inner.x + 1;
    for (name, width) in heads {
        if width > 0 {
            put(buffer, x, inner.y, start, name, style);
            x += width as u16 + 1;
        }
    }
    // Round times, so far apart that their words do not touch.
    let marks = (columns.bar as u64 / 12).max(1);
    let between = requests::round_up((scale / marks).max(1_000));
    for mark in (0..).map(|index| index * between).take_while(|mark| *mark < scale) {
        let x = start + (columns.bar as u64 * mark / scale) as u16;
        let time = if mark == 0 { "0".to_owned() } else { format::duration(mark) };
        put(buffer, x, inner.y, inner.right(), &time, style);
    }
}

fn draw_row(model: &Model, log: &TraceLog, columns: &Columns, scale: u64, at: Rect, buffer: &mut Buffer) {
    let held = model.holds.contains_key(&log.id());
    let system = log.is_system();
    let (method, path) = log.method_and_path();
    let text = if system { Role::Faint } else { Role::Text };
    let current = model.cursor.trace == Some(log.id());
    let mark = if current { model.look.signs.current } else { " " };
    let limit = at.right();
    let mut x = put(buffer, at.x, at.y, limit, mark, model.style(if held { Role::Held } else { Role::Accent }));
    let id = width::pad(&log.id().0.to_string(), columns.id);
    x = put(buffer, x, at.y, limit, &format!("{id} "), model.style(if held { Role::Held } else { Role::Quiet }));
    if columns.user > 0 {
        let user = width::pad(log.fact("user").unwrap_or(""), columns.user);
        x = put(buffer, x, at.y, limit, &format!("{user} "), model.style(text));
    }
    let verb = if log.fact("verb") == Some("watch") { "WATCH" } else { method };
    x = put(
        buffer,
        x,
        at.y,
        limit,
        &format!("{} ", width::pad(verb, columns.method)),
        model.style(if system { Role::Faint } else { Role::Name }),
    );
    let path = width::pad(&width::clip_middle(&format::short_path(path), columns.path), columns.path);
    x = put(buffer, x, at.y, limit, &format!("{path} "), model.style(text));
    let (code, role) = match (log.finished(), log.fact("code")) {
        (Some(_), Some(code)) if code.starts_with(['4', '5']) => (code, Role::Bad),
        (Some(_), Some(code)) => (code, if system { Role::Faint } else { Role::Good }),
        (Some(_), None) => ("-", Role::Faint),
        (None, _) => ("..", Role::Quiet),
    };
    put(buffer, x, at.y, limit, &width::pad(code, 4), model.style(role));
    let start = limit.saturating_sub(columns.bar as u16);
    let (stretches, _) = requests::stretches(log, model.now);
    let watch = log.fact("verb") == Some("watch") && !held;
    let bar = if watch {
        let open = if log.finished().is_some() { requests::Open::Ended } else { requests::Open::Open };
        requests::watch_bar(&stretches, open, columns.bar)
    } else {
        requests::bar(&stretches, scale, columns.bar)
    };
    let mut x = start;
    for letter in bar.chars() {
        x = put(buffer, x, at.y, limit, letter.encode_utf8(&mut [0; 4]), model.look.theme.letter(letter));
    }
}

/// Returns the clocks of a held request as pieces.
pub fn clock_pieces(model: &Model, timeline: &Timeline, id: TraceId) -> Vec<(String, Role)> {
    let (Some(log), Some(hold)) = (timeline.trace(id), model.holds.get(&id)) else { return Vec::new() };
    let waited = model.now.saturating_sub(hold.since);
    let mut pieces = vec![
        (model.sentence(Word::HeldFor, &[&format::clock(waited)]), Role::Held),
        (format!("   {}   ", model.word(Word::DeadlineFrozen)), Role::Quiet),
    ];
    pieces.push(match clocks::client(log, hold, model.now) {
        Client::NoLimit => (model.word(Word::ClientNoLimit).to_owned(), Role::Quiet),
        Client::Unknown => (model.word(Word::ClientUnknown).to_owned(), Role::Quiet),
        Client::Gone => (model.word(Word::ClientGone).to_owned(), Role::Bad),
        Client::Left(left) => {
            let role = if left <= clocks::WARN { Role::Bad } else { Role::Warn };
            (model.sentence(Word::ClientLimit, &[&format::clock(left)]), role)
        }
    });
    pieces
}

fn draw_clocks(model: &Model, timeline: &Timeline, id: TraceId, at: Rect, buffer: &mut Buffer) {
    let mut x = at.x + 7;
    for (text, role) in clock_pieces(model, timeline, id) {
        x = put(buffer, x, at.y, at.right(), &text, model.style(role));
    }
}
