//! The seats of one level, and the queues before them.
//!
//! ```text
//!   start -> seat free and nobody waits in front?  yes -> executing
//!                no, Reject                         -> refused: concurrency-limit
//!                no, Queue: the emptiest of a hand  -> full? refused: queue-full
//!                                                      waits -> a seat comes, or time-out, or the client goes
//! ```
//!
//! Which queue is next is decided by fair queuing: every queue works in a virtual time that passes
//! more slowly the more queues are busy, and the request that would finish first in it is next. So
//! each flow gets its share of seats whatever its requests cost.
//!
//! Go: apiserver/pkg/util/flowcontrol/fairqueuing/queueset/queueset.go

mod state;

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use phase::clock::{Clock, Nanos};
use tokio::sync::oneshot;

pub use state::{Counters, QueueDump, RequestDump};

use crate::server::flowcontrol::{
    config::Limit,
    queueset::state::{Enqueued, State, Ticket},
    width::WorkEstimate,
};

/// Why a request did not get a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// All seats are taken and nobody waits here.
    ConcurrencyLimit,
    /// Too many wait already.
    QueueFull,
    /// It waited as long as it may.
    TimeOut,
}

/// Who a request belongs to, for those who look at the queues.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// The flow schema.
    pub flow_schema: String,
    /// The user or the namespace.
    pub distinguisher: String,
}

/// The seats of one level.
///
/// Go: apiserver/pkg/util/flowcontrol/fairqueuing/queueset/queueset.go queueSet
pub struct QueueSet {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

impl QueueSet {
    /// Returns an empty set.
    pub fn new(clock: Arc<dyn Clock>, limit: Limit, seats: u32) -> Arc<Self> {
        let state = Mutex::new(State::new(limit, seats, clock.now()));
        Arc::new(Self { clock, state })
    }

    /// Changes queues and seats. Requests that wait go on waiting where they are.
    pub fn set_configuration(&self, limit: Limit, seats: u32) {
        let mut state = self.state.lock();
        state.advance(self.clock.now());
        state.set_configuration(limit, seats);
        state.dispatch_as_much_as_possible();
    }

    /// Waits for seats, at most `wait_limit`. `hash` stands for the flow.
    ///
    /// Go: apiserver/pkg/util/flowcontrol/fairqueuing/queueset/queueset.go StartRequest, Finish
    pub async fn start(
        self: &Arc<Self>,
        work: WorkEstimate,
        hash: u64,
        flow: Flow,
        wait_limit: Duration,
    ) -> Result<Executing, Rejected> {
        let enqueued = {
            let mut state = self.state.lock();
            state.advance(self.clock.now());
            state.start(work, hash, flow, self.clock.now())?
        };
        let (ticket, ready) = match enqueued {
            Enqueued::Executing(ticket) => return Ok(self.executing(ticket, work)),
            Enqueued::Waiting(ticket, ready) => (ticket, ready),
        };
        let waiting = Waiting { set: self, ticket, ready: Some(ready) };
        waiting.seat(work, wait_limit).await
    }

    fn executing(self: &Arc<Self>, ticket: Ticket, work: WorkEstimate) -> Executing {
        Executing { set: self.clone(), ticket, work, since: self.clock.now() }
    }

    /// Returns the most seats that were wanted at a time since the last call.
    pub fn take_demand(&self) -> u32 {
        self.state.lock().take_demand()
    }

    /// Says whether nothing waits and nothing executes.
    pub fn is_idle(&self) -> bool {
        self.state.lock().is_idle()
    }

    /// Returns what was counted so far.
    pub fn counters(&self) -> Counters {
        self.state.lock().counters()
    }

    /// Returns the state of the queues, for people.
    pub fn dump(&self) -> Vec<QueueDump> {
        self.state.lock().dump()
    }
}

/// A request in a queue. Dropped, because its client went away, it leaves the queue.
struct Waiting<'a> {
    set: &'a Arc<QueueSet>,
    ticket: Ticket,
    /// Told when there are seats; `None` once the wait is over.
    ready: Option<oneshot::Receiver<()>>,
}

impl Waiting<'_> {
    async fn seat(mut self, work: WorkEstimate, wait_limit: Duration) -> Result<Executing, Rejected> {
        let ready = self.ready.as_mut().expect("set until the wait is over");
        let in_time = tokio::time::timeout(wait_limit, ready).await.is_ok_and(|told| told.is_ok());
        self.ready = None;
        // A seat may have come in the very moment in which the time was over.
        if in_time || !self.set.state.lock().leave(self.ticket, Rejected::TimeOut) {
            return Ok(self.set.executing(self.ticket, work));
        }
        Err(Rejected::TimeOut)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.ready.take().is_none() {
            return;
        }
        let mut state = self.set.state.lock();
        if !state.cancel(self.ticket) {
            // It had just been given seats, and nobody will use them.
            state.advance(self.set.clock.now());
            state.finish(self.ticket, &WorkEstimate::ONE, Duration::ZERO);
        }
        state.dispatch_as_much_as_possible();
    }
}

/// A request that has seats; dropped when it is answered.
pub struct Executing {
    set: Arc<QueueSet>,
    ticket: Ticket,
    work: WorkEstimate,
    since: Nanos,
}

impl Drop for Executing {
    fn drop(&mut self) {
        let now = self.set.clock.now();
        let served = Duration::from_nanos(now.saturating_sub(self.since));
        let (ticket, work) = (self.ticket, self.work);
        let mut state = self.set.state.lock();
        state.advance(now);
        if work.final_seats == 0 || work.additional_latency.is_zero() {
            state.finish(ticket, &work, served);
            state.dispatch_as_much_as_possible();
            return;
        }
        // Watchers are still being told of the change: some seats stay taken for a while.
        state.begin_final_phase(ticket, &work);
        state.dispatch_as_much_as_possible();
        drop(state);
        let set = self.set.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep(work.additional_latency).await;
                set.end_final_phase(ticket, &work, served);
            });
        } else {
            set.end_final_phase(ticket, &work, served);
        }
    }
}

impl QueueSet {
    fn end_final_phase(&self, ticket: Ticket, work: &WorkEstimate, served: Duration) {
        let mut state = self.state.lock();
        state.advance(self.clock.now());
        state.finish(ticket, work, served);
        state.dispatch_as_much_as_possible();
    }
}

#[cfg(test)]
mod tests;
