//! Breakpoints: where to stop, when, how often, and what to do there.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use phase::{catalog::Phase, hook::Interrupted};
use serde::{Deserialize, Serialize};

use crate::condition::{self, AtPhase, Condition, ParseError, Verdict};

/// Number of a breakpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BreakpointId(pub u32);

/// A breakpoint as it is written in a scenario and sent over the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Breakpoint {
    /// The phase, by name; empty: at any, once for each request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Before the phase or after it.
    #[serde(default)]
    pub edge: Edge,
    /// Under which condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Only the first time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub once: bool,
    /// Only from the n-th time on (1: from the first).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Only after this other one was met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<BreakpointId>,
    /// What to do.
    #[serde(default)]
    pub action: Action,
    /// A word for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// Which side of a phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Edge {
    /// Before it begins.
    #[default]
    Before,
    /// After its own work: at the next phase that is not part of it.
    After,
}

/// What a breakpoint does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Holds the trace.
    #[default]
    Hold,
    /// Writes a line.
    Log,
    /// Marks the place on the timeline.
    Mark,
    /// Lets it wait this many milliseconds.
    Delay(u64),
    /// Answers with this HTTP status.
    Fail(u16),
}

impl Action {
    /// The delay, if this is one.
    pub fn delay(&self) -> Option<Duration> {
        if let Self::Delay(millis) = self { Some(Duration::from_millis(*millis)) } else { None }
    }

    /// The interruption, if this is one.
    pub fn interruption(&self) -> Option<Interrupted> {
        let Self::Fail(code) = self else { return None };
        Some(Interrupted::Fail { code: *code, message: "a breakpoint injected this fault".to_owned() })
    }
}

/// A breakpoint with its count, as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// Its number.
    pub id: BreakpointId,
    /// What was asked for.
    pub breakpoint: Breakpoint,
    /// Whether it counts and acts.
    pub enabled: bool,
    /// How often it was met.
    pub hits: u64,
}

/// A breakpoint, ready to be asked at every phase. Counted by the threads that serve, without a lock.
#[derive(Debug)]
pub struct Armed {
    /// Its number.
    pub id: BreakpointId,
    /// What was asked for.
    pub breakpoint: Breakpoint,
    /// The phases it stands at; empty: all.
    phases: Vec<Phase>,
    condition: Option<Arc<dyn Condition>>,
    /// How often it was met.
    hits: AtomicU64,
    /// Turned off by a person, or by itself after `once`.
    enabled: AtomicBool,
}

/// Why a breakpoint cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BreakpointError {
    /// No such phase.
    #[error("there is no phase `{0}`")]
    Phase(String),
    /// The condition cannot be read.
    #[error("condition: {0}")]
    Condition(#[from] ParseError),
    /// It would hold everything.
    #[error("a breakpoint needs a phase or a condition")]
    Everywhere,
}

impl Armed {
    /// Makes a breakpoint ready.
    pub fn new(id: BreakpointId, breakpoint: Breakpoint) -> Result<Self, BreakpointError> {
        let phases = match &breakpoint.at {
            None => Vec::new(),
            Some(name) => match Phase::find(name) {
                found if found.is_empty() => return Err(BreakpointError::Phase(name.clone())),
                found => found,
            },
        };
        let condition = breakpoint.when.as_deref().map(condition::parse).transpose()?;
        if phases.is_empty() && condition.is_none() {
            return Err(BreakpointError::Everywhere);
        }
        Ok(Self { id, breakpoint, phases, condition, hits: AtomicU64::new(0), enabled: AtomicBool::new(true) })
    }

    /// Returns what is shown of it.
    pub fn listed(&self) -> Listed {
        Listed { id: self.id, breakpoint: self.breakpoint.clone(), enabled: self.enabled(), hits: self.hits() }
    }

    /// Says whether it counts and acts.
    pub fn enabled(&self) -> bool {
        self.enabled.load(Ordering::Relaxed)
    }

    /// Turns it off or on.
    pub fn enable(&self, enabled: bool) {
        self.enabled.store(enabled, Ordering::Relaxed);
    }

    /// Returns how often it was met.
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    /// Says whether it stands at any phase and is met once by each request.
    pub fn anywhere(&self) -> bool {
        self.phases.is_empty()
    }

    /// Says whether it stands at a phase.
    pub fn stands_at(&self, phase: Phase) -> bool {
        self.phases.is_empty() || self.phases.contains(&phase)
    }

    /// Asks its condition; none is always met.
    pub fn ask(&self, variables: &AtPhase<'_>) -> Verdict {
        self.condition.as_ref().map_or(Verdict::Yes, |condition| condition.ask(variables))
    }

    /// Counts a hit and says whether it acts on this one.
    pub fn hit(&self) -> bool {
        let hits = self.hits.fetch_add(1, Ordering::Relaxed) + 1;
        let acts = hits >= self.breakpoint.count.unwrap_or(1);
        // Of two threads that come at once, one turns it off and acts.
        if acts && self.breakpoint.once { self.enabled.swap(false, Ordering::Relaxed) } else { acts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breakpoint_counts_and_goes_after_once() {
        let breakpoint =
            Breakpoint { at: Some("authorization".into()), once: true, count: Some(3), ..Breakpoint::default() };
        let armed = Armed::new(BreakpointId(1), breakpoint).expect("valid");
        assert!(armed.stands_at(Phase::Authorization) && !armed.stands_at(Phase::Audit));
        assert_eq!([armed.hit(), armed.hit(), armed.hit()], [false, false, true]);
        assert!(!armed.enabled());
    }

    #[test]
    fn what_cannot_be_set_says_why() {
        let make = |at: Option<&str>, when: Option<&str>| {
            let (at, when) = (at.map(str::to_owned), when.map(str::to_owned));
            Armed::new(BreakpointId(1), Breakpoint { at, when, ..Breakpoint::default() }).map(|_| ())
        };
        assert_eq!(make(Some("nowhere"), None).expect_err("no phase").to_string(), "there is no phase `nowhere`");
        assert_eq!(make(None, None), Err(BreakpointError::Everywhere));
        assert!(make(None, Some("verb ==")).expect_err("half").to_string().starts_with("condition: "));
    }

    #[test]
    fn it_is_written_as_in_a_scenario() {
        let text = r#"{"at":"authorization","when":"user == 'alice'","once":true,"action":{"delay":200},"label":"a"}"#;
        let breakpoint: Breakpoint = serde_json::from_str(text).expect("readable");
        assert_eq!(breakpoint.action.delay(), Some(Duration::from_millis(200)));
        assert_eq!(breakpoint.edge, Edge::Before);
    }
}
