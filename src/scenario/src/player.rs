//! A lesson at a learner's pace: told in the interface, step by step, each done when they say so.
//!
//! ```text
//! step:  tell (say, question) --Next--> do, wait --> task? --Verify until it holds / Solve--> explain --Next--> step
//! ```
//!
//! The learner walks the same server meanwhile, so a step may be done before it is asked for, and a wait may take as
//! long as they like: `Next` gives it up.

use std::{collections::BTreeSet, time::Duration};

use control::{
    lesson::{Check as Shown, Lesson, LessonAction, Localised, Predict as Question},
    ports::{Answer, PortError, Teacher},
};
use tokio::sync::mpsc;

use crate::{
    expect::Mismatch,
    format::{Choice, Scenario, Step, Wait},
    goal::Part,
    library::Source,
    request, requires,
    runner::{self, Runner, World},
    text::Text,
};

/// A learner may look at something for as long as they like.
const A_DAY: Duration = Duration::from_secs(86_400);

/// What the learner asks for, on its way to the player.
pub type Actions = mpsc::UnboundedReceiver<LessonAction>;

/// The learner's end.
pub struct Desk(mpsc::UnboundedSender<LessonAction>);

/// Returns the two ends between the interface and the player.
pub fn desk() -> (Desk, Actions) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Desk(sender), receiver)
}

impl Teacher for Desk {
    fn act(&self, action: LessonAction) -> Answer<'_, ()> {
        let heard = self.0.send(action).map_err(|_| PortError("the lesson is over".to_owned()));
        Box::pin(async move { heard })
    }
}

/// Plays a lesson on a server that is held at its very beginning, until its end or the server's. `done` are the lessons
/// that the learner has done before; `finished` is called when this one is, too.
pub async fn play(
    source: &Source,
    scenario: &Scenario,
    world: World,
    actions: Actions,
    done: &BTreeSet<String>,
    finished: impl FnOnce(),
) {
    let metadata = &scenario.metadata;
    let lesson = Lesson {
        id: metadata.id.clone(),
        title: metadata.title.0.clone(),
        steps: scenario.steps.len(),
        ..Lesson::default()
    };
    let missing = requires::missing_lessons(scenario, done);
    let advice = (!missing.is_empty()).then(|| requires::advice(&missing).0);
    let mut player = Player { source, runner: Runner::new(source, world, A_DAY), lesson, actions, advice };
    if let Err(wrong) = player.runner.start(scenario).await {
        player.complain(&wrong);
    }
    for (index, step) in scenario.steps.iter().enumerate() {
        player.lesson.step = index + 1;
        if player.step(step).await.is_none() {
            return;
        }
    }
    finished();
    let say = scenario.finish.as_ref().map(|finish| finish.say.0.clone()).unwrap_or_default();
    let parts = match &scenario.goal {
        Some(goal) => player.runner.parts(goal).await,
        None => Vec::new(),
    };
    player.tell(|lesson| {
        *lesson = Lesson { say, checks: parts.into_iter().map(looked_at).collect(), finished: true, ..heading(lesson) };
    });
    // What was started goes on: the lesson's server is the learner's now.
    player.runner.idle().await;
}

/// What stays from step to step.
fn heading(lesson: &Lesson) -> Lesson {
    let Lesson { id, title, step, steps, .. } = lesson.clone();
    Lesson { id, title, step, steps, ..Lesson::default() }
}

struct Player<'a> {
    source: &'a Source,
    runner: Runner<'a>,
    lesson: Lesson,
    actions: Actions,
    /// What is told at the beginning: the lessons that this one builds on.
    advice: Option<Localised>,
}

/// `None`: the server or the interface is gone.
type Going<T = ()> = Option<T>;

impl Player<'_> {
    async fn step(&mut self, step: &Step) -> Going {
        let shown = |text: &Option<Text>| text.as_ref().map(|text| text.0.clone()).unwrap_or_default();
        let say = shown(&step.say);
        let predict = step.predict.as_ref().map(|predict| Question {
            ask: predict.ask.0.clone(),
            choices: predict.choices.iter().map(choice).collect(),
            chosen: None,
            answer: None,
        });
        let command = self.command(step);
        let hints = self.advice.take().into_iter().collect();
        self.tell(|lesson| *lesson = Lesson { say, predict, command, hints, ..heading(lesson) });
        if step.action.is_some() || step.predict.is_some() {
            self.until_next().await?;
        }
        self.carry_out(step).await?;
        if let Some(task) = &step.task {
            self.tell(|lesson| {
                lesson.task = task.0.clone();
                lesson.hints.clear();
                lesson.hints_left = step.hints.len();
                lesson.checks = step.check.iter().map(|check| open(&check.fail.0)).collect();
            });
            let before = self.runner.newest();
            self.task(step).await?;
            self.runner.score += self.runner.strokes(before);
        }
        for expected in &step.expect {
            if let Err(wrong) = self.runner.expect(expected) {
                self.complain(&wrong);
            }
        }
        let answer = step.predict.as_ref().map(|predict| self.runner.predict(&predict.choices, &predict.answer));
        let explain = shown(&step.explain);
        self.tell(|lesson| {
            lesson.explain = explain;
            if let (Some(question), Some(Ok(answer))) = (&mut lesson.predict, answer) {
                question.answer = Some(answer);
            }
        });
        self.until_next().await
    }

    /// Does what the step does and waits for what follows, unless the learner is there already.
    async fn carry_out(&mut self, step: &Step) -> Going {
        let wait = runner::awaited(step);
        // What is not sent yet cannot be ahead.
        let sends = step.action.as_ref().is_some_and(|action| action.step.is_none());
        if !sends && wait.as_ref().is_some_and(|wait| self.runner.reached(wait)) {
            return Some(());
        }
        if let Some(action) = &step.action {
            let of = self.runner.of(step.wait.as_ref().and_then(|wait| wait.of.as_deref()));
            if let Err(wrong) = self.runner.act(action, of).await {
                self.complain(&wrong);
                return Some(());
            }
        }
        let Some(wait) = wait else { return Some(()) };
        self.tell(|lesson| lesson.checks = vec![open(&awaiting(&wait))]);
        let (runner, actions) = (&mut self.runner, &mut self.actions);
        let waited = tokio::select! {
            biased;
            waited = runner.wait(&wait) => Some(waited),
            next = skipped(actions) => next.map(Ok),
        };
        self.tell(|lesson| lesson.checks.clear());
        if let Err(wrong) = waited? {
            self.complain(&wrong);
        }
        Some(())
    }

    /// Until every check holds.
    async fn task(&mut self, step: &Step) -> Going {
        loop {
            match self.action().await? {
                LessonAction::Hint => {
                    let next = step.hints.get(self.lesson.hints.len()).map(|hint| hint.0.clone());
                    self.tell(|lesson| {
                        lesson.hints.extend(next);
                        lesson.hints_left = step.hints.len() - lesson.hints.len();
                    });
                }
                LessonAction::Solve => {
                    if let Err(wrong) = self.runner.solve(step).await {
                        self.complain(&wrong);
                    }
                    if self.verify(step).await {
                        return Some(());
                    }
                }
                LessonAction::Verify | LessonAction::Next => {
                    if self.verify(step).await {
                        return Some(());
                    }
                }
                LessonAction::Answer(_) => {}
            }
        }
    }

    /// Looks whether the task is done. A request that the solution would send again is sent again: its last answer may
    /// be from before the learner's change.
    async fn verify(&mut self, step: &Step) -> bool {
        for action in step.solve.iter().filter(|action| action.replay.is_some()) {
            let answered = Wait { answered: true, ..Wait::default() };
            if let Err(wrong) = self.runner.act(action, None).await.and(self.runner.wait(&answered).await) {
                self.complain(&wrong);
            }
        }
        let mut all = true;
        for (index, check) in step.check.iter().enumerate() {
            let passed = self.runner.check(check).await.is_ok();
            all &= passed;
            let shown = &mut self.lesson.checks[index];
            shown.passed = Some(passed);
            // The sentence says what is missing: once nothing is, the check's name is left.
            shown.text = if passed { everywhere(&check.id) } else { check.fail.0.clone() };
        }
        self.tell(|_| {});
        all
    }

    /// Waits until the learner goes on; a question may be answered until then.
    async fn until_next(&mut self) -> Going {
        self.tell(|lesson| lesson.waits = true);
        loop {
            match self.action().await? {
                LessonAction::Next | LessonAction::Verify => {
                    self.tell(|lesson| lesson.waits = false);
                    return Some(());
                }
                LessonAction::Answer(chosen) => self.tell(|lesson| {
                    if let Some(question) = &mut lesson.predict
                        && question.answer.is_none()
                        && chosen < question.choices.len()
                    {
                        question.chosen = Some(chosen);
                    }
                }),
                LessonAction::Hint | LessonAction::Solve => {}
            }
        }
    }

    /// The next thing the learner asks for, while what happens is taken in.
    async fn action(&mut self) -> Going<LessonAction> {
        tokio::select! {
            biased;
            action = self.actions.recv() => action,
            () = self.runner.idle() => None,
        }
    }

    /// Changes the lesson and shows it.
    fn tell(&mut self, change: impl FnOnce(&mut Lesson)) {
        change(&mut self.lesson);
        self.runner.controller.lesson(self.lesson.clone());
    }

    /// Shows what is not as the lesson has it: the learner went another way.
    fn complain(&mut self, wrong: &Mismatch) {
        let text = everywhere(&wrong.expected);
        let check = Shown { text, passed: Some(false), message: wrong.got.clone() };
        self.tell(|lesson| lesson.checks.push(check));
    }

    /// The command that does by hand what a step does, where kubectl has one.
    fn command(&self, step: &Step) -> String {
        step.action.as_ref().map(|action| request::by_hand(action, self.source)).unwrap_or_default()
    }
}

/// Whether the learner gives up waiting; nothing else is heard meanwhile.
async fn skipped(actions: &mut Actions) -> Going {
    while let Some(action) = actions.recv().await {
        if action == LessonAction::Next {
            return Some(());
        }
    }
    None
}

fn choice(choice: &Choice) -> Localised {
    match choice {
        Choice::Plain(text) => everywhere(text),
        Choice::Text(text) => text.0.clone(),
    }
}

/// A text that is the same in every language.
fn everywhere(text: &str) -> Localised {
    Localised::from([("en".to_owned(), text.to_owned())])
}

fn looked_at(part: Part) -> Shown {
    let message = if part.reached { String::new() } else { part.got };
    Shown { text: part.text.0, passed: Some(part.reached), message }
}

fn open(text: &Localised) -> Shown {
    Shown { text: text.clone(), passed: None, message: String::new() }
}

fn awaiting(wait: &Wait) -> Localised {
    let (en, zh) = match &wait.paused_at {
        Some(phase) => (format!("waiting until it is held at {phase}"), format!("等待停在 {phase}")),
        None if wait.ready => ("waiting until the server is ready".to_owned(), "等待 server 就绪".to_owned()),
        None => ("waiting for the answer".to_owned(), "等待应答".to_owned()),
    };
    Localised::from([("en".to_owned(), en), ("zh".to_owned(), zh)])
}
