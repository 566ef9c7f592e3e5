//! What lies over the panes: help, palette, prompts, the editor, questions.

use control::timeline::Marker;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    widgets::{Clear, Widget},
};

use super::paint::{self, Line, put};
use crate::{
    keymap::KEYMAP,
    model::{
        Model,
        input::{Input, Overlay},
    },
    theme::Role,
    update::palette,
    width,
    words::Word,
};

/// Draws what lies over the panes, if anything.
pub fn draw(model: &Model, buffer: &mut Buffer) {
    let Some(overlay) = &model.overlay else { return };
    match overlay {
        Overlay::Help { query, scroll } => help(model, query, *scroll, buffer),
        Overlay::Palette { input, selected } => draw_palette(model, input, *selected, buffer),
        Overlay::Prompt { kind, input, error } => {
            let (title, about) = palette::prompt_title(model, kind);
            prompt(model, &title, about, input, error.as_deref(), buffer);
        }
        Overlay::Editor { phase, area, error, .. } => {
            let title = model.sentence(Word::EditTitle, &[phase.name()]);
            let inner = window(model, buffer, (90, 90), &title, model.word(Word::EditHelp));
            let mut area = area.clone();
            area.set_cursor_line_style(Style::new());
            area.set_line_number_style(model.style(Role::Faint));
            area.set_cursor_style(Style::new().add_modifier(Modifier::REVERSED));
            area.render(Rect { height: inner.height.saturating_sub(1), ..inner }, buffer);
            if let Some(error) = error {
                paint::line(model, buffer, inner, inner.height.saturating_sub(1), &[(error.clone(), Role::Bad)]);
            }
        }
        Overlay::Mark => small(model, model.word(Word::MarkTitle), &[], "`Esc`", buffer),
        Overlay::Jump(markers) => small(model, model.word(Word::JumpTitle), &marker_lines(markers), "`Esc`", buffer),
        Overlay::Copy(lines) => {
            let lines: Vec<Line> = lines
                .iter()
                .enumerate()
                .map(|(index, line)| vec![(format!("{}  ", index + 1), Role::Key), (line.clone(), Role::Text)])
                .collect();
            small(model, model.word(Word::CopyTitle), &lines, model.word(Word::CopyHelp), buffer);
        }
        Overlay::Quit => {
            let held = model.sentence(Word::QuitHeld, &[&model.holds.len().to_string()]);
            let lines = if model.holds.is_empty() { Vec::new() } else { vec![vec![(held, Role::Held)]] };
            small(model, model.word(Word::QuitTitle), &lines, model.word(Word::QuitHelp), buffer);
        }
    }
}

fn marker_lines(markers: &[Marker]) -> Vec<Line> {
    let line = |marker: &Marker| {
        vec![
            (format!("{}  ", marker.name), Role::Key),
            (format!("#{} {} {}", marker.trace.0, marker.step + 1, marker.note), Role::Text),
        ]
    };
    markers.iter().map(line).collect()
}

/// Clears a window in the middle, at most this many columns and rows, and returns its inside.
fn window(model: &Model, buffer: &mut Buffer, (columns, rows): (u16, u16), title: &str, foot: &str) -> Rect {
    let whole = buffer.area;
    let (columns, rows) = (columns.min(whole.width.saturating_sub(4)), rows.min(whole.height.saturating_sub(3)));
    let area = Rect::new((whole.width - columns) / 2, (whole.height - rows) / 2, columns, rows);
    Clear.render(area, buffer);
    paint::frame(model, area, true, buffer);
    put(buffer, area.x + 2, area.y, area.right() - 1, &format!(" {title} "), model.style(Role::Accent));
    let foot_x = area.x + 2;
    let end = paint::sentence(
        model,
        buffer,
        (foot_x, area.bottom() - 1),
        area.right() - 1,
        &format!(" {foot} "),
        Role::Quiet,
    );
    debug_assert!(end <= area.right());
    let inner = super::inner(area);
    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
}

fn small(model: &Model, title: &str, lines: &[Line], foot: &str, buffer: &mut Buffer) {
    let longest = lines.iter().map(|line| line.iter().map(|(text, _)| width::cells(text)).sum::<usize>()).max();
    let columns = longest.unwrap_or(0).max(width::cells(title)).max(width::cells(foot)) as u16 + 8;
    let inner = window(model, buffer, (columns, lines.len() as u16 + 4), title, foot);
    for (row, line) in lines.iter().enumerate() {
        paint::line(model, buffer, inner, row as u16 + 1, line);
    }
}

/// Draws the line that is typed, with its cursor.
fn input_line(model: &Model, buffer: &mut Buffer, area: Rect, row: u16, sign: &str, input: &Input) {
    let y = area.y + row;
    let x = put(buffer, area.x, y, area.right(), sign, model.style(Role::Key));
    let room = usize::from(area.right().saturating_sub(x + 1));
    // A long line scrolls so that the cursor is seen.
    let before = input.before();
    let mut shown_from = 0;
    while width::cells(&before[shown_from..]) > room {
        shown_from += before[shown_from..].chars().next().map_or(1, char::len_utf8);
    }
    let role = if input.is_selected() { Role::Selected } else { Role::Strong };
    put(buffer, x, y, area.right(), &input.text()[shown_from..], model.style(role));
    let cursor = x + width::cells(&before[shown_from..]) as u16;
    if cursor < area.right() {
        buffer[(cursor, y)].modifier.insert(Modifier::REVERSED);
    }
}

fn prompt(model: &Model, title: &str, about: &str, input: &Input, error: Option<&str>, buffer: &mut Buffer) {
    let inner = window(model, buffer, (86, 6), title, model.word(Word::PromptHelp));
    input_line(model, buffer, inner, 1, "> ", input);
    let (text, role) = error.map_or((about, Role::Quiet), |error| (error, Role::Bad));
    for (row, line) in paint::paragraph(text, usize::from(inner.width), role).iter().take(2).enumerate() {
        paint::line(model, buffer, inner, 2 + row as u16, line);
    }
}

fn draw_palette(model: &Model, input: &Input, selected: usize, buffer: &mut Buffer) {
    let inner = window(model, buffer, (78, 18), model.word(Word::PaletteTitle), model.word(Word::PaletteHelp));
    input_line(model, buffer, inner, 0, ": ", input);
    let entries = palette::entries(model, input.text());
    let height = usize::from(inner.height).saturating_sub(2);
    let skipped = (selected + 1).saturating_sub(height);
    for (row, (index, entry)) in entries.iter().enumerate().skip(skipped).take(height).enumerate() {
        let row = row as u16 + 2;
        let key = width::pad_left(&entry.key, 6);
        let text = width::pad(&entry.text, usize::from(inner.width).saturating_sub(8));
        paint::line(model, buffer, inner, row, &[(text, Role::Text), (key, Role::Key)]);
        if index == selected {
            paint::select(model, buffer, inner, row);
        }
    }
}

/// Letters of the waterfall, for help.
const LEGEND: &[(char, &str)] = &[
    ('a', "authentication"),
    ('#', "audit"),
    ('i', "impersonation, fairness"),
    ('=', "authorization"),
    ('z', "route"),
    ('h', "handler"),
    ('r', "admission"),
    ('S', "store"),
    ('w', "answer"),
    ('P', "held"),
    ('~', "watch"),
];

/// The window of the help, at most.
const HELP: (u16, u16) = (102, 60);

/// Returns how many lines of the help do not fit into its window.
pub fn help_beyond(model: &Model, query: &str) -> usize {
    let inside = HELP.1.min(model.size.1.saturating_sub(3)).saturating_sub(2 + u16::from(!query.is_empty()));
    help_lines(model, query).len().saturating_sub(usize::from(inside))
}

fn help(model: &Model, query: &Input, scroll: usize, buffer: &mut Buffer) {
    let inner = window(model, buffer, HELP, model.word(Word::HelpTitle), model.word(Word::HelpFoot));
    let lines = help_lines(model, query.text());
    let top = u16::from(!query.text().is_empty());
    if top == 1 {
        input_line(model, buffer, inner, 0, "/ ", query);
    }
    let height = usize::from(inner.height - top);
    let scroll = scroll.min(lines.len().saturating_sub(height));
    for (row, line) in lines.iter().skip(scroll).take(height).enumerate() {
        paint::line(model, buffer, inner, top + row as u16, line);
    }
    if lines.len() > scroll + height {
        let text = format!(" +{} ", lines.len() - scroll - height);
        put(buffer, inner.right().saturating_sub(8), inner.bottom(), inner.right(), &text, model.style(Role::Quiet));
    }
}

fn help_lines(model: &Model, query: &str) -> Vec<Line> {
    let language = model.look.language;
    let groups =
        [Word::GroupWalk, Word::GroupTraffic, Word::GroupLook, Word::GroupChange, Word::GroupLesson, Word::GroupApp];
    let query = query.to_lowercase();
    let mut lines: Vec<Line> = Vec::new();
    for group in groups {
        let fits = |text: &str| query.is_empty() || text.to_lowercase().contains(&query);
        let of_group: Vec<Line> = KEYMAP
            .iter()
            .filter(|binding| binding.group == group && !binding.keys.is_empty())
            .filter(|binding| fits(binding.long(language)) || fits(binding.short(language)) || fits(&binding.keys()))
            .map(|binding| {
                vec![
                    (width::pad(&binding.keys(), 14), Role::Key),
                    (width::pad(binding.short(language), 17), Role::Strong),
                    (binding.long(language).to_owned(), Role::Quiet),
                ]
            })
            .collect();
        if !of_group.is_empty() {
            lines.push(vec![(model.word(group).to_owned(), Role::Accent)]);
            lines.extend(of_group);
            lines.push(Vec::new());
        }
    }
    if query.is_empty() {
        lines.push(vec![(model.word(Word::Legend).to_owned(), Role::Accent)]);
        for three in LEGEND.chunks(3) {
            let line = three
                .iter()
                .flat_map(|(letter, name)| [(format!("{letter} "), Role::Key), (width::pad(name, 26), Role::Quiet)]);
            lines.push(line.collect());
        }
    }
    lines
}
