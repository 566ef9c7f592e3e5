//! Fairness, limits, and seats that always come back.

use std::time::Duration;

use phase::clock::VirtualClock;

use super::*;
use crate::server::flowcontrol::config::Queuing;

const LONG: Duration = Duration::from_secs(3600);

fn queued(seats: u32, hand_size: usize, queue_length_limit: usize) -> (Arc<QueueSet>, Arc<VirtualClock>) {
    let clock = Arc::new(VirtualClock::default());
    let limit = Limit::Queue(Queuing { queues: 16, hand_size, queue_length_limit });
    (QueueSet::new(clock.clone(), limit, seats), clock)
}

fn start(set: &Arc<QueueSet>, hash: u64, work: WorkEstimate) -> tokio::task::JoinHandle<Result<Executing, Rejected>> {
    let set = set.clone();
    tokio::spawn(async move { set.start(work, hash, Flow::default(), LONG).await })
}

async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_level_without_queues_refuses_when_it_is_full() {
    let set = QueueSet::new(Arc::new(VirtualClock::default()), Limit::Reject, 1);
    let first = set.start(WorkEstimate::ONE, 0, Flow::default(), LONG).await.expect("a seat");
    let refused = set.start(WorkEstimate::ONE, 0, Flow::default(), LONG).await;
    assert_eq!(refused.err(), Some(Rejected::ConcurrencyLimit));
    drop(first);
    assert!(set.start(WorkEstimate::ONE, 0, Flow::default(), LONG).await.is_ok());
    assert!(set.is_idle());
}

#[tokio::test]
async fn an_exempt_level_knows_no_limit() {
    let set = QueueSet::new(Arc::new(VirtualClock::default()), Limit::Exempt, 0);
    let mut all = Vec::new();
    for _ in 0..1000 {
        all.push(set.start(WorkEstimate::ONE, 0, Flow::default(), LONG).await.expect("a seat"));
    }
    assert_eq!(set.counters().executing, 1000);
}

#[tokio::test]
async fn a_quiet_flow_does_not_wait_for_a_loud_one() {
    let (set, clock) = queued(1, 1, 100);
    let first = set.start(WorkEstimate::ONE, 1, Flow::default(), LONG).await.expect("a seat");
    let loud: Vec<_> = (0..20).map(|_| start(&set, 1, WorkEstimate::ONE)).collect();
    settle().await;
    let quiet = start(&set, 777, WorkEstimate::ONE);
    settle().await;
    // The loud flow's request has taken a second; by now it is far ahead in virtual time.
    clock.advance(Duration::from_secs(1));
    drop(first);
    settle().await;
    assert!(quiet.is_finished(), "the quiet flow is next");
    loud.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_full_queue_refuses() {
    let (set, _) = queued(1, 2, 1);
    let _first = set.start(WorkEstimate::ONE, 1, Flow::default(), LONG).await.expect("a seat");
    // A hand has two queues with a place each.
    let waiting = [start(&set, 1, WorkEstimate::ONE), start(&set, 1, WorkEstimate::ONE)];
    settle().await;
    assert_eq!(set.counters().waiting, 2);
    let refused = set.start(WorkEstimate::ONE, 1, Flow::default(), LONG).await;
    assert_eq!(refused.err(), Some(Rejected::QueueFull));
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn who_waits_too_long_or_goes_away_leaves_the_queue() {
    let (set, _) = queued(1, 2, 10);
    let first = set.start(WorkEstimate::ONE, 1, Flow::default(), LONG).await.expect("a seat");
    let late = set.start(WorkEstimate::ONE, 1, Flow::default(), Duration::from_millis(1)).await;
    assert_eq!(late.err(), Some(Rejected::TimeOut));
    let gone = start(&set, 1, WorkEstimate::ONE);
    settle().await;
    gone.abort();
    settle().await;
    let counters = set.counters();
    assert_eq!((counters.waiting, counters.timed_out, counters.cancelled), (0, 1, 1));
    drop(first);
    assert!(set.is_idle());
}

#[tokio::test]
async fn wide_requests_take_their_seats_and_the_widest_runs_alone() {
    let (set, _) = queued(4, 2, 10);
    let wide = |seats| WorkEstimate { initial_seats: seats, ..WorkEstimate::ONE };
    let three = set.start(wide(3), 1, Flow::default(), LONG).await.expect("seats");
    let two = start(&set, 2, wide(2));
    settle().await;
    assert!(!two.is_finished());
    drop(three);
    let two = two.await.expect("task").expect("seats");
    let nine = start(&set, 3, wide(9));
    settle().await;
    assert!(!nine.is_finished());
    drop(two);
    let nine = nine.await.expect("task").expect("more than there are, but alone");
    assert_eq!(set.counters().seats_in_use, 9);
    drop(nine);
    assert!(set.is_idle());
}

#[tokio::test(start_paused = true)]
async fn seats_of_a_change_stay_taken_while_watchers_are_told() {
    let (set, _) = queued(4, 2, 10);
    let work = WorkEstimate { initial_seats: 1, final_seats: 3, additional_latency: Duration::from_millis(5) };
    drop(set.start(work, 1, Flow::default(), LONG).await.expect("seats"));
    assert_eq!(set.counters().seats_in_use, 3);
    tokio::time::sleep(Duration::from_millis(6)).await;
    assert!(set.is_idle());
}

#[tokio::test]
async fn fewer_seats_are_taken_up_as_they_come_back() {
    let (set, _) = queued(2, 2, 10);
    let first = set.start(WorkEstimate::ONE, 1, Flow::default(), LONG).await.expect("a seat");
    let second = set.start(WorkEstimate::ONE, 1, Flow::default(), LONG).await.expect("a seat");
    set.set_configuration(Limit::Queue(Queuing { queues: 1, hand_size: 1, queue_length_limit: 10 }), 1);
    let third = start(&set, 1, WorkEstimate::ONE);
    settle().await;
    drop(first);
    settle().await;
    assert!(!third.is_finished());
    drop(second);
    assert!(third.await.expect("task").is_ok());
    assert_eq!(set.dump().len(), 1);
    assert_eq!(set.take_demand(), 3);
}
