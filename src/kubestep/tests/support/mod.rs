//! A running `kubestep serve`, and clients of it.

use std::{
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

/// The longest that anything is waited for; only a failure takes that long.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A program of a test, which ends with the test.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns a port that nobody listens to.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a port").port()
}

/// Starts an etcd; `None` where there is none on this machine.
#[allow(dead_code, reason = "not every user of this file does")]
pub fn etcd(dir: &Path, port: u16, peer: u16) -> Option<Child> {
    let (client, peers) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer}"));
    let mut command = Command::new("etcd");
    command.args(["--data-dir", &dir.join("etcd").display().to_string()]);
    command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
    command.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
    command.args(["--initial-cluster", &format!("default={peers}")]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
}

/// Asks a process to end, and waits until it has; says whether it ended as if all were well.
#[allow(dead_code, reason = "not every user of this file does")]
pub async fn terminate(process: &mut Running) -> bool {
    let asked = Command::new("kill").arg(process.0.id().to_string()).status().expect("kill");
    assert!(asked.success());
    let ended = async {
        loop {
            if let Some(status) = process.0.try_wait().expect("a child") {
                return status.success();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.expect("it ends")
}

/// A server in a directory that outlives it.
pub struct Server {
    /// Where its data, its keys and its kubeconfig are.
    pub dir: PathBuf,
    /// Where it listens.
    pub port: u16,
    process: Option<Running>,
    flags: Vec<String>,
}

impl Server {
    /// Describes one; it is not started yet.
    pub fn new(dir: &Path, flags: &[String]) -> Self {
        Self { dir: dir.to_owned(), port: free_port(), process: None, flags: flags.to_vec() }
    }

    /// Starts it and waits until it is ready.
    pub async fn start(&mut self) -> Client {
        let log = File::create(self.dir.join("log")).expect("a log");
        let child = Command::new(env!("CARGO_BIN_EXE_kubestep"))
            .arg("serve")
            .args(["--data-dir", &self.dir.join("data").display().to_string(), "--secure-port", &self.port.to_string()])
            .args(&self.flags)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the program starts");
        self.process = Some(Running(child));
        let ready = async {
            loop {
                if let Some(client) = self.client().await
                    && client.request_text(http::Request::get("/readyz").body(Vec::new()).expect("valid")).await.is_ok()
                {
                    return client;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let ready = tokio::time::timeout(PATIENCE, ready).await;
        ready.unwrap_or_else(|_| {
            panic!("not ready:\n{}", std::fs::read_to_string(self.dir.join("log")).unwrap_or_default())
        })
    }

    /// A client with the administrator's kubeconfig, once that is written.
    async fn client(&self) -> Option<Client> {
        let kubeconfig = Kubeconfig::read_from(self.dir.join("data/kubeconfig")).ok()?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.ok()?;
        Client::try_from(config).ok()
    }

    /// Lets go of it, without ending it.
    #[allow(dead_code, reason = "the bench uses it")]
    pub fn into_running(mut self) -> Running {
        self.process.take().expect("it was started")
    }

    /// Ends it as an operator does; says whether it ended as if all were well.
    #[allow(dead_code, reason = "not every user of this file does")]
    pub async fn stop(&mut self) -> bool {
        terminate(self.process.as_mut().expect("it runs")).await
    }

    /// Ends it with SIGKILL: nothing can be finished.
    pub fn kill(&mut self) {
        self.process = None;
    }
}
