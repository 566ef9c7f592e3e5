//! The goal of a lesson: what must be there in the end, and the golf score of the tasks.
//!
//! A stroke is a request that writes. Reading costs nothing, asking for a review or a token changes nothing, and what the
//! lesson itself sends again is not the learner's.

use control::{ports::LabRequest, timeline::trace::TraceLog};
use phase::record::{TraceId, TraceKind};

use crate::{
    expect::Mismatch,
    format::Goal,
    report::{Failure, Score, StepReport},
    runner::Runner,
    text::Text,
};

/// Whether one part of a goal was reached.
pub(crate) struct Part {
    /// What.
    pub(crate) text: Text,
    /// Whether.
    pub(crate) reached: bool,
    /// How it stands.
    pub(crate) got: String,
}

impl Runner<'_> {
    /// Counts the requests since a trace that write.
    pub(crate) fn strokes(&self, since: TraceId) -> u32 {
        self.controller.pump();
        let timeline = self.handle.timeline().read();
        let newer = timeline.traces_from(TraceId(since.0 + 1));
        let again = |trace: &TraceLog| self.sent.iter().any(|sent| sent.again && sent.trace == Some(trace.id()));
        let counts = |trace: &&TraceLog| trace.kind() == TraceKind::Request && !trace.is_system() && writes(trace);
        newer.filter(counts).filter(|trace| !again(trace)).count() as u32
    }

    /// Looks at every part of the goal.
    pub(crate) async fn parts(&self, goal: &Goal) -> Vec<Part> {
        let mut parts = Vec::new();
        for path in &goal.objects {
            let request = LabRequest { method: "GET".into(), path: path.clone(), ..LabRequest::default() };
            let answer = self.lab.send(request).await;
            let text = Text::both(&format!("there is {path}"), &format!("存在 {path}"));
            let got = answer.as_ref().map_or_else(ToString::to_string, |answer| format!("{}", answer.code));
            parts.push(Part { text, reached: answer.is_ok_and(|answer| answer.code == 200), got });
        }
        if let Some(best) = goal.within_requests {
            let took = self.score;
            let en = format!("at most {best} requests that write: it took {took}");
            let zh = format!("写请求不超过 {best} 个：用了 {took} 个");
            parts.push(Part { text: Text::both(&en, &zh), reached: took <= best, got: took.to_string() });
        }
        parts
    }

    /// Reports the goal as a step of its own.
    pub(crate) async fn goal(&mut self, goal: &Goal) -> StepReport {
        let parts = self.parts(goal).await;
        let missed = parts.iter().find(|part| !part.reached);
        let failure = missed.map(|part| Mismatch::new(part.text.get("en"), part.got.clone()));
        StepReport {
            id: "goal".into(),
            score: goal.within_requests.map(|within| Score { requests: self.score, within }),
            failure: failure.map(|wrong| Failure { expected: wrong.expected, got: wrong.got, last_phases: Vec::new() }),
            ..StepReport::default()
        }
    }
}

fn writes(trace: &TraceLog) -> bool {
    let (method, path) = trace.method_and_path();
    let path = path.split('?').next().unwrap_or_default();
    !matches!(method, "GET" | "HEAD" | "OPTIONS") && !path.ends_with("reviews") && !path.ends_with("/token")
}
