//! The mode without a screen: lines in, lines out.

#[path = "world/mod.rs"]
mod world;

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use control::controller::{Controller, Pump, Start};
use parking_lot::Mutex;
use phase::{clock::SystemClock, trace::Tracer};
use tokio::sync::mpsc;

/// What was written, for whoever waits for it.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<String>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Page {
    async fn wait_for(&self, text: &str) {
        let found = async {
            while !self.0.lock().contains(text) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(10), found).await.is_ok(), "{text}:\n{}", self.0.lock());
    }
}

#[tokio::test]
async fn a_start_is_walked_line_by_line() {
    let clock = SystemClock::shared();
    let controller = Controller::new(clock.clone(), Start::Held, Pump::Thread);
    controller.start().expect("a thread");
    let tracer = Tracer::new(clock);
    tracer.listen(Some(controller.clone()));
    let handle = controller.attach();
    let (lines, incoming) = mpsc::channel(8);
    let page = Page::default();
    let out = page.clone();
    let walk = tokio::spawn(async move { tui::plain::walk(handle, &tui::Options::default(), incoming, out).await });
    let pace: Arc<dyn world::Pace> = Arc::new(Arc::new(world::Moving::default()));
    tokio::spawn(world::startup::start(&tracer, &pace));
    page.wait_for("HELD: startup").await;
    for (line, answer) in [
        ("n", "HELD: complete options"),
        ("n", "HELD: validate options"),
        ("d", "+ options.advertiseAddress: 127.0.0.1"),
        ("x", "Do these options make sense together?"),
        ("what?", "n next"),
        ("l", "下一步"),
    ] {
        lines.send(line.to_owned()).await.expect("read");
        page.wait_for(answer).await;
    }
    lines.send("q".to_owned()).await.expect("read");
    walk.await.expect("no panic").expect("no error");
}
