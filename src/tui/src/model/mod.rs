//! All that the interface knows, in one place. Written by [`crate::update`] alone.
//!
//! What happened is not in here: it stands in the shared timeline, of which this only remembers where
//! one is looking. Functions that work out what is to be seen (rows, lines, places) stand beside it and
//! are asked at each frame; they read both and change neither.

pub mod areas;
pub mod chain;
pub mod clocks;
pub mod cursor;
pub mod filter;
pub mod format;
pub mod hint;
pub mod input;
pub mod inspect;
pub mod requests;
pub mod tree;

use std::collections::{BTreeMap, VecDeque};

use control::{
    breakpoint::Listed,
    detail::Detail,
    holds::Hold,
    lesson::Lesson,
    ports::{Keys, Launched, PriorityLevel, StoredValue, Traffic, Watcher},
    protocol::LogLine,
    timeline::{self, Timeline, trace::TraceLog},
};
use phase::{
    clock::Nanos,
    record::{TraceId, TraceKind},
};

use crate::{
    options::{Layout, Leaving, Motion, Options, Sources},
    theme::{Role, Signs, Theme},
    words::{self, Language, Word},
};
use cursor::Cursor;
use input::Overlay;
use requests::Requests;

/// Lines of the log that are kept.
const LOG_LINES: usize = 1_000;

/// The model.
#[derive(Debug)]
pub struct Model {
    /// What happened.
    pub timeline: timeline::Shared,
    /// The last reading of the records' clock.
    pub now: Nanos,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// Looks.
    pub look: Look,
    /// Where one is looking.
    pub cursor: Cursor,
    /// Where one stood before the last step forward: what changed since is what one wants to see.
    pub came_from: Option<(TraceId, usize)>,
    /// How much of a trace is shown.
    pub detail: Detail,
    /// Who waits.
    pub holds: BTreeMap<TraceId, Hold>,
    /// Breakpoints.
    pub breakpoints: Vec<Listed>,
    /// What is intercepted.
    pub intercept: Option<String>,
    /// The server, once it listens.
    pub serving: Option<Launched>,
    /// Whether the built-in traffic flows.
    pub traffic: Traffic,
    /// The lesson, if one is played.
    pub lesson: Option<Lesson>,
    /// The server's log, newest last.
    pub logs: VecDeque<LogLine>,
    /// Records that were lost, and requests that passed because too many were held.
    pub lost: (u64, u64),
    /// Whether there is a server to act on, or only a recording.
    pub live: bool,
    /// Arrangement of the panes.
    pub layout: Layout,
    /// The pane with the focus.
    pub focus: Pane,
    /// Whether it has the screen for itself.
    pub zoomed: bool,
    /// The phase tree.
    pub tree: TreeState,
    /// The inspector.
    pub inspect: InspectState,
    /// How far the explanation is scrolled.
    pub explain_scroll: usize,
    /// The list of requests.
    pub requests: Requests,
    /// What lies over the panes.
    pub overlay: Option<Overlay>,
    /// What was just done, as a sentence.
    pub said: Option<String>,
    /// What was searched for last.
    pub search: String,
    /// Expressions whose values are shown.
    pub watches: Vec<String>,
    /// A prediction of a request's answer: chosen code.
    pub predictions: BTreeMap<TraceId, String>,
    /// Numbers of questions to ports, and what they were about.
    pub questions: Questions,
    /// Our own source.
    pub sources: Sources,
    /// Whether leaving has to be confirmed.
    pub leaving: Leaving,
    /// Requests a second, over the last second that had any.
    pub rate: Rate,
}

/// Looks.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The language.
    pub language: Language,
    /// The colours.
    pub theme: Theme,
    /// The lines and signs.
    pub signs: Signs,
    /// Whether anything moves by itself.
    pub motion: Motion,
}

/// A pane. The number is its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pane {
    /// The phase tree.
    Phases,
    /// The server chain.
    Chain,
    /// State, diff, config...
    Inspect,
    /// What a phase is for.
    Explain,
    /// The waterfall.
    Requests,
    /// The steps as a line.
    Timeline,
}

impl Pane {
    /// All panes, in the order of their numbers.
    pub const ALL: [Pane; 6] =
        [Pane::Phases, Pane::Chain, Pane::Inspect, Pane::Explain, Pane::Requests, Pane::Timeline];

    /// Returns its number.
    pub fn number(self) -> usize {
        Self::ALL.iter().position(|pane| *pane == self).unwrap_or(0) + 1
    }

    /// Returns its title.
    pub fn title(self) -> Word {
        match self {
            Self::Phases => Word::Phases,
            Self::Chain => Word::ServerChain,
            Self::Inspect => Word::State,
            Self::Explain => Word::Explain,
            Self::Requests => Word::Requests,
            Self::Timeline => Word::Timeline,
        }
    }
}

/// A tab of the inspector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "their titles say it")]
pub enum Tab {
    Diff,
    State,
    Config,
    Request,
    Response,
    Source,
    Store,
    Watch,
    Logs,
}

impl Tab {
    /// All tabs, in their order.
    pub const ALL: [Tab; 9] = [
        Tab::Diff,
        Tab::State,
        Tab::Config,
        Tab::Request,
        Tab::Response,
        Tab::Source,
        Tab::Store,
        Tab::Watch,
        Tab::Logs,
    ];

    /// Returns its title.
    pub fn title(self) -> Word {
        match self {
            Self::State => Word::State,
            Self::Diff => Word::Diff,
            Self::Config => Word::Config,
            Self::Request => Word::Request,
            Self::Response => Word::Response,
            Self::Source => Word::Source,
            Self::Store => Word::Store,
            Self::Watch => Word::Watch,
            Self::Logs => Word::Logs,
        }
    }

    /// Returns the tab a number of places further.
    #[must_use]
    pub fn moved(self, by: isize) -> Tab {
        let at = Self::ALL.iter().position(|tab| *tab == self).unwrap_or(0) as isize;
        Self::ALL[(at + by).rem_euclid(Self::ALL.len() as isize) as usize]
    }
}

/// The phase tree.
#[derive(Clone, Debug, Default)]
pub struct TreeState {
    /// The selected row; `None`: the one that is the current step.
    pub selected: Option<tree::RowKey>,
    /// Nodes that were opened or closed by hand.
    pub opened: BTreeMap<tree::RowKey, bool>,
    /// The trace that all this belongs to.
    pub of: Option<TraceId>,
}

/// The inspector.
#[derive(Clone, Debug)]
pub struct InspectState {
    /// The tab.
    pub tab: Tab,
    /// How far each tab is scrolled.
    pub scroll: BTreeMap<Tab, usize>,
    /// Which changed field is selected.
    pub change: usize,
    /// The Store tab.
    pub store: StoreState,
    /// The Watch tab: who watches, as the server knows it.
    pub watchers: Option<Vec<Watcher>>,
    /// The Watch tab: who has a seat.
    pub levels: Option<Vec<PriorityLevel>>,
    /// Counts answers about the running server that told something new.
    pub told: u64,
}

/// The Store tab.
#[derive(Clone, Debug)]
pub struct StoreState {
    /// The prefix that is looked at.
    pub prefix: String,
    /// The keys below it, once they came.
    pub keys: Option<Keys>,
    /// Which of them is selected.
    pub selected: usize,
    /// The value that is looked at.
    pub value: Option<StoredValue>,
    /// Why nothing can be shown.
    pub error: Option<String>,
}

/// Questions to ports that are not answered yet.
#[derive(Clone, Debug, Default)]
pub struct Questions {
    /// The last number given.
    pub last: u64,
    /// The newest question for each purpose.
    pub open: BTreeMap<u64, Purpose>,
}

/// What an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The Store tab's keys.
    Keys,
    /// The Store tab's value.
    Value,
    /// The Watch tab's watchers.
    Watchers,
    /// The Watch tab's priority levels.
    Levels,
    /// A request that was sent again.
    Sent,
    /// Anything whose answer only matters if it fails.
    Other,
}

/// How many requests come in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rate {
    /// When it was counted last, and how many had been seen then.
    pub since: Nanos,
    /// See `since`.
    pub seen: u64,
    /// The result.
    pub per_second: u64,
}

impl Model {
    /// Returns the model of an interface that has just been opened.
    pub fn new(timeline: timeline::Shared, options: &Options, live: bool) -> Self {
        let signs = if options.borders == crate::options::Borders::Ascii { Signs::ASCII } else { Signs::UNICODE };
        Self {
            timeline,
            now: 0,
            size: (120, 40),
            look: Look { language: options.language, theme: options.theme, signs, motion: options.motion },
            cursor: Cursor::default(),
            came_from: None,
            detail: Detail::default(),
            holds: BTreeMap::new(),
            breakpoints: Vec::new(),
            intercept: None,
            serving: None,
            traffic: Traffic::Off,
            lesson: None,
            logs: VecDeque::new(),
            lost: (0, 0),
            live,
            layout: options.layout,
            focus: Pane::Phases,
            zoomed: false,
            tree: TreeState::default(),
            inspect: InspectState {
                tab: Tab::Diff,
                scroll: BTreeMap::new(),
                change: 0,
                store: StoreState {
                    prefix: "/registry/".to_owned(),
                    keys: None,
                    selected: 0,
                    value: None,
                    error: None,
                },
                watchers: None,
                levels: None,
                told: 0,
            },
            explain_scroll: 0,
            requests: Requests::default(),
            overlay: None,
            said: None,
            search: String::new(),
            watches: Vec::new(),
            predictions: BTreeMap::new(),
            questions: Questions::default(),
            sources: options.sources.clone(),
            leaving: options.leaving,
            rate: Rate::default(),
        }
    }

    /// Returns a word in the language of the interface.
    pub fn word(&self, word: Word) -> &'static str {
        words::word(word, self.look.language)
    }

    /// Returns a sentence with its gaps filled.
    pub fn sentence(&self, word: Word, gaps: &[&str]) -> String {
        words::fill(self.word(word), gaps)
    }

    /// Says what was just done.
    pub fn say(&mut self, word: Word, gaps: &[&str]) {
        self.said = Some(self.sentence(word, gaps));
    }

    /// Returns the style of a role.
    pub fn style(&self, role: Role) -> ratatui::style::Style {
        self.look.theme.style(role)
    }

    /// Returns the trace that is looked at.
    pub fn log<'a>(&self, timeline: &'a Timeline) -> Option<&'a TraceLog> {
        match self.cursor.trace {
            Some(id) => timeline.trace(id),
            None => timeline.startup().or_else(|| timeline.traces().next_back()),
        }
    }

    /// Returns the hold of the trace that is looked at, if it waits.
    pub fn current_hold(&self) -> Option<&Hold> {
        self.holds.get(&self.cursor.trace?)
    }

    /// Returns the other traces that wait, the longest waiting first.
    pub fn queue(&self) -> Vec<TraceId> {
        let mut waiting: Vec<&Hold> =
            self.holds.values().filter(|hold| Some(hold.trace) != self.cursor.trace).collect();
        waiting.sort_by_key(|hold| (hold.since, hold.trace));
        waiting.into_iter().map(|hold| hold.trace).collect()
    }

    /// Returns the breakpoint at a phase, if one stands there.
    pub fn breakpoint_at(&self, phase: phase::catalog::Phase) -> Option<&Listed> {
        self.breakpoints.iter().find(|listed| {
            listed.breakpoint.at.as_deref().is_some_and(|at| phase::catalog::Phase::find(at).contains(&phase))
        })
    }

    /// Says whether a time on the screen moves on: that of a held request, or of one that is under way.
    pub fn shows_time(&self) -> bool {
        self.holds.values().any(|hold| requests::is_request(hold.kind))
            || self.timeline.read_recursive().in_flight().len() > 0
    }

    /// Says whether anything on the screen changes though nobody does anything and nothing is recorded.
    pub fn moves(&self) -> bool {
        let counting = self.rate.per_second > 0 || self.rate.seen != self.timeline.read_recursive().seen();
        counting || self.shows_time() || self.asks()
    }

    /// Says whether the shown tab is asked for again and again.
    fn asks(&self) -> bool {
        self.live && matches!(self.inspect.tab, Tab::Store | Tab::Watch)
    }

    /// Adds a line to the log.
    pub fn log_line(&mut self, line: LogLine) {
        if self.logs.len() == LOG_LINES {
            self.logs.pop_front();
        }
        self.logs.push_back(line);
    }
}

/// Returns how a trace is called in a list or a title: "start-up", "#42".
pub fn trace_name(model: &Model, log: &TraceLog) -> String {
    match log.kind() {
        TraceKind::Startup => model.word(Word::StartUp).to_owned(),
        TraceKind::Shutdown => "shutdown".to_owned(),
        TraceKind::Request | TraceKind::System => format!("#{}", log.id().0),
    }
}
