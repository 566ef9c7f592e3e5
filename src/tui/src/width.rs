//! Text measured in cells, not characters: Chinese takes two, combining marks none.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Returns how many cells a text takes.
pub fn cells(text: &str) -> usize {
    text.width()
}

/// Cuts a text to a number of cells, with two dots where something is missing.
pub fn clip(text: &str, width: usize) -> String {
    if cells(text) <= width {
        return text.to_owned();
    }
    let mark = if width >= 4 { ".." } else { "" };
    let mut out = take(text, width - mark.len()).to_owned();
    out.push_str(mark);
    out
}

/// Cuts a text in its middle: the beginning and the end of a path say most.
pub fn clip_middle(text: &str, width: usize) -> String {
    let all = cells(text);
    if all <= width || width < 8 {
        return clip(text, width);
    }
    let tail_width = (width - 2) * 3 / 5;
    let mut tail = text;
    while cells(tail) > tail_width {
        let first = tail.chars().next().map_or(0, char::len_utf8);
        tail = &tail[first..];
    }
    format!("{}..{tail}", take(text, width - 2 - cells(tail)))
}

/// Cuts a text at its beginning: the end of a field's path says most.
pub fn clip_start(text: &str, width: usize) -> String {
    if cells(text) <= width || width < 4 {
        return clip(text, width);
    }
    let mut tail = text;
    while cells(tail) > width - 2 {
        tail = &tail[tail.chars().next().map_or(0, char::len_utf8)..];
    }
    format!("..{tail}")
}

/// Returns the longest beginning that takes at most this many cells.
pub fn take(text: &str, width: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > width {
            return &text[..at];
        }
    }
    text
}

/// Fills a text up with spaces to a number of cells, or cuts it.
pub fn pad(text: &str, width: usize) -> String {
    let mut out = clip(text, width);
    let used = cells(&out);
    out.extend(std::iter::repeat_n(' ', width.saturating_sub(used)));
    out
}

/// The same, with the text at the right.
pub fn pad_left(text: &str, width: usize) -> String {
    let out = clip(text, width);
    let used = cells(&out);
    format!("{}{out}", " ".repeat(width.saturating_sub(used)))
}

/// Marks that must not begin a line.
const CLOSING: &str = "\u{ff0c}\u{3002}\u{3001}\u{ff1b}\u{ff1a}\u{ff1f}\u{ff01}\u{ff09}\u{201d}\u{300d}\u{300b},.;:?!)";

/// Breaks a text into lines of at most this many cells. Latin words stay whole, Chinese breaks anywhere, and no line
/// begins with a closing mark.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(2);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for piece in pieces(paragraph) {
            let together = cells(&line) + cells(piece.trim_end());
            if together > width && !line.is_empty() {
                let closing = piece.chars().next().is_some_and(|c| CLOSING.contains(c));
                let carried = if closing { last_piece(&mut line) } else { String::new() };
                lines.push(std::mem::take(&mut line).trim_end().to_owned());
                line = carried;
                if piece.trim().is_empty() {
                    continue;
                }
            }
            line.push_str(piece);
            // A word longer than a line is cut.
            while cells(line.trim_end()) > width {
                let head = take(&line, width).to_owned();
                line = line[head.len()..].to_owned();
                lines.push(head);
            }
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// Takes the last breakable piece off a line.
fn last_piece(line: &mut String) -> String {
    let last = pieces(line).last().map_or(0, str::len);
    // Never the whole line: that would not move forward.
    if last >= line.len() {
        return String::new();
    }
    line.split_off(line.len() - last)
}

/// Splits at the places where a line may break: after spaces, around wide characters.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut chars = rest.char_indices();
        let (_, first) = chars.next()?;
        let wide = |c: char| c.width().unwrap_or(0) == 2;
        let mut end = first.len_utf8();
        if !wide(first) {
            for (at, c) in chars {
                let after_space = rest[..at].ends_with(' ') && c != ' ';
                if after_space || wide(c) {
                    break;
                }
                end = at + c.len_utf8();
            }
        }
        let (piece, tail) = rest.split_at(end);
        rest = tail;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_cells() {
        assert_eq!(clip("authorization", 8), "author..");
        assert_eq!(clip("认证与授权", 7), "认证..");
        assert_eq!(cells(&clip("认证与授权", 7)), 6);
        assert_eq!(clip_start("generic.Authentication", 10), "..tication");
        assert_eq!(pad("认", 4), "认  ");
        assert_eq!(clip_middle("/api/v1/namespaces/shop/pods/web", 20), "/api/v1/..p/pods/web");
    }

    #[test]
    fn latin_breaks_at_spaces_and_chinese_anywhere() {
        assert_eq!(wrap("who may do what", 8), ["who may", "do what"]);
        assert_eq!(wrap("谁能做什么由谁说了算", 8), ["谁能做什", "么由谁说", "了算"]);
        assert_eq!(wrap("a\nb", 8), ["a", "b"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
    }

    #[test]
    fn no_line_begins_with_a_closing_mark() {
        let lines = wrap("谁能做什么\u{ff0c}谁说了算\u{3002}", 10);
        assert!(lines.iter().all(|line| !line.starts_with(['\u{ff0c}', '\u{3002}'])), "{lines:?}");
        assert!(lines.iter().all(|line| cells(line) <= 10), "{lines:?}");
    }
}
