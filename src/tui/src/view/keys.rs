//! The two lines at the bottom: what to do next, and the keys that make sense now.

use control::timeline::Timeline;
use ratatui::{buffer::Buffer, layout::Rect};

use super::paint::{self, put};
use crate::{
    keymap::{self, Action},
    model::{Model, Pane, hint},
    theme::Role,
    width,
    words::Word,
};

/// Draws what to do next, or what was just done.
pub fn hint(model: &Model, timeline: &Timeline, area: Rect, buffer: &mut Buffer) {
    let mut x = put(buffer, area.x, area.y, area.right(), " ", model.style(Role::Text));
    if let Some(said) = &model.said {
        x = put(buffer, x, area.y, area.right(), said, model.style(Role::Good));
        x = put(buffer, x, area.y, area.right(), "   ", model.style(Role::Text));
    }
    let text = hint::hint(model, timeline);
    // Where there is no room for the sentence, its keys are what one needs: the header says the rest.
    let room = usize::from(area.right().saturating_sub(x + 2));
    let fits = width::cells(&text) <= room || !text.contains('`');
    let text = if fits { text.as_str() } else { &text[text.find('`').unwrap_or(0)..] };
    let held = model.current_hold().is_some() && model.cursor.at == crate::model::cursor::At::Now;
    let role = if held { Role::Held } else { Role::Strong };
    let sign = model.look.signs.current;
    x = put(buffer, x, area.y, area.right(), &format!("{sign} "), model.style(role));
    paint::caps(model, buffer, (x, area.y), area.right(), text);
}

/// Keys worth knowing, as things stand.
fn worth_knowing(model: &Model, timeline: &Timeline) -> Vec<Action> {
    let log = model.log(timeline);
    let past = log.is_some_and(|log| model.cursor.is_past(log));
    let held = log.is_some_and(|log| model.holds.contains_key(&log.id()));
    let mut actions = if held || past {
        vec![Action::Over, Action::Into, Action::Out, Action::Back, Action::Continue]
    } else {
        vec![Action::Back]
    };
    if past {
        actions.push(Action::Now);
    } else if log.is_some_and(|log| log.finished().is_none()) && !held && model.serving.is_none() {
        actions.push(Action::Pause);
    }
    if !model.queue().is_empty() {
        actions.push(Action::NextHeld);
        actions.push(Action::ResumeAll);
    }
    match model.focus {
        Pane::Phases if held || past => actions.extend([Action::RunToHere, Action::Break]),
        Pane::Phases => actions.push(Action::Break),
        Pane::Inspect => actions.extend([Action::NextTab, Action::PreviousChange, Action::NextChange]),
        Pane::Requests => actions.extend([Action::Enter, Action::Filter, Action::Replay, Action::ShowSystem]),
        Pane::Chain | Pane::Explain | Pane::Timeline => {}
    }
    if held {
        actions.push(Action::Edit);
        let startup = log.is_some_and(|log| log.kind() == phase::record::TraceKind::Startup);
        actions.extend((!startup).then_some(Action::Predict));
    }
    if model.lesson.is_some() {
        actions.extend([Action::LessonNext, Action::Hint, Action::Verify]);
    }
    if model.serving.is_some() {
        actions.extend([Action::Intercept, Action::Traffic]);
    }
    actions.extend([Action::NextPane, Action::Zoom, Action::Language]);
    actions
}

/// Draws the keys; help and quit always have their place at the right.
pub fn draw(model: &Model, timeline: &Timeline, area: Rect, buffer: &mut Buffer) {
    let language = model.look.language;
    let item = |action: Action| {
        let short = match action {
            Action::Intercept if model.intercept.is_some() => model.word(Word::StopWalking),
            _ => keymap::binding(action).map_or("", |binding| binding.short(language)),
        };
        (keymap::key_of(action), short)
    };
    let always = [Action::Palette, Action::Help, Action::Quit].map(item);
    let cells = |(key, short): &(&str, &str)| width::cells(key) + width::cells(short) + 3;
    let right: usize = always.iter().map(cells).sum();
    let end = area.right().saturating_sub(right as u16);
    let mut x = area.x + 1;
    for action in worth_knowing(model, timeline) {
        let item = item(action);
        if x + cells(&item) as u16 > end {
            break;
        }
        x = draw_item(model, buffer, x, area, item);
    }
    let mut x = end;
    for item in always {
        x = draw_item(model, buffer, x, area, item);
    }
}

fn draw_item(model: &Model, buffer: &mut Buffer, x: u16, area: Rect, (key, short): (&str, &str)) -> u16 {
    let x = put(buffer, x, area.y, area.right(), key, model.style(Role::Key));
    put(buffer, x, area.y, area.right(), &format!(" {short}  "), model.style(Role::Quiet))
}
