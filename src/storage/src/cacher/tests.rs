//! What the watch cache does beyond what every store does.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use apimachinery::runtime::object::Object;
use futures_util::{FutureExt, StreamExt};
use kv::{
    faulty::{Fault, Faulty, Plan},
    memory::Memory,
};
use phase::{
    clock::{Clock, VirtualClock},
    ids::{IdSource, Ids},
};
use serde_json::json;

use crate::{
    cacher::store::Cacher,
    interface::{
        AllowWatchBookmarks, GetOptions, Interface, ListOptions, Missing, Preconditions, ResourceVersionMatch,
        WatchEvent, WatchStream,
    },
    selection::SelectionPredicate,
    suite::{Fixture, TRACE, all, app, cached, create, delete, fixture, fixture_on, line, names, next, pod, relabel},
};

fn after(revision: u64) -> ListOptions {
    ListOptions { resource_version: revision.to_string(), ..all() }
}

async fn watch(cacher: &Cacher, options: ListOptions) -> WatchStream {
    cacher.watch(&TRACE, "/pods/", options).await.expect("watch")
}

async fn start() -> (Fixture, Arc<Cacher>) {
    let fixture = fixture();
    let cacher = cached(&fixture).await;
    (fixture, cacher)
}

#[tokio::test(start_paused = true)]
async fn before_it_is_filled_only_cheap_requests_are_answered() {
    let fixture = fixture();
    create(&*fixture.store, "web").await;
    let cacher = Cacher::new(fixture.store.clone(), fixture.clock.clone());
    fixture.clock.advance(Duration::from_secs(100));
    let Err(crate::error::Error::Status(status)) = cacher.get_list(&TRACE, "/pods/", all()).await else {
        panic!("must be refused")
    };
    assert_eq!((status.code, status.message.as_str()), (429, "storage is (re)initializing"));
    assert_eq!(status.details.expect("details").retry_after_seconds, 6);
    assert!(cacher.watch(&TRACE, "/pods/", all()).await.is_err());
    assert_eq!(cacher.readiness_check().expect_err("not ready").to_string(), "storage not ready");
    let page = ListOptions { predicate: SelectionPredicate { limit: 1, ..SelectionPredicate::default() }, ..all() };
    assert_eq!(names(&cacher.get_list(&TRACE, "/pods/", page).await.expect("a page").items), ["web"]);
    let any = GetOptions { resource_version: "0".to_owned() };
    assert_eq!(cacher.get(&TRACE, "/pods/shop/web", any).await.expect("the store has it").name, "web");
}

#[tokio::test(start_paused = true)]
async fn a_version_before_the_cache_is_too_old() {
    let fixture = fixture();
    create(&*fixture.store, "web").await;
    let listed = create(&*fixture.store, "other").await.revision;
    let cacher = cached(&fixture).await;
    let mut refused = watch(&cacher, after(1)).await;
    assert_eq!(line(&mut refused).await, format!("ERROR 410 too old resource version: 1 ({listed})"));
    assert!(refused.next().await.is_none());
    // A list of that version is known to the store all the same.
    let exact = ListOptions { resource_version_match: ResourceVersionMatch::Exact, ..after(listed - 1) };
    assert_eq!(names(&cacher.get_list(&TRACE, "/pods/", exact).await.expect("list").items), ["web"]);
}

#[tokio::test(start_paused = true)]
async fn an_object_is_encoded_once_for_all_who_see_it() {
    let (_fixture, cacher) = start().await;
    let created = create(&*cacher, "web").await;
    let mut first = watch(&cacher, after(created.revision - 1)).await;
    let mut second = watch(&cacher, after(created.revision - 1)).await;
    let (WatchEvent::Added(a), WatchEvent::Added(b)) = (next(&mut first).await, next(&mut second).await) else {
        panic!("both are told")
    };
    let list = cacher.get_list(&TRACE, "/pods/", all()).await.expect("list");
    let got = cacher.get(&TRACE, "/pods/shop/web", GetOptions { resource_version: "0".to_owned() }).await.expect("get");
    for other in [&created, &b, &list.items[0], &got] {
        assert!(Arc::ptr_eq(&a, other));
    }
    delete(&*cacher, "web").await.expect("deleted");
    let (WatchEvent::Deleted(a), WatchEvent::Deleted(b)) = (next(&mut first).await, next(&mut second).await) else {
        panic!("both are told")
    };
    assert!(Arc::ptr_eq(&a, &b));
}

#[tokio::test(start_paused = true)]
async fn the_newest_object_is_not_made_again_if_the_cache_has_it() {
    let (fixture, cacher) = start().await;
    let created = create(&*cacher, "web").await;
    let mut told = watch(&cacher, after(created.revision - 1)).await;
    let WatchEvent::Added(cached) = next(&mut told).await else { panic!("it was created") };
    let newest = cacher.get(&TRACE, "/pods/shop/web", GetOptions::default()).await.expect("newest");
    assert!(Arc::ptr_eq(&newest, &cached));
    // What the cache does not know yet is found all the same.
    let other = Cacher::new(fixture.store.clone(), fixture.clock.clone());
    let newest = other.get(&TRACE, "/pods/shop/web", GetOptions::default()).await.expect("newest");
    assert_eq!(newest.revision, created.revision);
}

#[tokio::test(start_paused = true)]
async fn a_slow_watcher_reads_the_window_and_is_cut_off_beyond_it() {
    let (fixture, cacher) = start().await;
    let first = create(&*cacher, "web").await.revision;
    let mut slow = watch(&cacher, after(first)).await;
    let mut lost = watch(&cacher, after(first)).await;
    // Both take what there is, so that they are up to date and are pushed to from now on.
    relabel(&*cacher, "web", "0").await;
    assert_eq!(line(&mut slow).await, format!("MODIFIED web {}", first + 1));
    assert_eq!(line(&mut lost).await, format!("MODIFIED web {}", first + 1));
    assert!(slow.next().now_or_never().is_none() && lost.next().now_or_never().is_none());
    // More than a queue holds.
    for count in 1..=2500 {
        relabel(&*cacher, "web", &count.to_string()).await;
    }
    let newest = GetOptions { resource_version: (first + 2501).to_string() };
    cacher.get(&TRACE, "/pods/shop/web", newest).await.expect("the cache has seen them all");
    let lags: Vec<_> = cacher.watchers().iter().map(|watcher| (watcher.queued, watcher.behind)).collect();
    assert_eq!(lags, [(1000, Some(first + 1002)), (1000, Some(first + 1002))]);
    for revision in first + 2..=first + 2501 {
        assert_eq!(line(&mut slow).await, format!("MODIFIED web {revision}"));
    }
    // Time passes, and the window moves on.
    fixture.clock.advance(Duration::from_secs(100));
    relabel(&*cacher, "web", "late").await;
    assert_eq!(line(&mut slow).await, format!("MODIFIED web {}", first + 2502));
    let mut delivered = 0;
    while let Some(event) = lost.next().await {
        assert!(matches!(event, WatchEvent::Modified(_)));
        delivered += 1;
    }
    assert!((1..2501).contains(&delivered), "{delivered} delivered, then cut off");
}

#[tokio::test(start_paused = true)]
async fn bookmarks_come_every_minute_and_before_the_end() {
    let (_fixture, cacher) = start().await;
    let first = create(&*cacher, "web").await.revision;
    let bookmarked = ListOptions {
        allow_watch_bookmarks: AllowWatchBookmarks::Yes,
        timeout: Some(Duration::from_secs(130)),
        predicate: app("nobody"),
        ..after(first)
    };
    let clock = phase::clock::SystemClock::new();
    let mut watch = watch(&cacher, bookmarked).await;
    let last = relabel(&*cacher, "web", "x").await.revision;
    for _ in 0..3 {
        let event = watch.next().await.expect("goes on");
        let WatchEvent::Bookmark { revision, initial_events_end: false } = event else { panic!("{event:?}") };
        assert_eq!(revision, last, "what is not selected moves the bookmark on");
    }
    let quiet = tokio::time::timeout(Duration::from_secs(500), watch.next()).await;
    assert!(quiet.is_err(), "none after the one before the end");
    assert!(clock.now() < 60_000_000_000, "time was simulated");
}

#[tokio::test(start_paused = true)]
async fn watchers_are_found_by_the_field_they_demand() {
    let (_fixture, cacher) = start().await;
    let revision = cacher.current_resource_version(&TRACE).await.expect("revision");
    let on = |name: &'static str| SelectionPredicate {
        matches: Some(Arc::new(move |object| object.fields["metadata.name"] == name)),
        exact: Some(("metadata.name".to_owned(), name.to_owned())),
        ..SelectionPredicate::default()
    };
    let mut web = watch(&cacher, ListOptions { predicate: on("web"), ..after(revision) }).await;
    let mut db = watch(&cacher, ListOptions { predicate: on("db"), ..after(revision) }).await;
    let mut one = ListOptions { recursive: false, ..after(revision) };
    one.allow_watch_bookmarks = AllowWatchBookmarks::Yes;
    let mut one = cacher.watch(&TRACE, "/pods/shop/db", one).await.expect("watch");
    assert!(web.next().now_or_never().is_none() && db.next().now_or_never().is_none());
    create(&*cacher, "db").await;
    create(&*cacher, "web").await;
    create(&*cacher, "db2").await;
    delete(&*cacher, "db").await.expect("deleted");
    assert_eq!(line(&mut web).await, format!("ADDED web {}", revision + 2));
    for stream in [&mut db, &mut one] {
        assert_eq!(line(stream).await, format!("ADDED db {}", revision + 1));
        assert_eq!(line(stream).await, format!("DELETED db {}", revision + 4));
    }
}

#[tokio::test(start_paused = true)]
async fn other_peoples_writes_are_waited_for() {
    let (fixture, cacher) = start().await;
    // The newest revision belongs to another resource: only a sign of progress brings the cache there.
    let put = kv::backend::Put { key: "/registry/nodes/a", value: "{}".into(), expected: 0, lease: None };
    let revision = fixture.client.optimistic_put(&TRACE, put).await.expect("written").revision;
    let list = cacher.get_list(&TRACE, "/pods/", all()).await.expect("list");
    assert_eq!((list.revision, list.items.len()), (revision, 0));
    let mut initial = watch(
        &cacher,
        ListOptions { send_initial_events: Some(true), allow_watch_bookmarks: AllowWatchBookmarks::Yes, ..all() },
    )
    .await;
    assert_eq!(line(&mut initial).await, format!("BOOKMARK {revision} true"));
}

#[tokio::test(start_paused = true)]
async fn a_large_initial_state_is_delivered_whole_and_in_order() {
    let (fixture, cacher) = start().await;
    for number in 0..1000 {
        let name = format!("pod-{number:04}");
        fixture.store.create(&TRACE, &format!("/pods/shop/{name}"), pod(&name, json!({})), None).await.expect("made");
    }
    let newest = cacher.current_resource_version(&TRACE).await.expect("revision");
    let options = ListOptions { resource_version_match: ResourceVersionMatch::NotOlderThan, ..after(newest) };
    let options = ListOptions { send_initial_events: Some(true), ..options };
    let mut stream = watch(&cacher, ListOptions { allow_watch_bookmarks: AllowWatchBookmarks::Yes, ..options }).await;
    for number in 0..1000 {
        let WatchEvent::Added(object) = next(&mut stream).await else { panic!("an addition") };
        assert_eq!(object.name, format!("pod-{number:04}"));
    }
    assert_eq!(line(&mut stream).await, format!("BOOKMARK {newest} true"));
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_when_the_cache_begins_anew() {
    let (_fixture, cacher) = start().await;
    let revision = create(&*cacher, "web").await.revision;
    let mut stream = watch(&cacher, after(revision)).await;
    assert!(stream.next().now_or_never().is_none());
    cacher.cache.reset();
    assert!(stream.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn without_signs_of_progress_the_newest_comes_from_the_store() {
    let clock = Arc::new(VirtualClock::default());
    let plan: Plan = Arc::new(|operation| (operation == "supports progress").then_some(Fault::Refused));
    let fixture = fixture_on(Arc::new(Faulty::new(Memory::new(clock.clone()), plan)), clock);
    let cacher = cached(&fixture).await;
    let made = create(&*fixture.store, "web").await.revision;
    assert_eq!(names(&cacher.get_list(&TRACE, "/pods/", all()).await.expect("list").items), ["web"]);
    let initial =
        ListOptions { send_initial_events: Some(true), allow_watch_bookmarks: AllowWatchBookmarks::Yes, ..all() };
    let mut stream = watch(&cacher, initial).await;
    assert_eq!(line(&mut stream).await, format!("ADDED web {made}"));
    assert_eq!(line(&mut stream).await, format!("BOOKMARK {made} true"));
}

/// A client that lists and watches, and begins anew when its watch ends: what an informer does.
async fn inform(cacher: Arc<Cacher>, known: Arc<parking_lot::Mutex<BTreeMap<String, u64>>>) {
    loop {
        let Ok(list) = cacher.get_list(&TRACE, "/pods/", all()).await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        *known.lock() = list.items.iter().map(|object| (object.name.clone(), object.revision)).collect();
        let Ok(mut watch) = cacher.watch(&TRACE, "/pods/", after(list.revision)).await else { continue };
        while let Some(event) = watch.next().await {
            let mut known = known.lock();
            match event {
                WatchEvent::Added(object) => assert!(known.insert(object.name.clone(), object.revision).is_none()),
                WatchEvent::Modified(object) => {
                    let before = known.insert(object.name.clone(), object.revision);
                    assert!(before.expect("was there") < object.revision);
                }
                WatchEvent::Deleted(object) => assert!(known.remove(&object.name).is_some()),
                WatchEvent::Bookmark { .. } => {}
                WatchEvent::Error(_) => break,
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn everyone_agrees_in_the_end_however_much_fails() {
    let seed = Ids::random().next_u64();
    eprintln!("seed {seed}");
    let (ids, faults) = (Ids::seeded(seed), Ids::seeded(!seed));
    let failing = Arc::new(AtomicBool::new(false));
    let plan: Plan = {
        let failing = failing.clone();
        Arc::new(move |operation| {
            let fails = failing.load(Ordering::Relaxed) && operation != "supports progress";
            match faults.next_u64() % 10 {
                0 if fails => Some(Fault::Refused),
                1 if fails => Some(Fault::Lost),
                _ => None,
            }
        })
    };
    let clock = Arc::new(VirtualClock::default());
    let fixture = fixture_on(Arc::new(Faulty::new(Memory::with_history(clock.clone(), 20_000), plan)), clock);
    let cacher = cached(&fixture).await;
    failing.store(true, Ordering::Relaxed);
    let known = Arc::new(parking_lot::Mutex::new(BTreeMap::new()));
    let informer = tokio::spawn(inform(cacher.clone(), known.clone()));
    for step in 0..2000 {
        let name = format!("pod-{}", ids.next_u64() % 20);
        let key = format!("/pods/shop/{name}");
        // Whether each takes place is nobody's business here; what counts is that all see the same in the end.
        match ids.next_u64() % 3 {
            0 => drop(cacher.create(&TRACE, &key, pod(&name, json!({})), None).await),
            1 => drop(delete(&*cacher, &name).await),
            _ => {
                let mut update = |current: Option<Object>| {
                    let mut object = current.unwrap_or_else(|| pod(&name, json!({})));
                    object.set(&["metadata", "labels", "step"], step.to_string());
                    Ok((object, None))
                };
                let none = Preconditions::default();
                drop(cacher.guaranteed_update(&TRACE, &key, Missing::Create, none, &mut update).await);
            }
        }
        if step % 20 == 0 {
            tokio::time::sleep(Duration::from_millis(ids.next_u64() % 2000)).await;
        }
    }
    failing.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_mins(2)).await;
    let stored = fixture.store.get_list(&TRACE, "/pods/", all()).await.expect("list");
    let cached = cacher.get_list(&TRACE, "/pods/", all()).await.expect("list");
    let states = |items: &[Arc<apimachinery::runtime::encoded::Encoded>]| -> BTreeMap<String, u64> {
        items.iter().map(|object| (object.name.clone(), object.revision)).collect()
    };
    assert_eq!(states(&cached.items), states(&stored.items));
    assert_eq!(*known.lock(), states(&stored.items));
    assert!(stored.revision > 500, "{} writes took place", stored.revision);
    informer.abort();
}
