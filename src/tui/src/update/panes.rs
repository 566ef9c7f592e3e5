//! Moving about: panes, tabs, rows, scrolling.

use control::protocol::Question;
use phase::record::TraceId;

use super::{ask, ask_for_tab, walk};
use crate::{
    keymap::Action,
    message::Command,
    model::{
        Model, Pane, Purpose, Tab, areas, inspect, requests,
        tree::{self, Node, RowKey},
    },
    view,
};

/// Rows that a page has, about.
const PAGE: isize = 10;

/// Does what a key of movement means in the pane with the focus.
pub fn act(model: &mut Model, action: Action) -> Option<Command> {
    match action {
        Action::NextPane => turn(model, 1),
        Action::PreviousPane => turn(model, -1),
        Action::Pane(number) => {
            if let Some(pane) = Pane::ALL.get(usize::from(number).wrapping_sub(1)) {
                model.focus = *pane;
            }
            None
        }
        Action::PreviousChange => change(model, -1),
        Action::NextChange => change(model, 1),
        Action::NextTab | Action::Right => sideways(model, 1),
        Action::PreviousTab | Action::Left => sideways(model, -1),
        Action::Up => vertical(model, -1),
        Action::Down => vertical(model, 1),
        Action::PageUp => vertical(model, -PAGE),
        Action::PageDown => vertical(model, PAGE),
        Action::Home => vertical(model, isize::MIN / 2),
        Action::End => vertical(model, isize::MAX / 2),
        Action::Enter => enter(model),
        Action::WaterfallIn => {
            model.requests.zoom = (model.requests.zoom + 1).min(16);
            None
        }
        Action::WaterfallOut => {
            model.requests.zoom = (model.requests.zoom - 1).max(-16);
            None
        }
        _ => None,
    }
}

/// Gives the focus to another pane: the next one that is drawn, or any while one has the screen.
fn turn(model: &mut Model, by: isize) -> Option<Command> {
    let mut order: Vec<Pane> = Pane::ALL.to_vec();
    if !model.zoomed && areas::room(model.size) == areas::Room::Full {
        let drawn = areas::areas(model);
        order.retain(|pane| drawn.of(*pane).is_some());
    }
    let at = order.iter().position(|pane| *pane == model.focus).unwrap_or(0) as isize;
    if let Some(pane) = order.get((at + by).rem_euclid(order.len().max(1) as isize) as usize) {
        model.focus = *pane;
    }
    None
}

/// After the arrangement changed: a pane that is not drawn cannot keep the focus.
pub fn keep_focus_visible(model: &mut Model) {
    let drawn = areas::areas(model);
    if drawn.of(model.focus).is_none()
        && let Some((pane, _)) = drawn.panes.iter().find(|(pane, _)| *pane != Pane::Chain)
    {
        model.focus = *pane;
    }
}

fn change(model: &mut Model, by: isize) -> Option<Command> {
    let count = {
        let timeline = model.timeline.read_recursive();
        let log = model.log(&timeline)?;
        inspect::changes(model, log, model.cursor.step(log)).map_or(0, |changes| changes.changes.len())
    };
    if !matches!(model.inspect.tab, Tab::Diff | Tab::State) {
        model.inspect.tab = Tab::Diff;
    }
    if count > 0 {
        model.inspect.change = (model.inspect.change as isize + by).rem_euclid(count as isize) as usize;
    }
    None
}

/// Left and right: nodes in the tree, tabs elsewhere.
fn sideways(model: &mut Model, by: isize) -> Option<Command> {
    if model.focus == Pane::Phases {
        set_opened(model, by > 0);
        return None;
    }
    if model.focus == Pane::Timeline {
        return if by > 0 { walk::forward(model, control::stepper::Step::Over) } else { walk::back(model) };
    }
    if model.inspect.tab == Tab::Store && by < 0 && model.inspect.store.value.is_some() {
        model.inspect.store.value = None;
        return None;
    }
    model.inspect.tab = model.inspect.tab.moved(by);
    ask_for_tab(model)
}

/// The rows of the tree as they are drawn, and the one that is selected.
pub fn tree_rows(model: &Model) -> Option<(TraceId, Vec<tree::Row>, usize)> {
    let timeline = model.timeline.read_recursive();
    let log = model.log(&timeline)?;
    let step = model.cursor.step(log);
    let rows = tree::rows(log, step, model.detail, &model.tree.opened);
    let selected = model.tree.selected.and_then(|key| tree::position(&rows, key));
    let current = tree::position(&rows, tree::current(log, step));
    Some((log.id(), rows, selected.or(current).unwrap_or(0)))
}

fn set_opened(model: &mut Model, open: bool) {
    let Some((_, rows, at)) = tree_rows(model) else { return };
    let Some(row) = rows.get(at).copied() else { return };
    match (row.key, row.node) {
        (RowKey::Fold(from, _), _) => {
            model.tree.opened.insert(RowKey::Fold(from, from), open);
            model.tree.selected = Some(RowKey::Span(from));
        }
        (key, Node::Open | Node::Closed) if open || row.node == Node::Open => {
            model.tree.opened.insert(key, open);
            model.tree.selected = Some(key);
        }
        // Closing a leaf closes what it stands in, or folds the filters it belongs to.
        (RowKey::Span(index), _) if !open => close_around(model, index),
        _ => {}
    }
}

fn close_around(model: &mut Model, index: usize) {
    let folds: Vec<RowKey> = model.tree.opened.keys().copied().filter(|key| matches!(key, RowKey::Fold(..))).collect();
    let fold = folds.into_iter().rev().find(|key| matches!(key, RowKey::Fold(from, _) if *from <= index));
    let parent = {
        let timeline = model.timeline.read_recursive();
        let Some(log) = model.log(&timeline) else { return };
        let Some(span) = log.span(index) else { return };
        if fold.is_some() && control::detail::minor(span.phase()) {
            None
        } else {
            let mut at = span.parent();
            while let Some(parent) = at
                && log.spans()[parent].depth() >= span.depth()
            {
                at = log.spans()[parent].parent();
            }
            at.filter(|parent| *parent != 0)
        }
    };
    match (fold, parent) {
        (_, Some(parent)) => {
            model.tree.opened.insert(RowKey::Span(parent), false);
            model.tree.selected = Some(RowKey::Span(parent));
        }
        (Some(fold), None) => {
            model.tree.opened.remove(&fold);
            model.tree.selected = Some(RowKey::Span(index));
        }
        (None, None) => {}
    }
}

/// Up and down: rows where there are rows, lines elsewhere.
pub fn vertical(model: &mut Model, by: isize) -> Option<Command> {
    match model.focus {
        Pane::Phases => select_row(model, by),
        Pane::Requests => select_request(model, by),
        Pane::Explain => scroll_explain(model, by),
        Pane::Inspect | Pane::Chain => scroll_inspect(model, by),
        Pane::Timeline => {
            return if by < 0 { walk::back(model) } else { walk::forward(model, control::stepper::Step::Over) };
        }
    }
    None
}

fn moved(at: usize, by: isize, last: usize) -> usize {
    (at as isize).saturating_add(by).clamp(0, last as isize) as usize
}

fn select_row(model: &mut Model, by: isize) {
    let Some((_, rows, at)) = tree_rows(model) else { return };
    let at = moved(at, by, rows.len().saturating_sub(1));
    model.tree.selected = rows.get(at).map(|row| row.key);
}

fn select_request(model: &mut Model, by: isize) {
    let timeline = model.timeline.read_recursive();
    let list = requests::list(model, &timeline, 1_000);
    let now = model.requests.selected.or(model.cursor.trace);
    let at = now
        .and_then(|id| list.iter().position(|known| *known == id))
        .map_or(0, |at| moved(at, by, list.len().saturating_sub(1)));
    let selected = list.get(at).copied();
    drop(timeline);
    model.requests.selected = selected;
}

fn scroll_inspect(model: &mut Model, by: isize) {
    let tab = model.inspect.tab;
    if tab == Tab::Store && model.inspect.store.value.is_none() {
        let count = model.inspect.store.keys.as_ref().map_or(0, |keys| keys.keys.len());
        model.inspect.store.selected = moved(model.inspect.store.selected, by, count.saturating_sub(1));
        return;
    }
    if tab == Tab::Diff && by.abs() == 1 {
        change(model, by);
        return;
    }
    let Some(area) = areas::areas(model).of(Pane::Inspect) else { return };
    let (_, beyond) = view::inspect::scroll_and_beyond(model, &model.timeline.read_recursive(), area);
    let scroll = model.inspect.scroll.entry(tab).or_insert(0);
    // The log shows its end, and is scrolled from there.
    let by = if tab == Tab::Logs { by.saturating_neg() } else { by };
    *scroll = moved((*scroll).min(beyond), by, beyond);
}

fn scroll_explain(model: &mut Model, by: isize) {
    let Some(area) = areas::areas(model).of(Pane::Explain) else { return };
    let beyond = view::explain::beyond(model, &model.timeline.read_recursive(), area);
    model.explain_scroll = moved(model.explain_scroll.min(beyond), by, beyond);
}

/// Looks at what is selected.
fn enter(model: &mut Model) -> Option<Command> {
    match model.focus {
        Pane::Phases => enter_row(model),
        Pane::Requests => {
            let selected = {
                let timeline = model.timeline.read_recursive();
                let first = || requests::list(model, &timeline, 1).first().copied();
                model.requests.selected.or_else(first)
            };
            if let Some(trace) = selected {
                walk::follow(model, trace);
                model.focus = Pane::Phases;
            }
            None
        }
        Pane::Inspect if model.inspect.tab == Tab::Store => open_key(model),
        Pane::Inspect | Pane::Chain | Pane::Explain | Pane::Timeline => None,
    }
}

fn enter_row(model: &mut Model) -> Option<Command> {
    let (_, rows, at) = tree_rows(model)?;
    let row = rows.get(at)?;
    match row.key {
        RowKey::Fold(..) => set_opened(model, true),
        RowKey::Ahead(phase) => return walk::run_to(model, phase),
        RowKey::Span(index) => {
            model.tree.selected = Some(row.key);
            let current = {
                let timeline = model.timeline.read_recursive();
                model.log(&timeline).map(|log| model.cursor.step(log))
            };
            if current == Some(index) {
                set_opened(model, row.node == Node::Closed);
            } else {
                return walk::run_to_selected(model);
            }
        }
    }
    None
}

fn open_key(model: &mut Model) -> Option<Command> {
    let store = &model.inspect.store;
    let key = store.keys.as_ref()?.keys.get(store.selected)?.key.clone();
    let revision = store.keys.as_ref().map(|keys| keys.revision).filter(|revision| *revision > 0);
    ask(model, Purpose::Value, Question::Value { key, revision })
}
