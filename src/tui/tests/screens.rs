//! Whole screens, as snapshots: three sizes, two languages; and styles, so that a lost colour is seen, too.

#[path = "world/mod.rs"]
mod world;
#[path = "world/model.rs"]
mod world_model;

use control::{
    lesson::{Check, Lesson, Predict},
    ports::PriorityLevel,
    protocol::{Event, Reply},
};
use phase::catalog::Phase;
use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use tui::{
    Options,
    model::Model,
    options::{Borders, Layout},
    theme::Theme,
    view,
    words::Language,
};
use world_model::{model, press, tell};

const SIZES: [(u16, u16); 3] = [(120, 40), (80, 24), (60, 20)];

fn draw(model: &Model) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, model.size.0, model.size.1));
    view::draw(model, &mut buffer);
    buffer
}

fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    let mut out = String::new();
    for row in buffer.content.chunks(width) {
        let mut line = String::new();
        let mut skip = 0;
        for cell in row {
            // The second half of a wide character.
            if skip > 0 {
                skip -= 1;
                continue;
            }
            line.push_str(cell.symbol());
            skip = tui::width::cells(cell.symbol()).saturating_sub(1);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// One letter for each style, and what the letters mean.
fn styles(buffer: &Buffer) -> String {
    let mut known: Vec<Style> = Vec::new();
    let mut out = String::new();
    for row in buffer.content.chunks(usize::from(buffer.area.width)) {
        let line: String = row
            .iter()
            .map(|cell| {
                let style = cell.style();
                let at = known.iter().position(|one| *one == style).unwrap_or_else(|| {
                    known.push(style);
                    known.len() - 1
                });
                if at == 0 { ' ' } else { char::from(b'A' + at as u8 - 1) }
            })
            .collect();
        out.push_str(line.trim_end());
        out.push('\n');
    }
    for (at, style) in known.iter().enumerate().skip(1) {
        let letter = char::from(b'A' + at as u8 - 1);
        out.push_str(&format!("{letter}: {:?} {:?} {:?}\n", style.fg, style.bg, style.add_modifier));
    }
    out
}

fn in_all(name: &str, scene: impl Fn(&Options, (u16, u16)) -> Model) {
    for language in [Language::En, Language::Zh] {
        for size in SIZES {
            let model = scene(&Options { language, ..Options::default() }, size);
            let name = format!("{name}-{}x{}-{}", size.0, size.1, language.code());
            insta::assert_snapshot!(name, text(&draw(&model)));
        }
    }
}

#[test]
fn start_up_is_held() {
    in_all("startup", |options, size| model(world::startup_held_at(Phase::ConfigureAuthentication), options, size));
}

#[test]
fn a_request_is_held() {
    in_all("request", |options, size| {
        let mut model = model(world::request_held_at(Phase::Authorization), options, size);
        tell(&mut model, Event::Serving(world_model::launched()));
        model
    });
}

#[test]
fn an_afternoon_is_over() {
    in_all("afternoon", |options, size| {
        let mut model = model(world::an_afternoon(), options, size);
        tell(&mut model, Event::Serving(world_model::launched()));
        press(&mut model, "5 Enter");
        model
    });
}

#[test]
fn a_config_tells_who_set_what() {
    let mut model = model(world::startup_held_at(Phase::CreateServerChain), &Options::default(), (120, 40));
    press(&mut model, "3 Right Right z");
    insta::assert_snapshot!("config-zoomed", text(&draw(&model)));
}

#[test]
fn what_flows_is_seen() {
    let timeline = world::request_held_at(Phase::Authorization);
    let mut model = model(timeline, &Options::default(), (120, 40));
    press(&mut model, "3 Left Left");
    let level = |name: &str, seats, nominal, waiting| PriorityLevel {
        name: name.to_owned(),
        executing: seats,
        seats,
        nominal,
        waiting,
        rejected: 0,
    };
    let levels = vec![level("catch-all", 0, 13, 0), level("exempt", 3, 0, 0), level("workload-low", 7, 245, 2)];
    for (id, reply) in [(1, Reply::Watchers(Vec::new())), (2, Reply::Levels(levels))] {
        tell(&mut model, Event::Reply { id, reply: Ok(reply) });
    }
    insta::assert_snapshot!("flow", text(&draw(&model)));
}

#[test]
fn the_presentation_and_the_lesson() {
    let options = Options { layout: Layout::Present, ..Options::default() };
    insta::assert_snapshot!(
        "present",
        text(&draw(&model(world::request_held_at(Phase::StorageCreate), &options, (120, 40))))
    );

    let options = Options { layout: Layout::Lab, ..Options::default() };
    let mut model = model(world::request_held_at(Phase::Authorization), &options, (120, 40));
    tell(&mut model, Event::Lesson(Box::new(lesson())));
    insta::assert_snapshot!("lesson", text(&draw(&model)));
}

fn lesson() -> Lesson {
    let both = |en: &str, zh: &str| [("en".to_owned(), en.to_owned()), ("zh".to_owned(), zh.to_owned())].into();
    Lesson {
        id: "authz-denied".into(),
        title: both("Who stopped alice?", "谁拦住了 alice？"),
        step: 2,
        steps: 5,
        say: both("alice creates a pod.", "alice 创建一个 Pod。"),
        task: both("Make the same request succeed.", "让同一个请求成功。"),
        checks: vec![
            Check {
                text: both("a RoleBinding in shop", "shop 里有 RoleBinding"),
                passed: Some(true),
                message: String::new(),
            },
            Check {
                text: both("pod web in shop", "shop 里有 web"),
                passed: Some(false),
                message: "There is no pod web yet.".into(),
            },
        ],
        hints_left: 2,
        predict: Some(Predict {
            ask: both("What will alice get?", "alice 会得到什么？"),
            choices: ["201", "403", "404"].map(|code| both(code, code)).into(),
            chosen: Some(1),
            answer: None,
        }),
        command: "kubectl -n shop run web --image=nginx".into(),
        ..Lesson::default()
    }
}

#[test]
fn what_lies_over_the_panes() {
    let held = || model(world::request_held_at(Phase::MutatingAdmission), &Options::default(), (120, 40));
    for (name, keys) in
        [("help", "?"), ("palette", ": r u n t o s t o r"), ("editor", "e"), ("intercept", "i"), ("copy", "y")]
    {
        let mut model = held();
        press(&mut model, keys);
        insta::assert_snapshot!(name, text(&draw(&model)));
    }
}

#[test]
fn letters_instead_of_lines() {
    let options = Options { borders: Borders::Ascii, ..Options::default() };
    let shown = text(&draw(&model(world::request_held_at(Phase::Authorization), &options, (80, 24))));
    assert!(shown.is_ascii(), "{shown}");
    insta::assert_snapshot!("ascii", shown);
}

#[test]
fn styles_of_every_theme() {
    for theme in Theme::ALL {
        let options = Options { theme, ..Options::default() };
        let buffer = draw(&model(world::request_held_at(Phase::Authorization), &options, (80, 24)));
        insta::assert_snapshot!(format!("styles-{}", theme.name()), styles(&buffer));
        let coloured = buffer.content.iter().any(|cell| {
            let (fg, bg) = (cell.fg, cell.bg);
            fg != ratatui::style::Color::Reset || bg != ratatui::style::Color::Reset
        });
        assert_eq!(coloured, theme != Theme::NoColour);
    }
}
