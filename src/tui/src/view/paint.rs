//! Small strokes that all panes are drawn with.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    symbols::border,
    widgets::{Block, Widget},
};

use crate::{
    model::{Model, Pane, hint},
    theme::{Role, Signs},
    width,
};

/// Pieces of a line with their roles.
pub type Line = Vec<(String, Role)>;

/// The border of letters.
const ASCII: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// The same for the pane with the focus.
const ASCII_FOCUSED: border::Set<'static> = border::Set { horizontal_top: "=", horizontal_bottom: "=", ..ASCII };

/// Draws a border with titles at the top left and top right, and returns what is left inside.
pub fn pane(model: &Model, area: Rect, pane: Pane, title: &[(String, Role)], right: &str, buffer: &mut Buffer) -> Rect {
    let focused = model.focus == pane;
    frame(model, area, focused, buffer);
    let style = model.style(if focused { Role::Accent } else { Role::Quiet });
    let limit = area.right().saturating_sub(2);
    let mut x = put(buffer, area.x + 1, area.y, limit, &format!("[{}] ", pane.number()), style);
    for (text, role) in title {
        let style = if *role == Role::Border { style } else { model.style(*role) };
        x = put(buffer, x, area.y, limit, text, style);
    }
    let needed = width::cells(right) as u16 + 2;
    if !right.is_empty() && x + needed < area.right() {
        put(buffer, area.right() - needed - 1, area.y, limit + 1, &format!(" {right} "), model.style(Role::Quiet));
    }
    super::inner(area)
}

/// Says at the lower border how many lines there are below.
pub fn more(model: &Model, area: Rect, below: usize, buffer: &mut Buffer) {
    let text = format!(" +{below} ");
    let x = area.right().saturating_sub(2 + text.len() as u16);
    put(buffer, x, area.bottom() - 1, area.right() - 1, &text, model.style(Role::Quiet));
}

/// Draws a border.
pub fn frame(model: &Model, area: Rect, focused: bool, buffer: &mut Buffer) {
    let style = model.style(if focused { Role::Accent } else { Role::Border });
    let signs = &model.look.signs;
    let set = match (*signs == Signs::ASCII, focused) {
        (true, true) => ASCII_FOCUSED,
        (true, false) => ASCII,
        (false, true) => signs.focused.to_border_set(),
        (false, false) => signs.unfocused.to_border_set(),
    };
    Block::bordered().border_set(set).border_style(style).render(area, buffer);
}

/// Writes text up to a column and returns where it ended.
pub fn put(buffer: &mut Buffer, x: u16, y: u16, limit: u16, text: &str, style: Style) -> u16 {
    if x >= limit || y >= buffer.area.bottom() {
        return x;
    }
    buffer.set_stringn(x, y, text, usize::from(limit - x), style).0
}

/// Writes a line of pieces and returns where it ended.
pub fn line(model: &Model, buffer: &mut Buffer, area: Rect, row: u16, pieces: &[(String, Role)]) -> u16 {
    let mut x = area.x;
    if row >= area.height {
        return x;
    }
    for (text, role) in pieces {
        x = put(buffer, x, area.y + row, area.right(), text, model.style(*role));
    }
    x
}

/// Gives a row the look of a selected one, and keeps its colours.
pub fn select(model: &Model, buffer: &mut Buffer, area: Rect, row: u16) {
    if row < area.height {
        let style = model.style(Role::Selected);
        buffer.set_style(Rect::new(area.x, area.y + row, area.width, 1), style);
    }
}

/// Writes a sentence whose keys stand in backquotes: keys become caps.
pub fn sentence(model: &Model, buffer: &mut Buffer, (x, y): (u16, u16), limit: u16, text: &str, role: Role) -> u16 {
    let mut x = x;
    for (text, piece) in hint::pieces(text) {
        x = match piece {
            hint::Piece::Text => put(buffer, x, y, limit, text, model.style(role)),
            hint::Piece::Key => put(buffer, x, y, limit, text, model.style(Role::Key)),
        };
    }
    x
}

/// The same with keys as caps, for the one line that has to be seen.
pub fn caps(model: &Model, buffer: &mut Buffer, (x, y): (u16, u16), limit: u16, text: &str) -> u16 {
    let mut x = x;
    for (text, piece) in hint::pieces(text) {
        x = match piece {
            hint::Piece::Text => put(buffer, x, y, limit, text, model.style(Role::Strong)),
            hint::Piece::Key => put(buffer, x, y, limit, &format!(" {text} "), model.style(Role::KeyCap)),
        };
    }
    x
}

/// Breaks a text with code in backquotes into lines of pieces.
pub fn paragraph(text: &str, width: usize, role: Role) -> Vec<Line> {
    let mut in_code = false;
    // Backquotes take no room, so they are left out before wrapping and found again by counting.
    let mut marks = Vec::new();
    let mut bare = String::new();
    for c in text.chars() {
        if c == '`' {
            marks.push(bare.chars().filter(|c| !c.is_whitespace()).count());
        } else {
            bare.push(c);
        }
    }
    let mut marks = marks.into_iter().peekable();
    let mut seen = 0;
    let mut lines = Vec::new();
    for text in width::wrap(&bare, width) {
        let mut line: Line = Vec::new();
        let mut piece = String::new();
        for c in text.chars() {
            while !c.is_whitespace() && marks.peek() == Some(&seen) {
                marks.next();
                line.push((std::mem::take(&mut piece), if in_code { Role::Name } else { role }));
                in_code = !in_code;
            }
            piece.push(c);
            seen += usize::from(!c.is_whitespace());
        }
        line.push((piece, if in_code { Role::Name } else { role }));
        line.retain(|(text, _)| !text.is_empty());
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_keeps_its_colour_over_a_line_break() {
        let lines = paragraph("set `a b` and go", 8, Role::Text);
        let shown: Vec<Vec<(&str, Role)>> =
            lines.iter().map(|line| line.iter().map(|(text, role)| (text.as_str(), *role)).collect()).collect();
        assert_eq!(shown, [vec![("set ", Role::Text), ("a b", Role::Name)], vec![("and go", Role::Text)],]);
    }
}
