//! What is kept of a phase. Records can be written and read back: recordings and followers get these.

use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{catalog::Phase, clock::Nanos, snapshot::Snapshot};

/// Number of a trace, counted from 1 in the order in which traces start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TraceId(pub u64);

/// Number of a phase within its trace, counted from 1 in the order in which phases are entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SpanId(pub u32);

/// What a trace follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TraceKind {
    /// From the flags to serving.
    Startup,
    /// One HTTP request of a client.
    Request,
    /// One request that the server makes of itself, or other traffic of the system (leases, watches, health).
    System,
    /// From the stop signal to the end of the process.
    Shutdown,
}

/// Name of what is only known at run time: a plugin, an authorizer, a post-start hook.
pub type Label = Cow<'static, str>;

/// How a phase ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It did its work.
    Ok,
    /// It refused or failed, with the message.
    Failed(String),
    /// Whoever waited for it went away.
    Cancelled,
}

/// One line of a trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The trace this belongs to.
    pub trace: TraceId,
    /// When, on the trace's clock.
    pub at: Nanos,
    /// What happened.
    pub event: Event,
}

/// What a record tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Event {
    /// A trace began.
    Started {
        /// What it follows.
        kind: TraceKind,
        /// One line for a list: `POST /api/v1/namespaces/shop/pods`.
        title: String,
    },
    /// Facts about the trace became known (who, verb, resource, code...); later ones win.
    Described {
        /// Name and value of each fact. Names are those of the expression language: `user`, `verb`, `resource`, `code`...
        facts: Vec<(Label, String)>,
    },
    /// A phase was entered.
    Entered {
        /// The phase's number.
        span: SpanId,
        /// The phase around it, if any.
        parent: Option<SpanId>,
        /// Which phase.
        phase: Phase,
        /// Which plugin, authorizer, hook...
        label: Option<Label>,
        /// `file:line` of our own source that entered it.
        source: Label,
        /// The subject, if someone asked to see it.
        snapshot: Option<Arc<Snapshot>>,
    },
    /// Something worth a line happened inside a phase ("About to store object in database").
    Noted {
        /// The phase it happened in.
        span: SpanId,
        /// What happened.
        message: Label,
    },
    /// A phase began to wait for a person.
    Held {
        /// Which.
        span: SpanId,
    },
    /// A held phase went on.
    Resumed {
        /// Which.
        span: SpanId,
    },
    /// A phase ended.
    Exited {
        /// Which.
        span: SpanId,
        /// How.
        outcome: Outcome,
        /// The subject afterwards, if someone asked to see it.
        snapshot: Option<Arc<Snapshot>>,
    },
    /// The trace is over.
    Finished {
        /// Nanoseconds it was held in all; not part of its own time.
        held: Nanos,
    },
}
