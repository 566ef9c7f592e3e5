//! Which stage of start-up set which field of the config.
//!
//! Every phase of start-up shows the config before and after. A field that differs when a phase ends
//! was set by that phase, or by one inside it: the inner ones end first and take their share. A field
//! that differs when a phase *begins* was set by the code around it.

use std::collections::BTreeMap;

use phase::catalog::Phase;
use serde_json::Value;

use crate::{diff, timeline::trace::TraceLog};

/// Who set a field last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setter {
    /// Index of the phase in its trace.
    pub span: usize,
    /// Which phase.
    pub phase: Phase,
    /// At which step that could first be seen.
    pub step: usize,
}

/// The config at a step, and who set its fields.
#[derive(Clone, Debug, Default)]
pub struct Provenance {
    /// The config.
    pub config: Value,
    /// By path, as [`diff::changes`] writes it.
    pub setters: BTreeMap<String, Setter>,
}

/// Returns the config at a step of a start-up; `kind` is the kind of the states that are the config.
pub fn at(trace: &TraceLog, step: usize, kind: &str) -> Provenance {
    let mut known = Provenance::default();
    let mut last: Option<usize> = None;
    for (span, state) in trace.states_until(step).filter(|(_, state)| state.kind == kind) {
        let value = state.to_value();
        // A phase met for the first time is at its beginning: what changed since then was done around it.
        let begins = last.is_none_or(|last| span > last);
        let by = if begins { trace.spans()[span].parent().unwrap_or(span) } else { span };
        last = Some(last.map_or(span, |last| last.max(span)));
        for change in diff::changes(&known.config, &value) {
            let setter = Setter { span: by, phase: trace.spans()[by].phase(), step: span };
            if change.after.is_some() {
                known.setters.insert(change.path, setter);
            } else {
                known.setters.remove(&change.path);
            }
        }
        known.config = value;
    }
    known
}

impl Provenance {
    /// Returns who set a field, or the newest of those who set something inside it.
    pub fn setter(&self, path: &str) -> Option<Setter> {
        if let Some(setter) = self.setters.get(path) {
            return Some(*setter);
        }
        let inside =
            |known: &str| known.strip_prefix(path).is_some_and(|rest| rest.starts_with('.') || rest.starts_with('['));
        let from = self.setters.range(path.to_owned()..).take_while(|(known, _)| known.starts_with(path));
        from.filter(|(known, _)| inside(known)).map(|(_, setter)| *setter).max_by_key(|setter| setter.step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::Timeline;
    use phase::record::{Event, Outcome, Record, SpanId, TraceId, TraceKind};
    use phase::snapshot::Snapshot;
    use serde_json::json;

    #[test]
    fn a_field_belongs_to_the_innermost_phase_that_set_it() {
        let mut timeline = Timeline::default();
        let config = |value| Some(Snapshot::value("Config", value));
        let enter = |span, parent: Option<u32>, phase, value| Event::Entered {
            span: SpanId(span),
            parent: parent.map(SpanId),
            phase,
            label: None,
            source: "".into(),
            snapshot: config(value),
        };
        let exit = |span, value| Event::Exited { span: SpanId(span), outcome: Outcome::Ok, snapshot: config(value) };
        let events = [
            Event::Started { kind: TraceKind::Startup, title: String::new() },
            enter(1, None, Phase::BuildGenericConfig, json!({})),
            enter(2, Some(1), Phase::GenericConfigDefaults, json!({})),
            enter(3, Some(2), Phase::ApplyServerRunOptions, json!({"timeout": 60})),
            exit(3, json!({"timeout": 30, "limits": {"reading": 400}})),
            exit(2, json!({"timeout": 30, "limits": {"reading": 400}, "openapi": true})),
            exit(1, json!({"timeout": 30, "limits": {"reading": 400}, "openapi": true, "authn": "union"})),
        ];
        for (at, event) in events.into_iter().enumerate() {
            timeline.apply(Record { trace: TraceId(1), at: at as u64, event });
        }
        let trace = timeline.startup().expect("kept");
        let provenance = super::at(trace, 99, "Config");
        let phase = |path: &str| provenance.setter(path).map(|setter| setter.phase);
        assert_eq!(phase("timeout"), Some(Phase::ApplyServerRunOptions));
        assert_eq!(phase("limits.reading"), Some(Phase::ApplyServerRunOptions));
        assert_eq!(phase("limits"), Some(Phase::ApplyServerRunOptions));
        assert_eq!(phase("openapi"), Some(Phase::GenericConfigDefaults));
        assert_eq!(phase("authn"), Some(Phase::BuildGenericConfig));
        let early = super::at(trace, 2, "Config");
        assert_eq!(early.setter("timeout").map(|setter| setter.phase), Some(Phase::GenericConfigDefaults));
        assert_eq!(early.setter("openapi"), None);
    }
}
