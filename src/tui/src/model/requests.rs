//! The list of requests: which are shown, in which order, and their bars.

use control::{
    condition::Facts,
    timeline::{Timeline, trace::TraceLog},
};
use phase::{
    catalog::Phase,
    clock::Nanos,
    record::{TraceId, TraceKind},
};

use super::{Model, filter::Filter};

/// The list.
#[derive(Debug, Default)]
pub struct Requests {
    /// The selected request; `None`: the one that is looked at.
    pub selected: Option<TraceId>,
    /// How far the list is scrolled.
    pub scroll: usize,
    /// What is shown; `None`: all.
    pub filter: Option<Filter>,
    /// Whether requests of the system itself are hidden.
    pub system: SystemRows,
    /// How much time a bar's width stands for, as a power of two of the automatic one.
    pub zoom: i32,
}

/// Whether requests of the system are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SystemRows {
    /// Not.
    #[default]
    Hidden,
    /// Among the others.
    Shown,
}

/// At most this many requests are looked at for one frame: where those of the system are hidden, most may be theirs.
const SEARCHED: usize = 4_000;

/// Returns the requests to show: held ones first (of those, the one that is looked at), then the newest.
pub fn list(model: &Model, timeline: &Timeline, count: usize) -> Vec<TraceId> {
    let mut out = held(model, timeline);
    let newest: Box<dyn Iterator<Item = &TraceLog>> = match &model.requests.filter {
        Some(filter) => Box::new(filter.fits().filter_map(|id| timeline.trace(id))),
        None => Box::new(timeline.traces().rev()),
    };
    let rest = newest
        .take(SEARCHED)
        .filter(|log| !model.holds.contains_key(&log.id()) && is_shown(model, log))
        .map(TraceLog::id);
    out.extend(rest.take(count.saturating_sub(out.len())));
    out
}

fn held(model: &Model, timeline: &Timeline) -> Vec<TraceId> {
    let mut held: Vec<_> = model.holds.values().filter(|hold| is_request(hold.kind)).collect();
    held.sort_by_key(|hold| (Some(hold.trace) != model.cursor.trace, hold.since, hold.trace));
    held.into_iter().map(|hold| hold.trace).filter(|id| timeline.trace(*id).is_some()).collect()
}

/// Says whether a trace is a request.
pub fn is_request(kind: TraceKind) -> bool {
    matches!(kind, TraceKind::Request | TraceKind::System)
}

fn is_shown(model: &Model, log: &TraceLog) -> bool {
    is_request(log.kind()) && (model.requests.system == SystemRows::Shown || !log.is_system())
}

/// Returns all that is known of a request; its title stands in for a path that nobody told.
pub fn facts(log: &TraceLog) -> Facts {
    let mut facts: Facts = log.facts().iter().cloned().collect();
    let (method, path) = log.method_and_path();
    facts.entry("path".into()).or_insert_with(|| path.to_owned());
    facts.entry("method".into()).or_insert_with(|| method.to_owned());
    for name in ["user", "name"] {
        facts.entry(name.into()).or_default();
    }
    facts
}

/// A stretch of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Its letter.
    pub letter: char,
    /// From when, since the request began, without the time it was held.
    pub from: Nanos,
    /// Until when.
    pub to: Nanos,
}

/// Returns the letter of a phase; `None` for those that only belong to the phase around them.
pub fn letter(phase: Phase) -> Option<char> {
    Some(match phase {
        Phase::Authentication => 'a',
        Phase::Tracing | Phase::Audit => '#',
        Phase::Impersonation | Phase::PriorityAndFairness => 'i',
        Phase::Authorization => '=',
        Phase::Route | Phase::Proxy => 'z',
        Phase::Create
        | Phase::Get
        | Phase::List
        | Phase::Update
        | Phase::Patch
        | Phase::Delete
        | Phase::DeleteCollection
        | Phase::Connect
        | Phase::DecodeBody
        | Phase::Default
        | Phase::ApplyPatch
        | Phase::FieldManagement
        | Phase::PrepareForWrite
        | Phase::Validate => 'h',
        Phase::MutatingAdmission | Phase::ValidatingAdmission => 'r',
        Phase::StorageCreate
        | Phase::StorageUpdate
        | Phase::StorageList
        | Phase::CacherGet
        | Phase::CacherGetList
        | Phase::KVRange
        | Phase::KVTxn => 'S',
        Phase::Watch | Phase::CacherWatch | Phase::WatchServer => '~',
        Phase::SerializeObject => 'w',
        phase if control::detail::minor(phase) || phase == Phase::RequestInfo => '.',
        _ => return None,
    })
}

/// Returns a bar as stretches of time, and how long it is in all.
pub fn stretches(log: &TraceLog, now: Nanos) -> (Vec<Stretch>, Nanos) {
    let start = log.started();
    let mut held: Nanos = 0;
    let mut out: Vec<Stretch> = Vec::new();
    let mut current = '.';
    let mut from = 0;
    for span in log.spans() {
        let entered = span.entered().saturating_sub(start).saturating_sub(held);
        held += span.held();
        let Some(letter) = letter(span.phase()) else { continue };
        if letter != current {
            out.push(Stretch { letter: current, from, to: entered });
            (current, from) = (letter, entered);
        }
    }
    let end = match (log.finished(), log.held_at()) {
        (Some(finished), _) => finished.saturating_sub(start).saturating_sub(held),
        (None, Some(at)) => log.spans()[at].entered().saturating_sub(start).saturating_sub(held),
        (None, None) => now.max(start).saturating_sub(start).saturating_sub(held),
    };
    out.push(Stretch { letter: current, from, to: end.max(from) });
    if log.held_at().is_some() {
        out.push(Stretch { letter: 'P', from: end, to: end });
    }
    out.retain(|stretch| stretch.to > stretch.from || stretch.letter == 'P');
    (out, end)
}

/// Returns the bar of a watch: what led to it in one letter each, then the stream, as long as it lasts.
pub fn watch_bar(stretches: &[Stretch], open: Open, width: usize) -> String {
    let mut letters: String = stretches.iter().map(|stretch| stretch.letter).filter(|letter| *letter != '~').collect();
    letters.truncate(width);
    let stream = match open {
        Open::Open => width.saturating_sub(letters.len()),
        Open::Ended => width.saturating_sub(letters.len()) / 2,
    };
    letters.extend(std::iter::repeat_n('~', stream));
    letters
}

/// Whether a watch still lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// It does.
    Open,
    /// It does not.
    Ended,
}

/// Returns how much time the bars' whole width stands for: what nine in ten of the shown requests fit into.
pub fn scale(model: &Model, timeline: &Timeline, shown: &[TraceId]) -> Nanos {
    let mut lengths: Vec<Nanos> = shown
        .iter()
        .filter_map(|id| timeline.trace(*id))
        .filter(|log| log.fact("verb") != Some("watch") && (log.finished().is_some() || log.held_at().is_some()))
        .map(|log| stretches(log, model.now).1)
        .collect();
    lengths.sort_unstable();
    let typical = lengths.get(lengths.len() * 9 / 10).or(lengths.last()).copied().unwrap_or(0);
    let rounded = round_up(typical.max(100_000) + typical / 8);
    match model.requests.zoom {
        0 => rounded,
        zoom if zoom > 0 => (rounded >> zoom.min(20)).max(1_000),
        zoom => rounded << (-zoom).min(20),
    }
}

/// 1, 2 or 5 times a power of ten.
pub fn round_up(nanos: Nanos) -> Nanos {
    let mut step = 1_000;
    loop {
        for factor in [1, 2, 5] {
            if step * factor >= nanos {
                return step * factor;
            }
        }
        step *= 10;
    }
}

/// Returns the letters of a bar of this many cells.
pub fn bar(stretches: &[Stretch], scale: Nanos, width: usize) -> String {
    let mut out = String::new();
    let cell = (scale / width.max(1) as Nanos).max(1);
    for stretch in stretches {
        let end = (stretch.to.div_ceil(cell) as usize).min(width);
        // Whatever happened gets a cell, be it ever so short: the order of letters is what one reads.
        let cells = end.saturating_sub(out.len()).max(1);
        for _ in 0..cells {
            if out.len() < width {
                out.push(stretch.letter);
            }
        }
    }
    // That it is held matters more than the last bit of what came before.
    if stretches.last().is_some_and(|last| last.letter == 'P') && !out.ends_with('P') {
        out.pop();
        out.push('P');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_bar_tells_the_phases_in_their_order() {
        let timeline = testing::request_held_at(Phase::MutatingAdmission);
        let log = timeline.trace(testing::REQUEST).expect("there");
        let (stretches, end) = stretches(log, 0);
        let mut letters: String = bar(&stretches, end, 40);
        letters = letters.chars().fold(String::new(), |mut out, c| {
            if !out.ends_with(c) {
                out.push(c);
            }
            out
        });
        assert_eq!(letters, ".a#i=zhP");
    }

    #[test]
    fn a_bar_never_leaves_its_width() {
        let timeline = testing::request_held_at(Phase::MutatingAdmission);
        let (stretches, end) = stretches(timeline.trace(testing::REQUEST).expect("there"), 0);
        for width in [1, 5, 80] {
            assert!(bar(&stretches, end / 7, width).len() <= width);
        }
        assert_eq!([1, 1_100_000, 3_000_000].map(round_up), [1_000, 2_000_000, 5_000_000]);
    }
}
