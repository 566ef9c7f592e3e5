//! The mouse: a click selects, the wheel scrolls, the timeline scrubs, a click in the gutter breaks.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use super::{overlay, panes, traffic, walk};
use crate::{
    message::Command,
    model::{Model, Pane, Tab, areas, input::Overlay, inspect, requests, tree},
    view,
};

/// Rows that one notch of the wheel moves.
const NOTCH: isize = 3;

/// Takes in what the mouse did.
pub fn mouse(model: &mut Model, mouse: MouseEvent) -> Option<Command> {
    if model.overlay.is_some() {
        return wheel_over(model, mouse.kind);
    }
    let (pane, area) = areas::areas(model).at(mouse.column, mouse.row)?;
    match mouse.kind {
        MouseEventKind::ScrollUp => wheel(model, pane, -NOTCH),
        MouseEventKind::ScrollDown => wheel(model, pane, NOTCH),
        MouseEventKind::Down(MouseButton::Left) => {
            model.focus = pane;
            click(model, pane, area, mouse.column, mouse.row)
        }
        MouseEventKind::Drag(MouseButton::Left) if pane == Pane::Timeline => {
            scrub(model, area, mouse.column);
            None
        }
        _ => None,
    }
}

/// Help and palette scroll as with the keys.
fn wheel_over(model: &mut Model, kind: MouseEventKind) -> Option<Command> {
    let code = match kind {
        MouseEventKind::ScrollUp => KeyCode::Up,
        MouseEventKind::ScrollDown => KeyCode::Down,
        _ => return None,
    };
    for _ in 0..NOTCH {
        if matches!(model.overlay, Some(Overlay::Help { .. } | Overlay::Palette { .. })) {
            overlay::key(model, &KeyEvent::new(code, KeyModifiers::NONE));
        }
    }
    None
}

fn wheel(model: &mut Model, pane: Pane, by: isize) -> Option<Command> {
    if pane == Pane::Timeline {
        return panes::vertical(model, by.signum());
    }
    let focus = std::mem::replace(&mut model.focus, pane);
    let command = panes::vertical(model, by);
    model.focus = focus;
    command
}

fn click(model: &mut Model, pane: Pane, area: Rect, column: u16, row: u16) -> Option<Command> {
    let inner = view::inner(area);
    match pane {
        Pane::Phases => {
            let (_, rows, selected) = panes::tree_rows(model)?;
            let skipped = tree::scroll(rows.len(), selected, usize::from(inner.height));
            let hit = rows.get(skipped + usize::from(row.checked_sub(inner.y)?))?;
            let again = model.tree.selected == Some(hit.key);
            model.tree.selected = Some(hit.key);
            if column < inner.x + 2 {
                return traffic::toggle_breakpoint(model);
            }
            if again { super::act(model, crate::keymap::Action::Enter) } else { None }
        }
        Pane::Requests => {
            let hit = {
                let timeline = model.timeline.read_recursive();
                let line = usize::from(row.checked_sub(inner.y + 1)?);
                view::requests::row_at(model, &timeline, usize::from(inner.height), line)?
            };
            let again = model.requests.selected == Some(hit);
            model.requests.selected = Some(hit);
            if again { super::act(model, crate::keymap::Action::Enter) } else { None }
        }
        Pane::Timeline => {
            scrub(model, area, column);
            None
        }
        Pane::Inspect => {
            if row == area.y {
                let tab = view::inspect::tab_at(model, area, column)?;
                return super::tab(model, tab);
            }
            if model.inspect.tab == Tab::Store && model.inspect.store.value.is_none() {
                return click_key(model, area, usize::from(row.checked_sub(inner.y)?));
            }
            None
        }
        Pane::Chain | Pane::Explain => None,
    }
}

/// A click on a key of the store selects it, a second one opens it.
fn click_key(model: &mut Model, area: Rect, line: usize) -> Option<Command> {
    let (scroll, _) = view::inspect::scroll_and_beyond(model, &model.timeline.read_recursive(), area);
    let index = (scroll + line).checked_sub(view::inspect_live::STORE_HEAD)?;
    let known = model.inspect.store.keys.as_ref().is_some_and(|keys| index < keys.keys.len());
    let again = model.inspect.store.selected == index;
    if !known {
        return None;
    }
    model.inspect.store.selected = index;
    if again { super::act(model, crate::keymap::Action::Enter) } else { None }
}

fn scrub(model: &mut Model, area: Rect, column: u16) {
    let target = {
        let timeline = model.timeline.read_recursive();
        let Some(log) = model.log(&timeline) else { return };
        view::timeline::step_at(model, log, area, column)
    };
    if let Some(step) = target {
        walk::go_to_step(model, step + 1);
    }
}

/// Searches in the pane with the focus, from where one is.
pub fn search(model: &mut Model, wanted: &str) -> bool {
    let wanted = wanted.to_lowercase();
    if wanted.is_empty() {
        return true;
    }
    match model.focus {
        Pane::Requests => {
            let timeline = model.timeline.read_recursive();
            let list = requests::list(model, &timeline, 1_000);
            let now = model.requests.selected;
            let start = now.and_then(|id| list.iter().position(|known| *known == id)).map_or(0, |at| at + 1);
            let fits = |id: &&phase::record::TraceId| {
                timeline.trace(**id).is_some_and(|log| {
                    let facts = log.facts().iter().any(|(_, value)| value.to_lowercase().contains(&wanted));
                    facts || log.title().to_lowercase().contains(&wanted)
                })
            };
            let found = list[start.min(list.len())..].iter().find(fits).or_else(|| list.iter().find(fits)).copied();
            drop(timeline);
            model.requests.selected = found.or(now);
            found.is_some()
        }
        Pane::Inspect => search_lines(model, &wanted),
        Pane::Phases | Pane::Chain | Pane::Explain | Pane::Timeline => {
            let Some((_, rows, selected)) = panes::tree_rows(model) else { return false };
            let names: Vec<String> = {
                let timeline = model.timeline.read_recursive();
                let Some(log) = model.log(&timeline) else { return false };
                rows.iter().map(|row| view::tree::row_name(model, &timeline, log, row).to_lowercase()).collect()
            };
            let after = (selected + 1..names.len()).chain(0..=selected.min(names.len().saturating_sub(1)));
            let found = after.into_iter().find(|index| names[*index].contains(&wanted));
            if let Some(found) = found {
                model.tree.selected = Some(rows[found].key);
            }
            found.is_some()
        }
    }
}

fn search_lines(model: &mut Model, wanted: &str) -> bool {
    let lines = {
        let timeline = model.timeline.read_recursive();
        view::inspect::lines(model, &timeline, 200)
    };
    let tab = model.inspect.tab;
    let at = model.inspect.scroll.get(&tab).copied().unwrap_or(0);
    let text = |index: usize| lines[index].iter().map(|(text, _)| text.to_lowercase()).collect::<String>();
    let found = (at + 1..lines.len()).chain(0..lines.len().min(at + 1)).find(|index| text(*index).contains(wanted));
    if let Some(found) = found {
        model.inspect.scroll.insert(tab, found);
        if tab == crate::model::Tab::Diff {
            // The selected change moves along, so that it is seen.
            let timeline = model.timeline.read_recursive();
            let count = model
                .log(&timeline)
                .and_then(|log| inspect::changes(model, log, model.cursor.step(log)))
                .map_or(0, |changes| changes.changes.len());
            drop(timeline);
            model.inspect.change = found.min(count.saturating_sub(1));
        }
    }
    found.is_some()
}
