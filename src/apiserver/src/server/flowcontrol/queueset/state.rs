//! What a queue set remembers, and how it decides. All under one lock; nothing here waits.
//!
//! Go: apiserver/pkg/util/flowcontrol/fairqueuing/queueset/{queueset,types}.go

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use phase::clock::Nanos;
use tokio::sync::oneshot;

use crate::server::flowcontrol::{
    config::{Limit, Queuing},
    queueset::{Flow, Rejected},
    shufflesharding::Dealer,
    width::WorkEstimate,
};

/// What a request is taken to need until it is known, in seconds.
///
/// Go: apiserver/pkg/util/flowcontrol/apf_controller.go, queueset.go estimatedServiceDuration
const ESTIMATED_SERVICE_SECONDS: f64 = 0.003;

/// Names a request, for as long as it has or wants seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// What became of a request that came in.
pub(super) enum Enqueued {
    /// It has its seats.
    Executing(Ticket),
    /// It waits; the receiver is told when it has them.
    Waiting(Ticket, oneshot::Receiver<()>),
}

pub(super) struct State {
    limit: Limit,
    /// Seats in all; more than anybody could take where there is no limit.
    seats: u32,
    queues: Vec<Queue>,
    /// Requests that have seats: which queue they came from, and how many seats they have.
    executing: BTreeMap<Ticket, Taken>,
    seats_in_use: u32,
    waiting: usize,
    next_ticket: u64,
    /// Where the next hand is looked at first, so that equally empty queues are used in turn.
    enqueues: usize,
    /// Virtual time, in seat-seconds per busy queue.
    current_r: f64,
    last: Nanos,
    /// The most seats wanted at a time since somebody asked.
    demand: u32,
    counters: Counters,
}

#[derive(Clone, Copy, Debug)]
struct Taken {
    queue: Option<usize>,
    seats: u32,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Request>,
    executing: usize,
    seats_in_use: u32,
    /// The virtual time at which its next request would begin.
    next_dispatch_r: f64,
}

struct Request {
    ticket: Ticket,
    work: WorkEstimate,
    flow: Flow,
    arrived: Nanos,
    arrival_r: f64,
    ready: oneshot::Sender<()>,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Counters {
    pub dispatched: u64,
    pub rejected: u64,
    pub timed_out: u64,
    pub cancelled: u64,
    pub waiting: u64,
    pub executing: u64,
    pub active_queues: u64,
    pub seats_in_use: u64,
}

/// A queue, for people.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct QueueDump {
    pub pending: Vec<RequestDump>,
    pub executing: usize,
    pub seats_in_use: u32,
    pub next_dispatch_r: f64,
    pub total_work: f64,
}

/// A request that waits, for people.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct RequestDump {
    pub flow: Flow,
    pub arrived: Nanos,
    pub work: WorkEstimate,
}

/// Seat-seconds that a request is taken to cost: while it is served, and afterwards.
fn total_work(work: &WorkEstimate) -> f64 {
    f64::from(work.initial_seats) * ESTIMATED_SERVICE_SECONDS
        + f64::from(work.final_seats) * work.additional_latency.as_secs_f64()
}

impl State {
    pub(super) fn new(limit: Limit, seats: u32, now: Nanos) -> Self {
        let mut state = Self {
            limit,
            seats,
            queues: Vec::new(),
            executing: BTreeMap::new(),
            seats_in_use: 0,
            waiting: 0,
            next_ticket: 0,
            enqueues: 0,
            current_r: 0.0,
            last: now,
            demand: 0,
            counters: Counters::default(),
        };
        state.set_configuration(limit, seats);
        state
    }

    pub(super) fn set_configuration(&mut self, limit: Limit, seats: u32) {
        self.limit = limit;
        self.seats = if limit == Limit::Exempt { u32::MAX } else { seats };
        let wanted = self.queuing().map_or(0, |queuing| queuing.queues);
        if self.queues.len() < wanted {
            self.queues.resize_with(wanted, Queue::default);
        }
        self.drop_empty_queues();
    }

    fn queuing(&self) -> Option<Queuing> {
        match self.limit {
            Limit::Queue(queuing) => Some(queuing),
            Limit::Exempt | Limit::Reject => None,
        }
    }

    /// Queues beyond the configured number go once nothing is left in them.
    fn drop_empty_queues(&mut self) {
        let wanted = self.queuing().map_or(0, |queuing| queuing.queues);
        while self.queues.len() > wanted
            && self.queues.last().is_some_and(|queue| queue.waiting.is_empty() && queue.executing == 0)
        {
            self.queues.pop();
        }
    }

    /// Lets virtual time pass: the more queues are busy, the more slowly.
    ///
    /// Go: syncTimeLocked, getVirtualTimeRatioLocked
    pub(super) fn advance(&mut self, now: Nanos) {
        let passed = Duration::from_nanos(now.saturating_sub(self.last)).as_secs_f64();
        self.last = now;
        let busy = self.queues.iter().filter(|queue| !queue.waiting.is_empty() || queue.executing > 0);
        let (mut active, mut wanted) = (0_u32, 0_u32);
        for queue in busy {
            let waiting: u32 = queue.waiting.iter().map(|request| request.work.max_seats()).sum();
            active += 1;
            wanted += queue.seats_in_use + waiting;
        }
        if active > 0 {
            self.current_r += passed * f64::from(wanted.min(self.seats)) / f64::from(active);
        }
    }

    pub(super) fn start(
        &mut self,
        work: WorkEstimate,
        hash: u64,
        flow: Flow,
        now: Nanos,
    ) -> Result<Enqueued, Rejected> {
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        let Some(queuing) = self.queuing() else {
            if !self.can_accommodate(work.max_seats()) {
                self.counters.rejected += 1;
                return Err(Rejected::ConcurrencyLimit);
            }
            self.execute(ticket, None, work.max_seats());
            return Ok(Enqueued::Executing(ticket));
        };
        let index = self.shuffle_shard(queuing, hash);
        let queue = &mut self.queues[index];
        if queue.waiting.len() >= queuing.queue_length_limit && self.seats_in_use >= self.seats {
            self.counters.rejected += 1;
            return Err(Rejected::QueueFull);
        }
        if queue.waiting.is_empty() && queue.executing == 0 {
            // A queue that was idle does not catch up on the time it missed.
            queue.next_dispatch_r = self.current_r;
        }
        let (ready, told) = oneshot::channel();
        queue.waiting.push_back(Request { ticket, work, flow, arrived: now, arrival_r: self.current_r, ready });
        self.waiting += 1;
        self.note_demand();
        self.dispatch_as_much_as_possible();
        if self.executing.contains_key(&ticket) {
            return Ok(Enqueued::Executing(ticket));
        }
        Ok(Enqueued::Waiting(ticket, told))
    }

    /// Returns the queue of the flow's hand in which the least work waits.
    ///
    /// Go: shuffleShardLocked
    fn shuffle_shard(&mut self, queuing: Queuing, hash: u64) -> usize {
        let mut hand = [0_usize; 16];
        let mut size = 0;
        for card in Dealer::new(queuing.queues, queuing.hand_size).deal(hash) {
            hand[size] = card;
            size += 1;
        }
        let offset = self.enqueues % size;
        self.enqueues = self.enqueues.wrapping_add(1);
        let work =
            |index: usize| self.queues[index].waiting.iter().map(|request| total_work(&request.work)).sum::<f64>();
        let in_turn = (0..size).map(|place| hand[(offset + place) % size]);
        in_turn.min_by(|a, b| work(*a).total_cmp(&work(*b))).unwrap_or_default()
    }

    /// Go: canAccommodateSeatsLocked
    fn can_accommodate(&self, seats: u32) -> bool {
        // A request that wants more seats than there are runs alone.
        if seats > self.seats { self.executing.is_empty() } else { self.seats_in_use + seats <= self.seats }
    }

    /// Go: dispatchAsMuchAsPossibleLocked
    pub(super) fn dispatch_as_much_as_possible(&mut self) {
        while self.waiting > 0 && self.seats_in_use < self.seats && self.dispatch_one() {}
    }

    /// Gives seats to the request that would finish first in virtual time; if there are not enough, all wait for it.
    ///
    /// Go: dispatchLocked, findDispatchQueueToBoundLocked
    fn dispatch_one(&mut self) -> bool {
        let finish = |queue: &Queue| {
            let oldest = queue.waiting.front()?;
            Some(queue.next_dispatch_r + total_work(&oldest.work))
        };
        let candidates = self.queues.iter().enumerate().filter_map(|(index, queue)| Some((index, finish(queue)?)));
        let Some((index, _)) = candidates.min_by(|(_, a), (_, b)| a.total_cmp(b)) else { return false };
        let seats = self.queues[index].waiting.front().map_or(0, |oldest| oldest.work.max_seats());
        if !self.can_accommodate(seats) {
            return false;
        }
        let queue = &mut self.queues[index];
        let request = queue.waiting.pop_front().expect("it is the oldest");
        // A queue that could not use its seats must not save up time.
        queue.next_dispatch_r = queue.next_dispatch_r.max(request.arrival_r) + total_work(&request.work);
        self.waiting -= 1;
        self.execute(request.ticket, Some(index), seats);
        // Whoever is gone gives the seats back himself.
        let _may_be_gone = request.ready.send(());
        true
    }

    fn execute(&mut self, ticket: Ticket, queue: Option<usize>, seats: u32) {
        self.executing.insert(ticket, Taken { queue, seats });
        self.seats_in_use += seats;
        if let Some(index) = queue {
            self.queues[index].executing += 1;
            self.queues[index].seats_in_use += seats;
        }
        self.counters.dispatched += 1;
        self.note_demand();
    }

    /// Removes a request from its queue; `false` if it has got its seats meanwhile.
    pub(super) fn leave(&mut self, ticket: Ticket, why: Rejected) -> bool {
        for queue in &mut self.queues {
            if let Some(place) = queue.waiting.iter().position(|request| request.ticket == ticket) {
                queue.waiting.remove(place);
                self.waiting -= 1;
                if why == Rejected::TimeOut {
                    self.counters.timed_out += 1;
                }
                return true;
            }
        }
        false
    }

    /// The same for one whose client went away.
    pub(super) fn cancel(&mut self, ticket: Ticket) -> bool {
        self.counters.cancelled += 1;
        self.leave(ticket, Rejected::QueueFull)
    }

    /// Keeps only the seats that a request needs after it was answered.
    pub(super) fn begin_final_phase(&mut self, ticket: Ticket, work: &WorkEstimate) {
        let Some(taken) = self.executing.get_mut(&ticket) else { return };
        let given_back = taken.seats.saturating_sub(work.final_seats);
        taken.seats -= given_back;
        self.seats_in_use -= given_back;
        if let Some(queue) = taken.queue.and_then(|index| self.queues.get_mut(index)) {
            queue.seats_in_use -= given_back;
        }
    }

    /// Gives a request's seats back, and its queue the difference between what it was taken to cost and what it did.
    ///
    /// Go: finishRequestLocked
    pub(super) fn finish(&mut self, ticket: Ticket, work: &WorkEstimate, served: Duration) {
        let Some(taken) = self.executing.remove(&ticket) else { return };
        self.seats_in_use -= taken.seats;
        if let Some(queue) = taken.queue.and_then(|index| self.queues.get_mut(index)) {
            queue.executing -= 1;
            queue.seats_in_use -= taken.seats;
            queue.next_dispatch_r -= f64::from(work.initial_seats) * (ESTIMATED_SERVICE_SECONDS - served.as_secs_f64());
        }
        self.drop_empty_queues();
    }

    fn note_demand(&mut self) {
        let waiting: u32 =
            self.queues.iter().flat_map(|queue| &queue.waiting).map(|request| request.work.max_seats()).sum();
        self.demand = self.demand.max(self.seats_in_use + waiting);
    }

    pub(super) fn take_demand(&mut self) -> u32 {
        let demand = self.demand;
        self.demand = 0;
        self.note_demand();
        demand
    }

    pub(super) fn is_idle(&self) -> bool {
        self.waiting == 0 && self.executing.is_empty()
    }

    pub(super) fn counters(&self) -> Counters {
        let active = self.queues.iter().filter(|queue| !queue.waiting.is_empty() || queue.executing > 0).count();
        Counters {
            waiting: self.waiting as u64,
            executing: self.executing.len() as u64,
            active_queues: active as u64,
            seats_in_use: u64::from(self.seats_in_use),
            ..self.counters
        }
    }

    pub(super) fn dump(&self) -> Vec<QueueDump> {
        let queue = |queue: &Queue| QueueDump {
            pending: queue
                .waiting
                .iter()
                .map(|request| RequestDump { flow: request.flow.clone(), arrived: request.arrived, work: request.work })
                .collect(),
            executing: queue.executing,
            seats_in_use: queue.seats_in_use,
            next_dispatch_r: queue.next_dispatch_r,
            total_work: queue.waiting.iter().map(|request| total_work(&request.work)).sum(),
        };
        self.queues.iter().map(queue).collect()
    }
}
