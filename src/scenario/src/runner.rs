//! A lesson without the interface: the same commands, the same events, nobody who presses keys.
//!
//! ```text
//! step:  do --> wait --> [checks fail --> solve --> checks hold] --> expect --> answer of the question
//!         |       |
//!         |       '-- on events: held, answered, ready. A wait that is not met says what it saw.
//!         '-- requests go out in tasks, so that the server may hold them
//! ```

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use cel::{Value as CelValue, Variables};
use control::{
    controller::Controller,
    detail::Detail,
    handle::Handle,
    ports::{ANONYMOUS, Endpoint, Lab, LabRequest, LabResponse},
    protocol::Command,
    stepper::Step as Walk,
    timeline::trace::TraceLog,
};
use phase::{
    catalog::Phase,
    record::{TraceId, TraceKind},
};
use tokio::{sync::mpsc, time};

use crate::{
    expect::{self, Mismatch, Subject},
    format::{Action, Answer, Check, Choice, Expect, Scenario, Step, Wait},
    library::Source,
    report::{Report, StepReport},
    request,
    run::{self, Sent},
};

/// The longest that a replay waits for anything. Only failures take that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// How often a server that is not ready is asked again: readiness is told to those who ask.
pub(crate) const POLL: Duration = Duration::from_millis(20);

/// How far apart the steps of a lesson are on a virtual clock.
const SECOND: Duration = Duration::from_secs(1);

/// A server that starts, seen from outside.
pub struct World {
    /// Who watches it.
    pub controller: Arc<Controller>,
    /// The runner's grip on the one who watches.
    pub handle: Handle,
    /// Sends requests to it.
    pub lab: Arc<dyn Lab>,
    /// Whether it runs on a virtual clock, so that two runs are the same.
    pub repeats: bool,
}

/// Replays a lesson on a server that is held at its very beginning.
pub async fn replay(source: &Source, scenario: &Scenario, world: World, language: &str) -> Report {
    let mut runner = Runner::new(source, world, PATIENCE);
    let metadata = &scenario.metadata;
    let title = metadata.title.get(language).to_owned();
    let mut report = Report { lesson: metadata.id.clone(), title, passed: true, ..Report::default() };
    if let Err(wrong) = runner.start(scenario).await {
        let step =
            StepReport { id: "start".into(), failure: Some(runner.failure(None, wrong)), ..StepReport::default() };
        report.steps.push(step);
    } else {
        for step in &scenario.steps {
            report.steps.push(runner.step(step).await);
            if report.steps.last().is_some_and(|step| step.failure.is_some()) {
                break;
            }
        }
    }
    report.passed = report.steps.iter().all(|step| step.failure.is_none());
    runner.controller.continue_all();
    if report.passed
        && let Some(goal) = &scenario.goal
    {
        report.steps.push(runner.goal(goal).await);
    }
    report.passed = report.steps.iter().all(|step| step.failure.is_none());
    report
}

pub(crate) type Done = Result<(), Mismatch>;

/// Carries out what steps say. [`crate::player`] does so at a learner's pace, [`replay`] without a rest.
pub(crate) struct Runner<'a> {
    pub(crate) source: &'a Source,
    pub(crate) controller: Arc<Controller>,
    pub(crate) handle: Handle,
    pub(crate) lab: Arc<dyn Lab>,
    /// The longest that anything is waited for.
    pub(crate) patience: Duration,
    /// Whether it runs on a virtual clock.
    pub(crate) repeats: bool,
    /// The webhook servers, by the name the lesson calls them.
    pub(crate) webhooks: BTreeMap<String, Endpoint>,
    /// How many requests the tasks took so far that write.
    pub(crate) score: u32,
    /// Every request so far, in order.
    pub(crate) sent: Vec<Sent>,
    answers_in: mpsc::UnboundedSender<(usize, Result<LabResponse, String>)>,
    answers: mpsc::UnboundedReceiver<(usize, Result<LabResponse, String>)>,
}

impl<'a> Runner<'a> {
    pub(crate) fn new(source: &'a Source, world: World, patience: Duration) -> Self {
        let (answers_in, answers) = mpsc::unbounded_channel();
        let World { controller, handle, lab, repeats } = world;
        Self {
            source,
            controller,
            handle,
            lab,
            patience,
            repeats,
            webhooks: BTreeMap::new(),
            score: 0,
            sent: Vec::new(),
            answers_in,
            answers,
        }
    }

    async fn step(&mut self, step: &Step) -> StepReport {
        let mut report = StepReport { id: step.id.clone(), ..StepReport::default() };
        let done = self.carry_out(step, &mut report).await;
        self.settle().await;
        let of = self.of(step.wait.as_ref().and_then(|wait| wait.of.as_deref()));
        self.describe(of, &mut report);
        report.failure = done.err().map(|wrong| self.failure(of, wrong));
        report
    }

    async fn carry_out(&mut self, step: &Step, report: &mut StepReport) -> Done {
        let of = step.wait.as_ref().and_then(|wait| wait.of.as_deref());
        if let Some(action) = &step.action {
            let of = self.of(of);
            self.act(action, of).await?;
        }
        if let Some(wait) = awaited(step) {
            self.wait(&wait).await?;
        }
        if step.task.is_some() {
            report.solved = self.task(step).await?;
        }
        for expect in &step.expect {
            self.expect(expect)?;
        }
        if let Some(predict) = &step.predict {
            let right = self.predict(&predict.choices, &predict.answer)?;
            report.prediction = Some(predict.choices[right].get("en").to_owned());
        }
        Ok(())
    }

    /// Proves that the checks fail before the solution and hold after it.
    async fn task(&mut self, step: &Step) -> Result<Vec<String>, Mismatch> {
        for check in &step.check {
            if self.check(check).await.is_ok() {
                return Err(Mismatch::new(format!("check {} fails before the solution", check.id), "it holds"));
            }
        }
        let before = self.newest();
        self.solve(step).await?;
        self.score += self.strokes(before);
        Ok(step.check.iter().map(|check| check.id.clone()).collect())
    }

    /// Carries the solution out, until the checks hold.
    pub(crate) async fn solve(&mut self, step: &Step) -> Done {
        for action in &step.solve {
            let of = self.of(None);
            self.act(action, of).await?;
            if action.step.is_none() {
                self.wait(&Wait { answered: true, ..Wait::default() }).await?;
            }
        }
        let ended = time::Instant::now() + PATIENCE;
        while let Err(wrong) = self.checks(&step.check).await {
            if time::Instant::now() > ended {
                return Err(wrong);
            }
            // What reads through informers hears of a change a moment later: a learner would send it again, too.
            time::sleep(POLL).await;
            for action in step.solve.iter().filter(|action| action.replay.is_some()) {
                self.act(action, None).await?;
                self.wait(&Wait { answered: true, ..Wait::default() }).await?;
            }
        }
        Ok(())
    }

    async fn checks(&self, checks: &[Check]) -> Done {
        for check in checks {
            self.check(check).await?;
        }
        Ok(())
    }

    pub(crate) async fn check(&self, check: &Check) -> Done {
        let expected = format!("check {}", check.id);
        let mut variables = self.variables(None);
        if let Some(path) = &check.object {
            let request = LabRequest { method: "GET".into(), path: path.clone(), ..LabRequest::default() };
            let answer = self.lab.send(request).await;
            let answer = answer.map_err(|error| Mismatch::new(expected.clone(), error.to_string()))?;
            let exists = answer.code == 200;
            if exists != check.exists {
                return Err(Mismatch::new(expected, check.fail.get("en")));
            }
            variables.insert("object".into(), CelValue::from(&answer.body));
        }
        match &check.that {
            Some(source) if !expect::truth(source, &variables)? => Err(Mismatch::new(expected, check.fail.get("en"))),
            _ => Ok(()),
        }
    }

    /// Which request a name means: the last one without a name, none for `startup`.
    pub(crate) fn of(&self, name: Option<&str>) -> Option<usize> {
        match name {
            Some("startup") => None,
            Some(name) => self.sent.iter().rposition(|sent| sent.name == name),
            None => self.sent.len().checked_sub(1),
        }
    }

    /// Does what an action says.
    pub(crate) async fn act(&mut self, action: &Action, of: Option<usize>) -> Done {
        if let Some(command) = &action.step {
            return self.walk(of, command).await;
        }
        let again = action.replay.as_deref();
        let request = match again {
            Some(name) => self.of(Some(name)).map(|index| self.sent[index].request.clone()),
            None => request::of(action, self.source).map_err(|error| Mismatch::new("a request", error))?,
        };
        let request = request.ok_or_else(|| Mismatch::new("a request", "there is none of that name"))?;
        let request = self.complete(action, request)?;
        let name = action.name.as_deref().or(again).map(str::to_owned);
        let name = name.unwrap_or_else(|| format!("request{}", self.sent.len() + 1));
        self.settle().await;
        let after = self.newest();
        let index = self.sent.len();
        self.sent.push(Sent {
            name,
            request: request.clone(),
            trace: None,
            again: again.is_some(),
            after,
            response: None,
        });
        let (lab, answers) = (self.lab.clone(), self.answers_in.clone());
        tokio::spawn(async move {
            let answer = lab.send(request).await.map_err(|error| error.to_string());
            // The lesson may be over by now.
            let _ = answers.send((index, answer));
        });
        Ok(())
    }

    /// Adds to a request what only the run knows: addresses of webhooks, a token.
    fn complete(&self, action: &Action, mut request: LabRequest) -> Result<LabRequest, Mismatch> {
        if let Some(body) = &mut request.body {
            request::address(body, &self.webhooks).map_err(|error| Mismatch::new("a webhook of the lesson", error))?;
        }
        if let Some(source) = &action.token {
            let token = expect::text(source, &self.variables(None))?;
            request.headers.push(("authorization".to_owned(), format!("Bearer {token}")));
            ANONYMOUS.clone_into(&mut request.user);
        }
        Ok(request)
    }

    /// The trace of a request, or of the start-up.
    fn trace(&self, of: Option<usize>) -> Option<TraceId> {
        match of {
            Some(index) => self.sent[index].trace,
            None => self.handle.timeline().read().startup().map(TraceLog::id),
        }
    }

    pub(crate) fn held_span(&self, of: Option<usize>) -> Option<usize> {
        let trace = self.trace(of)?;
        self.handle.timeline().read().trace(trace).and_then(TraceLog::held_at)
    }

    /// Gives a command of the walk to what is held, and waits until it has let go.
    pub(crate) async fn walk(&mut self, of: Option<usize>, command: &str) -> Done {
        let of = of.filter(|index| self.held_span(Some(*index)).is_some());
        let (Some(trace), Some(span)) = (self.trace(of), self.held_span(of)) else {
            return Err(Mismatch::new(format!("`{command}` of something held"), "nothing is held"));
        };
        let step = |step| Command::Step { trace, step, detail: Detail::default() };
        let command = match command {
            "into" => step(Walk::Into),
            "over" => step(Walk::Over),
            "out" => step(Walk::Out),
            "continue" => Command::Continue(trace),
            other => {
                let name = other.strip_prefix("runTo").unwrap_or(other).trim_start_matches([':', ' ']);
                let kind = if of.is_some() { TraceKind::Request } else { TraceKind::Startup };
                let phase = run::phase_in(kind, name);
                let phase = phase.ok_or_else(|| Mismatch::new("into, over, out, continue, runTo PHASE", other))?;
                Command::RunTo { trace, phase, label: None }
            }
        };
        let sent = self.handle.send(command);
        sent.map_err(|error| Mismatch::new("a command is heard", error.to_string()))?;
        self.until("it goes on", self.patience, |runner| {
            let timeline = runner.handle.timeline().read();
            let span = timeline.trace(trace).and_then(|trace| trace.span(span));
            span.is_none_or(|span| span.held_since().is_none())
        })
        .await
    }

    pub(crate) async fn wait(&mut self, wait: &Wait) -> Done {
        let patience = wait.timeout.as_deref().and_then(seconds).unwrap_or(self.patience);
        let of = self.of(wait.of.as_deref());
        if let Some(name) = &wait.paused_at {
            let wanted = Phase::find(name);
            self.until(&format!("held at {name}"), patience, |runner| {
                let timeline = runner.handle.timeline().read();
                let trace = runner.trace_in(&timeline, of);
                trace.and_then(run::held_at).is_some_and(|phase| wanted.contains(&phase))
            })
            .await?;
        }
        if wait.answered {
            self.until("answered", patience, |runner| {
                of.is_some_and(|index| runner.sent[index].is_answered(&runner.handle.timeline().read()))
            })
            .await?;
        }
        if wait.ready {
            self.ready(patience).await?;
        }
        Ok(())
    }

    pub(crate) fn trace_in<'t>(
        &self,
        timeline: &'t control::timeline::Timeline,
        of: Option<usize>,
    ) -> Option<&'t TraceLog> {
        match of {
            Some(index) => self.sent[index].trace.and_then(|trace| timeline.trace(trace)),
            None => timeline.startup(),
        }
    }

    /// Asks until the server says that it is ready.
    pub(crate) async fn ready(&mut self, patience: Duration) -> Done {
        let asking = async {
            let request = LabRequest { method: "GET".into(), path: "/readyz".into(), ..LabRequest::default() };
            while !self.lab.send(request.clone()).await.is_ok_and(|answer| answer.code == 200) {
                time::sleep(POLL).await;
            }
        };
        if time::timeout(patience, asking).await.is_err() {
            return Err(Mismatch::new("the server is ready", self.saw()));
        }
        // The trace itself stays open with the hooks that run as long as the server.
        self.until("the start-up is over", patience, |runner| {
            let timeline = runner.handle.timeline().read();
            let mut spans = timeline.startup().into_iter().flat_map(TraceLog::spans);
            spans.any(|span| span.phase() == Phase::Ready && span.exited().is_some())
        })
        .await
    }

    /// Says whether what a step waits for was reached already: a learner may have walked ahead.
    pub(crate) fn reached(&self, wait: &Wait) -> bool {
        let Some(name) = &wait.paused_at else { return false };
        let wanted = Phase::find(name);
        let timeline = self.handle.timeline().read();
        let trace = self.trace_in(&timeline, self.of(wait.of.as_deref()));
        trace.is_some_and(|trace| run::phases(trace).iter().any(|phase| wanted.contains(phase)))
    }

    /// Takes in what happens while nothing is waited for. Never returns while the server is there.
    pub(crate) async fn idle(&mut self) {
        let never = self.until("never", Duration::from_secs(u32::MAX.into()), |_| false).await;
        debug_assert!(never.is_err(), "nothing was waited for");
    }

    /// Waits for events until something is true.
    pub(crate) async fn until(&mut self, what: &str, patience: Duration, mut met: impl FnMut(&Self) -> bool) -> Done {
        let ended = time::sleep(patience);
        tokio::pin!(ended);
        loop {
            self.take_in();
            if met(self) {
                return Ok(());
            }
            tokio::select! {
                biased;
                Some((index, answer)) = self.answers.recv() => self.sent[index].response = Some(answer),
                event = self.handle.next() => {
                    if event.is_none() {
                        return Err(Mismatch::new(what, "the server is gone"));
                    }
                }
                () = &mut ended => return Err(Mismatch::new(what, self.saw())),
                // On a virtual clock this comes as soon as everything else rests.
                () = time::sleep(POLL), if self.repeats => {}
            }
        }
    }

    /// Looks which requests have a trace by now.
    fn take_in(&mut self) {
        if self.repeats {
            self.controller.pump();
        }
        let timeline = self.handle.timeline().clone();
        let timeline = timeline.read();
        self.sent.iter_mut().for_each(|sent| sent.find_trace(&timeline));
    }

    /// Lets everything that is under way come to rest; each time a virtual clock goes on by a second.
    pub(crate) async fn settle(&mut self) {
        if self.repeats {
            time::sleep(SECOND).await;
        }
        self.take_in();
    }

    /// The newest trace.
    pub(crate) fn newest(&self) -> TraceId {
        self.controller.pump();
        run::newest(&self.handle.timeline().read())
    }

    pub(crate) fn expect(&self, expected: &Expect) -> Done {
        let of = self.of(expected.of.as_deref());
        let variables = self.variables(of);
        let timeline = self.handle.timeline().read();
        let trace = self.trace_in(&timeline, of);
        let sent = of.map(|index| &self.sent[index]);
        expect::check(expected, &Subject { timeline: &timeline, trace, sent, variables: &variables })
    }

    /// Asks the run for the right answer, which must be one of the choices, and returns its place among them.
    pub(crate) fn predict(&self, choices: &[Choice], answer: &Answer) -> Result<usize, Mismatch> {
        match answer {
            Answer::Choice(number) => {
                let index = number.checked_sub(1).filter(|index| *index < choices.len());
                index.ok_or_else(|| Mismatch::new("an answer among the choices", number.to_string()))
            }
            Answer::From(source) => {
                let right = expect::text(source, &self.variables(self.of(None)))?;
                let known: Vec<&str> = choices.iter().map(|choice| choice.get("en")).collect();
                let index = known.iter().position(|choice| *choice == right);
                index.ok_or_else(|| Mismatch::new(format!("one of {known:?}"), right))
            }
        }
    }

    /// Everything an expression may name: the request in question, and each by its own name.
    pub(crate) fn variables(&self, of: Option<usize>) -> Variables {
        let timeline = self.handle.timeline().read();
        let mut variables = Variables::new();
        let mut name = |name: &str, value: &serde_json::Value| {
            variables.insert(name.to_owned(), CelValue::from(value));
        };
        name("startup", &run::variables(&timeline, timeline.startup(), None));
        for (index, sent) in self.sent.iter().enumerate() {
            name(&sent.name, &run::variables(&timeline, self.trace_in(&timeline, Some(index)), Some(sent)));
        }
        let sent = of.map(|index| &self.sent[index]);
        let this = run::variables(&timeline, self.trace_in(&timeline, of), sent);
        for (field, value) in this.as_object().into_iter().flatten() {
            name(field, value);
        }
        name("config", &run::config(&timeline));
        name("webhooks", &self.lab.heard());
        variables
    }
}

/// What a step waits for: what it says, else the answer to what it sends.
pub(crate) fn awaited(step: &Step) -> Option<Wait> {
    let sends = step.action.as_ref().is_some_and(|action| action.step.is_none() && action.watch.is_none());
    step.wait.clone().or_else(|| sends.then(|| Wait { answered: true, ..Wait::default() }))
}

/// Reads `5s`.
fn seconds(text: &str) -> Option<Duration> {
    text.strip_suffix('s').and_then(|number| number.parse().ok()).map(Duration::from_secs)
}
