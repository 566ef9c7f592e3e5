//! What the inspector shows: the state at a step, what changed, and who set what.

use control::{
    diff::{self, Change},
    provenance::{self, Provenance},
    timeline::{Timeline, trace::TraceLog},
};
use phase::{record::TraceKind, snapshot::Snapshot};
use serde_json::Value;

use super::{
    Model,
    cursor::{self, At},
    tree,
};

/// The kind of the states that are the config of a start-up.
pub const CONFIG: &str = "Config";

/// What changed at a step.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// What kind of thing it is.
    pub kind: String,
    /// At which step the older state was seen, if there was one.
    pub since: Option<usize>,
    /// Field by field.
    pub changes: Vec<Change>,
}

/// Returns what changed at a step since the one where one came from; `None` if no state was kept.
///
/// A phase shows its state when it begins and when it ends. Standing before one, what is of interest is what the one
/// before it did: hence the comparison with the step that was stopped at last, not with the last state.
pub fn changes(model: &Model, log: &TraceLog, step: usize) -> Option<Changes> {
    let (_, now) = log.state_at(step)?;
    let since = came_from(model, log, step);
    let before = since.and_then(|since| log.state_of_kind(since, &|kind| kind == now.kind));
    let old = before.map_or(Value::Null, |(_, state)| state.to_value());
    let changes = diff::changes(&old, &now.to_value());
    Some(Changes { kind: now.kind.clone(), since: since.filter(|_| before.is_some()), changes })
}

/// Returns the step one came from: where one stood before walking on, or the row before in the tree.
fn came_from(model: &Model, log: &TraceLog, step: usize) -> Option<usize> {
    let walked = model.came_from.filter(|(trace, _)| *trace == log.id()).map(|(_, from)| from);
    if model.cursor.at == At::Now
        && let Some(from) = walked.filter(|from| *from < step)
    {
        return Some(from);
    }
    let rows = tree::rows(log, step, model.detail, &model.tree.opened);
    cursor::before(&cursor::stops(log, &rows), step)
}

/// Returns the state at a step, or what the hold shows where none was kept.
pub fn state(model: &Model, log: &TraceLog, step: usize) -> Option<(String, Value)> {
    let shown = |state: &Snapshot| (state.kind.clone(), state.to_value());
    let kept = log.state_at(step).map(|(_, state)| shown(state));
    kept.or_else(|| model.holds.get(&log.id()).map(|hold| shown(&hold.subject)))
}

/// Returns the config at the step of start-up that is looked at, with who set what.
pub fn config(model: &Model, timeline: &Timeline) -> Option<Provenance> {
    let startup = timeline.startup()?;
    let looked_at = model.log(timeline).filter(|log| log.id() == startup.id());
    let step = looked_at.map_or(startup.spans().len(), |log| model.cursor.step(log));
    Some(provenance::at(startup, step, CONFIG))
}

/// Kinds of states that belong neither to what was asked nor to what is answered.
const WORKINGS: &[&str] = &["KV", "Storage", "Verdict", "Attributes", "Config"];

/// Returns the newest states that are of a request's head or body.
pub fn request_states<'a>(log: &'a TraceLog, step: usize, response: bool) -> Vec<(usize, &'a Snapshot)> {
    let is_response = |kind: &str| kind.eq_ignore_ascii_case("response") || kind == "Status";
    let mut seen: Vec<(usize, &'a Snapshot)> = Vec::new();
    for (index, state) in log.states_until(step) {
        if is_response(&state.kind) != response || WORKINGS.contains(&state.kind.as_str()) {
            continue;
        }
        match seen.iter_mut().find(|(_, known)| known.kind == state.kind) {
            Some(known) => *known = (index, state),
            None => seen.push((index, state)),
        }
    }
    seen
}

/// Returns the value of an expression at a step; `None` if it cannot be told there.
pub fn watch(model: &Model, log: &TraceLog, step: usize, expression: &str) -> Result<Option<Value>, String> {
    let program = cel::Program::compile(expression).map_err(|error| error.message)?;
    let facts = super::requests::facts(log);
    let mut variables = cel::Variables::new();
    let request: Value = facts.iter().map(|(name, value)| (name.to_string(), Value::from(value.as_str()))).collect();
    for (name, value) in &facts {
        variables.insert(name.to_string(), cel::Value::from(value.as_str()));
    }
    variables.insert("request".to_owned(), cel::Value::from(&request));
    if let Some((_, state)) = state(model, log, step) {
        let state = cel::Value::from(&state);
        variables.insert("object".to_owned(), state.clone());
        if log.kind() == TraceKind::Startup {
            variables.insert("config".to_owned(), state);
        }
    }
    if let Some(span) = log.span(step) {
        variables.insert("phase".to_owned(), cel::Value::from(span.phase().name()));
    }
    Ok(program.evaluate(&variables).ok().map(|value| value.to_json()))
}
