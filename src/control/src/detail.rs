//! How much of a trace one sees: levels of detail, and the flat drawing of filters.
//!
//! A filter encloses all that follows it, as the real server's spans do. Drawn as it nests, a request
//! would be a staircase of twenty steps. It is therefore drawn, and stepped through, *flat*: filters,
//! routing and the handler stand side by side, and only what a phase calls on its own account
//! (authorizers below authorization, the transaction below storage) stands deeper.

use phase::{
    catalog::{Level, Phase},
    record::SpanId,
};
use serde::{Deserialize, Serialize};

/// What is shown and what a step stops at: the two agree, so that a step visits the rows one sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    /// The deepest level.
    pub level: Level,
    /// Whether the filters that only touch headers and clocks are unfolded.
    pub minor: Minor,
}

/// What becomes of minor filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Minor {
    /// Shown as one row, passed in one step.
    Folded,
    /// Shown and stepped through one by one.
    Unfolded,
}

impl Default for Detail {
    fn default() -> Self {
        Self { level: Level::Filter, minor: Minor::Folded }
    }
}

impl Detail {
    /// Everything.
    pub const FULL: Detail = Detail { level: Level::Call, minor: Minor::Unfolded };

    /// Says whether a phase is seen at this detail.
    pub fn shows(self, phase: Phase) -> bool {
        phase.info().level <= self.level && (self.minor == Minor::Unfolded || !minor(phase))
    }

    /// Returns this detail, deep enough to see the phase itself.
    #[must_use]
    pub fn at_least(self, phase: Phase) -> Detail {
        Detail { level: self.level.max(phase.info().level), ..self }
    }
}

/// Says whether a phase is one of the filters that a lesson folds into one row: those before authentication, except the
/// one that parses the request, and tracing.
pub fn minor(phase: Phase) -> bool {
    let before_authentication = (Phase::AuditInit..=Phase::CORS).contains(&phase) && phase != Phase::RequestInfo;
    before_authentication || phase == Phase::Tracing
}

/// Says whether a phase stands in the line that a request walks along: filter, routing, handler.
pub fn in_line(phase: Phase) -> bool {
    (Phase::AuditInit..=Phase::Connect).contains(&phase) && phase != Phase::Authenticator && phase != Phase::Authorizer
}

/// Returns how deep a phase is drawn below the phase around it.
pub fn depth_below(parent: Phase, parent_depth: u8, phase: Phase) -> u8 {
    if in_line(parent) && in_line(phase) { parent_depth } else { parent_depth.saturating_add(1) }
}

/// A phase that is open, with its place in the drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// Its number in the trace.
    pub span: SpanId,
    /// Which phase.
    pub phase: Phase,
    /// How deep it is drawn; the root has 0.
    pub depth: u8,
    /// The phase around it.
    pub parent: Option<SpanId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_stand_side_by_side_and_their_calls_deeper() {
        let authentication = depth_below(Phase::Request, 0, Phase::AuditInit);
        assert_eq!(authentication, 1);
        assert_eq!(depth_below(Phase::Authentication, 1, Phase::Audit), 1);
        assert_eq!(depth_below(Phase::Authorization, 1, Phase::Authorizer), 2);
        assert_eq!(depth_below(Phase::Route, 1, Phase::Create), 1);
        assert_eq!(depth_below(Phase::Create, 1, Phase::DecodeBody), 2);
    }

    #[test]
    fn the_default_detail_folds_what_a_lesson_does_not_need() {
        let detail = Detail::default();
        assert!(detail.shows(Phase::Authorization) && detail.shows(Phase::RequestInfo));
        assert!(!detail.shows(Phase::HSTS) && !detail.shows(Phase::Authorizer));
        assert!(
            !detail.at_least(Phase::HSTS).shows(Phase::CORS),
            "one stopped inside the fold still passes it in one step"
        );
        assert!(detail.at_least(Phase::Authorizer).shows(Phase::KVTxn));
    }
}
