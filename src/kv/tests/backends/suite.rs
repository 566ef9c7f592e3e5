//! Every backend passes the same suite.

use std::sync::Arc;

use kv::{
    backend::{Backend, Put},
    embedded::store::{Embedded, Options},
    memory::Memory,
    observed::Observed,
    suite::{self, Virtual},
};
use phase::clock::VirtualClock;

#[tokio::test]
async fn memory() {
    let clock = Arc::new(VirtualClock::default());
    suite::run(&Observed::new(Memory::new(clock.clone())), &Virtual(clock)).await;
}

#[tokio::test]
async fn embedded() {
    let clock = Arc::new(VirtualClock::default());
    let directory = tempfile::tempdir().expect("directory");
    let store = Embedded::open(directory.path(), clock.clone(), Options::default()).expect("store");
    suite::run(&store, &Virtual(clock)).await;
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_says_why() {
    let clock = Arc::new(VirtualClock::default());
    let directory = tempfile::tempdir().expect("directory");
    let open = || Embedded::open(directory.path(), clock.clone(), Options::default());
    let file = directory.path().join("kubestep.redb");
    let store = open().expect("store");
    let error = open().err().expect("in use").to_string();
    assert!(error.contains("in use by another process"), "{error}");
    drop(store);
    drop(open().expect("free again"));
    // A store of the future.
    let database = redb::Database::open(&file).expect("database");
    let transaction = database.begin_write().expect("transaction");
    let meta: redb::TableDefinition<'_, &str, u64> = redb::TableDefinition::new("meta");
    transaction.open_table(meta).expect("table").insert("format", 2).expect("inserted");
    transaction.commit().expect("committed");
    drop(database);
    let error = open().err().expect("another format").to_string();
    assert!(error.contains("has format 2, but this program reads format 1"), "{error}");
    std::fs::write(&file, "not a database").expect("written");
    let error = open().err().expect("no database").to_string();
    assert!(error.starts_with("cannot open"), "{error}");
}

#[tokio::test]
async fn a_fork_goes_on_from_the_past_on_its_own() {
    let trace = phase::trace::Trace::unwatched();
    let clock = Arc::new(VirtualClock::default());
    let original = Memory::new(clock.clone());
    let put = |value: &'static str, expected| Put { key: "/a", value: value.into(), expected, lease: None };
    let first = original.optimistic_put(&trace, put("1", 0)).await.expect("put").revision;
    let second = original.optimistic_put(&trace, put("2", first)).await.expect("put").revision;
    original.compact(second).await.expect("compacted");
    assert!(original.get(&trace, "/a", Some(first)).await.is_err(), "clients cannot see the past");
    let past = original.view("/", first).await.expect("a person can");
    let fork = Memory::fork(past.kvs, first, clock);
    let other = fork.optimistic_put(&trace, put("other", first)).await.expect("put");
    assert_eq!((other.succeeded, other.revision), (true, second));
    assert_eq!(original.get(&trace, "/a", None).await.expect("get").kv.expect("there").value, "2");
    assert!(fork.get(&trace, "/a", Some(first - 1)).await.is_err(), "what was before is not there");
}
