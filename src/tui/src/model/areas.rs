//! Where the panes are: a function of the terminal's size and the arrangement, and nothing that is kept.
//!
//! `update` asks it what a click hit, `view` where to draw; so the two cannot disagree.

use ratatui::layout::{Constraint, Layout as Split, Rect};

use super::{Model, Pane};
use crate::options::Layout;

/// The smallest terminal in which anything is drawn, and the smallest for all panes.
pub const SMALLEST: (u16, u16) = (60, 20);
/// See [`SMALLEST`].
pub const COMPACT: (u16, u16) = (80, 24);

/// Where everything is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Areas {
    /// The line at the top.
    pub header: Rect,
    /// The panes that are drawn, with their borders.
    pub panes: Vec<(Pane, Rect)>,
    /// The task of a lesson.
    pub task: Option<Rect>,
    /// The large picture of the presentation.
    pub picture: Option<Rect>,
    /// What to do next.
    pub hint: Rect,
    /// The keys.
    pub keys: Rect,
    /// How roomy it is.
    pub room: Room,
}

/// How much room there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Room {
    /// Too little.
    #[default]
    None,
    /// One pane at a time.
    OnePane,
    /// All panes, small.
    Compact,
    /// All panes.
    Full,
}

/// Returns how much room a terminal has.
pub fn room((columns, rows): (u16, u16)) -> Room {
    if columns < SMALLEST.0 || rows < SMALLEST.1 {
        Room::None
    } else if columns < COMPACT.0 || rows < COMPACT.1 {
        Room::OnePane
    } else if columns < 110 || rows < 32 {
        Room::Compact
    } else {
        Room::Full
    }
}

impl Areas {
    /// Returns where a pane is, if it is drawn.
    pub fn of(&self, pane: Pane) -> Option<Rect> {
        self.panes.iter().find(|(known, _)| *known == pane).map(|(_, area)| *area)
    }

    /// Returns the pane at a cell.
    pub fn at(&self, column: u16, row: u16) -> Option<(Pane, Rect)> {
        self.panes.iter().find(|(_, area)| area.contains((column, row).into())).copied()
    }
}

/// Returns where everything is.
pub fn areas(model: &Model) -> Areas {
    let whole = Rect::new(0, 0, model.size.0, model.size.1);
    let room = room(model.size);
    if room == Room::None {
        return Areas { room, ..Areas::default() };
    }
    let [header, middle, hint, keys] =
        Split::vertical([Constraint::Length(1), Constraint::Min(0), Constraint::Length(1), Constraint::Length(1)])
            .areas(whole);
    let mut areas = Areas { header, hint, keys, room, ..Areas::default() };
    if model.zoomed {
        areas.panes.push((model.focus, middle));
        return areas;
    }
    match (model.layout, room) {
        (_, Room::OnePane | Room::None) => one_pane(model, middle, &mut areas),
        (Layout::Debugger, Room::Compact) => compact(model, middle, &mut areas),
        (Layout::Debugger, Room::Full) => full(model, middle, &mut areas),
        (Layout::Present, _) => present(middle, &mut areas),
        (Layout::Lab, _) => lab(middle, &mut areas),
    }
    areas
}

/// Below 80x24: the chain in one line and the pane with the focus.
fn one_pane(model: &Model, area: Rect, areas: &mut Areas) {
    let pane = if model.focus == Pane::Chain { Pane::Phases } else { model.focus };
    let [chain, rest] = Split::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    areas.panes.push((Pane::Chain, chain));
    areas.panes.push((pane, rest));
}

fn compact(model: &Model, area: Rect, areas: &mut Areas) {
    let quiet = model.timeline.read_recursive().seen() == 0 && model.focus != Pane::Requests;
    let requests = if quiet { 3 } else { (area.height / 4).clamp(5, 9) };
    let [chain, top, bottom, timeline] = Split::vertical([
        Constraint::Length(1),
        Constraint::Min(10),
        Constraint::Length(requests),
        Constraint::Length(1),
    ])
    .areas(area);
    let [tree, right] = Split::horizontal([Constraint::Percentage(40), Constraint::Min(0)]).areas(top);
    // There is room for one of the two; the one with the focus, or else the explanation below the tabs.
    let shown = if model.focus == Pane::Explain { Pane::Explain } else { Pane::Inspect };
    areas.panes.extend([
        (Pane::Phases, tree),
        (Pane::Chain, chain),
        (shown, right),
        (Pane::Requests, bottom),
        (Pane::Timeline, timeline),
    ]);
}

fn full(model: &Model, area: Rect, areas: &mut Areas) {
    // As long as there are no requests, start-up has their room.
    let quiet = model.timeline.read_recursive().seen() == 0 && model.focus != Pane::Requests;
    let requests = if quiet && model.serving.is_some() {
        5
    } else if quiet {
        3
    } else {
        (area.height / 4).clamp(7, 14)
    };
    let [top, bottom, timeline] =
        Split::vertical([Constraint::Min(0), Constraint::Length(requests), Constraint::Length(3)]).areas(area);
    let [tree, right] = Split::horizontal([Constraint::Percentage(29), Constraint::Min(0)]).areas(top);
    let [chain, below] = Split::vertical([Constraint::Length(9), Constraint::Min(10)]).areas(right);
    let [inspect, explain] = Split::horizontal([Constraint::Percentage(51), Constraint::Min(0)]).areas(below);
    areas.panes.extend([
        (Pane::Phases, tree),
        (Pane::Chain, chain),
        (Pane::Inspect, inspect),
        (Pane::Explain, explain),
        (Pane::Requests, bottom),
        (Pane::Timeline, timeline),
    ]);
}

fn present(area: Rect, areas: &mut Areas) {
    let [picture, below, timeline] =
        Split::vertical([Constraint::Percentage(58), Constraint::Min(8), Constraint::Length(1)]).areas(area);
    let [inspect, explain] = Split::horizontal([Constraint::Percentage(50), Constraint::Min(0)]).areas(below);
    areas.picture = Some(picture);
    areas.panes.extend([(Pane::Inspect, inspect), (Pane::Explain, explain), (Pane::Timeline, timeline)]);
}

fn lab(area: Rect, areas: &mut Areas) {
    let [top, timeline] = Split::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(area);
    let [left, right] = Split::horizontal([Constraint::Percentage(50), Constraint::Min(0)]).areas(top);
    let [task, requests] = Split::vertical([Constraint::Percentage(62), Constraint::Min(5)]).areas(left);
    let [chain, tree, inspect] =
        Split::vertical([Constraint::Length(1), Constraint::Percentage(48), Constraint::Min(8)]).areas(right);
    areas.task = Some(task);
    areas.panes.extend([
        (Pane::Phases, tree),
        (Pane::Chain, chain),
        (Pane::Inspect, inspect),
        (Pane::Requests, requests),
        (Pane::Timeline, timeline),
    ]);
}
