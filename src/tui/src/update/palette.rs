//! The palette: every command by name, phases to run to, steps and times to go to.

use phase::catalog::{CATALOG, Phase};

use super::walk;
use crate::{
    fuzzy,
    keymap::{self, Action, KEYMAP},
    message::Command,
    model::{
        Model, Tab,
        input::{Input, Overlay, Prompt},
    },
    options::Layout,
    theme::Theme,
    words::{Language, Word},
};

/// A line of the palette.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it says.
    pub text: String,
    /// Its key, if it has one.
    pub key: String,
    /// What it does.
    pub run: Run,
}

/// What a line does.
#[derive(Clone, Debug, PartialEq)]
pub enum Run {
    /// What a key does.
    Action(Action),
    /// Goes to a step.
    Step(usize),
    /// Goes to a time, in nanoseconds since the trace began.
    Time(u64),
    /// Runs to a phase.
    RunTo(Phase),
    /// Asks when to break at a phase.
    BreakWhen(Phase),
    /// Shows a tab.
    Tab(Tab),
    /// Looks different.
    Theme(Theme),
    /// Arranges the panes.
    Layout(Layout),
    /// Saves the session.
    Save(String),
    /// Looks below a prefix of the store.
    Prefix(String),
}

/// Returns the lines that fit what was typed, best first.
pub fn entries(model: &Model, typed: &str) -> Vec<Entry> {
    let typed = typed.trim();
    if let Some(entry) = direct(model, typed) {
        return vec![entry];
    }
    let all = all(model);
    let order = fuzzy::rank(typed, all.iter().map(|entry| entry.text.as_str()));
    order.into_iter().map(|index| all[index].clone()).collect()
}

/// What is not searched for but said: a number, a time, a path.
fn direct(model: &Model, typed: &str) -> Option<Entry> {
    let zh = model.look.language == Language::Zh;
    let entry = |text: String, run| Some(Entry { text, key: String::new(), run });
    if let Ok(step) = typed.parse::<usize>() {
        let text = if zh { format!("转到第 {step} 步") } else { format!("go to step {step}") };
        return entry(text, Run::Step(step));
    }
    if let Some(time) = typed.strip_prefix('@').and_then(parse_time) {
        let text = if zh { format!("转到 {typed}") } else { format!("go to {typed} after the beginning") };
        return entry(text, Run::Time(time));
    }
    if let Some(path) = typed.strip_prefix("save ").map(str::trim).filter(|path| !path.is_empty()) {
        let text = if zh { format!("保存录像到 {path}") } else { format!("save the recording to {path}") };
        return entry(text, Run::Save(path.to_owned()));
    }
    if typed.starts_with("/registry") {
        let text = if zh { format!("查看存储 {typed}") } else { format!("look into the store below {typed}") };
        return entry(text, Run::Prefix(typed.to_owned()));
    }
    None
}

fn parse_time(text: &str) -> Option<u64> {
    let units = [("ms", 1e6), ("us", 1e3), ("s", 1e9)];
    let (number, unit) = units.iter().find_map(|(unit, nanos)| Some((text.strip_suffix(unit)?, nanos)))?;
    number.trim().parse::<f64>().ok().filter(|number| *number >= 0.0).map(|number| (number * unit) as u64)
}

fn all(model: &Model) -> Vec<Entry> {
    let language = model.look.language;
    let zh = language == Language::Zh;
    let plain = |en: &str, cn: &str, run| Entry {
        text: if zh { cn.to_owned() } else { en.to_owned() },
        key: String::new(),
        run,
    };
    let movement = |action: Action| {
        matches!(action, Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::Home | Action::End)
    };
    let mut entries: Vec<Entry> = KEYMAP
        .iter()
        .filter(|binding| !movement(binding.action) && binding.action != Action::Palette)
        .map(|binding| Entry {
            text: format!("{}: {}", binding.short(language), binding.long(language)),
            key: keymap::key_of(binding.action).to_owned(),
            run: Run::Action(binding.action),
        })
        .collect();
    for tab in Tab::ALL {
        let name = model.word(tab.title());
        entries.push(plain(&format!("show tab {name}"), &format!("显示{name}页"), Run::Tab(tab)));
    }
    for theme in Theme::ALL {
        let name = theme.name();
        entries.push(plain(&format!("theme {name}"), &format!("主题 {name}"), Run::Theme(theme)));
    }
    entries.push(plain("layout debugger", "布局：调试", Run::Layout(Layout::Debugger)));
    entries.push(plain("layout presentation", "布局：演示", Run::Layout(Layout::Present)));
    entries.push(plain("layout lesson", "布局：课程", Run::Layout(Layout::Lab)));
    for info in CATALOG {
        let name = info.name;
        let run_to = plain(&format!("run to {name}"), &format!("运行到 {name}"), Run::RunTo(info.phase));
        let when =
            plain(&format!("break at {name} when.."), &format!("在 {name} 设条件断点"), Run::BreakWhen(info.phase));
        entries.extend([run_to, when]);
    }
    entries
}

/// Does what a line says.
pub fn run(model: &mut Model, run: Run) -> Option<Command> {
    match run {
        Run::Action(action) => return super::act(model, action),
        Run::Step(step) => walk::go_to_step(model, step),
        Run::Time(time) => walk::go_to_time(model, time),
        Run::RunTo(phase) => return walk::run_to(model, phase),
        Run::BreakWhen(phase) => {
            let kind = Prompt::Break(phase);
            model.overlay = Some(Overlay::Prompt { kind, input: Input::default(), error: None });
        }
        Run::Tab(tab) => return super::tab(model, tab),
        Run::Theme(theme) => model.look.theme = theme,
        Run::Layout(layout) => {
            model.layout = layout;
            super::panes::keep_focus_visible(model);
        }
        Run::Save(path) => return Some(Command::Save(path)),
        Run::Prefix(prefix) => {
            model.inspect.store.prefix = prefix;
            (model.inspect.store.keys, model.inspect.store.value) = (None, None);
            return super::tab(model, Tab::Store);
        }
    }
    None
}

/// Returns the title of what is typed for.
pub fn prompt_title(model: &Model, kind: &Prompt) -> (String, &'static str) {
    let (title, help) = match kind {
        Prompt::Intercept => (Word::InterceptTitle, Word::InterceptHelp),
        Prompt::Filter => (Word::FilterTitle, Word::FilterHelp),
        Prompt::Search => (Word::SearchTitle, Word::SearchHelp),
        Prompt::Watch => (Word::WatchTitle, Word::WatchHelp),
        Prompt::Break(phase) => {
            return (model.sentence(Word::BreakTitle, &[phase.name()]), model.word(Word::BreakHelp));
        }
    };
    (model.word(title).to_owned(), model.word(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(parse_time("1.2s"), Some(1_200_000_000));
        assert_eq!(parse_time("40ms"), Some(40_000_000));
        assert_eq!(parse_time("7us"), Some(7_000));
        assert_eq!(parse_time("soon"), None);
    }
}
