//! The suite against the real etcd, where it is installed.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use futures_util::StreamExt;
use kv::{
    backend::{Backend, Put},
    etcd::client::{Etcd, Options},
    suite::{self, Passing},
};
use phase::{BoxFuture, trace::Trace};

/// A running etcd. Killed when the test is over.
struct Server {
    child: Child,
    client: String,
    peer: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", listener.local_addr().expect("address"))
}

/// Starts etcd; `None` if it is not installed.
fn start(directory: &Path, client: String, peer: String) -> Option<Server> {
    let child = Command::new("etcd")
        .args(["--name", "test", "--initial-cluster", &format!("test={peer}"), "--data-dir"])
        .arg(directory)
        .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
        .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match child {
        Ok(child) => Some(Server { child, client, peer }),
        Err(error) => {
            eprintln!("skipped: etcd cannot be started: {error}");
            None
        }
    }
}

async fn connect(server: &Server) -> Etcd {
    let options = Options { endpoints: vec![server.client.clone()], ..Options::default() };
    for _ in 0..100 {
        if let Ok(etcd) = Etcd::connect(&options).await {
            return etcd;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("etcd does not answer at {}", server.client)
}

struct Truly;

impl Passing for Truly {
    fn pass<'a>(&'a self, _: &'a dyn Backend, time: Duration) -> BoxFuture<'a, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

#[tokio::test]
async fn etcd() {
    let directory = tempfile::tempdir().expect("directory");
    let Some(server) = start(directory.path(), free_address(), free_address()) else { return };
    suite::run(&connect(&server).await, &Truly).await;
}

#[tokio::test]
async fn a_watch_outlives_the_server() {
    let directory = tempfile::tempdir().expect("directory");
    let Some(server) = start(directory.path(), free_address(), free_address()) else { return };
    let etcd = connect(&server).await;
    let trace = Trace::unwatched();
    let put = |key| Put { key, value: "x".into(), expected: 0, lease: None };
    let mut watch = etcd.watch("/a/", None).await.expect("watch");
    let first = etcd.optimistic_put(&trace, put("/a/1")).await.expect("put").revision;
    assert_eq!(watch.next().await.expect("goes on").expect("no error").events.len(), 1);
    let (client, peer) = (server.client.clone(), server.peer.clone());
    drop(server);
    let refused = tokio::time::timeout(Duration::from_secs(20), etcd.optimistic_put(&trace, put("/a/2"))).await;
    assert!(refused.is_ok_and(|refused| refused.is_err()), "an error, in time");
    let Some(server) = start(directory.path(), client, peer) else { return };
    let anew = connect(&server).await;
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
