//! What a client needs from the server, as three ports (and one from the player of lessons).
//!
//! The crates on this side never name what serves. The binary implements these traits and hands them
//! over with [`crate::controller::Controller::set_ports`]; a recording that is looked at has none of them.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use phase::{BoxFuture, hook::PhaseHook, record::TraceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::lesson::LessonAction;

/// Why a port could not do what it was asked, as a sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{0}")]
pub struct PortError(pub String);

/// A port's answer.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, PortError>>;

/// Looks inside a running server.
pub trait Inspect: Send + Sync {
    /// Returns up to `limit` keys below a prefix as they stand at a revision (the newest if none is given).
    fn keys(&self, prefix: String, revision: Option<i64>, limit: usize) -> Answer<'_, Keys>;
    /// Returns the value of a key at a revision, decoded as far as it can be and redacted where it must be.
    fn value(&self, key: String, revision: Option<i64>) -> Answer<'_, StoredValue>;
    /// Returns who watches what.
    fn watchers(&self) -> Answer<'_, Vec<Watcher>>;
    /// Returns the priority levels, by name; none where requests do not queue.
    fn levels(&self) -> Answer<'_, Vec<PriorityLevel>>;
}

/// Keys at a revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Keys {
    /// The revision they were read at.
    pub revision: i64,
    /// The oldest revision that can still be read.
    pub oldest: i64,
    /// How many there are in all.
    pub count: usize,
    /// The keys, in their order.
    pub keys: Vec<Key>,
}

/// A key, without its value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// The key.
    pub key: String,
    /// The revision that wrote it last.
    pub mod_revision: i64,
    /// The revision that created it.
    pub create_revision: i64,
    /// How often it was written since.
    pub version: i64,
    /// Size of the value in bytes.
    pub size: usize,
}

/// A stored value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredValue {
    /// Which key, at which revision.
    pub key: Key,
    /// How it is stored: `json`, `protobuf`, `k8s:enc:aescbc:v1:key1`...
    pub encoding: String,
    /// The object, secrets redacted; a sentence where it cannot be shown.
    pub object: Value,
}

/// Someone who watches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Watcher {
    /// The request that watches; the timeline knows whose it is.
    pub request: TraceId,
    /// The whole key or prefix that is watched: `/registry/pods/shop/`.
    pub key: String,
    /// How many changes it was handed, those at the beginning not counted.
    pub sent: u64,
    /// How many changes wait for it.
    pub lag: usize,
    /// Whether it is so slow that more wait than are counted.
    pub behind: bool,
}

/// The seats of a priority level.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PriorityLevel {
    /// Its name.
    pub name: String,
    /// Requests that have a seat.
    pub executing: usize,
    /// Seats in use.
    pub seats: usize,
    /// Seats of its own; it may lend and borrow some.
    pub nominal: usize,
    /// Requests that wait for a seat.
    pub waiting: usize,
    /// Requests that got none, in all.
    pub rejected: u64,
}

/// Starts a server.
pub trait Launch: Send + Sync {
    /// Starts one and returns once it listens. It serves until `stop` is cancelled.
    fn launch(&self, order: Order) -> Answer<'_, Launched>;
}

/// What to start.
pub struct Order {
    /// The server's options, as the binary itself wrote them: to be handed back, not to be read here.
    pub options: Value,
    /// Who is told about its phases.
    pub hook: Arc<dyn PhaseHook>,
    /// Where its store comes from.
    pub store: StoreFrom,
    /// When cancelled, it stops gracefully.
    pub stop: CancellationToken,
}

/// Where a store comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StoreFrom {
    /// Whatever the options say.
    #[default]
    Options,
    /// A fresh one in memory.
    Fresh,
    /// A copy in memory of the present server's store at a revision.
    Fork(i64),
}

/// A server that listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Launched {
    /// Where.
    pub address: SocketAddr,
    /// The administrator's kubeconfig.
    pub kubeconfig: PathBuf,
    /// Where its data is kept; `None`: in memory.
    pub data_dir: Option<PathBuf>,
}

/// Sets up what a lesson needs.
pub trait Lab: Send + Sync {
    /// Makes a user with a client certificate and returns the path of a kubeconfig for it.
    fn user(&self, name: String, groups: Vec<String>) -> Answer<'_, PathBuf>;
    /// Starts a webhook server and returns its URL and CA bundle (PEM).
    fn webhook(&self, behaviour: Value) -> Answer<'_, Endpoint>;
    /// Returns what each webhook server was asked: by its name, how often (`calls`) and the newest question (`last`).
    fn heard(&self) -> Value;
    /// Returns what differs from run to run (ports, directories), each with what stands for it in a record.
    fn stand_ins(&self) -> Vec<(String, String)>;
    /// Starts an extension API server and returns its URL and CA bundle (PEM).
    fn extension(&self, behaviour: Value) -> Answer<'_, Endpoint>;
    /// Sends a request as a user; the answer is seen as a trace.
    fn send(&self, request: LabRequest) -> Answer<'_, LabResponse>;
    /// Starts or ends the built-in traffic.
    fn traffic(&self, traffic: Traffic) -> Answer<'_, ()>;
}

/// A server of the laboratory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// Where it is reached.
    pub url: String,
    /// Whom to trust (PEM).
    pub ca_bundle: String,
}

/// The user who shows no certificate.
pub const ANONYMOUS: &str = "anonymous";

/// A request to send.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabRequest {
    /// As whom; empty: the administrator; [`ANONYMOUS`]: nobody.
    pub user: String,
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Media type of the body; empty: JSON.
    pub content_type: String,
    /// Further headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The body, if any.
    pub body: Option<Value>,
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabResponse {
    /// HTTP status.
    pub code: u16,
    /// The body, as JSON where it is JSON.
    pub body: Value,
}

/// Whether the built-in traffic flows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Traffic {
    /// Only what others send.
    #[default]
    Off,
    /// An admin, a restricted user and a controller that watches.
    On,
}

/// The player of a lesson.
pub trait Teacher: Send + Sync {
    /// Does what the learner asks; what comes of it is sent as a lesson.
    fn act(&self, action: LessonAction) -> Answer<'_, ()>;
}

/// The ports of a server, as far as there is one.
#[derive(Clone, Default)]
pub struct Ports {
    /// Looks inside it.
    pub inspect: Option<Arc<dyn Inspect>>,
    /// Sets up what a lesson needs.
    pub lab: Option<Arc<dyn Lab>>,
    /// Plays the lesson.
    pub teacher: Option<Arc<dyn Teacher>>,
}
