//! The one who walks: told of every phase, asked who must wait, ordered about by clients.
//!
//! The threads that serve call [`hook`]; clients call [`commands`]; between them stands the pump, one
//! thread that takes what was recorded into the timeline and tells the clients:
//!
//! ```text
//!   record() --> queues --+                    +--> timeline (shared)
//!                         +--> pump (1 thread) +--> events of each client, in the order they happened
//!   held, met... --> outbox +
//! ```
//!
//! Without clients nobody waits: if the last one goes (or dies), everything that is held goes on.

pub mod commands;
pub mod hook;

use std::{
    fmt,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use parking_lot::{Mutex, RwLock};
use phase::{clock::Clock, record::Record};
use tokio::{runtime, sync::mpsc};

use crate::{
    breakpoint::Armed,
    handle::Handle,
    holds::Holds,
    lesson::Lesson,
    ports::{Launched, Ports, Traffic},
    protocol::{Capture, Event, LogLine, SystemTraffic},
    recorder::Recorder,
    timeline::{self, Timeline},
};

/// Events that wait for one client. One that is this far behind has stopped reading: it loses events and is told so.
const CLIENT_BOUND: usize = 8_192;

/// The pump rests this long after a batch, so that a busy server is not asked for single records.
const REST: Duration = Duration::from_millis(2);

/// How start-up begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Held at its first phase, if a client is there to let it go on.
    Held,
    /// Without a stop.
    Running,
}

/// Who moves records to the clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pump {
    /// A thread of its own, started by [`Controller::start`].
    Thread,
    /// Whoever causes an event: in lessons, where the order of everything must be the same in each run.
    Inline,
}

/// The walker. See the chapter.
pub struct Controller {
    me: Weak<Self>,
    clock: Arc<dyn Clock>,
    start: Start,
    pump: Pump,
    recorder: Recorder,
    timeline: timeline::Shared,
    holds: Holds,
    policy: Policy,
    clients: Mutex<Vec<Client>>,
    /// How many clients there are; read at every phase.
    attached: AtomicUsize,
    next_client: AtomicU64,
    /// Events that wait for the pump.
    outbox: Mutex<Vec<Event>>,
    /// Whether there is work for the pump, and who to wake.
    dirty: AtomicBool,
    pump_thread: OnceLock<thread::Thread>,
    /// Held while records are moved: events leave in one order.
    pumping: Mutex<u64>,
    /// Traces that passed because too many waited.
    passed: AtomicU64,
    ports: RwLock<Ports>,
    runtime: OnceLock<runtime::Handle>,
    standing: Mutex<Standing>,
}

/// What decides who is watched and held. Written by commands, read at every phase.
#[derive(Default)]
struct Policy {
    breakpoints: RwLock<Arc<Vec<Arc<Armed>>>>,
    /// Counts changes of breakpoints and of what is intercepted.
    generation: AtomicU64,
    /// Whether there is any breakpoint or filter: the one load that an unwatched phase pays.
    armed: AtomicBool,
    intercept: RwLock<Option<Arc<Armed>>>,
    system: RwLock<SystemTraffic>,
    capture: RwLock<Capture>,
    next_breakpoint: AtomicU32,
}

/// What a client that comes later has to be told.
#[derive(Default)]
struct Standing {
    serving: Option<Launched>,
    traffic: Traffic,
    lesson: Option<Lesson>,
}

/// Whom to tell.
struct Client {
    id: ClientId,
    events: mpsc::Sender<Event>,
    wants: Wants,
    /// Events that it was too slow for.
    lost: u64,
}

/// Number of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientId(u64);

/// What a client does with records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// It reads the shared timeline: an empty batch tells it to look.
    Ticks,
    /// It keeps a timeline of its own, far away.
    Records,
}

impl Client {
    /// Says whether half of what may wait for it does: what can be left out is, from here on.
    fn is_half_full(&self) -> bool {
        self.events.capacity() < CLIENT_BOUND / 2
    }
}

impl fmt::Debug for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Controller").field("attached", &self.attached).finish_non_exhaustive()
    }
}

impl Controller {
    /// Returns a walker that nobody listens to yet.
    pub fn new(clock: Arc<dyn Clock>, start: Start, pump: Pump) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            clock,
            start,
            pump,
            recorder: Recorder::default(),
            timeline: Timeline::shared(),
            holds: Holds::default(),
            policy: Policy { next_breakpoint: AtomicU32::new(1), ..Policy::default() },
            clients: Mutex::default(),
            attached: AtomicUsize::new(0),
            next_client: AtomicU64::new(1),
            outbox: Mutex::default(),
            dirty: AtomicBool::new(false),
            pump_thread: OnceLock::new(),
            pumping: Mutex::new(0),
            passed: AtomicU64::new(0),
            ports: RwLock::default(),
            runtime: OnceLock::new(),
            standing: Mutex::default(),
        })
    }

    /// Starts the pump's thread. It ends when the walker goes.
    pub fn start(&self) -> std::io::Result<()> {
        if self.pump == Pump::Inline || self.pump_thread.get().is_some() {
            return Ok(());
        }
        let me = self.me.clone();
        let thread = thread::Builder::new().name("records".to_owned()).spawn(move || {
            // Only a weak hold: the last one who needs the walker ends this thread by letting go.
            while let Some(controller) = me.upgrade() {
                if controller.dirty.swap(false, Ordering::AcqRel) {
                    controller.pump();
                    drop(controller);
                    thread::sleep(REST);
                } else {
                    drop(controller);
                    thread::park();
                }
            }
        })?;
        let _ = self.pump_thread.set(thread.thread().clone());
        self.wake();
        Ok(())
    }

    fn wake(&self) {
        if !self.dirty.swap(true, Ordering::AcqRel)
            && let Some(thread) = self.pump_thread.get()
        {
            thread.unpark();
        }
    }

    /// Moves what was recorded into the timeline and tells the clients. Returns how many records it moved.
    pub fn pump(&self) -> usize {
        let mut dropped = self.pumping.lock();
        // Events are taken first: the records that led to them are then surely among those taken next.
        let events = std::mem::take(&mut *self.outbox.lock());
        let records = self.recorder.drain();
        let count = records.len();
        let wanted = self.clients.lock().iter().any(|client| client.wants == Wants::Records);
        let batch: Arc<[Record]> = if wanted { records.clone().into() } else { Arc::new([]) };
        {
            let mut timeline = self.timeline.write();
            for record in records {
                timeline.apply(record);
            }
            timeline.set_dropped(self.recorder.dropped());
        }
        if count > 0 {
            self.tell(&Event::Records(batch));
        }
        if self.recorder.dropped() > *dropped {
            *dropped = self.recorder.dropped();
            self.tell(&Event::Dropped(*dropped));
        }
        for event in &events {
            self.tell(event);
        }
        count
    }

    /// Sends an event to every client, without waiting for any.
    fn tell(&self, event: &Event) {
        for client in self.clients.lock().iter_mut() {
            let event = match event {
                // One that is busy elsewhere (in an editor, with a slow terminal) is already told to look, and has to hear
                // of holds when it comes back.
                Event::Records(_) if client.wants == Wants::Ticks && client.is_half_full() => continue,
                Event::Log(_) if client.is_half_full() => {
                    client.lost += 1;
                    continue;
                }
                Event::Records(_) if client.wants == Wants::Ticks => Event::Records(Arc::new([])),
                event => event.clone(),
            };
            if client.events.try_send(event).is_err() {
                client.lost += 1;
            }
        }
    }

    /// Puts an event into the line for all clients.
    fn publish(&self, event: Event) {
        self.outbox.lock().push(event);
        match self.pump {
            Pump::Thread => self.wake(),
            Pump::Inline => {
                self.pump();
            }
        }
    }

    /// Attaches a client that shares this process.
    pub fn attach(&self) -> Handle {
        let (id, events) = self.admit(Wants::Ticks);
        let me = self.me.upgrade().expect("a walker that is called is alive");
        Handle::local(me, id, events)
    }

    /// Takes a client in and tells it how things stand.
    pub(crate) fn admit(&self, wants: Wants) -> (ClientId, mpsc::Receiver<Event>) {
        let id = ClientId(self.next_client.fetch_add(1, Ordering::Relaxed));
        let (events, receiver) = mpsc::channel(CLIENT_BOUND);
        self.pump();
        // No batch may slip between the history and what follows it.
        let _pumping = self.pumping.lock();
        let history = if wants == Wants::Records { self.timeline.read().history() } else { Vec::new() };
        let standing = self.standing_events();
        for event in [Event::Records(history.into())].into_iter().chain(standing) {
            let _ = events.try_send(event);
        }
        self.clients.lock().push(Client { id, events, wants, lost: 0 });
        self.attached.fetch_add(1, Ordering::AcqRel);
        (id, receiver)
    }

    fn standing_events(&self) -> Vec<Event> {
        let mut events = vec![Event::Breakpoints(self.breakpoints())];
        if let Some(armed) = self.policy.intercept.read().as_ref() {
            events.push(Event::Intercepting(armed.breakpoint.when.clone()));
        }
        let holds = self.holds.traces().into_iter().filter_map(|trace| self.holds.get(trace));
        events.extend(holds.map(|hold| Event::Held(Box::new(hold))));
        let standing = self.standing.lock();
        events.extend(standing.serving.clone().map(Event::Serving));
        events.push(Event::Traffic(standing.traffic));
        events.extend(standing.lesson.clone().map(|lesson| Event::Lesson(Box::new(lesson))));
        events
    }

    /// Lets a client go. After the last one, everything that is held goes on.
    pub(crate) fn detach(&self, id: ClientId) {
        let left = {
            let mut clients = self.clients.lock();
            let before = clients.len();
            clients.retain(|client| client.id != id);
            self.attached.fetch_sub(before - clients.len(), Ordering::AcqRel);
            clients.len()
        };
        if left == 0 {
            self.continue_all();
        }
    }

    /// Hands over the ports of a server, and the runtime on which questions to them are asked.
    pub fn set_ports(&self, ports: Ports, runtime: runtime::Handle) {
        *self.ports.write() = ports;
        let _ = self.runtime.set(runtime);
    }

    /// Adds or replaces the player of a lesson.
    pub fn set_teacher(&self, teacher: Arc<dyn crate::ports::Teacher>) {
        self.ports.write().teacher = Some(teacher);
    }

    /// Tells the clients where the server listens.
    pub fn serving(&self, launched: Launched) {
        self.standing.lock().serving = Some(launched.clone());
        self.publish(Event::Serving(launched));
    }

    /// Tells the clients how the lesson stands.
    pub fn lesson(&self, lesson: Lesson) {
        self.standing.lock().lesson = Some(lesson.clone());
        self.publish(Event::Lesson(Box::new(lesson)));
    }

    /// Tells the clients a line of the server's log.
    pub fn log(&self, line: LogLine) {
        self.publish(Event::Log(line));
    }

    /// Returns the timeline.
    pub fn timeline(&self) -> &timeline::Shared {
        &self.timeline
    }

    /// Returns the clock that records are measured with.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }
}
