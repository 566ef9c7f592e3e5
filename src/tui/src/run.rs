//! The loop: wait, take in everything that waits, draw once.
//!
//! It runs on a thread and a small runtime of its own, so that a busy server cannot delay a key, and
//! draws only when something changed: at most every 10 ms, and while nothing but records comes in at most
//! every 33 ms. Held and idle, it sleeps.

use std::{
    fs,
    io::{self, Write},
    process::Command as Process,
    time::Duration,
};

use control::{handle::Handle, protocol, recording};
use crossterm::event::{Event as Input, EventStream, KeyEventKind};
use futures_util::StreamExt;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep_until},
};

use crate::{
    message::{Command, Message},
    model::Model,
    options::Options,
    terminal::{self, Screen},
    update::update,
    view,
    words::Word,
};

/// The shortest time between two frames.
const FRAME: Duration = Duration::from_millis(10);

/// The same while nobody does anything and records come in.
const BUSY_FRAME: Duration = Duration::from_millis(33);

/// How often times on the screen move on while something is held.
const TICK: Duration = Duration::from_secs(1);

/// Shows the interface until the person leaves. Blocks the calling thread, which must not belong to a runtime.
pub fn run(control: Handle, options: Options) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut screen = Screen::open()?;
    let done = runtime.block_on(Loop::new(control, options)?.run(&mut screen));
    drop(screen);
    done
}

/// Why a frame is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// It is not.
    No,
    /// Records came in.
    Records,
    /// A person did something, or something waits for one.
    Now,
}

struct Loop {
    control: Handle,
    /// Keys and the mouse. Its thread reads what is typed as long as this lives and is waited for.
    input: EventStream,
    model: Model,
    editor: String,
    due: Due,
    /// When the last frame was drawn.
    drawn: Instant,
}

impl Loop {
    fn new(control: Handle, options: Options) -> io::Result<Self> {
        let mut model = Model::new(control.timeline().clone(), &options, control.is_live());
        model.size = crossterm::terminal::size()?;
        let drawn = Instant::now().checked_sub(BUSY_FRAME).unwrap_or_else(Instant::now);
        Ok(Self { control, input: EventStream::new(), model, editor: options.editor, due: Due::Now, drawn })
    }

    async fn run(mut self, screen: &mut Screen) -> io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let mut stop = signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?;
        let mut woken = signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?;
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let pause = if self.due == Due::Records { BUSY_FRAME } else { FRAME };
            let command = tokio::select! {
                biased;
                _ = terminate.recv() => return Ok(()),
                _ = hang_up.recv() => return Ok(()),
                _ = stop.recv() => Some(Command::Suspend),
                _ = woken.recv() => {
                    screen.retake()?;
                    self.due = Due::Now;
                    None
                }
                event = self.input.next() => match event {
                    Some(event) => self.input(event?),
                    // The terminal is gone.
                    None => return Ok(()),
                },
                event = self.control.next() => match event {
                    Some(event) => self.event(event),
                    None => return Ok(()),
                },
                _ = ticks.tick(), if self.model.moves() => self.tick(),
                () = sleep_until(self.drawn + pause), if self.due != Due::No => {
                    self.draw(screen)?;
                    None
                }
            };
            if let Some(command) = command
                && self.carry_out(command, screen)?
            {
                return Ok(());
            }
        }
    }

    /// Time passed: what shows it is drawn again, and nothing else.
    fn tick(&mut self) -> Option<Command> {
        let rate = self.model.rate.per_second;
        let command = update(&mut self.model, Message::Tick(self.control.now()));
        if self.model.shows_time() || self.model.rate.per_second != rate {
            self.due = self.due.max(Due::Records);
        }
        command
    }

    fn input(&mut self, event: Input) -> Option<Command> {
        self.due = Due::Now;
        let message = match event {
            Input::Key(key) if key.kind != KeyEventKind::Release => Message::Key(key),
            Input::Mouse(mouse) => Message::Mouse(mouse),
            Input::Resize(columns, rows) => Message::Resize(columns, rows),
            Input::Paste(text) => Message::Paste(text),
            Input::Key(_) | Input::FocusGained | Input::FocusLost => return None,
        };
        update(&mut self.model, message)
    }

    /// Takes in an event and whatever else waits.
    fn event(&mut self, first: protocol::Event) -> Option<Command> {
        let mut next = Some(first);
        while let Some(event) = next {
            let due = if matches!(event, protocol::Event::Records(_)) { Due::Records } else { Due::Now };
            let (answer, told) = (matches!(event, protocol::Event::Reply { .. }), self.model.inspect.told);
            let command = update(&mut self.model, Message::Event(Box::new(event)));
            // The tabs that show a running server ask again and again, and mostly hear the same.
            if !answer || self.model.inspect.told != told {
                self.due = self.due.max(due);
            }
            if command.is_some() {
                return command;
            }
            next = self.control.try_next();
        }
        None
    }

    fn draw(&mut self, screen: &mut Screen) -> io::Result<()> {
        self.model.now = self.control.now();
        self.due = Due::No;
        self.drawn = Instant::now();
        screen.draw(|frame| {
            self.model.size = (frame.area().width, frame.area().height);
            view::view(&self.model, frame);
        })
    }

    /// Lets somebody else have the terminal for a while.
    fn aside<T>(&mut self, screen: &mut Screen, work: impl FnOnce() -> T) -> io::Result<T> {
        // The old stream's thread ends: it would take keys that are meant for others. The new one's reads when it is asked.
        self.input = EventStream::new();
        self.due = Due::Now;
        screen.aside(work)
    }

    /// Does what has to be done outside. Says whether to leave.
    fn carry_out(&mut self, command: Command, screen: &mut Screen) -> io::Result<bool> {
        match command {
            Command::Control(commands) => {
                for command in commands {
                    if let Err(error) = self.control.send(command) {
                        self.model.said = Some(error.to_string());
                    }
                }
            }
            Command::Copy(text) => screen.copy(&text)?,
            Command::Editor(text) => {
                let editor = self.editor.clone();
                let edited = self.aside(screen, || edit(&editor, &text))?;
                let message = match edited {
                    Ok(text) => Message::EditorClosed(Some(text)),
                    Err(error) => {
                        self.model.said = Some(error.to_string());
                        Message::EditorClosed(None)
                    }
                };
                update(&mut self.model, message);
                self.due = Due::Now;
            }
            Command::Suspend if terminal::can_suspend() => self.aside(screen, terminal::suspend)?,
            Command::Suspend => {
                self.model.say(Word::SaidNoShell, &[]);
                self.due = Due::Now;
            }
            Command::Redraw => {
                screen.clear()?;
                self.due = Due::Now;
            }
            Command::Save(path) => {
                let saved = fs::File::create(&path).and_then(|file| {
                    recording::write(&self.control.timeline().read_recursive(), io::BufWriter::new(file))
                });
                self.model.said = Some(match saved {
                    Ok(()) => path,
                    Err(error) => format!("{path}: {error}"),
                });
                self.due = Due::Now;
            }
            Command::Quit => return Ok(true),
        }
        Ok(false)
    }
}

/// Lets a person edit a text in their editor.
fn edit(editor: &str, text: &str) -> io::Result<String> {
    let mut words = editor.split_whitespace();
    let Some(program) = words.next() else {
        return Err(io::Error::new(io::ErrorKind::NotFound, "no editor: set EDITOR"));
    };
    let path = std::env::temp_dir().join(format!("kubestep-{}.json", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&path)?;
    file.write_all(text.as_bytes())?;
    drop(file);
    let status = Process::new(program).args(words).arg(&path).status();
    let edited = fs::read_to_string(&path);
    fs::remove_file(&path)?;
    if status?.success() { edited } else { Err(io::Error::other("the editor was left with an error")) }
}
