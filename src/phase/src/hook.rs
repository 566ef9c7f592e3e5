//! Who is told about phases, and may hold one.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    BoxFuture,
    catalog::Phase,
    record::{Label, Record, SpanId, TraceId, TraceKind},
    snapshot::Subject,
};

/// A phase that is about to begin or has just ended, as the hook sees it.
#[derive(Debug)]
pub struct At<'a> {
    /// The trace.
    pub trace: TraceId,
    /// What the trace follows.
    pub kind: TraceKind,
    /// The phase's number within the trace; 0 while it has none yet: when a snapshot at its entry is asked for.
    pub span: SpanId,
    /// Which phase.
    pub phase: Phase,
    /// Which plugin, authorizer, hook...
    pub label: Option<&'a Label>,
}

/// The one who watches. Called by the thread that does the work: it must be quick and never block.
pub trait PhaseHook: Send + Sync {
    /// Says whether the subject should be snapshotted at this point. Asked before every enter and exit.
    fn wants_snapshot(&self, at: &At<'_>) -> bool;

    /// Says whether the trace must wait at this entry. The future ends when someone lets it go on.
    fn hold(&self, at: &At<'_>, subject: &dyn Subject) -> Option<BoxFuture<'static, Resume>>;

    /// Receives a record.
    fn record(&self, record: Record);
}

/// How a held phase goes on.
#[derive(Clone, Debug)]
pub enum Resume {
    /// As if nothing had happened.
    Proceed,
    /// With this in place of the subject's snapshot.
    Edited(Value),
    /// Not at all.
    Interrupt(Interrupted),
}

/// The trace was told to end here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Interrupted {
    /// Answer with this HTTP code and message.
    Fail {
        /// HTTP status code, 400 to 599.
        code: u16,
        /// Message for the client.
        message: String,
    },
    /// Close the connection without an answer; in start-up: stop.
    Kill,
}

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fail { code, message } => write!(f, "interrupted with {code}: {message}"),
            Self::Kill => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Interrupted {}
