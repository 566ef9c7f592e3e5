//! The file format: `apiVersion: kubestep.dev/v1alpha1`, `kind: Scenario`.
//!
//! Unknown fields are mistakes. Every expression (`when`, `expect`, `check`, `answer`) is CEL.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::text::Text;

/// The version this program reads and writes.
pub const API_VERSION: &str = "kubestep.dev/v1alpha1";

/// A whole file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// `kubestep.dev/v1alpha1`; a newer one is refused.
    pub api_version: String,
    /// `Scenario`.
    pub kind: String,
    /// What it is about.
    pub metadata: Metadata,
    /// How it runs.
    #[serde(default)]
    pub settings: Settings,
    /// What is there before the first step.
    #[serde(default)]
    pub start: Start,
    /// Where traces are held from the beginning.
    #[serde(default)]
    pub breakpoints: Vec<Breakpoint>,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// What a learner who solves it otherwise must have reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<Goal>,
    /// The last words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish: Option<Finish>,
    /// Files that a replay writes or compares.
    #[serde(default)]
    pub outputs: Vec<String>,
}

/// What a lesson is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Its name on the command line: lower case, digits, dashes.
    pub id: String,
    /// Its title.
    pub title: Text,
    /// Words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// How long it takes a person.
    #[serde(default)]
    pub minutes: u32,
    /// Lessons to have done before, or programs it needs: `kubectl`, `etcd`.
    #[serde(default)]
    pub requires: Vec<String>,
}

/// How a lesson runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// `virtual`: times, uids and versions depend on the file alone; `real`: the machine's.
    pub clock: Clock,
    /// Where identities start.
    pub seed: u64,
    /// How fast it plays by itself; 1 is a reader's pace.
    pub speed: f64,
    /// The terminal it is made for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// The language it starts in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Further flags of kube-apiserver.
    pub flags: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { clock: Clock::Virtual, seed: 1, speed: 1.0, size: None, locale: None, flags: Vec::new() }
    }
}

/// Which clock a lesson runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Clock {
    /// Moves only with the lesson.
    Virtual,
    /// The machine's.
    Real,
}

/// Columns and rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

/// What is there before the first step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Start {
    /// How far the server is started.
    pub startup: Startup,
    /// Objects that exist already.
    pub apply: Vec<Fixture>,
    /// Users with a certificate of the lesson's CA.
    pub users: Vec<User>,
    /// Extension API servers, each with its Service and its APIService.
    pub extensions: Vec<Extension>,
    /// Webhook servers. Where an object of the lesson says `url: lab:NAME`, it gets the URL and the CA bundle of one.
    pub webhooks: Vec<Webhook>,
}

/// An admission webhook behind HTTPS. Expressions see what it was asked as `webhooks.NAME.calls` and `.last`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhook {
    /// What the lesson calls it.
    pub name: String,
    /// The first whose `when` holds is given; where none holds, it allows.
    pub answers: Vec<WebhookAnswer>,
}

/// What a webhook answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookAnswer {
    /// For which questions, over `request`, `object`, `oldObject`; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Refuses, with this message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny: Option<String>,
    /// The code of a refusal; 403 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// Changes the object: a JSON patch.
    pub patch: Vec<Value>,
    /// Warns the client.
    pub warnings: Vec<String>,
    /// Answers this many seconds late.
    pub late: u32,
    /// Is out of order: answers with this HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail: Option<u16>,
}

/// A read-only extension API server of one kind. It adds to each object, as `told`, whom the aggregator named as its user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Extension {
    /// Its Service in the namespace `default`.
    pub service: String,
    /// The group it serves.
    pub group: String,
    /// The version it serves.
    pub version: String,
    /// The kind of its objects.
    pub kind: String,
    /// The plural in paths.
    pub resource: String,
    /// Its objects.
    pub items: Vec<Value>,
}

/// How far the server is started before the first step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields, default)]
pub struct Startup {
    /// `serving`, or the phase it is run to and held before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_to: Option<String>,
    /// The start-up phase it is held at; for lessons about start-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause_at: Option<String>,
}

/// An object: a file beside the scenario, or written in place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Fixture {
    /// A path relative to the scenario.
    File(String),
    /// The object itself.
    Inline(Map<String, Value>),
}

/// A user of a lesson.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct User {
    /// Name.
    pub name: String,
    /// Groups.
    pub groups: Vec<String>,
}

/// Where traces are held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Breakpoint {
    /// The phase.
    pub at: String,
    /// For which traces; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Whether it goes away with its first hit.
    #[serde(default)]
    pub once: bool,
    /// A letter to call it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// One step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Step {
    /// Its name within the lesson.
    pub id: String,
    /// What is said before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub say: Option<Text>,
    /// What only the presenter sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<Text>,
    /// What the learner guesses before the step runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predict: Option<Predict>,
    /// What is done.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// What is waited for afterwards. Never a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// What must be true then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<Expect>,
    /// What is said after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explain: Option<Text>,
    /// What the learner has to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<Text>,
    /// Help, a little more each time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<Text>,
    /// When the task is done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub check: Vec<Check>,
    /// A way to do the task; proves that it can be done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub solve: Vec<Action>,
}

/// A question whose answer the run gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predict {
    /// The question.
    pub ask: Text,
    /// What may be answered: codes and names as they are, or texts by language.
    pub choices: Vec<Choice>,
    /// The right one: `{from: EXPRESSION}` over the run, or `{choice: N}` counted from 1.
    pub answer: Answer,
}

/// One possible answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Choice {
    /// The same in every language.
    Plain(String),
    /// By language.
    Text(Text),
}

impl Choice {
    /// Returns the choice in a language.
    pub fn get(&self, language: &str) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Text(text) => text.get(language),
        }
    }
}

/// Where the right answer comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Answer {
    /// An expression over the run; its text equals one of the choices, in English where they are texts.
    From(String),
    /// The number of the choice, from 1, for questions that no expression decides.
    Choice(usize),
}

/// Something done to the server. Exactly one of the verbs is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Action {
    /// POST an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create: Option<Fixture>,
    /// GET a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub get: Option<String>,
    /// Watch a path until the lesson ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch: Option<String>,
    /// PUT an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update: Option<Fixture>,
    /// Apply an object on the server's side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apply: Option<Fixture>,
    /// PATCH a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<Patch>,
    /// DELETE a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete: Option<String>,
    /// Any request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<Raw>,
    /// A command of the walk: `into`, `over`, `out`, `continue`, `runTo: PHASE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Sends an earlier request again, by its `as`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
    /// Who does it; the administrator if absent, nobody for `anonymous`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Shows this bearer token in place of a certificate: an expression over the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Asks to be taken for somebody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impersonate: Option<User>,
    /// A name to speak of the request by.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How it is shown.
    pub mode: Mode,
}

/// A PATCH.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// The object's path.
    pub path: String,
    /// `json`, `merge`, `strategic` or `apply`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The patch.
    pub body: Value,
}

/// Any request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The body, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

/// How an action is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Typed, letter by letter, as the kubectl command that does the same.
    #[default]
    Typed,
    /// At once.
    Live,
    /// Not at all.
    Hidden,
}

/// What is waited for: one of these, or what comes first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields, default)]
pub struct Wait {
    /// A trace is held at this phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_at: Option<String>,
    /// The request has its answer.
    pub answered: bool,
    /// The server is ready.
    pub ready: bool,
    /// Which request; the last one if absent. `startup` for the start-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// How long at most: `5s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
}

/// What must be true. All parts that are present must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields, default)]
pub struct Expect {
    /// Which request; the last one if absent. `startup` for the start-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// The HTTP code of its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// The reason of its Status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The innermost phase that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<String>,
    /// The phase it is held at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_at: Option<String>,
    /// These phases, in this order, among those entered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trace: Vec<String>,
    /// The servers it was routed through, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub route: Vec<String>,
    /// Fields of the live config that are set now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub config: Vec<String>,
    /// An expression over `request`, `response`, `phases`, `config`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub that: Option<String>,
}

/// Whether a task is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Its name.
    pub id: String,
    /// The path of an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Whether the object must exist; true if absent.
    #[serde(default = "yes")]
    pub exists: bool,
    /// An expression over `object`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub that: Option<String>,
    /// What a learner is told who is not there yet.
    pub fail: Text,
}

fn yes() -> bool {
    true
}

/// What must have been reached in the end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields, default)]
pub struct Goal {
    /// Paths of objects that exist.
    pub objects: Vec<String>,
    /// The score to beat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_requests: Option<u32>,
}

/// The last words.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Finish {
    /// What is said.
    pub say: Text,
    /// Lessons that follow.
    pub next: Vec<String>,
}
