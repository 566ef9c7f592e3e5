//! The one protocol: what a client may ask and what it is told.
//!
//! The interface, a headless run, an attached terminal and a follower of a workshop differ only in
//! what carries these two types: a function call, or a line of JSON each (see [`crate::wire`]).

use std::sync::Arc;

use phase::{
    catalog::Phase,
    hook::Interrupted,
    record::{Label, Record, TraceId},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    breakpoint::{Breakpoint, BreakpointId, Listed},
    detail::Detail,
    holds::Hold,
    lesson::{Lesson, LessonAction},
    ports::{Keys, LabRequest, LabResponse, Launched, PortError, PriorityLevel, StoredValue, Traffic, Watcher},
    stepper::Step,
    timeline::Marker,
};

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Command {
    /// Lets a held trace go on to the next stop of a step.
    Step {
        /// Which trace.
        trace: TraceId,
        /// Which step.
        step: Step,
        /// What is shown: a step stops only there.
        detail: Detail,
    },
    /// Lets a held trace run to a phase.
    RunTo {
        /// Which trace.
        trace: TraceId,
        /// Where to.
        phase: Phase,
        /// Which plugin, authorizer...
        label: Option<Label>,
    },
    /// Lets a held trace go on.
    Continue(TraceId),
    /// Lets everything go on.
    ContinueAll,
    /// Holds a running trace at its next phase.
    Pause {
        /// Which trace.
        trace: TraceId,
        /// What is shown.
        detail: Detail,
    },
    /// Sets a breakpoint.
    Break(Breakpoint),
    /// Takes a breakpoint away.
    Unbreak(BreakpointId),
    /// Turns a breakpoint off and on.
    Enable {
        /// Which.
        id: BreakpointId,
        /// Whether it acts.
        enabled: bool,
    },
    /// Walks through every request that matches; `None`: through none.
    Intercept(Option<String>),
    /// Says whether system traffic (leases, watches, health, the server itself) may be held too.
    System(SystemTraffic),
    /// Says which traces are kept with all their states.
    Capture(Capture),
    /// Puts an edited state in place of what a held phase works on; `None` takes it back.
    Edit {
        /// Which trace.
        trace: TraceId,
        /// The edited state.
        value: Option<Value>,
    },
    /// Ends a held trace.
    Interrupt {
        /// Which trace.
        trace: TraceId,
        /// How.
        interrupted: Interrupted,
    },
    /// Marks a place on the timeline.
    Mark(Marker),
    /// Asks a port.
    Ask {
        /// Comes back with the reply.
        id: u64,
        /// What.
        question: Question,
    },
}

/// Whether system traffic may be held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SystemTraffic {
    /// It passes: leases expire when they are held.
    #[default]
    Passes,
    /// It is held like any other.
    Held,
}

/// Which traces are kept with all their states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Capture {
    /// Start-up, and whatever is held, stepped or matched by a breakpoint.
    #[default]
    Watched,
    /// Every request.
    All,
}

/// What only a port can answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Question {
    /// Keys below a prefix.
    Keys {
        /// The prefix.
        prefix: String,
        /// At which revision; `None`: now.
        revision: Option<i64>,
        /// How many at most.
        limit: usize,
    },
    /// The value of a key.
    Value {
        /// The key.
        key: String,
        /// At which revision; `None`: now.
        revision: Option<i64>,
    },
    /// Who watches what.
    Watchers,
    /// Who has a seat and who waits for one.
    Levels,
    /// Sends a request.
    Send(LabRequest),
    /// Starts or ends the built-in traffic.
    Traffic(Traffic),
    /// Something the learner does.
    Lesson(LessonAction),
}

/// What a port answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reply {
    /// Keys below a prefix.
    Keys(Keys),
    /// The value of a key.
    Value(Box<StoredValue>),
    /// Who watches what.
    Watchers(Vec<Watcher>),
    /// The priority levels.
    Levels(Vec<PriorityLevel>),
    /// What came back.
    Sent(LabResponse),
    /// It is done.
    Done,
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Event {
    /// This happened. The client's timeline already holds it.
    Records(Arc<[Record]>),
    /// A trace waits, or what is known of its hold has changed.
    Held(Box<Hold>),
    /// A trace waits no longer.
    Released(TraceId),
    /// All breakpoints, after one of them changed.
    Breakpoints(Vec<Listed>),
    /// A breakpoint that does not hold was met.
    Met {
        /// Which.
        id: BreakpointId,
        /// By which trace.
        trace: TraceId,
        /// What to write.
        message: String,
    },
    /// What shall be intercepted has changed.
    Intercepting(Option<String>),
    /// Records were lost, in all.
    Dropped(u64),
    /// Traces passed because too many wait, in all.
    Passed(u64),
    /// A place was marked.
    Marked(Marker),
    /// A server listens.
    Serving(Launched),
    /// The built-in traffic started or ended.
    Traffic(Traffic),
    /// The lesson stands like this.
    Lesson(Box<Lesson>),
    /// A line of the server's log.
    Log(LogLine),
    /// A port answered.
    Reply {
        /// Which question.
        id: u64,
        /// The answer.
        reply: Result<Reply, PortError>,
    },
    /// A command could not be carried out, as a sentence for a person.
    Refused(String),
}

/// A line of the server's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogLine {
    /// When, in nanoseconds of the server's clock.
    pub at: u64,
    /// `ERROR`, `WARN`, `INFO`, `DEBUG`, `TRACE`.
    pub level: String,
    /// Which module wrote it.
    pub target: String,
    /// What.
    pub message: String,
}
