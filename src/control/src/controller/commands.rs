//! The side of the clients: their commands, carried out.

use std::sync::{Arc, atomic::Ordering};

use phase::{hook::Resume, record::TraceId};

use super::{ClientId, Controller};
use crate::{
    breakpoint::{Armed, Breakpoint, BreakpointError, BreakpointId, Listed},
    ports::{PortError, Ports},
    protocol::{Command, Event, Question, Reply},
    stepper::Goal,
};

/// The number of the filter that says what to intercept; breakpoints count from 1.
const INTERCEPT: BreakpointId = BreakpointId(0);

impl Controller {
    /// Carries out a command of a client. What comes of it is told as events.
    pub fn execute(&self, client: ClientId, command: Command) {
        let done = match command {
            Command::Step { trace, step, detail } => {
                self.go(trace, |hold| hold.map_or(Goal::Next(detail), |open| Goal::step(step, open, detail)))
            }
            Command::RunTo { trace, phase, label } => self.go(trace, |_| Goal::Phase(phase, label)),
            Command::Continue(trace) => self.release(trace, None),
            Command::ContinueAll => {
                self.continue_all();
                Ok(())
            }
            Command::Pause { trace, detail } => self.set_goal(trace, Goal::Next(detail)),
            Command::Break(breakpoint) => {
                self.add_breakpoint(breakpoint).map(|_| ()).map_err(|error| format!("no breakpoint: {error}"))
            }
            Command::Unbreak(id) => {
                self.change_breakpoints(|all| all.retain(|armed| armed.id != id));
                Ok(())
            }
            Command::Enable { id, enabled } => {
                let breakpoints = self.policy.breakpoints.read().clone();
                breakpoints.iter().filter(|armed| armed.id == id).for_each(|armed| armed.enable(enabled));
                self.change_breakpoints(|_| {});
                Ok(())
            }
            Command::Intercept(when) => self.intercept(when).map_err(|error| format!("no filter: {error}")),
            Command::System(system) => {
                *self.policy.system.write() = system;
                Ok(())
            }
            Command::Capture(capture) => {
                *self.policy.capture.write() = capture;
                Ok(())
            }
            Command::Edit { trace, value } => match self.holds.edit(trace, value) {
                Some(hold) => {
                    self.publish(Event::Held(Box::new(hold)));
                    Ok(())
                }
                None => Err(not_held(trace)),
            },
            Command::Interrupt { trace, interrupted } => self.release(trace, Some(Resume::Interrupt(interrupted))),
            Command::Mark(marker) => {
                self.timeline.write().mark(marker.clone());
                self.publish(Event::Marked(marker));
                Ok(())
            }
            Command::Ask { id, question } => {
                self.ask(client, id, question);
                Ok(())
            }
        };
        if let Err(sentence) = done {
            self.tell_one(client, Event::Refused(sentence));
        }
    }

    /// Sends an event to one client.
    fn tell_one(&self, client: ClientId, event: Event) {
        if let Some(client) = self.clients.lock().iter_mut().find(|known| known.id == client) {
            let _ = client.events.try_send(event);
        }
    }

    /// Sets the goal of a held trace, as a function of the phase it is held at, and lets it go on.
    fn go(&self, trace: TraceId, goal: impl FnOnce(Option<crate::detail::Open>) -> Goal) -> Result<(), String> {
        let hold = self.holds.get(trace).ok_or_else(|| not_held(trace))?;
        let open =
            self.recorder.part(trace).live.get(&trace).and_then(|live| live.around(hold.span).map(|(open, _)| open));
        self.set_goal(trace, goal(open))?;
        self.release(trace, None)
    }

    fn set_goal(&self, trace: TraceId, goal: Goal) -> Result<(), String> {
        let mut part = self.recorder.part(trace);
        let live = part.live.get_mut(&trace).ok_or_else(|| format!("request {} is over", trace.0))?;
        live.goal = Some(goal);
        live.full = true;
        Ok(())
    }

    fn release(&self, trace: TraceId, resume: Option<Resume>) -> Result<(), String> {
        // Told before the trace is woken: it may be held again at once, and that must be told later.
        if self.holds.get(trace).is_none() {
            return Err(not_held(trace));
        }
        self.publish(Event::Released(trace));
        self.holds.release(trace, resume);
        Ok(())
    }

    /// Lets everything go on, and forgets where it was to stop next.
    pub fn continue_all(&self) {
        for mut part in self.recorder.each_part() {
            for live in part.live.values_mut() {
                live.goal = None;
                live.after.clear();
            }
        }
        for trace in self.holds.traces() {
            // Someone else may have been quicker.
            let _ = self.release(trace, None);
        }
    }

    /// Returns all breakpoints.
    pub fn breakpoints(&self) -> Vec<Listed> {
        self.policy.breakpoints.read().iter().map(|armed| armed.listed()).collect()
    }

    /// Sets a breakpoint and returns its number.
    pub fn add_breakpoint(&self, breakpoint: Breakpoint) -> Result<BreakpointId, BreakpointError> {
        let id = BreakpointId(self.policy.next_breakpoint.fetch_add(1, Ordering::Relaxed));
        let armed = Arc::new(Armed::new(id, breakpoint)?);
        self.change_breakpoints(|all| all.push(armed));
        Ok(id)
    }

    fn change_breakpoints(&self, change: impl FnOnce(&mut Vec<Arc<Armed>>)) {
        {
            let mut breakpoints = self.policy.breakpoints.write();
            let mut all = breakpoints.to_vec();
            change(&mut all);
            *breakpoints = Arc::new(all);
        }
        self.rearm();
        self.publish(Event::Breakpoints(self.breakpoints()));
    }

    fn intercept(&self, when: Option<String>) -> Result<(), BreakpointError> {
        let armed = match &when {
            None => None,
            Some(text) => {
                let breakpoint = Breakpoint { when: Some(text.clone()), ..Breakpoint::default() };
                Some(Arc::new(Armed::new(INTERCEPT, breakpoint)?))
            }
        };
        *self.policy.intercept.write() = armed;
        self.rearm();
        self.publish(Event::Intercepting(when));
        Ok(())
    }

    fn rearm(&self) {
        let armed = !self.policy.breakpoints.read().is_empty() || self.policy.intercept.read().is_some();
        self.policy.generation.fetch_add(1, Ordering::AcqRel);
        self.policy.armed.store(armed, Ordering::Release);
    }

    /// Asks a port; the answer comes as an event.
    fn ask(&self, client: ClientId, id: u64, question: Question) {
        let ports = self.ports.read().clone();
        let Some(runtime) = self.runtime.get() else {
            let reply = Err(PortError("there is no server here: this is a recording".to_owned()));
            return self.tell_one(client, Event::Reply { id, reply });
        };
        let me = self.me.clone();
        runtime.spawn(async move {
            let traffic = if let Question::Traffic(traffic) = question { Some(traffic) } else { None };
            let reply = answer(&ports, question).await;
            let Some(controller) = me.upgrade() else { return };
            if let (Some(traffic), Ok(_)) = (traffic, &reply) {
                controller.standing.lock().traffic = traffic;
                controller.publish(Event::Traffic(traffic));
            }
            controller.tell_one(client, Event::Reply { id, reply });
        });
    }
}

fn not_held(trace: TraceId) -> String {
    format!("request {} is not held", trace.0)
}

/// Asks the port that a question is for.
async fn answer(ports: &Ports, question: Question) -> Result<Reply, PortError> {
    let none = |what: &str| PortError(format!("{what} is not available here"));
    let inspect = || ports.inspect.as_ref().ok_or_else(|| none("looking into the server"));
    let lab = || ports.lab.as_ref().ok_or_else(|| none("the laboratory"));
    Ok(match question {
        Question::Keys { prefix, revision, limit } => Reply::Keys(inspect()?.keys(prefix, revision, limit).await?),
        Question::Value { key, revision } => Reply::Value(Box::new(inspect()?.value(key, revision).await?)),
        Question::Watchers => Reply::Watchers(inspect()?.watchers().await?),
        Question::Levels => Reply::Levels(inspect()?.levels().await?),
        Question::Send(request) => Reply::Sent(lab()?.send(request).await?),
        Question::Traffic(traffic) => {
            lab()?.traffic(traffic).await?;
            Reply::Done
        }
        Question::Lesson(action) => {
            ports.teacher.as_ref().ok_or_else(|| none("a lesson"))?.act(action).await?;
            Reply::Done
        }
    })
}
