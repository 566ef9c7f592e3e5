//! A model that looks at the small world.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use control::{
    holds::{Hold, Reason},
    ports::Launched,
    protocol::Event,
    timeline::Timeline,
};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use parking_lot::RwLock;
use phase::{record::SpanId, snapshot::Snapshot};
use serde_json::json;
use tui::{
    Options,
    message::{Command, Message},
    model::Model,
    update::update,
};

/// Returns a model of a terminal of a size.
pub fn model(timeline: Timeline, options: &Options, size: (u16, u16)) -> Model {
    let holds = holds(&timeline);
    let now = timeline.now() + 21_000_000_000;
    let mut model = Model::new(Arc::new(RwLock::new(timeline)), options, true);
    model.size = size;
    model.now = now;
    for hold in holds {
        tell(&mut model, Event::Held(Box::new(hold)));
    }
    model
}

/// The holds that a timeline shows.
pub fn holds(timeline: &Timeline) -> Vec<Hold> {
    let held = timeline.traces().filter_map(|log| Some((log, log.held_at()?)));
    held.map(|(log, at)| {
        let span = &log.spans()[at];
        let label = Some(timeline.name(span.label()).to_owned()).filter(|label| !label.is_empty());
        Hold {
            trace: log.id(),
            kind: log.kind(),
            span: SpanId(at as u32 + 1),
            phase: span.phase(),
            label: label.map(Into::into),
            reason: Reason::Stepped,
            since: span.held_since().unwrap_or_default(),
            subject: span.before().cloned().unwrap_or_else(|| Snapshot::value("nothing", json!(null))),
            edited: None,
        }
    })
    .collect()
}

/// Where the server of the small world listens.
pub fn launched() -> Launched {
    Launched {
        address: SocketAddr::from(([127, 0, 0, 1], 6443)),
        kubeconfig: PathBuf::from("/tmp/kubestep/admin.kubeconfig"),
        data_dir: None,
    }
}

/// Lets the controller tell something.
pub fn tell(model: &mut Model, event: Event) -> Option<Command> {
    update(model, Message::Event(Box::new(event)))
}

/// Presses keys: letters as they are, others by name.
pub fn press(model: &mut Model, keys: &str) -> Option<Command> {
    let mut last = None;
    for key in keys.split_whitespace() {
        let (code, modifiers) = match key {
            "Enter" => (KeyCode::Enter, KeyModifiers::NONE),
            "Esc" => (KeyCode::Esc, KeyModifiers::NONE),
            "Tab" => (KeyCode::Tab, KeyModifiers::NONE),
            "Up" => (KeyCode::Up, KeyModifiers::NONE),
            "Down" => (KeyCode::Down, KeyModifiers::NONE),
            "Left" => (KeyCode::Left, KeyModifiers::NONE),
            "Right" => (KeyCode::Right, KeyModifiers::NONE),
            "Ctrl-S" => (KeyCode::Char('s'), KeyModifiers::CONTROL),
            letter => (KeyCode::Char(letter.chars().next().expect("a letter")), KeyModifiers::NONE),
        };
        last = update(model, Message::Key(KeyEvent::new(code, modifiers)));
    }
    last
}
