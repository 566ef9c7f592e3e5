//! The server chain, alive: which servers exist, where the request is, and both directions at once.
//!
//! Servers are made from right to left, each with the one before it as its delegate; requests travel from
//! left to right. Filters are drawn once, in front of the aggregator: that is where they run.

use control::timeline::Timeline;
use phase::record::{TraceId, TraceKind};
use ratatui::{buffer::Buffer, layout::Rect};

use super::paint::{self, put};
use crate::{
    model::{
        Model, Pane,
        chain::{self, Made, Place},
    },
    theme::Role,
    width,
    words::Word,
};

/// What is drawn of a place.
pub struct Part {
    /// Which.
    pub place: Place,
    /// Its name.
    pub name: &'static str,
    /// What it asks of a request.
    pub asks: String,
    /// Whether it exists.
    pub made: Made,
    /// Whether the trace that is looked at is there.
    pub here: bool,
    /// The requests that are there.
    pub requests: Vec<TraceId>,
}

/// Returns the parts of the chain as they stand.
pub fn parts(model: &Model, timeline: &Timeline) -> Vec<Part> {
    let log = model.log(timeline);
    let startup = timeline.startup();
    let looks_at_startup = log.is_some_and(|log| log.kind() == TraceKind::Startup);
    let step = log.filter(|_| looks_at_startup).map(|log| model.cursor.step(log));
    let here = log
        .filter(|log| matches!(log.kind(), TraceKind::Request | TraceKind::System))
        .and_then(|log| chain::place(timeline, log, model.cursor.step(log)));
    let held = |id: TraceId| model.holds.contains_key(&id);
    Place::ALL
        .into_iter()
        .map(|place| {
            let (name, asks) = match place {
                Place::Filters => ("filters", Word::FiltersOnce),
                Place::Aggregator => ("aggregator", Word::AskAggregator),
                Place::Core => ("kube-apiserver", Word::AskCore),
                Place::Extensions => ("apiextensions", Word::AskExtensions),
                Place::NotFound => ("404", Word::Done),
            };
            let made = chain::made(startup, step, place);
            let asks = if made == Made::NotYet { Word::NotMadeYet } else { asks };
            Part {
                place,
                name,
                asks: model.word(asks).to_owned(),
                made,
                here: here == Some(place),
                requests: chain::at_place(timeline, place, &held),
            }
        })
        .collect()
}

impl Part {
    /// Returns how its frame looks.
    pub fn role(&self, held: bool) -> Role {
        match (self.here, self.made) {
            (true, _) if held => Role::Held,
            (true, _) | (_, Made::Making) => Role::Accent,
            (false, Made::NotYet) => Role::Faint,
            (false, Made::Made) => Role::Quiet,
        }
    }
}

/// Draws the chain.
pub fn draw(model: &Model, timeline: &Timeline, area: Rect, buffer: &mut Buffer) {
    let parts = parts(model, timeline);
    if area.height < 3 {
        return one_line(model, timeline, &parts, area, buffer);
    }
    let title = [(format!("{} ", model.word(Word::ServerChain)), Role::Border)];
    let inner = paint::pane(model, area, Pane::Chain, &title, &numbers(model, timeline), buffer);
    let startup = model.log(timeline).is_none_or(|log| log.kind() == TraceKind::Startup);
    let signs = &model.look.signs;
    // From left to right: a request.
    let right_role = if startup { Role::Faint } else { Role::Accent };
    let direction = format!("{} {}{}", model.word(Word::RequestDirection), signs.line.repeat(12), signs.right);
    put(buffer, inner.x + 1, inner.y, inner.right(), &direction, model.style(right_role));
    boxes(model, &parts, inner, startup, buffer);
}

fn numbers(model: &Model, timeline: &Timeline) -> String {
    let held = model.holds.len();
    let (in_flight, watches) = (timeline.in_flight().len(), timeline.watches().len());
    let words = [Word::InFlight, Word::Watches, Word::HeldCount].map(|word| model.word(word));
    let mut text = format!("{} {in_flight}  {} {watches}  {} {held}", words[0], words[1], words[2]);
    if model.rate.per_second > 0 {
        text.push_str(&format!("  {} {}", model.rate.per_second, model.word(Word::PerSecond)));
    }
    text
}

fn boxes(model: &Model, parts: &[Part], inner: Rect, startup: bool, buffer: &mut Buffer) {
    let signs = &model.look.signs;
    let held = model.current_hold().is_some();
    let widths: Vec<usize> =
        parts.iter().map(|part| width::cells(part.name).max(width::cells(&part.asks)).min(14) + 2).collect();
    let client = if inner.width >= 80 { "kubectl " } else { "" };
    let all: usize = widths.iter().take(4).map(|width| width + 3).sum::<usize>() + client.len() + 7;
    let spare = usize::from(inner.width).saturating_sub(all) / 5;
    let arrow = format!("{}{}", signs.line.repeat(spare.min(4)), signs.right);
    let arrow_role = if startup { Role::Faint } else { Role::Accent };
    let row = inner.y + 1;
    let mut x = put(buffer, inner.x + 1, row + 1, inner.right(), client, model.style(Role::Text));
    for (part, width) in parts.iter().zip(&widths) {
        x = put(buffer, x, row + 1, inner.right(), &arrow, model.style(arrow_role));
        if part.place == Place::NotFound {
            let role = if part.here { Role::Bad } else { part.role(held) };
            put(buffer, x + 1, row + 1, inner.right(), part.name, model.style(role));
            made_order(model, part, x, 4, inner, startup, buffer);
            break;
        }
        let area = Rect::new(x, row, *width as u16 + 2, 4);
        part_box(model, part, area, held, buffer);
        tokens(model, part, area, inner, buffer);
        made_order(model, part, x, *width + 2, inner, startup, buffer);
        x += *width as u16 + 2;
    }
    if inner.height >= 7 {
        let role = if startup { Role::Accent } else { Role::Faint };
        let text = format!("{}{} {}", signs.left, signs.line.repeat(3), model.word(Word::CreationDirection));
        put(buffer, inner.x + 1, inner.y + 6, inner.right(), &text, model.style(role));
    }
}

/// A box with rounded corners, one name and one question.
fn part_box(model: &Model, part: &Part, area: Rect, held: bool, buffer: &mut Buffer) {
    let [line, side, top_left, top_right, bottom_right, bottom_left] = model.look.signs.frame;
    let style = model.style(part.role(held));
    let across = line.repeat(usize::from(area.width) - 2);
    let edge = area.right();
    put(buffer, area.x, area.y, edge, &format!("{top_left}{across}{top_right}"), style);
    put(buffer, area.x, area.y + 3, edge, &format!("{bottom_left}{across}{bottom_right}"), style);
    let name = if part.made == Made::NotYet { Role::Faint } else { Role::Strong };
    let name = if part.here { part.role(held) } else { name };
    for (row, text, role) in [(1, part.name, name), (2, part.asks.as_str(), Role::Quiet)] {
        let role = if part.made == Made::NotYet { Role::Faint } else { role };
        put(buffer, area.x, area.y + row, edge, side, style);
        put(
            buffer,
            area.x + 2,
            area.y + row,
            edge - 1,
            &width::clip(text, usize::from(area.width) - 3),
            model.style(role),
        );
        put(buffer, edge - 1, area.y + row, edge, side, style);
    }
}

/// The numbers of the requests that are there, below the box.
fn tokens(model: &Model, part: &Part, area: Rect, inner: Rect, buffer: &mut Buffer) {
    let row = area.bottom();
    if row >= inner.bottom() {
        return;
    }
    let mut x = area.x + 1;
    let limit = area.right().min(inner.right());
    for (index, id) in part.requests.iter().enumerate() {
        let name = format!("#{} ", id.0);
        if x + name.len() as u16 > limit {
            put(buffer, x, row, limit, &format!("+{}", part.requests.len() - index), model.style(Role::Quiet));
            return;
        }
        let role = if model.holds.contains_key(id) { Role::Held } else { Role::Quiet };
        x = put(buffer, x, row, limit, &name, model.style(role));
    }
}

/// In which order it was made, in the last row.
fn made_order(model: &Model, part: &Part, x: u16, width: usize, inner: Rect, startup: bool, buffer: &mut Buffer) {
    if inner.height < 7 || part.place == Place::Filters {
        return;
    }
    let order = match part.place {
        Place::NotFound => "1",
        Place::Extensions => "2",
        Place::Core => "3",
        Place::Aggregator | Place::Filters => "4",
    };
    let role = match (startup, part.made) {
        (true, Made::Making) => Role::Accent,
        (true, Made::Made) => Role::Good,
        _ => Role::Faint,
    };
    let text = model.sentence(Word::MadeFirst, &[order]);
    let short = if width::cells(&text) > width { order.to_owned() } else { text };
    // The legend of the row stands at the left and goes first.
    let legend = inner.x + 7 + width::cells(model.word(Word::CreationDirection)) as u16;
    let at = x + ((width.saturating_sub(width::cells(&short))) / 2) as u16;
    if at > legend {
        put(buffer, at, inner.y + 6, inner.right(), &short, model.style(role));
    } else if startup {
        put(buffer, legend + 1, inner.y + 6, inner.right(), &short, model.style(role));
    }
}

/// The whole chain in one line, with shorter names where there is little room.
fn one_line(model: &Model, timeline: &Timeline, parts: &[Part], area: Rect, buffer: &mut Buffer) {
    let signs = &model.look.signs;
    let held = model.current_hold().is_some();
    let narrow = area.width < 76;
    let arrow = format!(" {} ", signs.right);
    let mut x = put(buffer, area.x + 1, area.y, area.right(), "kubectl", model.style(Role::Quiet));
    for part in parts {
        x = put(buffer, x, area.y, area.right(), &arrow, model.style(Role::Faint));
        let name = match (part.place, narrow) {
            (Place::NotFound, _) => part.name.to_owned(),
            (Place::Aggregator, true) => "aggr".to_owned(),
            (Place::Core, true) => "kube".to_owned(),
            (Place::Extensions, true) => "apiext".to_owned(),
            (Place::Filters, true) => part.name.to_owned(),
            (_, false) => format!("[{}]", part.name),
        };
        let role = if part.here && part.place == Place::NotFound { Role::Bad } else { part.role(held) };
        x = put(buffer, x, area.y, area.right(), &name, model.style(role));
    }
    let numbers = numbers(model, timeline);
    let at = area.right().saturating_sub(width::cells(&numbers) as u16 + 1);
    if at > x + 1 {
        put(buffer, at, area.y, area.right(), &numbers, model.style(Role::Quiet));
    }
}
