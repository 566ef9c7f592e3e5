//! What every backend must show. Run against each of them, and against any that others write.
//!
//! The tests share one store (a server is not started for each), so every test has keys of its own
//! and counts revisions from where it begins.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use phase::{BoxFuture, trace::Trace};

use crate::{
    backend::{Backend, Event, EventKind, KeyValue, LeaseId, List, Outcome, Put, Revision, Watch},
    error::Error,
};

/// A test.
pub type Test = for<'a> fn(&'a dyn Backend, &'a dyn Passing) -> BoxFuture<'a, ()>;

/// Lets time pass for a store: truly, or on its virtual clock.
pub trait Passing: Send + Sync {
    /// Returns when the store has seen this much time go by, and has ended the leases that were due.
    fn pass<'a>(&'a self, backend: &'a dyn Backend, time: Duration) -> BoxFuture<'a, ()>;
}

/// All tests, with their names. The last ones compact.
pub const TESTS: &[(&str, Test)] = &[
    ("a write needs the last revision", |b, _| a_write_needs_the_last_revision(b).boxed()),
    ("a deletion returns what it deleted", |b, _| a_deletion_returns_what_it_deleted(b).boxed()),
    ("lists are ordered, limited and counted", |b, _| lists_are_ordered_limited_and_counted(b).boxed()),
    ("the past can be read", |b, _| the_past_can_be_read(b).boxed()),
    ("the future cannot be read", |b, _| the_future_cannot_be_read(b).boxed()),
    ("a watch delivers every change in order", |b, _| a_watch_delivers_every_change_in_order(b).boxed()),
    ("a watch starts in the past", |b, _| a_watch_starts_in_the_past(b).boxed()),
    ("a slow watch misses nothing", |b, _| a_slow_watch_misses_nothing(b).boxed()),
    ("progress comes after all changes", |b, _| progress_comes_after_all_changes(b).boxed()),
    ("many writers get one order", |b, _| many_writers_get_one_order(b).boxed()),
    ("keys go when their lease ends", |b, t| keys_go_when_their_lease_ends(b, t).boxed()),
    ("an unknown lease is refused", |b, _| an_unknown_lease_is_refused(b).boxed()),
    ("a value may be large, but not too large", |b, _| a_value_may_be_large(b).boxed()),
    ("what is compacted cannot be read", |b, _| what_is_compacted_cannot_be_read(b).boxed()),
];

/// Runs all tests.
pub async fn run(backend: &dyn Backend, passing: &dyn Passing) {
    for (name, test) in TESTS {
        let done = tokio::time::timeout(Duration::from_mins(1), test(backend, passing)).await;
        assert!(done.is_ok(), "{name}: not done in time");
    }
}

const TRACE: Trace = Trace::unwatched();

/// Writes a key on a condition.
async fn put(backend: &dyn Backend, key: &str, value: &str, expected: Revision) -> Outcome {
    let put = Put { key, value: Bytes::copy_from_slice(value.as_bytes()), expected, lease: None };
    backend.optimistic_put(&TRACE, put).await.expect("put")
}

/// Writes a key that must not exist; returns the revision.
async fn create(backend: &dyn Backend, key: &str, value: &str) -> Revision {
    let outcome = put(backend, key, value, 0).await;
    assert!(outcome.succeeded, "{key} exists already: {outcome:?}");
    outcome.revision
}

async fn keys(backend: &dyn Backend, list: List<'_>) -> (Vec<String>, u64) {
    let listed = backend.list(&TRACE, list).await.expect("list");
    (listed.kvs.iter().map(|kv| kv.key.to_string()).collect(), listed.count)
}

/// The next `count` changes, flattened.
async fn changes(watch: &mut Watch, count: usize) -> Vec<Event> {
    let mut events = Vec::new();
    while events.len() < count {
        let next = tokio::time::timeout(Duration::from_secs(10), watch.next()).await;
        let response = next.expect("a delivery in time").expect("the watch goes on").expect("no error");
        assert!(response.events.iter().all(|event| event.kv.mod_revision <= response.revision));
        events.extend(response.events);
    }
    events
}

/// `put /a=1`, `delete /a`.
fn told(events: &[Event]) -> Vec<String> {
    let tell = |event: &Event| match event.kind {
        EventKind::Put => format!("put {}={}", event.kv.key, String::from_utf8_lossy(&event.kv.value)),
        EventKind::Delete => format!("delete {}", event.kv.key),
    };
    events.iter().map(tell).collect()
}

async fn a_write_needs_the_last_revision(backend: &dyn Backend) {
    let first = create(backend, "/cas/a", "1").await;
    let refused = put(backend, "/cas/a", "2", 0).await;
    assert!(!refused.succeeded);
    assert_eq!(refused.kv.expect("the one in the way").value, "1");
    let second = put(backend, "/cas/a", "2", first).await;
    assert_eq!((second.succeeded, second.revision), (true, first + 1));
    let got = backend.get(&TRACE, "/cas/a", None).await.expect("get");
    let expected = KeyValue {
        key: "/cas/a".into(),
        value: Bytes::from_static(b"2"),
        create_revision: first,
        mod_revision: first + 1,
        version: 2,
        lease: None,
    };
    assert_eq!(got.kv.as_deref(), Some(&expected));
    assert_eq!(second.kv.as_deref(), Some(&expected));
    let stale = put(backend, "/cas/a", "3", first).await;
    assert!(!stale.succeeded && stale.kv.as_deref() == Some(&expected));
    let absent = put(backend, "/cas/none", "1", first).await;
    assert_eq!((absent.succeeded, absent.kv), (false, None));
    assert_eq!(backend.get(&TRACE, "/cas/none", None).await.expect("get").kv, None);
}

async fn a_deletion_returns_what_it_deleted(backend: &dyn Backend) {
    let made = create(backend, "/del/a", "1").await;
    let refused = backend.optimistic_delete(&TRACE, "/del/a", made + 1).await.expect("refused");
    assert!(!refused.succeeded && refused.kv.is_some());
    let gone = backend.optimistic_delete(&TRACE, "/del/a", made).await.expect("deleted");
    assert_eq!((gone.succeeded, gone.revision), (true, made + 1));
    assert_eq!(gone.kv.expect("the deleted one").value, "1");
    for expected in [made, 0] {
        let again = backend.optimistic_delete(&TRACE, "/del/a", expected).await.expect("nothing there");
        assert_eq!((again.succeeded, again.kv, again.revision), (false, None, made + 1));
    }
    let anew = create(backend, "/del/a", "2").await;
    let kv = backend.get(&TRACE, "/del/a", None).await.expect("get").kv.expect("there");
    assert_eq!((kv.create_revision, kv.version), (anew, 1));
}

async fn lists_are_ordered_limited_and_counted(backend: &dyn Backend) {
    // `/list/a-b` sorts before `/list/a/`: the slash at the end of a prefix matters.
    for key in ["/list/b/1", "/list/a/2", "/list/a/1", "/list/a-b/1", "/list/a"] {
        create(backend, key, "").await;
    }
    let all = ["/list/a", "/list/a-b/1", "/list/a/1", "/list/a/2", "/list/b/1"];
    let prefix = |prefix| List { prefix, ..List::default() };
    assert_eq!(keys(backend, prefix("/list/")).await, (all.map(str::to_owned).to_vec(), 5));
    assert_eq!(keys(backend, prefix("/list/a/")).await.0, ["/list/a/1", "/list/a/2"]);
    assert_eq!(keys(backend, prefix("/list/c/")).await, (Vec::new(), 0));
    let page = List { limit: 2, ..prefix("/list/") };
    assert_eq!(keys(backend, page).await, (all[..2].iter().map(|key| (*key).to_owned()).collect(), 5));
    let next = List { start: Some("/list/a-b/1\0"), ..page };
    assert_eq!(keys(backend, next).await, (all[2..4].iter().map(|key| (*key).to_owned()).collect(), 3));
    assert_eq!(backend.count(&TRACE, "/list/a/").await.expect("count"), 2);
}

async fn the_past_can_be_read(backend: &dyn Backend) {
    let mut last = create(backend, "/past/a", "0").await;
    let first = last;
    // More revisions than lie between two checkpoints.
    for value in 1..=300 {
        last = put(backend, "/past/a", &value.to_string(), last).await.revision;
    }
    let other = create(backend, "/past/b", "x").await;
    backend.optimistic_delete(&TRACE, "/past/a", last).await.expect("deleted");
    for value in [0, 1, 127, 128, 129, 255, 256, 257, 300] {
        let at = Some(first + value);
        let kv = backend.get(&TRACE, "/past/a", at).await.expect("get").kv.expect("there");
        assert_eq!(kv.value, value.to_string());
        let listed = backend.list(&TRACE, List { prefix: "/past/", revision: at, ..List::default() }).await;
        let listed = listed.expect("list");
        assert_eq!((listed.kvs.len(), &listed.kvs[0]), (1, &kv));
        assert_eq!(listed.revision, other + 1);
    }
    assert_eq!(backend.get(&TRACE, "/past/a", Some(first - 1)).await.expect("get").kv, None);
    assert_eq!(keys(backend, List { prefix: "/past/", revision: Some(other), ..List::default() }).await.1, 2);
    assert_eq!(keys(backend, List { prefix: "/past/", ..List::default() }).await.0, ["/past/b"]);
}

async fn the_future_cannot_be_read(backend: &dyn Backend) {
    let current = backend.revisions().await.expect("revisions").current;
    let error = backend.get(&TRACE, "/none", Some(current + 10)).await.expect_err("future");
    assert!(matches!(error, Error::FutureRevision { .. }), "{error:?}");
    let list = List { prefix: "/", revision: Some(current + 10), ..List::default() };
    let error = backend.list(&TRACE, list).await.expect_err("future");
    assert!(matches!(error, Error::FutureRevision { .. }), "{error:?}");
}

async fn a_watch_delivers_every_change_in_order(backend: &dyn Backend) {
    let mut watch = backend.watch("/watch/", None).await.expect("watch");
    let first = create(backend, "/watch/a", "1").await;
    create(backend, "/elsewhere/a", "1").await;
    let second = put(backend, "/watch/a", "2", first).await.revision;
    create(backend, "/watch/b", "1").await;
    backend.optimistic_delete(&TRACE, "/watch/a", second).await.expect("deleted");
    let events = changes(&mut watch, 4).await;
    assert_eq!(told(&events), ["put /watch/a=1", "put /watch/a=2", "put /watch/b=1", "delete /watch/a"]);
    assert_eq!(events.iter().map(Event::is_create).collect::<Vec<_>>(), [true, false, true, false]);
    assert_eq!(events[0].prev, None);
    assert_eq!(events[1].prev, Some(events[0].kv.clone()));
    assert_eq!(events[3].prev, Some(events[1].kv.clone()));
    assert_eq!(events[3].kv.mod_revision, second + 2);
}

async fn a_watch_starts_in_the_past(backend: &dyn Backend) {
    let first = create(backend, "/resume/a", "1").await;
    let second = put(backend, "/resume/a", "2", first).await.revision;
    let mut watch = backend.watch("/resume/", Some(second)).await.expect("watch");
    assert_eq!(told(&changes(&mut watch, 1).await), ["put /resume/a=2"]);
    put(backend, "/resume/a", "3", second).await;
    assert_eq!(told(&changes(&mut watch, 1).await), ["put /resume/a=3"]);
    // Nothing is wrong with a revision that has not been reached yet.
    let mut watch = backend.watch("/resume/", Some(second + 2)).await.expect("watch");
    put(backend, "/resume/a", "4", second + 1).await;
    assert_eq!(told(&changes(&mut watch, 1).await), ["put /resume/a=4"]);
}

async fn a_slow_watch_misses_nothing(backend: &dyn Backend) {
    // More than a backend queues for one watch.
    const WRITES: usize = 5000;
    let mut watch = backend.watch("/slow/", None).await.expect("watch");
    let write = |number| async move { create(backend, &format!("/slow/{number}"), "").await };
    let writes = stream::iter(0..WRITES).map(write).buffer_unordered(256);
    let mut revisions: Vec<Revision> = writes.collect().await;
    revisions.sort_unstable();
    let events = changes(&mut watch, WRITES).await;
    assert_eq!(events.iter().map(|event| event.kv.mod_revision).collect::<Vec<_>>(), revisions);
    create(backend, "/slow/end", "").await;
    assert_eq!(told(&changes(&mut watch, 1).await), ["put /slow/end="]);
}

async fn progress_comes_after_all_changes(backend: &dyn Backend) {
    if !backend.supports_progress() {
        return;
    }
    let mut watch = backend.watch("/progress/", None).await.expect("watch");
    let made = create(backend, "/progress/a", "1").await;
    let elsewhere = create(backend, "/elsewhere/progress", "1").await;
    let mut seen = false;
    loop {
        backend.request_progress("/progress/").await.expect("asked");
        let next = tokio::time::timeout(Duration::from_secs(10), watch.next()).await;
        let response = next.expect("in time").expect("goes on").expect("no error");
        seen |= response.events.iter().any(|event| event.kv.mod_revision == made);
        assert!(response.revision < made || seen, "progress to {} before the change at {made}", response.revision);
        if response.events.is_empty() && response.revision >= elsewhere {
            break;
        }
    }
    assert!(seen);
}

async fn many_writers_get_one_order(backend: &dyn Backend) {
    const WRITERS: u64 = 16;
    const WRITES: u64 = 20;
    let start = create(backend, "/many/counter", "0").await;
    let write = |_| async {
        let mut done = 0;
        while done < WRITES {
            let kv = backend.get(&TRACE, "/many/counter", None).await.expect("get").kv.expect("there");
            let count: u64 = std::str::from_utf8(&kv.value).expect("text").parse().expect("number");
            let written = put(backend, "/many/counter", &(count + 1).to_string(), kv.mod_revision).await;
            done += u64::from(written.succeeded);
        }
    };
    futures_util::future::join_all((0..WRITERS).map(write)).await;
    let kv = backend.get(&TRACE, "/many/counter", None).await.expect("get").kv.expect("there");
    // Nothing is lost, and a write that lost a race takes no revision.
    assert_eq!(kv.value, (WRITERS * WRITES).to_string());
    assert_eq!((kv.mod_revision, kv.version), (start + WRITERS * WRITES, WRITERS * WRITES + 1));
}

async fn leased(backend: &dyn Backend, key: &str, lease: LeaseId) -> Result<Outcome, Error> {
    let put = Put { key, value: Bytes::from_static(b"leased"), expected: 0, lease: Some(lease) };
    backend.optimistic_put(&TRACE, put).await
}

async fn keys_go_when_their_lease_ends(backend: &dyn Backend, passing: &dyn Passing) {
    // etcd grants no shorter lease than its election time allows (2 s here).
    let brief = backend.grant(&TRACE, Duration::from_secs(2)).await.expect("lease");
    let long = backend.grant(&TRACE, Duration::from_hours(1)).await.expect("lease");
    assert_ne!(brief, long);
    let made = leased(backend, "/lease/a", brief).await.expect("put");
    leased(backend, "/lease/b", brief).await.expect("put");
    leased(backend, "/lease/kept", long).await.expect("put");
    let c = leased(backend, "/lease/detached", brief).await.expect("put").revision;
    assert_eq!(made.kv.expect("written").lease, Some(brief));
    put(backend, "/lease/detached", "free", c).await;
    let mut watch = backend.watch("/lease/", None).await.expect("watch");
    passing.pass(backend, Duration::from_secs(3)).await;
    let events = changes(&mut watch, 2).await;
    let mut gone = told(&events);
    gone.sort();
    assert_eq!(gone, ["delete /lease/a", "delete /lease/b"]);
    assert_eq!(events[0].kv.mod_revision, events[1].kv.mod_revision, "one lease ends at one revision");
    assert_eq!(
        keys(backend, List { prefix: "/lease/", ..List::default() }).await.0,
        ["/lease/detached", "/lease/kept"]
    );
}

async fn an_unknown_lease_is_refused(backend: &dyn Backend) {
    let before = backend.revisions().await.expect("revisions").current;
    assert_eq!(leased(backend, "/nolease", 4711).await, Err(Error::LeaseNotFound));
    assert_eq!(backend.revisions().await.expect("revisions").current, before);
}

async fn a_value_may_be_large(backend: &dyn Backend) {
    let large = "x".repeat(1 << 20);
    create(backend, "/large/a", &large).await;
    let kv = backend.get(&TRACE, "/large/a", None).await.expect("get").kv.expect("there");
    assert_eq!(kv.value.len(), large.len());
    let put = Put { key: "/large/b", value: Bytes::from(vec![0; 2 << 20]), expected: 0, lease: None };
    assert_eq!(backend.optimistic_put(&TRACE, put).await, Err(Error::TooLarge));
}

async fn what_is_compacted_cannot_be_read(backend: &dyn Backend) {
    let first = create(backend, "/compact/a", "1").await;
    let second = put(backend, "/compact/a", "2", first).await.revision;
    let third = put(backend, "/compact/a", "3", second).await.revision;
    backend.compact(second).await.expect("compacted");
    assert_eq!(backend.revisions().await.expect("revisions").compacted, second);
    let error = backend.get(&TRACE, "/compact/a", Some(first)).await.expect_err("compacted");
    assert!(matches!(error, Error::Compacted { .. }), "{error:?}");
    let kv = backend.get(&TRACE, "/compact/a", Some(second)).await.expect("get").kv.expect("there");
    assert_eq!(kv.value, "2");
    let mut watch = backend.watch("/compact/", Some(first)).await.expect("watch");
    let error = watch.next().await.expect("an answer").expect_err("compacted");
    assert!(matches!(error, Error::Compacted { .. }), "{error:?}");
    assert!(watch.next().await.is_none(), "an error is the last item");
    let mut watch = backend.watch("/compact/", Some(third)).await.expect("watch");
    assert_eq!(told(&changes(&mut watch, 1).await), ["put /compact/a=3"]);
    let error = backend.compact(first).await.expect_err("compacted already");
    assert!(matches!(error, Error::Compacted { .. }), "{error:?}");
    let error = backend.compact(third + 100).await.expect_err("future");
    assert!(matches!(error, Error::FutureRevision { .. }), "{error:?}");
}

/// Moves a virtual clock, and ends the leases that are due.
#[derive(Debug)]
pub struct Virtual(pub Arc<phase::clock::VirtualClock>);

impl Passing for Virtual {
    fn pass<'a>(&'a self, backend: &'a dyn Backend, time: Duration) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            self.0.advance(time);
            backend.expire().await.expect("expired");
        })
    }
}
