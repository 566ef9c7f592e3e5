//! Every backend passes the same suite.

use std::sync::Arc;

use kv::{
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
