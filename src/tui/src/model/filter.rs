//! Which requests a person wants to see. Each is asked once, when it comes in, and again while it changes: asking
//! thousands at every frame would cost more than drawing them.

use std::collections::BTreeSet;

use control::{
    condition::{self, AtPhase, Condition, Facts, ParseError, Verdict},
    timeline::{DEFAULT_LIMIT, Timeline, trace::TraceLog},
};
use phase::record::TraceId;

use super::requests;

/// A filter, and what it said so far.
#[derive(Debug)]
pub struct Filter {
    text: String,
    condition: std::sync::Arc<dyn Condition>,
    /// The requests that fit; those that the timeline has forgotten are left out now and then.
    fits: BTreeSet<TraceId>,
    /// The first one that was not asked yet.
    next: TraceId,
    /// Those that are not over, with how much was known of them when they were asked.
    open: Vec<(TraceId, usize)>,
}

impl Filter {
    /// Returns a filter that has asked everything there is.
    pub fn new(text: &str, timeline: &Timeline) -> Result<Self, ParseError> {
        let (fits, next, open) = (BTreeSet::new(), TraceId(0), Vec::new());
        let mut filter = Self { text: text.to_owned(), condition: condition::parse(text)?, fits, next, open };
        filter.ask(timeline);
        Ok(filter)
    }

    /// Returns it as it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the requests that fit, newest first.
    pub fn fits(&self) -> impl Iterator<Item = TraceId> + '_ {
        self.fits.iter().rev().copied()
    }

    /// Asks what is new and what has changed.
    pub fn ask(&mut self, timeline: &Timeline) {
        for (id, known) in std::mem::take(&mut self.open) {
            let Some(log) = timeline.trace(id) else { continue };
            if log.finished().is_some() || log.facts().len() != known {
                self.ask_one(log);
            } else {
                self.open.push((id, known));
            }
        }
        for log in timeline.traces_from(self.next).filter(|log| requests::is_request(log.kind())) {
            self.next = TraceId(log.id().0 + 1);
            self.ask_one(log);
        }
        if self.fits.len() > DEFAULT_LIMIT {
            self.fits.retain(|id| timeline.trace(*id).is_some());
        }
    }

    fn ask_one(&mut self, log: &TraceLog) {
        if matches(log, self.condition.as_ref()) {
            self.fits.insert(log.id());
        } else {
            self.fits.remove(&log.id());
        }
        if log.finished().is_none() {
            self.open.push((log.id(), log.facts().len()));
        }
    }
}

/// Says whether a request matches a condition, by all that is known of it.
fn matches(log: &TraceLog, condition: &dyn Condition) -> bool {
    let facts: Facts = requests::facts(log);
    condition.ask(&AtPhase { facts: &facts, phase: "", hits: 0, object: None }) == Verdict::Yes
}

#[cfg(test)]
mod tests {
    use super::*;
    use phase::record::{Event, Record, TraceKind};

    fn apply(timeline: &mut Timeline, id: u64, event: Event) {
        timeline.apply(Record { trace: TraceId(id), at: 0, event });
    }

    fn start(timeline: &mut Timeline, id: u64) {
        apply(timeline, id, Event::Started { kind: TraceKind::Request, title: "GET /".into() });
    }

    fn describe(timeline: &mut Timeline, id: u64, name: &'static str, value: &str) {
        apply(timeline, id, Event::Described { facts: vec![(name.into(), value.to_owned())] });
    }

    #[test]
    fn a_request_is_asked_again_as_long_as_it_may_still_fit() {
        let mut timeline = Timeline::default();
        start(&mut timeline, 1);
        let mut filter = Filter::new("user == 'alice'", &timeline).expect("valid");
        let fits = |filter: &Filter| filter.fits().map(|id| id.0).collect::<Vec<_>>();
        assert!(fits(&filter).is_empty());
        start(&mut timeline, 2);
        describe(&mut timeline, 2, "user", "alice");
        filter.ask(&timeline);
        assert_eq!(fits(&filter), [2]);
        describe(&mut timeline, 1, "user", "alice");
        apply(&mut timeline, 1, Event::Finished { held: 0 });
        filter.ask(&timeline);
        assert_eq!(fits(&filter), [2, 1]);
    }
}
