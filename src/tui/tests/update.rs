//! What keys and events do to the model, and which commands come of it.

#[path = "world/mod.rs"]
mod world;
#[path = "world/model.rs"]
mod world_model;

use control::{
    breakpoint::Breakpoint,
    detail::Detail,
    ports::PriorityLevel,
    protocol::{self, Event, Question, Reply},
    stepper::Step,
};
use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use phase::{catalog::Phase, hook::Interrupted, record::TraceId};
use serde_json::json;
use tui::{
    Options,
    message::{Command, Message},
    model::{Model, Pane, Tab, cursor::At, tree::RowKey},
    update::update,
};
use world::REQUEST;
use world_model::{holds, model, press, tell};

const SIZE: (u16, u16) = (120, 40);

fn request_held(phase: Phase) -> Model {
    model(world::request_held_at(phase), &Options::default(), SIZE)
}

fn commands(command: Option<Command>) -> Vec<protocol::Command> {
    match command {
        Some(Command::Control(commands)) => commands,
        other => panic!("no command to the controller: {other:?}"),
    }
}

#[test]
fn a_held_request_is_stepped() {
    let mut model = request_held(Phase::Authorization);
    for (key, step) in [("n", Step::Over), ("s", Step::Into), ("o", Step::Out)] {
        let given = commands(press(&mut model, key));
        assert_eq!(given, [protocol::Command::Step { trace: REQUEST, step, detail: Detail::default() }]);
    }
    assert_eq!(commands(press(&mut model, "c")), [protocol::Command::Continue(REQUEST)]);
    assert_eq!(commands(press(&mut model, "A")), [protocol::Command::ContinueAll]);
}

#[test]
fn looking_back_is_free_and_forward_returns_to_now() {
    let mut model = request_held(Phase::Authorization);
    let phase = |model: &Model| {
        let timeline = model.timeline.read();
        let log = model.log(&timeline).expect("there");
        log.spans()[model.cursor.step(log)].phase()
    };
    assert_eq!(press(&mut model, "b"), None, "nothing is asked of the server");
    assert_eq!(phase(&model), Phase::PriorityAndFairness);
    press(&mut model, "b b");
    assert_eq!(phase(&model), Phase::Audit);
    assert_eq!(press(&mut model, "n"), None, "a step in the past moves only the eyes");
    assert_eq!(phase(&model), Phase::Impersonation);
    press(&mut model, "C");
    assert_eq!(phase(&model), Phase::Request);
    press(&mut model, "0");
    assert_eq!(model.cursor.at, At::Now);
    press(&mut model, ": 5 Enter");
    assert_eq!(model.cursor.at, At::Step(4));
    press(&mut model, "c");
    assert_eq!(model.cursor.at, At::Now, "on from the past is to now");
}

#[test]
fn a_new_hit_never_moves_the_eyes_of_someone_who_looks() {
    let mut model = request_held(Phase::Authorization);
    let mut other = holds(&model.timeline.read()).remove(0);
    other.trace = TraceId(77);
    tell(&mut model, Event::Held(Box::new(other.clone())));
    assert_eq!(model.cursor.trace, Some(REQUEST));
    assert_eq!(model.queue(), [TraceId(77)]);
    // Neither while something is typed.
    tell(&mut model, Event::Released(REQUEST));
    press(&mut model, ":");
    other.trace = TraceId(78);
    tell(&mut model, Event::Held(Box::new(other)));
    assert_eq!(model.cursor.trace, Some(REQUEST));
    assert!(model.overlay.is_some());
    press(&mut model, "Esc N");
    assert_eq!(model.cursor.trace, Some(TraceId(77)));
    press(&mut model, "N");
    assert_eq!(model.cursor.trace, Some(TraceId(78)));
}

#[test]
fn eyes_that_rest_follow_the_first_hit() {
    let mut model = model(world::an_afternoon(), &Options::default(), SIZE);
    let hold = holds(&world::request_held_at(Phase::Authorization)).remove(0);
    let trace = TraceId(3);
    tell(&mut model, Event::Held(Box::new(control::holds::Hold { trace, ..hold })));
    assert_eq!(model.cursor.trace, Some(trace));
}

#[test]
fn breakpoints_are_set_and_removed_at_the_selected_row() {
    let mut model = request_held(Phase::Authorization);
    let set = commands(press(&mut model, "B"));
    let at = Some("Authorization".to_owned());
    assert_eq!(set, [protocol::Command::Break(Breakpoint { at: at.clone(), ..Breakpoint::default() })]);
    let listed = control::breakpoint::Listed {
        id: control::breakpoint::BreakpointId(4),
        breakpoint: Breakpoint { at, ..Breakpoint::default() },
        enabled: true,
        hits: 0,
    };
    tell(&mut model, Event::Breakpoints(vec![listed]));
    assert_eq!(commands(press(&mut model, "B")), [protocol::Command::Unbreak(control::breakpoint::BreakpointId(4))]);
}

#[test]
fn a_row_ahead_is_run_to() {
    let mut model = request_held(Phase::Authorization);
    model.tree.selected = Some(RowKey::Ahead(Phase::StorageCreate));
    let expected = [protocol::Command::RunTo { trace: REQUEST, phase: Phase::StorageCreate, label: None }];
    assert_eq!(commands(press(&mut model, ".")), expected);
    assert_eq!(model.tree.selected, None, "the eyes follow what runs");
}

#[test]
fn what_is_proposed_is_replaced_by_what_is_typed() {
    let mut model = request_held(Phase::Authorization);
    let sent = commands(press(&mut model, "i t r u e Enter"));
    assert_eq!(sent, [protocol::Command::Intercept(Some("true".to_owned()))]);
    let proposed = commands(press(&mut model, "i Enter"));
    assert!(matches!(&proposed[..], [protocol::Command::Intercept(Some(when))] if when.contains("create")));
}

#[test]
fn a_hit_takes_away_what_was_said_before() {
    let mut model = model(world::an_afternoon(), &Options::default(), SIZE);
    tell(&mut model, Event::Intercepting(Some("true".to_owned())));
    assert!(model.said.is_some());
    let hold = holds(&world::request_held_at(Phase::Authorization)).remove(0);
    tell(&mut model, Event::Held(Box::new(control::holds::Hold { trace: TraceId(3), ..hold })));
    assert_eq!(model.said, None);
}

#[test]
fn nothing_moves_unless_a_time_is_shown() {
    let at_rest = |timeline| {
        let mut model = model(timeline, &Options::default(), SIZE);
        // What was seen is counted once more, then there is nothing to count.
        for second in 1..=3 {
            let now = model.now + second * 1_000_000_000;
            update(&mut model, Message::Tick(now));
        }
        model
    };
    assert!(!at_rest(world::startup_held_at(Phase::ConfigureStorage)).moves(), "a start-up that is held");
    let model = at_rest(world::request_held_at(Phase::Authorization));
    assert!(model.moves() && model.shows_time(), "how long a request is held");
}

#[test]
fn an_answer_that_tells_nothing_new_changes_nothing() {
    let mut model = request_held(Phase::Authorization);
    press(&mut model, "3 Left");
    let mut told = Vec::new();
    for waiting in [0, 0, 1] {
        let asked = commands(press(&mut model, "Left"));
        let level = PriorityLevel { name: "workload-low".to_owned(), waiting, ..PriorityLevel::default() };
        for command in asked {
            let protocol::Command::Ask { id, question } = command else { panic!("{command:?}") };
            let reply = if question == Question::Levels {
                Reply::Levels(vec![level.clone()])
            } else {
                Reply::Watchers(Vec::new())
            };
            tell(&mut model, Event::Reply { id, reply: Ok(reply) });
        }
        press(&mut model, "Right");
        told.push(model.inspect.told);
    }
    assert!(told[0] > 0 && told[1] == told[0] && told[2] > told[1], "{told:?}");
}

#[test]
fn a_pane_is_scrolled_to_its_end_and_no_further() {
    let mut model = request_held(Phase::Authorization);
    press(&mut model, "3 Right G");
    let scrolled = |model: &Model| model.inspect.scroll.get(&Tab::State).copied().unwrap_or(0);
    let end = scrolled(&model);
    press(&mut model, "Down");
    assert_eq!(scrolled(&model), end);
    press(&mut model, "Up");
    assert_eq!(scrolled(&model), end.saturating_sub(1));
}

#[test]
fn what_is_typed_is_checked_before_it_is_sent() {
    let mut model = request_held(Phase::Authorization);
    assert_eq!(press(&mut model, "i = Enter"), None);
    assert!(model.overlay.is_some(), "the mistake is shown and can be mended");
    press(&mut model, "Esc");
    press(&mut model, "i");
    let typed = "verb in ['create', 'update', 'patch', 'delete']".to_owned();
    assert_eq!(commands(press(&mut model, "Enter")), [protocol::Command::Intercept(Some(typed))]);
    tell(&mut model, Event::Intercepting(Some("x".into())));
    assert_eq!(commands(press(&mut model, "i")), [protocol::Command::Intercept(None)]);
}

#[test]
fn an_edit_is_sent_and_taken_back() {
    let mut model = request_held(Phase::MutatingAdmission);
    press(&mut model, "e");
    let edit = commands(press(&mut model, "Ctrl-S"));
    let [protocol::Command::Edit { trace, value: Some(value) }] = edit.as_slice() else { panic!("{edit:?}") };
    assert_eq!((*trace, &value["kind"]), (REQUEST, &json!("Pod")));
    press(&mut model, "e {");
    assert_eq!(press(&mut model, "Ctrl-S"), None, "what is no JSON is not sent");
    press(&mut model, "Esc");
    assert_eq!(commands(press(&mut model, "V")), [protocol::Command::Edit { trace: REQUEST, value: None }]);
    let kill = protocol::Command::Interrupt { trace: REQUEST, interrupted: Interrupted::Kill };
    assert_eq!(commands(press(&mut model, "X")), [kill]);
}

#[test]
fn tabs_ask_for_what_they_show() {
    let mut model = request_held(Phase::Authorization);
    press(&mut model, "3");
    assert_eq!(model.focus, Pane::Inspect);
    for _ in 0..5 {
        press(&mut model, "Right");
    }
    let asked = commands(press(&mut model, "Right"));
    assert_eq!(model.inspect.tab, Tab::Store);
    let [protocol::Command::Ask { question: Question::Keys { prefix, .. }, .. }] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    assert_eq!(prefix, "/registry/");
}

#[test]
fn the_mouse_scrubs_selects_and_breaks() {
    let mut model = request_held(Phase::Authorization);
    let areas = tui::model::areas::areas(&model);
    let click = |model: &mut Model, column, row| {
        let kind = MouseEventKind::Down(MouseButton::Left);
        update(model, Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }))
    };
    let bar = areas.of(Pane::Timeline).expect("drawn");
    click(&mut model, bar.x + 4, bar.y + 1);
    assert!(matches!(model.cursor.at, At::Step(step) if step < 3), "{:?}", model.cursor);
    press(&mut model, "0");
    let tree = areas.of(Pane::Phases).expect("drawn");
    click(&mut model, tree.x + 12, tree.y + 3);
    assert_eq!(model.tree.selected, Some(RowKey::Span(5)), "the third row is request info");
    let set = commands(click(&mut model, tree.x + 1, tree.y + 3));
    assert!(
        matches!(&set[..], [protocol::Command::Break(breakpoint)] if breakpoint.at.as_deref() == Some("RequestInfo"))
    );
}

#[test]
fn leaving_is_asked_for_where_it_stops_the_server() {
    let mut model = request_held(Phase::Authorization);
    assert_eq!(press(&mut model, "q"), None);
    assert_eq!(press(&mut model, "Esc"), None);
    press(&mut model, "q");
    assert_eq!(press(&mut model, "q"), Some(Command::Quit));
    model.leaving = tui::options::Leaving::Detaches;
    assert_eq!(press(&mut model, "q"), Some(Command::Quit));
}

#[test]
fn a_prediction_goes_round_and_is_judged() {
    let mut model = request_held(Phase::Authorization);
    press(&mut model, "p p p");
    assert_eq!(model.predictions.get(&REQUEST).map(String::as_str), Some("403"));
    assert!(tui::update::traffic::is_predicted("2xx", "201") && !tui::update::traffic::is_predicted("403", "404"));
}

mod any_keys {
    use super::*;
    use crossterm::event::{KeyCode, KeyEvent};
    use proptest::prelude::*;
    use ratatui::{buffer::Buffer, layout::Rect};

    fn key() -> impl Strategy<Value = KeyEvent> {
        let letters = prop::char::range(' ', '~').prop_map(KeyCode::Char);
        let others = prop::sample::select(vec![
            KeyCode::Enter,
            KeyCode::Esc,
            KeyCode::Tab,
            KeyCode::Up,
            KeyCode::Down,
            KeyCode::Left,
            KeyCode::Right,
            KeyCode::Home,
            KeyCode::End,
            KeyCode::PageDown,
            KeyCode::Backspace,
            KeyCode::F(10),
        ]);
        prop_oneof![3 => letters, 2 => others].prop_map(|code| KeyEvent::new(code, KeyModifiers::NONE))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        /// Whatever is pressed, in whatever terminal, can be drawn, and looks at something that exists.
        #[test]
        fn can_be_drawn(keys in prop::collection::vec(key(), 1..40), columns in 20_u16..160, rows in 5_u16..60) {
            let mut model = model(world::request_held_at(Phase::MutatingPlugin), &Options::default(), (columns, rows));
            tell(&mut model, Event::Serving(world_model::launched()));
            for key in keys {
                update(&mut model, Message::Key(key));
                let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
                tui::view::draw(&model, &mut buffer);
                let timeline = model.timeline.read();
                let log = model.log(&timeline).expect("there");
                prop_assert!(model.cursor.step(log) <= log.spans().len());
            }
        }
    }
}
