//! Tabs of the inspector that do not come from the timeline's states: source, store, watches, log.

use control::timeline::{Timeline, trace::TraceLog};

use super::paint::{self, Line};
use crate::{
    highlight,
    model::{Model, format},
    theme::Role,
    width,
    words::Word,
};

/// Lines of source around the one that entered the phase.
const AROUND: usize = 200;

/// Our own source at the step, and its Go counterpart.
pub fn source(model: &Model, timeline: &Timeline, log: &TraceLog, step: usize, width: usize) -> Vec<Line> {
    let Some(span) = log.span(step.min(log.spans().len().saturating_sub(1))) else {
        return paint::paragraph(model.word(Word::NoSource), width, Role::Quiet);
    };
    let place = timeline.name(span.source());
    let (file, function) = span.phase().info().go.rsplit_once(' ').unwrap_or((span.phase().info().go, ""));
    let mut lines =
        vec![vec![(format!("{}  ", model.word(Word::GoCounterpart)), Role::Quiet), (function.to_owned(), Role::Name)]];
    lines.push(vec![(format!("  {}", width::clip_middle(file, width.saturating_sub(2))), Role::Faint)]);
    let (path, number) = place.rsplit_once(':').unwrap_or((place, ""));
    let number: usize = number.parse().unwrap_or(0);
    lines.push(vec![(width::clip_middle(place, width), Role::Strong)]);
    lines.push(Vec::new());
    let Some(text) = find(model, path) else {
        lines.extend(paint::paragraph(model.word(Word::NoSource), width, Role::Quiet));
        return lines;
    };
    // A few lines before, so that the function's name is usually seen.
    let first = number.saturating_sub(9);
    let shown: Vec<(usize, String)> = text
        .lines()
        .enumerate()
        .skip(first)
        .take(AROUND)
        .map(|(index, line)| (index, line.replace('\t', "    ")))
        .collect();
    // What all the lines around the place have in common on their left says nothing.
    let near = shown.iter().take(18).filter(|(_, line)| !line.trim().is_empty());
    let indent = near.map(|(_, line)| line.len() - line.trim_start().len()).min().unwrap_or(0);
    for (index, line) in shown {
        let here = index + 1 == number;
        let mut pieces: Line = Vec::new();
        if here {
            pieces.push((String::new(), Role::Selected));
        }
        pieces.push((format!("{}{:>4} ", if here { model.look.signs.current } else { " " }, index + 1), Role::Faint));
        pieces.extend(highlight::rust(line.get(indent..).unwrap_or("")));
        lines.push(pieces);
    }
    lines
}

/// Finds a file by its path, also if the build named it from another folder.
fn find<'a>(model: &'a Model, path: &str) -> Option<&'a str> {
    let exact = model.sources.get(path);
    let ends = || model.sources.iter().find(|(known, _)| path.ends_with(known.as_str()) || known.ends_with(path));
    exact.map(AsRef::as_ref).or_else(|| (!path.is_empty()).then(ends)?.map(|(_, text)| text.as_ref()))
}

/// Lines above the keys.
pub const STORE_HEAD: usize = 2;

/// Keys below a prefix, or one value.
pub fn store(model: &Model, width: usize) -> Vec<Line> {
    let store = &model.inspect.store;
    let mut lines =
        vec![vec![(format!("{} ", model.word(Word::StorePrompt)), Role::Quiet), (store.prefix.clone(), Role::Strong)]];
    if let Some(error) = &store.error {
        lines.extend(paint::paragraph(error, width, Role::Bad));
        return lines;
    }
    if let Some(value) = &store.value {
        let key = &value.key;
        lines[0] = vec![(width::clip_middle(&key.key, width), Role::Strong)];
        let word = model.word(Word::Revision);
        let what = format!(
            "{word} {} (+{}, v{})  {}  {}",
            key.mod_revision,
            key.create_revision,
            key.version,
            value.encoding,
            format::size(key.size)
        );
        lines.push(vec![(what, Role::Quiet)]);
        for line in highlight::lines(&value.object) {
            let mut pieces = vec![
                (format!("{}{}", "  ".repeat(line.depth), line.key), Role::Name),
                (if line.key == "-" { " " } else { ": " }.to_owned(), Role::Quiet),
            ];
            pieces.extend(line.value.map(|value| (highlight::inline(&value), highlight::role(&value))));
            lines.push(pieces);
        }
        return lines;
    }
    let Some(keys) = &store.keys else {
        let word = if model.live { Word::Asking } else { Word::NoServerHere };
        lines.push(vec![(model.word(word).to_owned(), Role::Quiet)]);
        return lines;
    };
    lines[0].push((format!("  {}", keys.count), Role::Quiet));
    lines.push(vec![(format!("{} {}", model.word(Word::Revision), keys.revision), Role::Quiet)]);
    for (index, key) in keys.keys.iter().enumerate() {
        let mut pieces: Line = Vec::new();
        if index == store.selected {
            pieces.push((String::new(), Role::Selected));
        }
        let bare = key.key.strip_prefix(&store.prefix).unwrap_or(&key.key);
        let room = width.saturating_sub(18);
        pieces.push((width::pad(&width::clip_start(bare, room), room), Role::Text));
        pieces.push((format!("{:>8}", key.mod_revision), Role::Name));
        pieces.push((width::pad_left(&format::size(key.size), 9), Role::Quiet));
        lines.push(pieces);
    }
    lines
}

/// Cells before the message of a line of the log.
const LOG_HEAD: usize = 15;

/// The server's log.
pub fn logs(model: &Model, width: usize) -> Vec<Line> {
    if model.logs.is_empty() {
        return vec![vec![(model.word(Word::NoLogs).to_owned(), Role::Quiet)]];
    }
    let role = |level: &str| match level {
        "ERROR" => Role::Bad,
        "WARN" => Role::Warn,
        "INFO" => Role::Good,
        _ => Role::Faint,
    };
    let room = width.saturating_sub(LOG_HEAD + 1);
    let mut lines: Vec<Line> = Vec::new();
    for line in &model.logs {
        let mut pieces = vec![
            (format!("{:>8} ", format::duration(line.at)), Role::Faint),
            (format!("{:<5} ", line.level), role(&line.level)),
        ];
        for text in width::wrap(&format!("{}  {}", line.message, line.target), room) {
            pieces.push((text, Role::Text));
            lines.push(std::mem::replace(&mut pieces, vec![(" ".repeat(LOG_HEAD), Role::Text)]));
        }
    }
    lines
}
