//! The real bytes, through a terminal that only a test sees: however it ends, the terminal is given back.
//!
//! Each test starts this very program again inside a pseudo-terminal, as the child that its name says.

#[path = "world/mod.rs"]
mod world;

use std::{
    io::Read,
    num::NonZero,
    sync::{Arc, mpsc},
    time::Duration,
};

use control::controller::{Controller, Pump, Start};
use parking_lot::Mutex;
use phase::{clock::SystemClock, trace::Tracer};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};

/// Says which child this program is.
const CHILD: &str = "KUBESTEP_TEST_CHILD";

struct Terminal {
    parser: Arc<Mutex<vt100::Parser>>,
    changed: mpsc::Receiver<()>,
    writer: Box<dyn std::io::Write + Send>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
}

impl Terminal {
    fn start(child: &str) -> Self {
        let pty = native_pty_system().openpty(PtySize { rows: 40, cols: 120, ..PtySize::default() }).expect("a pty");
        let mut command = CommandBuilder::new(std::env::current_exe().expect("a path"));
        command.args(["--exact", child, "--ignored", "--nocapture", "--test-threads=1"]);
        command.env(CHILD, "1");
        command.env("TERM", "xterm-256color");
        let child = pty.slave.spawn_command(command).expect("started");
        drop(pty.slave);
        let side = |cells| NonZero::new(cells).expect("not zero");
        let parser = Arc::new(Mutex::new(vt100::Parser::new(side(40), side(120), 0)));
        let mut reader = pty.master.try_clone_reader().expect("readable");
        let (tell, changed) = mpsc::channel();
        let into = parser.clone();
        let writer = pty.master.take_writer().expect("writable");
        std::thread::spawn(move || {
            // Kept until everything is read: closing the master hangs up.
            let _master = pty.master;
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                into.lock().process(&bytes[..count]);
                if tell.send(()).is_err() {
                    return;
                }
            }
        });
        Self { parser, changed, writer, child }
    }

    /// Waits until the screen is as it should be.
    fn wait(&self, what: &str, is: impl Fn(&vt100::Screen) -> bool) {
        loop {
            if is(self.parser.lock().screen()) {
                return;
            }
            if self.changed.recv_timeout(Duration::from_secs(20)).is_err() {
                assert!(is(self.parser.lock().screen()), "{what}:\n{}", self.parser.lock().screen().contents());
                return;
            }
        }
    }

    fn press(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).expect("written");
        self.writer.flush().expect("written");
    }

    fn is_given_back(&mut self) {
        self.child.wait().expect("ended");
        self.wait("given back", |screen| !screen.alternate_screen() && !screen.hide_cursor());
        let screen = self.parser.lock();
        assert_eq!(screen.screen().mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        assert!(!screen.screen().bracketed_paste());
    }
}

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// The interface on the small world, its start-up held.
fn interface() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let clock = SystemClock::shared();
    let controller = Controller::new(clock.clone(), Start::Held, Pump::Thread);
    controller.start().expect("a thread");
    let tracer = Tracer::new(clock);
    tracer.listen(Some(controller.clone()));
    let handle = controller.attach();
    let pace: Arc<dyn world::Pace> = Arc::new(Arc::new(world::Moving::default()));
    runtime.spawn(world::startup::start(&tracer, &pace));
    let leaving = tui::options::Leaving::Detaches;
    tui::run(handle, tui::Options { leaving, ..tui::Options::default() }).expect("no error");
}

#[test]
#[ignore = "a child of the tests below"]
fn child_shows_the_interface() {
    if is_child() {
        interface();
    }
}

#[test]
#[ignore = "a child of the tests below"]
fn child_panics() {
    if is_child() {
        let mut screen = tui::terminal::Screen::open().expect("a terminal");
        screen.draw(|frame| frame.render_widget("drawn", frame.area())).expect("drawn");
        panic!("on purpose");
    }
}

#[test]
fn a_start_is_walked_and_left() {
    let mut terminal = Terminal::start("child_shows_the_interface");
    terminal.wait("held", |screen| screen.contents().contains("Start-up is held before startup"));
    assert!(terminal.parser.lock().screen().alternate_screen());
    terminal.press("n");
    terminal.wait("stepped", |screen| screen.contents().contains("held before complete options"));
    terminal.press("T");
    terminal.wait("in Chinese", |screen| screen.contents().contains("已暂停"));
    terminal.press("q");
    terminal.is_given_back();
}

#[test]
fn after_a_panic_the_terminal_is_given_back_and_the_message_can_be_read() {
    let mut terminal = Terminal::start("child_panics");
    terminal.is_given_back();
    terminal.wait("the message", |screen| screen.contents().contains("on purpose"));
}

#[test]
fn a_signal_that_ends_it_gives_the_terminal_back() {
    let mut terminal = Terminal::start("child_shows_the_interface");
    terminal.wait("held", |screen| screen.contents().contains("Start-up is held"));
    let child = terminal.child.process_id().and_then(|id| rustix::process::Pid::from_raw(id as i32)).expect("an id");
    rustix::process::kill_process(child, rustix::process::Signal::TERM).expect("sent");
    terminal.is_given_back();
}
