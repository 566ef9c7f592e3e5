//! What several tests need.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use kv::etcd::client::{Etcd, Options};
use phase::ids::{IdSource, Ids};

/// A seed that is printed, so that a run can be had again: `KUBESTEP_SEED=...`.
pub fn seed() -> u64 {
    let given = std::env::var("KUBESTEP_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| Ids::random().next_u64());
    eprintln!("KUBESTEP_SEED={seed}");
    seed
}

/// A running etcd. Killed when the test is over.
pub struct Server {
    child: Child,
    pub client: String,
    pub peer: String,
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

/// Starts etcd on free ports; `None` if it is not installed.
pub fn etcd(directory: &Path) -> Option<Server> {
    etcd_at(directory, free_address(), free_address())
}

/// Starts etcd with TLS towards its clients; `None` if it is not installed.
pub fn secure_etcd(directory: &Path, flags: &[String]) -> Option<Server> {
    start(directory, free_address().replace("http:", "https:"), free_address(), flags)
}

/// Starts etcd; `None` if it is not installed.
pub fn etcd_at(directory: &Path, client: String, peer: String) -> Option<Server> {
    start(directory, client, peer, &[])
}

fn start(directory: &Path, client: String, peer: String, flags: &[String]) -> Option<Server> {
    let child = Command::new("etcd")
        .args(["--name", "test", "--initial-cluster", &format!("test={peer}"), "--data-dir"])
        .arg(directory)
        .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
        .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
        .args(flags)
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

/// Connects as soon as it answers.
pub async fn connect(server: &Server) -> Etcd {
    connect_with(&Options { endpoints: vec![server.client.clone()], ..Options::default() }).await
}

/// Connects as soon as it answers.
pub async fn connect_with(options: &Options) -> Etcd {
    for _ in 0..100 {
        if let Ok(etcd) = Etcd::connect(options).await {
            return etcd;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("etcd does not answer at {:?}", options.endpoints)
}
