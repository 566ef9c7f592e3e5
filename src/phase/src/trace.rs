//! One start-up or one request: the handle that is passed down, and the guard around each phase.
//!
//! ```text
//! let phase = trace.enter(Phase::DecodeBody, &mut body).await?;   // may wait; may bring an edited body
//! match decode(&body) {
//!     Ok(object) => { phase.exit(&object); Ok(object) }            // never waits
//!     Err(error) => { phase.fail(&error); Err(error) }
//! }
//! ```
//!
//! A trace that nobody watches is `None` inside: entering a phase is then one branch, without
//! allocation, formatting or a look at the clock.

use std::{
    fmt,
    panic::Location,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use crate::{
    catalog::Phase,
    clock::{Clock, Nanos},
    hook::{At, Interrupted, PhaseHook, Resume},
    record::{Event, Label, Outcome, Record, SpanId, TraceId, TraceKind},
    snapshot::Subject,
};

/// Starts traces. One per server; shared by everything that serves.
pub struct Tracer {
    /// Whether `hook` is set: the one load that an unwatched request pays.
    listening: AtomicBool,
    hook: RwLock<Option<Arc<dyn PhaseHook>>>,
    clock: Arc<dyn Clock>,
    next: AtomicU64,
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracer").field("listening", &self.listening).finish_non_exhaustive()
    }
}

impl Tracer {
    /// Returns a tracer that nobody listens to yet.
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { listening: AtomicBool::new(false), hook: RwLock::new(None), clock, next: AtomicU64::new(1) })
    }

    /// Sets who is told about the traces that start from now on; `None`: nobody.
    pub fn listen(&self, hook: Option<Arc<dyn PhaseHook>>) {
        let mut slot = self.hook.write().unwrap_or_else(PoisonError::into_inner);
        self.listening.store(hook.is_some(), Ordering::Relaxed);
        *slot = hook;
    }

    /// Starts a trace. `title` is only asked for when somebody listens.
    pub fn start(&self, kind: TraceKind, title: impl FnOnce() -> String) -> Trace {
        if !self.listening.load(Ordering::Relaxed) {
            return Trace::unwatched();
        }
        let hook = self.hook.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(hook) = hook else { return Trace::unwatched() };
        let inner = Arc::new(Inner {
            id: TraceId(self.next.fetch_add(1, Ordering::Relaxed)),
            kind,
            hook,
            clock: self.clock.clone(),
            open: Mutex::default(),
            held: AtomicU64::new(0),
        });
        inner.record(Event::Started { kind, title: title() });
        Trace(Some(inner))
    }
}

/// The handle of a trace. Clones share it.
#[derive(Clone)]
pub struct Trace(Option<Arc<Inner>>);

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trace({:?})", self.id())
    }
}

struct Inner {
    id: TraceId,
    kind: TraceKind,
    hook: Arc<dyn PhaseHook>,
    clock: Arc<dyn Clock>,
    open: Mutex<Open>,
    /// Nanoseconds spent waiting for a person, up to the last time that nobody waited. Deadlines move by this much.
    held: AtomicU64,
}

/// The phases that are open, innermost last, and who of them waits.
#[derive(Default)]
struct Open {
    /// How many phases were entered so far.
    count: u32,
    stack: Vec<SpanId>,
    /// Where each phase was entered last.
    entered: Vec<(Phase, SpanId)>,
    /// How many phases wait for a person now: webhooks called side by side may all be held.
    waiting: u32,
    /// When the first of them began to wait.
    since: Nanos,
}

impl Open {
    /// Opens a phase and says what encloses it: usually the innermost open one. What goes on in a task of its own
    /// (a post-start hook) belongs to the phase the catalogue names, even if that one has ended meanwhile.
    fn enter(&mut self, phase: Phase) -> (SpanId, Option<SpanId>) {
        self.count += 1;
        let span = SpanId(self.count);
        let named = phase.info().parent;
        let named = named.and_then(|named| self.entered.iter().find(|(entered, _)| *entered == named));
        let ended = named.map(|(_, span)| *span).filter(|span| !self.stack.contains(span));
        let parent = ended.or_else(|| self.stack.last().copied());
        match self.entered.iter_mut().find(|(entered, _)| *entered == phase) {
            Some((_, last)) => *last = span,
            None => self.entered.push((phase, span)),
        }
        self.stack.push(span);
        (span, parent)
    }
}

impl Inner {
    fn record(&self, event: Event) {
        self.hook.record(Record { trace: self.id, at: self.clock.now(), event });
    }

    fn open(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A wait for a person; it ends when this is dropped, also because the request was given up meanwhile.
struct Waiting<'a>(&'a Inner);

impl<'a> Waiting<'a> {
    fn begin(inner: &'a Inner) -> Self {
        let mut open = inner.open();
        if open.waiting == 0 {
            open.since = inner.clock.now();
        }
        open.waiting += 1;
        Self(inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut open = self.0.open();
        open.waiting -= 1;
        if open.waiting == 0 {
            self.0.held.fetch_add(self.0.clock.now().saturating_sub(open.since), Ordering::Relaxed);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.record(Event::Finished { held: self.held.load(Ordering::Relaxed) });
    }
}

impl Trace {
    /// Returns a trace that goes nowhere.
    pub const fn unwatched() -> Self {
        Self(None)
    }

    /// Returns the number, if the trace is watched.
    pub fn id(&self) -> Option<TraceId> {
        self.0.as_ref().map(|inner| inner.id)
    }

    /// Says whether anybody watches: ask before preparing something only a watcher needs.
    pub fn watched(&self) -> bool {
        self.0.is_some()
    }

    /// Returns the time it was held so far, a wait that is not over included. A deadline of the server moves by this much.
    pub fn held(&self) -> Nanos {
        let Some(inner) = &self.0 else { return 0 };
        let open = inner.open();
        let now = if open.waiting > 0 { inner.clock.now().saturating_sub(open.since) } else { 0 };
        inner.held.load(Ordering::Relaxed) + now
    }

    /// Tells facts about the trace (`user`, `verb`, `code`...) to whoever watches.
    pub fn describe(&self, facts: impl FnOnce() -> Vec<(Label, String)>) {
        if let Some(inner) = &self.0 {
            inner.record(Event::Described { facts: facts() });
        }
    }

    /// Notes an event inside the innermost open phase, such as "About to store object in database".
    pub fn note(&self, message: impl Into<Label>) {
        if let Some(inner) = &self.0 {
            let span = inner.open().stack.last().copied();
            if let Some(span) = span {
                inner.record(Event::Noted { span, message: message.into() });
            }
        }
    }

    /// Notes an event inside a phase around the innermost one: what a handler does while storage calls it back.
    pub fn note_in(&self, phase: Phase, message: impl Into<Label>) {
        if let Some(inner) = &self.0 {
            let span = {
                let open = inner.open();
                let entered = open.entered.iter().find(|(entered, _)| *entered == phase).map(|(_, span)| *span);
                entered.filter(|span| open.stack.contains(span))
            };
            if let Some(span) = span {
                inner.record(Event::Noted { span, message: message.into() });
            }
        }
    }

    /// Enters a phase. Waits while someone holds it; the subject may come back edited.
    #[track_caller]
    pub fn enter<'a>(
        &'a self,
        phase: Phase,
        subject: &'a mut dyn Subject,
    ) -> impl Future<Output = Result<Guard, Interrupted>> + Send + 'a {
        self.enter_at(phase, None, subject, Location::caller())
    }

    /// Enters a phase that only has a name at run time (a plugin, an authorizer, a hook).
    #[track_caller]
    pub fn enter_labelled<'a>(
        &'a self,
        phase: Phase,
        label: impl Into<Label>,
        subject: &'a mut dyn Subject,
    ) -> impl Future<Output = Result<Guard, Interrupted>> + Send + 'a {
        // The label is built only for those who watch; a `&'static str` costs nothing either way.
        let label = self.watched().then(|| label.into());
        self.enter_at(phase, label, subject, Location::caller())
    }

    /// The one place where phases begin.
    async fn enter_at(
        &self,
        phase: Phase,
        label: Option<Label>,
        subject: &mut dyn Subject,
        source: &'static Location<'static>,
    ) -> Result<Guard, Interrupted> {
        let Some(inner) = &self.0 else { return Ok(Guard { open: None }) };
        // Asked before the phase has its number: making a snapshot may take a while, and may look at this trace.
        let at = At { trace: inner.id, kind: inner.kind, span: SpanId(0), phase, label: label.as_ref() };
        let snapshot = inner.hook.wants_snapshot(&at).then(|| subject.snapshot());
        let source: Label = format!("{}:{}", source.file(), source.line()).into();
        let span = {
            // Numbered and recorded under one lock: whoever reads records sees the numbers without gaps, in order.
            let mut open = inner.open();
            let (span, parent) = open.enter(phase);
            inner.record(Event::Entered { span, parent, phase, label: label.clone(), source, snapshot });
            span
        };
        let guard = Guard { open: Some(OpenPhase { inner: inner.clone(), span, phase, label: label.clone() }) };
        let at = At { span, ..at };
        let hold = inner.hook.hold(&at, subject);
        let Some(hold) = hold else { return Ok(guard) };
        inner.record(Event::Held { span });
        let waiting = Waiting::begin(inner);
        let resume = hold.await;
        drop(waiting);
        inner.record(Event::Resumed { span });
        match resume {
            Resume::Proceed => Ok(guard),
            Resume::Edited(value) => {
                if let Err(message) = subject.edit(&value) {
                    inner.record(Event::Noted { span, message: format!("edit refused: {message}").into() });
                }
                Ok(guard)
            }
            Resume::Interrupt(interrupted) => {
                guard.fail(&interrupted);
                Err(interrupted)
            }
        }
    }
}

/// An open phase. Ends by [`Guard::exit`], [`Guard::done`] or [`Guard::fail`]; dropped, it counts as cancelled.
#[must_use = "a phase ends when its guard is dropped, and then counts as cancelled"]
pub struct Guard {
    open: Option<OpenPhase>,
}

struct OpenPhase {
    inner: Arc<Inner>,
    span: SpanId,
    phase: Phase,
    label: Option<Label>,
}

impl Guard {
    /// Ends the phase well and shows what became of its subject.
    pub fn exit(mut self, subject: &dyn Subject) {
        self.end(Outcome::Ok, Some(subject));
    }

    /// Ends the phase well, with nothing to show.
    pub fn done(mut self) {
        self.end(Outcome::Ok, None);
    }

    /// Ends the phase with an error.
    pub fn fail(mut self, error: &dyn fmt::Display) {
        if self.open.is_some() {
            self.end(Outcome::Failed(error.to_string()), None);
        }
    }

    fn end(&mut self, outcome: Outcome, subject: Option<&dyn Subject>) {
        let Some(OpenPhase { inner, span, phase, label }) = self.open.take() else { return };
        {
            // Phases may overlap (webhooks called side by side), so this one need not be the innermost.
            let mut open = inner.open();
            if let Some(index) = open.stack.iter().rposition(|id| *id == span) {
                open.stack.remove(index);
            }
        }
        let snapshot = subject.and_then(|subject| {
            let at = At { trace: inner.id, kind: inner.kind, span, phase, label: label.as_ref() };
            inner.hook.wants_snapshot(&at).then(|| subject.snapshot())
        });
        inner.record(Event::Exited { span, outcome, snapshot });
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.end(Outcome::Cancelled, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_outlives_its_phase_still_belongs_to_it() {
        let mut open = Open::default();
        let (hooks, _) = open.enter(Phase::RunPostStartHooks);
        open.stack.clear();
        let (first, parent) = open.enter(Phase::PostStartHook);
        assert_eq!(parent, Some(hooks));
        let (_, parent) = open.enter(Phase::PostStartHook);
        assert_eq!(parent, Some(hooks));
        let (_, parent) = open.enter(Phase::DecodeBody);
        assert_ne!(parent, Some(first));
    }

    /// Keeps the numbers of entered phases in the order in which they arrive.
    #[derive(Default)]
    struct Numbers(Mutex<Vec<u32>>);

    impl PhaseHook for Numbers {
        fn wants_snapshot(&self, _at: &At<'_>) -> bool {
            false
        }

        fn hold(&self, _at: &At<'_>, _subject: &dyn Subject) -> Option<crate::BoxFuture<'static, Resume>> {
            None
        }

        fn record(&self, record: Record) {
            if let Event::Entered { span, .. } = record.event {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).push(span.0);
            }
        }
    }

    #[test]
    fn phases_that_begin_at_once_arrive_in_the_order_of_their_numbers() {
        let hook = Arc::new(Numbers::default());
        let tracer = Tracer::new(crate::clock::SystemClock::shared());
        tracer.listen(Some(hook.clone()));
        let trace = tracer.start(TraceKind::Startup, String::new);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let mut nothing = crate::snapshot::Nothing;
                        let mut entering = std::pin::pin!(trace.enter(Phase::PostStartHook, &mut nothing));
                        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                        assert!(entering.as_mut().poll(&mut context).is_ready());
                    }
                });
            }
        });
        let numbers = hook.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(*numbers, (1..=2000).collect::<Vec<_>>());
    }
}
