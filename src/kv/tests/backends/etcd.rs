//! The suite against the real etcd, where it is installed.

use std::time::Duration;

use futures_util::StreamExt;
use kv::{
    backend::{Backend, Put},
    suite::Passing,
};
use phase::{BoxFuture, trace::Trace};

struct Truly;

impl Passing for Truly {
    fn pass<'a>(&'a self, _: &'a dyn Backend, time: Duration) -> BoxFuture<'a, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

#[tokio::test]
async fn etcd() {
    let directory = tempfile::tempdir().expect("directory");
    let Some(server) = crate::support::etcd(directory.path()) else { return };
    kv::suite::run(&crate::support::connect(&server).await, &Truly).await;
}

#[tokio::test]
async fn a_watch_outlives_the_server() {
    let directory = tempfile::tempdir().expect("directory");
    let Some(server) = crate::support::etcd(directory.path()) else { return };
    let etcd = crate::support::connect(&server).await;
    let trace = Trace::unwatched();
    let put = |key| Put { key, value: "x".into(), expected: 0, lease: None };
    let mut watch = etcd.watch("/a/", None).await.expect("watch");
    let first = etcd.optimistic_put(&trace, put("/a/1")).await.expect("put").revision;
    assert_eq!(watch.next().await.expect("goes on").expect("no error").events.len(), 1);
    let (client, peer) = (server.client.clone(), server.peer.clone());
    drop(server);
    let refused = tokio::time::timeout(Duration::from_secs(20), etcd.optimistic_put(&trace, put("/a/2"))).await;
    assert!(refused.is_ok_and(|refused| refused.is_err()), "an error, in time");
    let Some(server) = crate::support::etcd_at(directory.path(), client, peer) else { return };
    let anew = crate::support::connect(&server).await;
    // Written before the watch has found its way back.
    let second = anew.optimistic_put(&trace, put("/a/3")).await.expect("put").revision;
    assert_eq!(second, first + 1, "the refused write did not take place");
    loop {
        let next = tokio::time::timeout(Duration::from_secs(20), watch.next()).await;
        let response = next.expect("in time").expect("goes on").expect("no error");
        if let [event] = response.events.as_slice() {
            assert_eq!((&*event.kv.key, event.kv.mod_revision), ("/a/3", second));
            break;
        }
    }
    assert!(etcd.get(&trace, "/a/3", None).await.expect("connected again").kv.is_some());
}
