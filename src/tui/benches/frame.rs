//! How long a frame takes, as a share of the millisecond that a busy screen allows.
//!
//! `cargo bench -p tui`: a screen of 120x40 over a timeline of ten thousand requests, drawn into the same buffer again
//! and again while it changes.

#![allow(clippy::print_stdout, reason = "a bench tells its results")]

#[path = "../tests/world/mod.rs"]
mod world;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::RwLock;
use phase::{catalog::Phase, record::TraceId};
use ratatui::{buffer::Buffer, layout::Rect};
use tui::{
    Options,
    model::{Model, Tab, cursor::Cursor, filter::Filter},
    view,
};

/// What a frame may take at a thousand requests a second.
const ALLOWED: Duration = Duration::from_millis(1);

fn measure(name: &str, model: &mut Model, change: impl Fn(&mut Model, usize)) {
    let area = Rect::new(0, 0, model.size.0, model.size.1);
    let mut times: Vec<Duration> = (0..500)
        .map(|frame| {
            change(model, frame);
            let mut buffer = Buffer::empty(area);
            let start = Instant::now();
            view::draw(model, &mut buffer);
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    let share = |at: usize| times[at].as_secs_f64() / ALLOWED.as_secs_f64();
    println!("{name:<34} p50 {:5.2}  p99 {:5.2}  of {ALLOWED:?}", share(250), share(495));
}

fn main() {
    let timeline = world::play(None, |tracer, pace| {
        let mut acts = vec![world::startup::start(tracer, pace)];
        acts.extend((0..10_000).map(|at| {
            let script = world::requests::ALL[at % world::requests::ALL.len()];
            world::requests::send(tracer, pace, script)
        }));
        acts
    });
    let newest = timeline.seen() + 1;
    let mut model = Model::new(Arc::new(RwLock::new(timeline)), &Options::default(), true);
    model.size = (120, 40);
    measure("start-up, diff", &mut model, |_, _| {});
    model.inspect.tab = Tab::Config;
    measure("start-up, config", &mut model, |_, _| {});
    model.inspect.tab = Tab::Diff;
    measure("requests, another one each frame", &mut model, |model, frame| {
        model.cursor = Cursor { trace: Some(TraceId(newest - frame as u64)), ..Cursor::default() };
    });
    for filter in ["user == 'nobody'", "verb == 'create'"] {
        model.requests.filter = Filter::new(filter, &model.timeline.read()).ok();
        measure(&format!("requests, {filter}"), &mut model, |_, _| {});
    }
    let mut model =
        Model::new(Arc::new(RwLock::new(world::request_held_at(Phase::Authorization))), &Options::default(), true);
    model.size = (300, 100);
    measure("a very large terminal", &mut model, |_, _| {});
}
