//! The model, drawn. Reads and never writes; draws only rows that are seen.

pub mod chain;
pub mod explain;
pub mod header;
pub mod inspect;
pub mod inspect_flow;
pub mod inspect_live;
pub mod keys;
pub mod lab;
pub mod overlay;
pub mod paint;
pub mod present;
pub mod requests;
pub mod timeline;
pub mod tree;

use control::timeline::Timeline;
use ratatui::{Frame, buffer::Buffer, layout::Rect};

use crate::{
    model::{
        Model, Pane,
        areas::{self, Room},
    },
    theme::Role,
    width,
    words::Word,
};

/// Draws everything.
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    draw(model, frame.buffer_mut());
}

/// Draws everything into a buffer.
pub fn draw(model: &Model, buffer: &mut Buffer) {
    let timeline = model.timeline.read_recursive();
    let areas = areas::areas(model);
    if areas.room == Room::None {
        return too_small(model, buffer);
    }
    header::draw(model, &timeline, areas.header, buffer);
    for (pane, area) in &areas.panes {
        draw_pane(model, &timeline, *pane, *area, buffer);
    }
    if let Some(area) = areas.picture {
        present::draw(model, &timeline, area, buffer);
    }
    if let Some(area) = areas.task {
        lab::draw(model, area, buffer);
    }
    keys::hint(model, &timeline, areas.hint, buffer);
    keys::draw(model, &timeline, areas.keys, buffer);
    overlay::draw(model, buffer);
}

fn draw_pane(model: &Model, timeline: &Timeline, pane: Pane, area: Rect, buffer: &mut Buffer) {
    match pane {
        Pane::Phases => tree::draw(model, timeline, area, buffer),
        Pane::Chain => chain::draw(model, timeline, area, buffer),
        Pane::Inspect => inspect::draw(model, timeline, area, buffer),
        Pane::Explain => explain::draw(model, timeline, area, buffer),
        Pane::Requests => requests::draw(model, timeline, area, buffer),
        Pane::Timeline => timeline::draw(model, timeline, area, buffer),
    }
}

fn too_small(model: &Model, buffer: &mut Buffer) {
    let area = buffer.area;
    for (row, line) in width::wrap(model.word(Word::TooSmall), usize::from(area.width)).iter().enumerate() {
        let row = row as u16;
        if row < area.height {
            buffer.set_stringn(area.x, area.y + row, line, usize::from(area.width), model.style(Role::Warn));
        }
    }
}

/// Returns what a border leaves of an area.
pub fn inner(area: Rect) -> Rect {
    Rect::new(area.x + 1, area.y + 1, area.width.saturating_sub(2), area.height.saturating_sub(2))
}
