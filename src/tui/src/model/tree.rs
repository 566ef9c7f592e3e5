//! The rows of the phase tree: phases flat with their own time, minor filters folded, and what lies ahead.

use std::collections::BTreeMap;

use control::{
    detail::{self, Detail, Minor},
    timeline::trace::{Span, Standing, TraceLog},
};
use phase::{
    catalog::{CATALOG, Level, Phase},
    record::TraceKind,
};

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it stands for.
    pub key: RowKey,
    /// How deep it stands.
    pub depth: u8,
    /// Whether there is something below it.
    pub node: Node,
}

/// What a row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowKey {
    /// A phase that was entered, by its index.
    Span(usize),
    /// Minor filters, from the first index to the last.
    Fold(usize, usize),
    /// A phase that is expected.
    Ahead(Phase),
}

/// Whether there is something below a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// Nothing.
    Leaf,
    /// Something, shown.
    Open,
    /// Something, not shown.
    Closed,
}

/// Returns the rows of a trace as it stood at a step.
pub fn rows(log: &TraceLog, step: usize, detail: Detail, opened: &BTreeMap<RowKey, bool>) -> Vec<Row> {
    let mut rows = spans(log, step, detail, opened);
    rows.extend(ahead(log, step).into_iter().map(|(phase, depth)| Row {
        key: RowKey::Ahead(phase),
        depth,
        node: Node::Leaf,
    }));
    rows
}

/// Returns how many rows to skip so that a row is seen, in the middle if there is a choice.
pub fn scroll(count: usize, selected: usize, height: usize) -> usize {
    selected.saturating_sub(height / 2).min(count.saturating_sub(height))
}

/// Returns the row of a key, or of the fold that holds it.
pub fn position(rows: &[Row], key: RowKey) -> Option<usize> {
    rows.iter().position(|row| match (row.key, key) {
        (RowKey::Fold(from, to), RowKey::Span(index)) => (from..=to).contains(&index),
        (row, key) => row == key,
    })
}

/// For each phase, the phase it is drawn below.
fn parents(log: &TraceLog) -> Vec<Option<usize>> {
    let spans = log.spans();
    let mut parents: Vec<Option<usize>> = Vec::with_capacity(spans.len());
    for span in spans {
        let mut at = span.parent();
        while let Some(index) = at
            && spans[index].depth() >= span.depth()
        {
            at = spans[index].parent();
        }
        parents.push(at);
    }
    parents
}

/// Says whether a step lies below a phase in the drawing (or is it).
fn is_within(parents: &[Option<usize>], step: usize, of: usize) -> bool {
    let mut at = (step < parents.len()).then_some(step);
    while let Some(index) = at {
        if index == of {
            return true;
        }
        at = parents[index];
    }
    false
}

fn spans(log: &TraceLog, step: usize, detail: Detail, opened: &BTreeMap<RowKey, bool>) -> Vec<Row> {
    let parents = parents(log);
    let count = log.spans().len().min(step.saturating_add(1));
    // First which phases have a row, then the rows: whether a node is closed is only known once its children are.
    let mut shown = vec![false; count];
    let mut has_children = vec![false; count];
    let mut hides_children = vec![false; count];
    for index in 0..count {
        let phase = log.spans()[index].phase();
        let Some(parent) = parents[index] else {
            shown[index] = true;
            continue;
        };
        has_children[parent] = true;
        let by_hand = opened.get(&RowKey::Span(parent));
        let within = is_within(&parents, step, parent) && parent != 0;
        let seen = match by_hand {
            Some(false) => false,
            Some(true) => true,
            None => by_detail(log, parent, phase, detail) || within || index == step || detail::minor(phase),
        };
        shown[index] = shown[parent] && seen;
        hides_children[parent] |= !shown[index];
    }
    let mut rows = Vec::new();
    let mut folded = None;
    for index in in_order(&parents[..count]) {
        if folded.is_some_and(|(from, to)| (from..=to).contains(&index)) {
            continue;
        }
        if let Some(end) = fold_from(log, index, count, step, detail, opened, &shown) {
            rows.push(Row { key: RowKey::Fold(index, end), depth: log.spans()[index].depth(), node: Node::Closed });
            folded = Some((index, end));
            continue;
        }
        if shown[index] {
            let node = match (has_children[index], hides_children[index]) {
                (false, _) => Node::Leaf,
                (true, true) => Node::Closed,
                (true, false) => Node::Open,
            };
            rows.push(Row { key: RowKey::Span(index), depth: log.spans()[index].depth(), node });
        }
    }
    rows
}

/// Returns phases so that what is drawn below a phase follows it: hooks run side by side, and what is entered later may
/// belong further up.
fn in_order(parents: &[Option<usize>]) -> Vec<usize> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); parents.len()];
    let mut stack = Vec::new();
    for (index, parent) in parents.iter().enumerate().rev() {
        match parent {
            Some(parent) => children[*parent].push(index),
            None => stack.push(index),
        }
    }
    let mut order = Vec::with_capacity(parents.len());
    while let Some(index) = stack.pop() {
        order.push(index);
        stack.append(&mut children[index]);
    }
    order
}

/// Says whether a phase is shown though nobody opened the phase around it.
///
/// A start-up is deep: its stages are the skeleton, and what is inside one is seen while one is inside.
fn by_detail(log: &TraceLog, parent: usize, phase: Phase, detail: Detail) -> bool {
    let skeleton = phase.info().level == Level::Teaching || parent == 0 || detail.level == Level::Call;
    detail.shows(phase) && (log.kind() != TraceKind::Startup || skeleton)
}

/// Returns the last of the minor filters that begin at an index and are folded.
fn fold_from(
    log: &TraceLog,
    from: usize,
    count: usize,
    step: usize,
    detail: Detail,
    opened: &BTreeMap<RowKey, bool>,
    shown: &[bool],
) -> Option<usize> {
    if detail.minor == Minor::Unfolded {
        return None;
    }
    let is_minor = |index: usize| shown[index] && detail::minor(log.spans()[index].phase());
    let end = (from..count).take_while(|index| is_minor(*index)).last()?;
    // Those that were unfolded by hand are known by the first of them.
    let first = (0..from).rev().take_while(|index| is_minor(*index)).last().unwrap_or(from);
    let unfolded = opened.get(&RowKey::Fold(first, first)).copied().unwrap_or(false);
    let inside = (from..=end).contains(&step);
    (!unfolded && !inside).then_some(end)
}

/// Handlers' steps in the order of work, for what lies ahead. Not every kind of request has all of them.
const CREATE: &[Phase] = &[
    Phase::DecodeBody,
    Phase::MutatingAdmission,
    Phase::Validate,
    Phase::ValidatingAdmission,
    Phase::StorageCreate,
    Phase::SerializeObject,
];
const UPDATE: &[Phase] = &[
    Phase::DecodeBody,
    Phase::StorageUpdate,
    Phase::MutatingAdmission,
    Phase::Validate,
    Phase::ValidatingAdmission,
    Phase::SerializeObject,
];
const DELETE: &[Phase] = &[Phase::ValidatingAdmission, Phase::KVTxn, Phase::SerializeObject];
const READ: &[Phase] = &[Phase::SerializeObject];

/// Filters and routing that every request meets and a lesson shows.
const LINE: &[Phase] = &[
    Phase::RequestInfo,
    Phase::Authentication,
    Phase::Audit,
    Phase::Impersonation,
    Phase::PriorityAndFairness,
    Phase::Authorization,
    Phase::Route,
];

/// Returns the phases that are still expected after a step, with their depth.
fn ahead(log: &TraceLog, step: usize) -> Vec<(Phase, u8)> {
    if log.finished().is_some() && step >= log.spans().len() {
        return Vec::new();
    }
    let entered: Vec<Phase> = log.spans().iter().take(step.saturating_add(1)).map(Span::phase).collect();
    match log.kind() {
        TraceKind::Startup => startup_ahead(&entered),
        TraceKind::Request | TraceKind::System => request_ahead(log, &entered),
        TraceKind::Shutdown => Vec::new(),
    }
}

fn startup_ahead(entered: &[Phase]) -> Vec<(Phase, u8)> {
    let last = entered.iter().filter(|phase| **phase <= Phase::Ready).max().copied();
    let depth = |phase: Phase| std::iter::successors(phase.info().parent, |parent| parent.info().parent).count() as u8;
    let belongs =
        |phase: Phase| std::iter::successors(Some(phase), |phase| phase.info().parent).last() == Some(Phase::Startup);
    CATALOG
        .iter()
        .map(|info| info.phase)
        .filter(|phase| phase.info().level == Level::Teaching && belongs(*phase))
        .filter(|phase| last.is_none_or(|last| *phase > last) && !entered.contains(phase))
        .map(|phase| (phase, depth(phase)))
        .collect()
}

fn request_ahead(log: &TraceLog, entered: &[Phase]) -> Vec<(Phase, u8)> {
    // A refusal has already decided that nothing more comes. An authenticator that knows nobody is none.
    let refused =
        log.spans().iter().take(entered.len()).any(|span| detail::in_line(span.phase()) && span.error().is_some());
    if refused {
        return Vec::new();
    }
    let last_in_line = entered.iter().copied().filter(|phase| detail::in_line(*phase)).max();
    let mut phases: Vec<(Phase, u8)> =
        LINE.iter().filter(|phase| last_in_line.is_none_or(|last| **phase > last)).map(|phase| (*phase, 1)).collect();
    let (verb, steps) = match log.fact("verb") {
        Some("create") => (Phase::Create, CREATE),
        Some("update") => (Phase::Update, UPDATE),
        Some("patch") => (Phase::Patch, UPDATE),
        Some("delete") => (Phase::Delete, DELETE),
        Some("deletecollection") => (Phase::DeleteCollection, DELETE),
        Some("get") => (Phase::Get, READ),
        Some("list") => (Phase::List, READ),
        Some("watch") => (Phase::Watch, &[][..]),
        _ => return phases,
    };
    if last_in_line.is_none_or(|last| last < verb) {
        phases.push((verb, 1));
    }
    let reached = steps.iter().rposition(|phase| entered.contains(phase)).map_or(0, |at| at + 1);
    let deciding = last_in_line.is_none_or(|last| last <= verb);
    if deciding {
        phases.extend(steps[reached..].iter().map(|phase| (*phase, 2)));
    }
    phases
}

/// Returns the row of a step. At the end that is the last phase of a request, and the whole of a start-up.
pub fn current(log: &TraceLog, step: usize) -> RowKey {
    let last = log.spans().len().saturating_sub(1);
    RowKey::Span(if step > last && log.kind() == TraceKind::Startup { 0 } else { step.min(last) })
}

/// Returns how a row's phase stands at a step.
pub fn standing(log: &TraceLog, key: RowKey, step: usize) -> Standing {
    match key {
        RowKey::Span(index) => log.standing(index, step),
        RowKey::Fold(_, last) => log.standing(last, step),
        RowKey::Ahead(_) => Standing::Ahead,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cursor;
    use crate::testing;

    fn names(log: &TraceLog, rows: &[Row]) -> Vec<String> {
        rows.iter()
            .map(|row| {
                let name = match row.key {
                    RowKey::Span(index) => log.spans()[index].phase().name().to_owned(),
                    RowKey::Fold(from, to) => format!("({} minor)", to - from + 1),
                    RowKey::Ahead(phase) => format!("-{}", phase.name()),
                };
                format!("{}{name}", " ".repeat(row.depth as usize))
            })
            .collect()
    }

    #[test]
    fn filters_stand_flat_and_minor_ones_folded() {
        let timeline = testing::request_held_at(Phase::Authorization);
        let log = timeline.trace(testing::REQUEST).expect("there");
        let rows = rows(log, cursor::newest(log), Detail::default(), &BTreeMap::new());
        assert_eq!(
            names(log, &rows)[..8],
            [
                "request",
                " (4 minor)",
                " request info",
                " (12 minor)",
                " authentication",
                " (1 minor)",
                " audit",
                " constrainedimpersonation",
            ]
        );
        assert!(names(log, &rows).contains(&"  -Create etcd3".to_owned()), "what lies ahead is shown");
    }

    #[test]
    fn a_step_inside_opens_the_phase_around_it() {
        let timeline = testing::request_held_at(Phase::Authorizer);
        let log = timeline.trace(testing::REQUEST).expect("there");
        let step = cursor::newest(log);
        let shown = names(log, &rows(log, step, Detail::default(), &BTreeMap::new()));
        assert!(shown.contains(&"  authorizer".to_owned()), "{shown:?}");
        assert!(!shown.contains(&"  authenticator".to_owned()), "{shown:?}");
        let authentication = log.spans().iter().position(|span| span.phase() == Phase::Authentication).expect("there");
        let opened = BTreeMap::from([(RowKey::Span(authentication), true)]);
        assert!(names(log, &rows(log, step, Detail::default(), &opened)).contains(&"  authenticator".to_owned()));
        let opened = BTreeMap::from([(RowKey::Fold(1, 1), true)]);
        assert!(names(log, &rows(log, step, Detail::default(), &opened)).contains(&" panic recovery".to_owned()));
    }

    #[test]
    fn start_up_shows_the_stages_that_are_still_to_come() {
        let timeline = testing::startup_held_at(Phase::ConfigureStorage);
        let log = timeline.startup().expect("there");
        let shown = names(log, &rows(log, cursor::newest(log), Detail::default(), &BTreeMap::new()));
        let at = |name: &str| shown.iter().position(|shown| shown.trim() == name);
        assert!(at("storage (etcd)") < at("-authentication"), "{shown:?}");
        assert!(at("-create server chain") < at("-ready"), "{shown:?}");
    }
}
