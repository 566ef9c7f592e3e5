//! Keys while something lies over the panes.

use control::{condition, protocol, timeline::Marker};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui_textarea::TextArea;
use serde_json::Value;

use super::{palette, pointer, traffic, walk};
use crate::{
    message::Command,
    model::{
        Model,
        filter::Filter,
        input::{Input, Overlay, Prompt},
    },
    view,
    words::Word,
};

/// What a key did to a line that is being typed.
enum Typed {
    Changed,
    Up,
    Down,
    Done,
    Closed,
    Nothing,
}

/// Takes in a key.
pub fn key(model: &mut Model, key: &KeyEvent) -> Option<Command> {
    let overlay = model.overlay.take()?;
    match overlay {
        Overlay::Help { query, scroll } => help(model, key, query, scroll),
        Overlay::Palette { input, selected } => palette_key(model, key, input, selected),
        Overlay::Prompt { kind, input, error } => prompt_key(model, key, kind, input, error),
        Overlay::Editor { .. } => editor_key(model, key, overlay),
        Overlay::Mark => mark(model, key),
        Overlay::Jump(_) => {
            if let KeyCode::Char(c) = key.code {
                walk::jump(model, &c.to_string());
            }
            None
        }
        Overlay::Copy(lines) => {
            let KeyCode::Char(c) = key.code else { return None };
            let line = c.to_digit(10).and_then(|digit| lines.get((digit as usize).checked_sub(1)?))?.clone();
            model.say(Word::SaidCopied, &[&line]);
            Some(Command::Copy(line))
        }
        Overlay::Quit => {
            let sure = matches!(key.code, KeyCode::Char('q' | 'y') | KeyCode::Enter) || is_ctrl(key, 'c');
            sure.then_some(Command::Quit)
        }
    }
}

fn is_ctrl(key: &KeyEvent, c: char) -> bool {
    key.code == KeyCode::Char(c) && key.modifiers.contains(KeyModifiers::CONTROL)
}

/// Takes in pasted text.
pub fn paste(model: &mut Model, text: &str) -> Option<Command> {
    match model.overlay.as_mut()? {
        Overlay::Help { query: input, .. } | Overlay::Palette { input, .. } | Overlay::Prompt { input, .. } => {
            input.insert(text);
        }
        Overlay::Editor { area, .. } => {
            area.insert_str(text);
        }
        Overlay::Mark | Overlay::Jump(_) | Overlay::Copy(_) | Overlay::Quit => {}
    }
    None
}

fn typed(input: &mut Input, key: &KeyEvent) -> Typed {
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Esc => return Typed::Closed,
        KeyCode::Char('c' | 'g') if ctrl => return Typed::Closed,
        KeyCode::Enter => return Typed::Done,
        KeyCode::Up => return Typed::Up,
        KeyCode::Down | KeyCode::Tab => return Typed::Down,
        KeyCode::Char('u') if ctrl => input.clear(),
        KeyCode::Char('w') if ctrl => input.delete_word(),
        KeyCode::Char('a') if ctrl => input.home(),
        KeyCode::Char('e') if ctrl => input.end(),
        KeyCode::Char(_) if ctrl => return Typed::Nothing,
        KeyCode::Char(c) => input.insert(c.encode_utf8(&mut [0; 4])),
        KeyCode::Backspace => input.backspace(),
        KeyCode::Delete => input.delete(),
        KeyCode::Left => input.left(),
        KeyCode::Right => input.right(),
        KeyCode::Home => input.home(),
        KeyCode::End => input.end(),
        _ => return Typed::Nothing,
    }
    Typed::Changed
}

fn help(model: &mut Model, key: &KeyEvent, mut query: Input, scroll: usize) -> Option<Command> {
    // A second `?` closes, as long as nothing was typed.
    if query.text().is_empty() && matches!(key.code, KeyCode::Char('?') | KeyCode::F(1)) {
        return None;
    }
    let scroll = match (typed(&mut query, key), key.code) {
        (Typed::Closed | Typed::Done, _) => return None,
        (Typed::Up, _) => scroll.saturating_sub(1),
        (Typed::Down, _) => scroll + 1,
        (_, KeyCode::PageUp) => scroll.saturating_sub(10),
        (_, KeyCode::PageDown) => scroll + 10,
        (Typed::Changed, _) => 0,
        (Typed::Nothing, _) => scroll,
    };
    let scroll = scroll.min(view::overlay::help_beyond(model, query.text()));
    model.overlay = Some(Overlay::Help { query, scroll });
    None
}

fn palette_key(model: &mut Model, key: &KeyEvent, mut input: Input, selected: usize) -> Option<Command> {
    let selected = match typed(&mut input, key) {
        Typed::Closed => return None,
        Typed::Done => {
            let entries = palette::entries(model, input.text());
            return entries.into_iter().nth(selected).and_then(|entry| palette::run(model, entry.run));
        }
        Typed::Up => selected.saturating_sub(1),
        Typed::Down => (selected + 1).min(palette::entries(model, input.text()).len().saturating_sub(1)),
        Typed::Changed => 0,
        Typed::Nothing => selected,
    };
    model.overlay = Some(Overlay::Palette { input, selected });
    None
}

fn prompt_key(
    model: &mut Model,
    key: &KeyEvent,
    kind: Prompt,
    mut input: Input,
    error: Option<String>,
) -> Option<Command> {
    let error = match typed(&mut input, key) {
        Typed::Closed => return None,
        Typed::Done => match finish(model, &kind, input.text().trim()) {
            Ok(command) => return command,
            Err(error) => Some(error),
        },
        Typed::Changed => None,
        Typed::Up | Typed::Down | Typed::Nothing => error,
    };
    model.overlay = Some(Overlay::Prompt { kind, input, error });
    None
}

/// Does what a line was typed for, or says what is wrong with it.
fn finish(model: &mut Model, kind: &Prompt, text: &str) -> Result<Option<Command>, String> {
    let condition = |text: &str| condition::parse(text).map_err(|error| error.to_string());
    let given = (!text.is_empty()).then(|| text.to_owned());
    match kind {
        Prompt::Intercept => {
            given.as_deref().map(condition).transpose()?;
            Ok(Command::one(protocol::Command::Intercept(given)))
        }
        Prompt::Filter => {
            model.requests.filter = match given {
                Some(text) => {
                    let filter = Filter::new(&text, &model.timeline.read_recursive());
                    Some(filter.map_err(|error| error.to_string())?)
                }
                None => None,
            };
            model.requests.scroll = 0;
            Ok(None)
        }
        Prompt::Break(phase) => {
            given.as_deref().map(condition).transpose()?;
            Ok(traffic::set_breakpoint(model, *phase, given))
        }
        Prompt::Watch => {
            cel::Program::compile(text).map_err(|error| error.message)?;
            if model.watches.iter().any(|known| known == text) {
                model.watches.retain(|known| known != text);
            } else {
                model.watches.push(text.to_owned());
            }
            Ok(None)
        }
        Prompt::Search => {
            text.clone_into(&mut model.search);
            if pointer::search(model, text) {
                // Stays open: Enter goes to the next place.
                model.overlay = Some(Overlay::Prompt { kind: Prompt::Search, input: Input::new(text), error: None });
                return Ok(None);
            }
            Err(model.sentence(Word::SaidNotFound, &[text]))
        }
    }
}

fn mark(model: &mut Model, key: &KeyEvent) -> Option<Command> {
    let KeyCode::Char(c) = key.code else { return None };
    let timeline = model.timeline.clone();
    let timeline = timeline.read_recursive();
    let log = model.log(&timeline)?;
    let step = model.cursor.step(log);
    let note = log.span(step).map_or("end", |span| span.phase().name()).to_owned();
    Command::one(protocol::Command::Mark(Marker { name: c.to_string(), trace: log.id(), step, note }))
}

/// Opens the state that the held phase is about to work on.
pub fn open_editor(model: &mut Model) -> Option<Command> {
    let Some(hold) = model.current_hold() else {
        model.say(Word::SaidNotHeld, &[]);
        return None;
    };
    let value = hold.edited.clone().unwrap_or_else(|| hold.subject.to_value());
    let text = serde_json::to_string_pretty(&value).unwrap_or_default();
    let (trace, phase) = (hold.trace, hold.phase);
    let area = Box::new(TextArea::new(text.lines().map(str::to_owned).collect()));
    model.overlay = Some(Overlay::Editor { trace, phase, area, error: None });
    None
}

fn editor_key(model: &mut Model, key: &KeyEvent, overlay: Overlay) -> Option<Command> {
    let Overlay::Editor { trace, phase, mut area, .. } = overlay else { return None };
    if key.code == KeyCode::Esc {
        return None;
    }
    let text = area.lines().join("\n");
    if is_ctrl(key, 's') {
        return match serde_json::from_str::<Value>(&text) {
            Ok(value) => {
                model.say(Word::SaidEdited, &[]);
                Command::one(protocol::Command::Edit { trace, value: Some(value) })
            }
            Err(error) => {
                let error = Some(model.sentence(Word::SaidBadEdit, &[&error.to_string()]));
                model.overlay = Some(Overlay::Editor { trace, phase, area, error });
                None
            }
        };
    }
    let elsewhere = is_ctrl(key, 'e');
    if !elsewhere {
        area.input(*key);
    }
    model.overlay = Some(Overlay::Editor { trace, phase, area, error: None });
    elsewhere.then_some(Command::Editor(text))
}

/// A person came back from `$EDITOR`.
pub fn edited(model: &mut Model, text: Option<String>) -> Option<Command> {
    if let (Some(Overlay::Editor { area, .. }), Some(text)) = (model.overlay.as_mut(), text) {
        **area = TextArea::new(text.lines().map(str::to_owned).collect());
    }
    None
}
