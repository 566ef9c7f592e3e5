//! The tab about what flows: requests that are under way, the seats they take, and who watches what.
//!
//! Who asks for what is known from the timeline; seats and queues are the server's own.

use std::collections::BTreeMap;

use control::{
    ports::{PriorityLevel, Watcher},
    timeline::{Timeline, trace::TraceLog},
};
use phase::record::TraceId;

use super::paint::Line;
use crate::{
    model::{Model, format, hint::phase_name},
    theme::Role,
    width,
    words::Word,
};

/// Requests under way that are listed.
const LISTED: usize = 100;

/// Returns the tab's lines.
pub fn lines(model: &Model, timeline: &Timeline, width: usize) -> Vec<Line> {
    let mut lines = under_way(model, timeline, width);
    lines.push(Vec::new());
    lines.extend(levels(model, width));
    lines.push(Vec::new());
    lines.extend(watches(model, timeline, width));
    lines
}

/// A heading, with a number.
fn heading(model: &Model, word: Word, count: usize) -> Line {
    vec![(format!("{} ", model.word(word)), Role::Accent), (count.to_string(), Role::Strong)]
}

/// Requests that end by themselves: two lines each, who and what, then where they are.
fn under_way(model: &Model, timeline: &Timeline, width: usize) -> Vec<Line> {
    let all = timeline.in_flight();
    let mut lines = vec![heading(model, Word::InFlight, all.len())];
    for log in all.take(LISTED) {
        let role = if log.is_system() { Role::Quiet } else { Role::Text };
        let waited = format::duration(model.now.saturating_sub(log.started()));
        let room = width.saturating_sub(width::cells(&waited) + 9);
        lines.push(vec![
            (width::pad(&format!("#{}", log.id().0), 7), Role::Quiet),
            (width::pad(&width::clip(&what(log), room), room), role),
            (format!(" {waited}"), Role::Quiet),
        ]);
        let held = model.holds.contains_key(&log.id());
        lines.push(vec![
            (format!("       {}", flow(log)), Role::Quiet),
            (format!("  {}", place(timeline, log)), if held { Role::Held } else { Role::Name }),
        ]);
    }
    lines
}

/// Who asks for what: `alice  create pods -n shop`.
fn what(log: &TraceLog) -> String {
    let fact = |name: &str| log.fact(name).unwrap_or_default();
    let (method, path) = log.method_and_path();
    let user = if fact("user").is_empty() { "?" } else { fact("user") };
    if fact("resource").is_empty() {
        return format!("{user}  {method} {path}");
    }
    format!("{user}  {} {}", fact("verb"), watched(log))
}

/// The resource that is asked for, with its namespace.
fn watched(log: &TraceLog) -> String {
    let fact = |name: &str| log.fact(name).unwrap_or_default();
    let group = if fact("group").is_empty() { String::new() } else { format!(".{}", fact("group")) };
    let namespace = if fact("namespace").is_empty() { String::new() } else { format!(" -n {}", fact("namespace")) };
    format!("{}{group}{namespace}", fact("resource"))
}

/// How it was classified.
fn flow(log: &TraceLog) -> String {
    match (log.fact("flowSchema"), log.fact("priorityLevel")) {
        (Some(schema), Some(level)) if schema != level => format!("{schema} ({level})"),
        (Some(schema), _) => schema.to_owned(),
        (None, _) => "-".to_owned(),
    }
}

/// The phase that it entered last and has not left.
fn place(timeline: &Timeline, log: &TraceLog) -> String {
    let open = log.spans().iter().rfind(|span| span.exited().is_none());
    open.map_or(String::new(), |span| phase_name(span.phase().name(), Some(timeline.name(span.label()))))
}

/// Levels, the busy ones first.
fn levels(model: &Model, width: usize) -> Vec<Line> {
    let Some(levels) = &model.inspect.levels else {
        let word = if model.live { Word::Asking } else { Word::NoServerHere };
        return vec![vec![(model.word(word).to_owned(), Role::Quiet)]];
    };
    let name = width.saturating_sub(26);
    let row = |cells: [&str; 4], role: Role| {
        let [level, seats, waiting, rejected] = cells;
        let level = width::pad(&width::clip(level, name), name);
        let right = [(seats, 9), (waiting, 8), (rejected, 8)].map(|(text, cells)| width::pad_left(text, cells));
        vec![(format!("{level}{}", right.concat()), role)]
    };
    let heads = [Word::Levels, Word::Seats, Word::Waiting, Word::Rejected].map(|word| model.word(word));
    let mut lines = vec![row(heads, Role::Accent)];
    let busy = |level: &PriorityLevel| level.executing + level.waiting > 0;
    let mut sorted: Vec<&PriorityLevel> = levels.iter().collect();
    sorted.sort_by_key(|level| !busy(level));
    lines.extend(sorted.into_iter().map(|level| {
        let seats =
            if level.nominal == 0 { level.executing.to_string() } else { format!("{}/{}", level.seats, level.nominal) };
        let role = match (level.waiting, busy(level)) {
            (1.., _) => Role::Warn,
            (0, true) => Role::Text,
            (0, false) => Role::Quiet,
        };
        row([&level.name, &seats, &level.waiting.to_string(), &level.rejected.to_string()], role)
    }));
    lines
}

/// Who watches what, by resource.
fn watches(model: &Model, timeline: &Timeline, width: usize) -> Vec<Line> {
    let mut all: Vec<(String, &TraceLog)> = timeline.watches().map(|log| (watched(log), log)).collect();
    all.sort_by(|one, other| (&one.0, one.1.id()).cmp(&(&other.0, other.1.id())));
    let mut lines = vec![heading(model, Word::Watches, all.len())];
    if all.is_empty() {
        lines.push(vec![(model.word(Word::NoWatchers).to_owned(), Role::Quiet)]);
        return lines;
    }
    let what = (width.saturating_sub(16) / 2).clamp(10, 44);
    let who = width.saturating_sub(what + 16);
    let row = |cells: [&str; 4], role: Role| {
        let [resource, user, sent, lag] = cells;
        let resource = width::pad(&width::clip(resource, what), what);
        let user = width::pad(&width::clip_start(user, who), who);
        vec![(resource, role), (format!(" {user}{}{}", width::pad_left(sent, 8), width::pad_left(lag, 6)), Role::Quiet)]
    };
    let heads = [Word::Resource, Word::User, Word::Sent, Word::Lag].map(|word| model.word(word));
    lines.push(row(heads, Role::Quiet));
    let known = model.inspect.watchers.as_deref().unwrap_or_default();
    let known: BTreeMap<TraceId, &Watcher> = known.iter().map(|watcher| (watcher.request, watcher)).collect();
    for (resource, log) in all {
        let (sent, lag, late) = match known.get(&log.id()) {
            Some(one) => {
                (one.sent.to_string(), format!("{}{}", one.lag, if one.behind { "+" } else { "" }), one.lag > 0)
            }
            None => ("-".to_owned(), "-".to_owned(), false),
        };
        let role = if late { Role::Warn } else { Role::Text };
        lines.push(row([&resource, log.fact("user").unwrap_or("?"), &sent, &lag], role));
    }
    lines
}
