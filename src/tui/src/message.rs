//! What comes in and what goes out.

use control::protocol;
use crossterm::event::{KeyEvent, MouseEvent};
use phase::clock::Nanos;

/// Something happened that the model may have to know.
#[derive(Clone, Debug)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// The terminal has a new size: columns, rows.
    Resize(u16, u16),
    /// The controller tells something.
    Event(Box<protocol::Event>),
    /// Time passed: the reading of the records' clock.
    Tick(Nanos),
    /// A person came back from an editor with this text; `None`: it could not be run.
    EditorClosed(Option<String>),
    /// The server is gone.
    Disconnected,
}

/// What the surroundings have to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Give these commands to the controller.
    Control(Vec<protocol::Command>),
    /// Put this text into the clipboard.
    Copy(String),
    /// Let the person edit this text in `$EDITOR`.
    Editor(String),
    /// Go to sleep, as after Ctrl-Z.
    Suspend,
    /// Draw everything afresh.
    Redraw,
    /// Save the session to a file.
    Save(String),
    /// Leave.
    Quit,
}

impl Command {
    /// Returns the command that gives one command to the controller.
    pub fn one(command: protocol::Command) -> Option<Self> {
        Some(Self::Control(vec![command]))
    }
}
