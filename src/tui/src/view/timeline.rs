//! The steps of a trace as a line: where one is, marks, breakpoints, failures. It can be scrubbed.

use control::timeline::{Timeline, trace::TraceLog};
use ratatui::{buffer::Buffer, layout::Rect};

use super::paint::{self, put};
use crate::{
    model::{Model, Pane, cursor, format, trace_name},
    theme::Role,
    width,
    words::Word,
};

/// Where the bar is within the pane, and where the text beside it.
fn bar_area(area: Rect) -> Rect {
    let inner = if area.height >= 3 { super::inner(area) } else { area };
    let text = 26.min(inner.width / 3);
    Rect { x: inner.x + 2, width: inner.width.saturating_sub(text + 4), height: 1, ..inner }
}

/// Draws the line.
pub fn draw(model: &Model, timeline: &Timeline, area: Rect, buffer: &mut Buffer) {
    let Some(log) = model.log(timeline) else { return };
    if area.height >= 3 {
        let title = [
            (format!("{} ", model.word(Word::Timeline)), Role::Border),
            (format!("{} ", trace_name(model, log)), Role::Strong),
        ];
        paint::pane(model, area, Pane::Timeline, &title, &marks(timeline, log), buffer);
    }
    let bar = bar_area(area);
    let signs = &model.look.signs;
    put(buffer, bar.x - 1, bar.y, bar.x, signs.left, model.style(Role::Quiet));
    put(buffer, bar.right(), bar.y, bar.right() + 1, signs.right, model.style(Role::Quiet));
    draw_bar(model, timeline, log, bar, buffer);
    let (step, newest) = (model.cursor.step(log), cursor::newest(log));
    let since = log.time_of(step).saturating_sub(log.started());
    let text = format!(" {}/{}  +{}", step + 1, newest + 1, format::duration(since));
    put(buffer, bar.right() + 2, bar.y, area.right(), &text, model.style(Role::Text));
}

fn marks(timeline: &Timeline, log: &TraceLog) -> String {
    let marks = timeline.markers().iter().filter(|marker| marker.trace == log.id());
    marks.map(|marker| format!("{}@{} {}", marker.name, marker.step + 1, marker.note)).collect::<Vec<_>>().join("  ")
}

fn draw_bar(model: &Model, timeline: &Timeline, log: &TraceLog, bar: Rect, buffer: &mut Buffer) {
    let (step, newest) = (model.cursor.step(log), cursor::newest(log));
    let cells = usize::from(bar.width);
    let here = cell_of(step, newest, cells);
    let signs = &model.look.signs;
    let decided = log.refused_by();
    for cell in 0..cells {
        let from = step_of(cell, newest, cells);
        let to = step_of(cell + 1, newest, cells).max(from + 1);
        let spans = log.spans().get(from.min(log.spans().len())..to.min(log.spans().len())).unwrap_or(&[]);
        // A refusal fails everything around it; where it began is what one wants to see.
        let failed = decided.is_some_and(|at| (from..to).contains(&at));
        let breaks = spans.iter().any(|span| model.breakpoint_at(span.phase()).is_some());
        let mark = timeline
            .markers()
            .iter()
            .find(|marker| marker.trace == log.id() && cell_of(marker.step, newest, cells) == cell);
        let (sign, role) = if cell == here {
            (signs.breakpoint, if model.holds.contains_key(&log.id()) { Role::Held } else { Role::Accent })
        } else if let Some(mark) = mark {
            (width::take(&mark.name, 1), Role::Key)
        } else if breaks {
            ("B", Role::Bad)
        } else if cell < here {
            (signs.full, if failed { Role::Bad } else { Role::Accent })
        } else {
            (signs.empty, if failed { Role::Bad } else { Role::Faint })
        };
        let x = bar.x + cell as u16;
        put(buffer, x, bar.y, x + 1, sign, model.style(role));
    }
}

/// The cell of a step.
fn cell_of(step: usize, newest: usize, cells: usize) -> usize {
    (step * cells.saturating_sub(1) + newest / 2).checked_div(newest).unwrap_or(0)
}

/// The first step of a cell.
fn step_of(cell: usize, newest: usize, cells: usize) -> usize {
    if cells <= 1 { 0 } else { (cell * newest).div_ceil(cells - 1).min(newest + 1) }
}

/// Returns the step below a column, if it is on the bar.
pub fn step_at(_model: &Model, log: &TraceLog, area: Rect, column: u16) -> Option<usize> {
    let bar = bar_area(area);
    let cell = usize::from(column.checked_sub(bar.x)?);
    (cell < usize::from(bar.width)).then(|| step_of(cell, cursor::newest(log), usize::from(bar.width)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_and_steps_fit_together() {
        for (newest, cells) in [(0, 10), (5, 60), (400, 60), (60, 60)] {
            assert_eq!(cell_of(newest, newest, cells), if newest == 0 { 0 } else { cells - 1 });
            assert_eq!(step_of(0, newest, cells), 0);
            assert_eq!(step_of(cells - 1, newest, cells), newest);
        }
    }
}
