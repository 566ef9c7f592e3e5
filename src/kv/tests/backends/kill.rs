//! The embedded store is killed under load, again and again, and must never lose what it acknowledged.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use kv::{
    backend::{Backend, Put},
    embedded::store::{Embedded, Options},
};
use phase::{
    clock::SystemClock,
    ids::{IdSource, Ids},
    trace::Trace,
};

const TRACE: Trace = Trace::unwatched();

/// Tells the child where to write.
const DIRECTORY: &str = "KUBESTEP_TEST_KILL_DIRECTORY";

fn open(directory: &Path) -> Embedded {
    let options = Options { history_bytes: 1 << 20, ..Options::default() };
    Embedded::open(directory, SystemClock::shared(), options).expect("what was acknowledged can be opened")
}

/// The child: writes as fast as it can and says what was acknowledged. Does nothing when run as a test.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let store = Arc::new(open(Path::new(&directory)));
    let writers = (0..16).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let key = format!("/kill/{writer}");
            loop {
                let last = store.get(&TRACE, &key, None).await.expect("readable").kv;
                let expected = last.map_or(0, |kv| kv.mod_revision);
                let value = Bytes::from(vec![b'x'; 2000]);
                let put = Put { key: &key, value, expected, lease: None };
                let outcome = store.optimistic_put(&TRACE, put).await.expect("written");
                assert!(outcome.succeeded);
                eprintln!("acknowledged {key} {}", outcome.revision);
            }
        })
    });
    futures_util::future::join_all(writers).await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let ids = Ids::seeded(crate::support::seed());
    let directory = tempfile::tempdir().expect("directory");
    let mut last = std::collections::BTreeMap::new();
    for round in 0..10 {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "kill::child", "--nocapture"])
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the child runs");
        let output = child.stderr.take().expect("piped");
        let enough = 20 + ids.next_u64() % 300;
        let reader = std::thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            lines
                .filter_map(|line| {
                    let (key, revision) = line.strip_prefix("acknowledged ")?.split_once(' ')?;
                    Some((key.to_owned(), revision.parse::<u64>().ok()?))
                })
                .collect::<Vec<_>>()
        });
        // SIGKILL at a moment that neither side knows.
        tokio::time::sleep(Duration::from_millis(200 + enough)).await;
        child.kill().expect("killed");
        child.wait().expect("ended");
        let acknowledged = reader.join().expect("read to its end");
        assert!(!acknowledged.is_empty(), "round {round}: the child wrote nothing");
        last.extend(acknowledged);
        let store = open(directory.path());
        for (key, revision) in &last {
            let kv = store.get(&TRACE, key, None).await.expect("readable").kv.expect("there");
            assert!(kv.mod_revision >= *revision, "{key}: {revision} is lost, {} is there", kv.mod_revision);
            assert_eq!(kv.value.len(), 2000);
        }
    }
}
