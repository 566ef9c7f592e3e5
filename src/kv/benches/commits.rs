//! What group commit buys: durable writes a second, one after another and from many at once.
//!
//! The reference is redb itself, one transaction a write, on the same disk. Run with
//! `cargo bench -p kv`; the disk decides the absolute numbers, the ratios say what the store adds.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use kv::{
    backend::{Backend, Put},
    embedded::store::{Embedded, Options},
};
use phase::{
    clock::{Clock, SystemClock},
    trace::Trace,
};

const TRACE: Trace = Trace::unwatched();

/// A value of the size of a small Pod.
const VALUE: usize = 2000;

#[allow(clippy::print_stdout, reason = "a bench prints what it measured")]
fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("runtime");
    let raw = redb_alone(1000);
    println!("redb, a transaction a write:      {raw:>9.0} writes/s");
    for (writers, writes) in [(1, 1000), (16, 10_000), (128, 40_000), (1024, 100_000)] {
        let directory = tempfile::tempdir().expect("directory");
        let rate = runtime.block_on(embedded(directory.path(), writers, writes));
        println!("embedded, {writers:>4} at a time:           {rate:>9.0} writes/s  {:>6.1} x redb alone", rate / raw);
    }
    reopen(&runtime, 20_000);
}

fn seconds(clock: &dyn Clock) -> f64 {
    clock.now() as f64 / 1e9
}

fn redb_alone(writes: u64) -> f64 {
    let directory = tempfile::tempdir().expect("directory");
    let database = redb::Database::create(directory.path().join("raw.redb")).expect("database");
    let table: redb::TableDefinition<'_, u64, &[u8]> = redb::TableDefinition::new("log");
    let value = vec![b'x'; VALUE];
    let clock = SystemClock::new();
    for number in 0..writes {
        let transaction = database.begin_write().expect("transaction");
        transaction.open_table(table).expect("table").insert(number, value.as_slice()).expect("inserted");
        transaction.commit().expect("committed");
    }
    writes as f64 / seconds(&clock)
}

async fn embedded(directory: &Path, writers: usize, writes: u64) -> f64 {
    let store = Arc::new(Embedded::open(directory, SystemClock::shared(), Options::default()).expect("store"));
    let value = Bytes::from(vec![b'x'; VALUE]);
    let clock = SystemClock::new();
    let write = |number| {
        let (store, value) = (store.clone(), value.clone());
        async move {
            let key = format!("/registry/pods/bench/pod-{number}");
            let put = Put { key: &key, value, expected: 0, lease: None };
            assert!(store.optimistic_put(&TRACE, put).await.expect("written").succeeded);
        }
    };
    stream::iter(0..writes).map(write).buffer_unordered(writers).collect::<Vec<()>>().await;
    writes as f64 / seconds(&clock)
}

#[allow(clippy::print_stdout, reason = "a bench prints what it measured")]
fn reopen(runtime: &tokio::runtime::Runtime, keys: u64) {
    let directory = tempfile::tempdir().expect("directory");
    runtime.block_on(embedded(directory.path(), 1024, keys));
    let clock = SystemClock::new();
    let store = Embedded::open(directory.path(), SystemClock::shared(), Options::default()).expect("store");
    let taken = seconds(&clock) * 1e3;
    let count = runtime.block_on(store.count(&TRACE, "/")).expect("count");
    println!("opening {count} keys of {VALUE} bytes:  {taken:>9.1} ms");
}
