//! What a lesson knows of the server while it runs: its requests, their traces, the live config.
//!
//! Only facts that are the same in each run leave this file: names of phases, codes, reasons. Times, uids, ports and
//! revisions stay in the timeline.

use control::{
    ports::{LabRequest, LabResponse},
    timeline::{
        Timeline,
        trace::{End, TraceLog},
    },
};
use phase::{
    catalog::{Level, Phase},
    clock::Nanos,
    record::{TraceId, TraceKind},
    snapshot::Snapshot,
};
use serde_json::{Value, json};

/// A request that a lesson sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// What the lesson calls it.
    pub name: String,
    /// What was sent.
    pub request: LabRequest,
    /// Its trace, once the server has seen it.
    pub trace: Option<TraceId>,
    /// Whether it is an earlier request, sent again.
    pub again: bool,
    /// Traces up to this one are older than it.
    pub after: TraceId,
    /// What came back; an error if nothing did.
    pub response: Option<Result<LabResponse, String>>,
}

impl Sent {
    /// Finds the trace among those that began after it was sent.
    pub fn find_trace(&mut self, timeline: &Timeline) {
        if self.trace.is_some() {
            return;
        }
        let path = self.request.path.split('?').next().unwrap_or_default();
        let title = format!("{} {path}", self.request.method);
        let mut newer = timeline.traces_from(TraceId(self.after.0 + 1));
        self.trace = newer.find(|t| t.kind() == TraceKind::Request && t.title() == title).map(TraceLog::id);
    }

    /// Says whether it is answered and its trace is over.
    pub fn is_answered(&self, timeline: &Timeline) -> bool {
        let over = |id| timeline.trace(id).is_none_or(|trace| trace.finished().is_some());
        match &self.response {
            Some(Ok(_)) => self.trace.is_some_and(over),
            Some(Err(_)) => true,
            None => false,
        }
    }

    /// Returns the answer as expressions see it.
    pub fn response_value(&self) -> Value {
        match &self.response {
            Some(Ok(response)) => json!({"code": response.code, "body": response.body}),
            Some(Err(error)) => json!({"error": error}),
            None => Value::Null,
        }
    }
}

/// The newest trace of any kind.
pub fn newest(timeline: &Timeline) -> TraceId {
    timeline.traces().next_back().map_or(TraceId(0), TraceLog::id)
}

/// All phases of a trace, in the order in which they were entered.
pub fn phases(trace: &TraceLog) -> Vec<Phase> {
    trace.spans().iter().map(control::timeline::trace::Span::phase).collect()
}

/// The phases that are the same in each run. What runs beside the start (hooks) and what depends on how warm a cache is
/// (single calls) is left out.
pub fn stable_phases(trace: &TraceLog) -> Vec<&'static str> {
    let finest = if trace.kind() == TraceKind::Startup { Level::Teaching } else { Level::Filter };
    phases(trace).into_iter().filter(|phase| phase.info().level <= finest).map(Phase::name).collect()
}

/// The innermost phase that failed.
pub fn stopped_at(trace: &TraceLog) -> Option<Phase> {
    trace.spans().iter().rfind(|span| span.end() == End::Failed).map(control::timeline::trace::Span::phase)
}

/// The phase it is held at.
pub fn held_at(trace: &TraceLog) -> Option<Phase> {
    trace.held_at().and_then(|index| trace.span(index)).map(control::timeline::trace::Span::phase)
}

/// The servers it was routed through, in order.
pub fn route(timeline: &Timeline, trace: &TraceLog) -> Vec<String> {
    let routes = trace.spans().iter().filter(|span| span.phase() == Phase::Route);
    routes.map(|span| timeline.name(span.label()).to_owned()).collect()
}

/// The newest state of the config that the start-up has shown.
pub fn config(timeline: &Timeline) -> Value {
    let Some(startup) = timeline.startup() else { return Value::Null };
    let mut newest: Option<(Nanos, &Snapshot)> = None;
    for span in startup.spans() {
        let before = span.before().map(|snapshot| (span.entered(), snapshot));
        let after = span.after().map(|snapshot| (span.exited().unwrap_or_default(), snapshot));
        for (at, snapshot) in before.into_iter().chain(after) {
            if snapshot.kind == "Config" && newest.is_none_or(|(known, _)| known <= at) {
                newest = Some((at, snapshot));
            }
        }
    }
    newest.map_or(Value::Null, |(_, snapshot)| snapshot.to_value())
}

/// What expressions see of a trace and its request.
pub fn variables(timeline: &Timeline, trace: Option<&TraceLog>, sent: Option<&Sent>) -> Value {
    let request = sent.map(|sent| {
        let LabRequest { user, method, path, .. } = &sent.request;
        json!({"user": if user.is_empty() { "admin" } else { user }, "method": method, "path": path})
    });
    json!({
        "request": request,
        "response": sent.map(Sent::response_value),
        "phases": trace.map(stable_phases),
        "route": trace.map(|trace| route(timeline, trace)),
        "held_at": trace.and_then(held_at).map(Phase::name),
        "stopped_at": trace.and_then(stopped_at).map(Phase::name),
    })
}

/// Finds the phase a name means in a trace: several share a name, one of the start and one of a request.
pub fn phase_in(kind: TraceKind, name: &str) -> Option<Phase> {
    let found = Phase::find(name);
    let fits = |phase: &Phase| match kind {
        TraceKind::Startup | TraceKind::Shutdown => *phase < Phase::Request,
        TraceKind::Request | TraceKind::System => *phase >= Phase::Request,
    };
    found.iter().copied().find(fits).or_else(|| found.first().copied())
}
