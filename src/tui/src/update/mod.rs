//! How messages change the model: the only place that does.
//!
//! A key goes to what lies over the panes, or else means an [`Action`]. What has to be done outside comes
//! back as a [`Command`]; nothing here waits, draws or asks a clock.

pub mod events;
pub mod overlay;
pub mod palette;
pub mod panes;
pub mod pointer;
pub mod traffic;
pub mod walk;

use control::{
    detail::{Detail, Minor},
    protocol::{self, Question},
    stepper::Step,
};
use phase::catalog::Level;

use crate::{
    keymap::{self, Action},
    message::{Command, Message},
    model::{
        Model, Pane, Purpose, Tab,
        filter::Filter,
        input::{Input, Overlay, Prompt},
    },
    options::Leaving,
    words::Word,
};

/// Takes in a message and returns what has to be done outside, if anything.
pub fn update(model: &mut Model, message: Message) -> Option<Command> {
    match message {
        Message::Key(key) => {
            if model.overlay.is_some() {
                return overlay::key(model, &key);
            }
            let action = keymap::action(&key)?;
            model.said = None;
            act(model, action)
        }
        Message::Paste(text) => overlay::paste(model, &text),
        Message::Mouse(mouse) => pointer::mouse(model, mouse),
        Message::Resize(columns, rows) => {
            model.size = (columns, rows);
            None
        }
        Message::Event(event) => events::event(model, *event),
        Message::Tick(now) => tick(model, now),
        Message::EditorClosed(text) => overlay::edited(model, text),
        Message::Disconnected => Some(Command::Quit),
    }
}

/// Does what a key or a line of the palette means.
pub fn act(model: &mut Model, action: Action) -> Option<Command> {
    match action {
        Action::Over => walk::forward(model, Step::Over),
        Action::Into => walk::forward(model, Step::Into),
        Action::Out => walk::forward(model, Step::Out),
        Action::Back => walk::back(model),
        Action::Continue => walk::go_on(model),
        Action::ReverseContinue => walk::to_last_mark(model),
        Action::RunToHere => walk::run_to_selected(model),
        Action::Pause => walk::pause(model),
        Action::Now => walk::to_now(model),
        Action::NextHeld => walk::to_next_held(model),
        Action::ResumeAll => walk::resume_all(model),
        Action::Break => traffic::toggle_breakpoint(model),
        Action::Intercept => traffic::ask_intercept(model),
        Action::Traffic => traffic::toggle_traffic(model),
        Action::Filter => prompt(model, Prompt::Filter),
        Action::ShowSystem => traffic::toggle_system(model),
        Action::Replay => traffic::replay(model),
        Action::Kill => traffic::kill(model),
        Action::Fault => traffic::fault(model),
        Action::Edit => overlay::open_editor(model),
        Action::Revert => traffic::revert(model),
        Action::WatchExpression => prompt(model, Prompt::Watch),
        Action::Search => prompt(model, Prompt::Search),
        Action::Mark => open(model, Overlay::Mark),
        Action::Jump => walk::ask_jump(model),
        Action::Copy => traffic::copy(model),
        Action::Predict => traffic::predict(model),
        Action::LessonNext if model.lesson.is_none() => walk::forward(model, Step::Over),
        Action::LessonNext | Action::Hint | Action::Verify | Action::Solve => traffic::lesson(model, action),
        Action::Palette => open(model, Overlay::Palette { input: Input::default(), selected: 0 }),
        Action::Help => open(model, Overlay::Help { query: Input::default(), scroll: 0 }),
        Action::Language => look(model, |look| look.language = look.language.other()),
        Action::Theme => look(model, |look| look.theme = look.theme.next()),
        Action::Layout => {
            model.layout = model.layout.next();
            model.zoomed = false;
            panes::keep_focus_visible(model);
            None
        }
        Action::Zoom => {
            model.zoomed = !model.zoomed;
            None
        }
        Action::Detail => next_detail(model),
        Action::Source => tab(model, Tab::Source),
        Action::Quit => quit(model),
        Action::Suspend => Some(Command::Suspend),
        Action::Redraw => Some(Command::Redraw),
        Action::PreviousChange
        | Action::NextChange
        | Action::NextTab
        | Action::PreviousTab
        | Action::NextPane
        | Action::PreviousPane
        | Action::Pane(_)
        | Action::Up
        | Action::Down
        | Action::PageUp
        | Action::PageDown
        | Action::Home
        | Action::End
        | Action::Left
        | Action::Right
        | Action::Enter
        | Action::WaterfallIn
        | Action::WaterfallOut => panes::act(model, action),
    }
}

fn open(model: &mut Model, overlay: Overlay) -> Option<Command> {
    model.overlay = Some(overlay);
    None
}

fn prompt(model: &mut Model, kind: Prompt) -> Option<Command> {
    let text = match kind {
        Prompt::Filter => model.requests.filter.as_ref().map_or("", Filter::text),
        Prompt::Search => model.search.as_str(),
        // What one mostly wants: the next change somebody makes, not the discovery calls before it.
        Prompt::Intercept => "verb in ['create', 'update', 'patch', 'delete']",
        Prompt::Break(_) | Prompt::Watch => "",
    };
    let input = Input::proposed(text);
    open(model, Overlay::Prompt { kind, input, error: None })
}

fn look(model: &mut Model, change: impl FnOnce(&mut crate::model::Look)) -> Option<Command> {
    change(&mut model.look);
    None
}

fn next_detail(model: &mut Model) -> Option<Command> {
    // Lesson, filters, filters unfolded, every call.
    model.detail = match (model.detail.level, model.detail.minor) {
        (Level::Teaching, _) => Detail { level: Level::Filter, minor: Minor::Folded },
        (Level::Filter, Minor::Folded) => Detail { level: Level::Call, minor: Minor::Folded },
        (Level::Call, Minor::Folded) => Detail::FULL,
        (Level::Filter | Level::Call, Minor::Unfolded) => Detail { level: Level::Teaching, minor: Minor::Folded },
    };
    let name = match (model.detail.level, model.detail.minor) {
        (Level::Teaching, _) => "1/4 lesson",
        (Level::Filter, _) => "2/4 filters",
        (Level::Call, Minor::Folded) => "3/4 calls",
        (Level::Call, Minor::Unfolded) => "4/4 everything",
    };
    model.say(Word::SaidDetail, &[name]);
    None
}

/// Shows a tab of the inspector, and asks for what it needs.
pub fn tab(model: &mut Model, tab: Tab) -> Option<Command> {
    model.inspect.tab = tab;
    model.focus = Pane::Inspect;
    ask_for_tab(model)
}

/// Asks what the shown tab needs, unless that is already being asked.
pub fn ask_for_tab(model: &mut Model) -> Option<Command> {
    match model.inspect.tab {
        Tab::Store => {
            let prefix = model.inspect.store.prefix.clone();
            ask(model, Purpose::Keys, Question::Keys { prefix, revision: None, limit: 500 })
        }
        Tab::Watch => {
            let questions = [(Purpose::Watchers, Question::Watchers), (Purpose::Levels, Question::Levels)];
            let asked = questions.into_iter().filter_map(|(purpose, question)| asked(model, purpose, question));
            let commands: Vec<protocol::Command> = asked.collect();
            (!commands.is_empty()).then_some(Command::Control(commands))
        }
        Tab::Diff | Tab::State | Tab::Config | Tab::Request | Tab::Response | Tab::Source | Tab::Logs => None,
    }
}

/// Asks a port, unless the same is already being asked.
pub fn ask(model: &mut Model, purpose: Purpose, question: Question) -> Option<Command> {
    asked(model, purpose, question).and_then(Command::one)
}

fn asked(model: &mut Model, purpose: Purpose, question: Question) -> Option<protocol::Command> {
    let busy = matches!(purpose, Purpose::Keys | Purpose::Watchers | Purpose::Levels)
        && model.questions.open.values().any(|open| *open == purpose);
    if busy || !model.live {
        return None;
    }
    model.questions.last += 1;
    let id = model.questions.last;
    model.questions.open.insert(id, purpose);
    Some(protocol::Command::Ask { id, question })
}

fn quit(model: &mut Model) -> Option<Command> {
    if model.zoomed {
        model.zoomed = false;
        return None;
    }
    if model.leaving == Leaving::Detaches || !model.live {
        return Some(Command::Quit);
    }
    open(model, Overlay::Quit)
}

/// Time passed. What is shown of a running server is asked for again.
fn tick(model: &mut Model, now: phase::clock::Nanos) -> Option<Command> {
    const SECOND: u64 = 1_000_000_000;
    model.now = model.now.max(now);
    let passed = now.saturating_sub(model.rate.since);
    if passed < SECOND / 2 {
        return None;
    }
    let seen = model.timeline.read_recursive().seen();
    let counted = (seen - model.rate.seen) * SECOND / passed;
    // While nothing came, nobody looked at the clock: what was counted since says nothing about a second.
    model.rate.per_second = if passed < 2 * SECOND { counted } else { 0 };
    (model.rate.since, model.rate.seen) = (now, seen);
    ask_for_tab(model)
}
