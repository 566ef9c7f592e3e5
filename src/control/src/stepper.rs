//! Into, over, out, on: where a trace that was let go has to stop again.
//!
//! ```text
//!   > authorization          over: the next one at this depth or above
//!       . authorizer Node    into: the next one, at whatever depth below
//!       . authorizer RBAC
//!   > route                  out of an authorizer leads here
//! ```
//!
//! A step stops only at phases that the interface shows (see [`crate::detail`]), so that every key press moves the mark by
//! one row.

use phase::{
    catalog::{Level, Phase},
    record::{Label, SpanId},
};
use serde::{Deserialize, Serialize};

use crate::detail::{Detail, Open};

/// A kind of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// To the next phase, also one that this phase calls.
    Into,
    /// To the next phase beside or above this one.
    Over,
    /// To the next phase above this one.
    Out,
}

/// Where a trace stops next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    /// At the very next phase that is shown.
    Next(Detail),
    /// As a step from a phase asks.
    Step {
        /// Which step.
        step: Step,
        /// The phase it starts from.
        from: Open,
        /// What is shown.
        detail: Detail,
    },
    /// At this phase, and with this label if one is given.
    Phase(Phase, Option<Label>),
    /// After the own work of a phase.
    After(SpanId, Phase),
}

impl Goal {
    /// Returns the goal of a step that starts from a phase.
    pub fn step(step: Step, from: Open, detail: Detail) -> Self {
        // Over the root would be to the end of everything; that has a key of its own.
        let step = if from.depth == 0 && step == Step::Over { Step::Into } else { step };
        Self::Step { step, from, detail: detail.at_least(from.phase) }
    }

    /// Says whether the trace stops at a phase that is about to begin; `open` are the phases around it, outermost first.
    pub fn stops(&self, at: Open, label: Option<&Label>, open: &[Open]) -> bool {
        match self {
            Self::Next(detail) => detail.shows(at.phase),
            Self::Phase(phase, wanted) => at.phase == *phase && (wanted.is_none() || wanted.as_ref() == label),
            Self::Step { step, from, detail } => {
                let inside = at.depth > from.depth && open.iter().any(|outer| outer.span == from.span);
                match step {
                    // What a phase calls is seen at any level; folded filters stay folded.
                    Step::Into if inside => Detail { level: Level::Call, ..*detail }.shows(at.phase),
                    Step::Into => detail.shows(at.phase),
                    Step::Over => at.depth <= from.depth && detail.shows(at.phase),
                    Step::Out => at.depth < from.depth && detail.shows(at.phase),
                }
            }
            Self::After(span, phase) => {
                let inside = open.iter().find(|outer| outer.span == *span);
                // Still open: a filter encloses what follows it, and only what stands deeper is its own work.
                at.span != *span && inside.is_none_or(|outer| at.depth <= outer.depth && at.phase != *phase)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detail::{Minor, depth_below};

    /// A request as it nests: each phase with the index of the one around it.
    const REQUEST: &[(Phase, usize)] = &[
        (Phase::Request, 0),
        (Phase::AuditInit, 0),
        (Phase::HSTS, 1),
        (Phase::Authentication, 2),
        (Phase::Authenticator, 3),
        (Phase::Audit, 3),
        (Phase::Authorization, 5),
        (Phase::Authorizer, 6),
        (Phase::Authorizer, 6),
        (Phase::Route, 6),
        (Phase::Create, 9),
        (Phase::DecodeBody, 10),
        (Phase::MutatingAdmission, 10),
        (Phase::MutatingPlugin, 12),
        (Phase::StorageCreate, 10),
        (Phase::KVTxn, 14),
    ];

    fn opened(index: usize) -> Open {
        let (phase, parent) = REQUEST[index];
        let depth = if index == 0 { 0 } else { depth_below(REQUEST[parent].0, opened(parent).depth, phase) };
        Open { span: SpanId(index as u32 + 1), phase, depth, parent: None }
    }

    fn around(index: usize) -> Vec<Open> {
        let mut open = Vec::new();
        let mut at = index;
        while at != 0 {
            at = REQUEST[at].1;
            open.insert(0, opened(at));
        }
        open
    }

    fn stop(step: Step, from: usize, detail: Detail) -> Option<usize> {
        let goal = Goal::step(step, opened(from), detail);
        (from + 1..REQUEST.len()).find(|index| goal.stops(opened(*index), None, &around(*index)))
    }

    #[test]
    fn steps_visit_the_rows_one_sees() {
        let detail = Detail::default();
        assert_eq!(stop(Step::Into, 0, detail), Some(3), "the folded filters are passed");
        assert_eq!(stop(Step::Over, 0, detail), Some(3), "over the root goes inside");
        assert_eq!(stop(Step::Over, 3, detail), Some(5), "over authentication is audit, not the authenticator");
        assert_eq!(stop(Step::Into, 6, detail), Some(7), "into authorization is the first authorizer");
        assert_eq!(stop(Step::Into, 7, detail), Some(8), "and then the second");
        assert_eq!(stop(Step::Out, 7, detail), Some(9));
        assert_eq!(stop(Step::Over, 6, detail), Some(9));
        assert_eq!(stop(Step::Into, 10, detail), Some(11));
        assert_eq!(stop(Step::Over, 11, detail), Some(12));
        assert_eq!(stop(Step::Over, 12, detail), Some(14), "over admission leaves its plugins alone");
        assert_eq!(stop(Step::Out, 13, detail), Some(14));
        assert_eq!(stop(Step::Over, 10, detail), None, "over the handler is the end");
    }

    #[test]
    fn detail_decides_what_a_step_sees() {
        let full = Detail::FULL;
        assert_eq!(stop(Step::Into, 0, full), Some(1));
        assert_eq!(stop(Step::Into, 1, full), Some(2));
        let lesson = Detail { level: Level::Teaching, minor: Minor::Folded };
        assert_eq!(stop(Step::Over, 3, lesson), Some(6), "audit is not part of a lesson");
    }

    #[test]
    fn after_a_filter_is_the_next_in_line() {
        let goal = Goal::After(SpanId(7), Phase::Authorization);
        let first = (7..REQUEST.len()).find(|index| goal.stops(opened(*index), None, &around(*index)));
        assert_eq!(first, Some(9));
    }
}
