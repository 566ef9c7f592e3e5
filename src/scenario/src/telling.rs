//! What a run says of itself: how a step stands, what was there instead, and the same without what differs each time.

use std::time::Duration;

use apimachinery::meta::time;
use phase::clock::VIRTUAL_EPOCH;

use crate::{
    expect::Mismatch,
    mask::Mask,
    report::{Failure, StepReport},
    run,
    runner::Runner,
};

impl Runner<'_> {
    /// Returns what hides ports, directories and secrets.
    pub(crate) fn mask(&self) -> Mask {
        Mask::new(self.lab.stand_ins())
    }

    /// What is there instead of what was waited for.
    pub(crate) fn saw(&self) -> String {
        let timeline = self.handle.timeline().read();
        let startup = timeline.startup().map(|trace| ("start-up".to_owned(), trace, None));
        let sent = self.sent.last().and_then(|sent| {
            let trace = timeline.trace(sent.trace?)?;
            Some((sent.name.clone(), trace, sent.response.as_ref()))
        });
        let all = startup.into_iter().chain(sent).map(|(name, trace, response)| {
            let at = match (trace.finished(), run::held_at(trace)) {
                (Some(_), _) => "over".to_owned(),
                (None, Some(phase)) => format!("held at {}", phase.name()),
                (None, None) => format!("in {}", trace.spans().last().map_or("nothing", |span| span.phase().name())),
            };
            let answer = match response {
                Some(Ok(response)) => format!(", answered with {}", response.code),
                Some(Err(error)) => format!(", not answered: {error}"),
                None => String::new(),
            };
            format!("{name} is {at}{answer}")
        });
        all.collect::<Vec<_>>().join("; ")
    }

    /// Says in a report how a step's request stands.
    pub(crate) fn describe(&self, of: Option<usize>, report: &mut StepReport) {
        let timeline = self.handle.timeline().read();
        report.at = self.repeats.then(|| time::rfc3339_micro(VIRTUAL_EPOCH + Duration::from_nanos(timeline.now())));
        if let Some(sent) = of.map(|index| &self.sent[index]) {
            report.request = Some(format!("{} {}", sent.request.method, sent.request.path));
            let user = if sent.request.user.is_empty() { "admin" } else { &sent.request.user };
            report.user = Some(user.to_owned());
            if let Some(Ok(response)) = &sent.response {
                report.response = self.repeats.then(|| self.mask().shown(&response.body));
                report.code = Some(response.code);
                report.reason = response.body.get("reason").and_then(|reason| reason.as_str()).map(str::to_owned);
            }
        }
        if let Some(trace) = self.trace_in(&timeline, of) {
            report.held_at = run::held_at(trace).map(|phase| phase.name().to_owned());
            report.phases = run::stable_phases(trace).into_iter().map(str::to_owned).collect();
            report.route = run::route(&timeline, trace);
        }
    }

    /// Says why a step failed.
    pub(crate) fn failure(&self, of: Option<usize>, wrong: Mismatch) -> Failure {
        let timeline = self.handle.timeline().read();
        let names: Vec<String> = self
            .trace_in(&timeline, of)
            .map(|trace| run::phases(trace).iter().map(|phase| phase.name().to_owned()).collect())
            .unwrap_or_default();
        let last_phases = names[names.len().saturating_sub(5)..].to_vec();
        Failure { expected: wrong.expected, got: wrong.got, last_phases }
    }
}
