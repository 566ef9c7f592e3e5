//! The walker from outside: a server's threads on one side, a client on the other.

use std::{sync::Arc, time::Duration};

use control::{
    breakpoint::{Action, Breakpoint, Edge},
    controller::{Controller, Pump, Start},
    detail::Detail,
    handle::Handle,
    holds::{Hold, Reason},
    protocol::{Command, Event},
    stepper::Step,
    wire,
};
use phase::{
    catalog::Phase,
    clock::SystemClock,
    hook::Interrupted,
    record::{TraceId, TraceKind},
    snapshot::Nothing,
    trace::{Trace, Tracer},
};
use serde_json::{Value, json};

struct Bench {
    controller: Arc<Controller>,
    tracer: Arc<Tracer>,
    client: Handle,
}

fn bench(start: Start) -> Bench {
    let clock = SystemClock::shared();
    let controller = Controller::new(clock.clone(), start, Pump::Thread);
    controller.start().expect("a thread");
    let tracer = Tracer::new(clock);
    tracer.listen(Some(controller.clone()));
    let client = controller.attach();
    Bench { controller, tracer, client }
}

impl Bench {
    fn request(&self, user: &'static str) -> tokio::task::JoinHandle<Result<u16, Interrupted>> {
        let trace = self.tracer.start(TraceKind::Request, || "POST /api/v1/namespaces/shop/pods".to_owned());
        tokio::spawn(serve(trace, user))
    }

    /// Waits for the next hold.
    async fn held(&mut self) -> Hold {
        held(&mut self.client).await
    }

    fn step(&self, hold: &Hold, step: Step) {
        let command = Command::Step { trace: hold.trace, step, detail: Detail::default() };
        self.client.send(command).expect("alive");
    }
}

async fn held(client: &mut Handle) -> Hold {
    let wait = async {
        loop {
            match client.next().await.expect("alive") {
                Event::Held(hold) => return *hold,
                Event::Refused(sentence) => panic!("refused: {sentence}"),
                _ => {}
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(5), wait).await.expect("held in time")
}

/// A request in miniature: filters that enclose what follows, an authorizer, a body that can be edited.
async fn serve(trace: Trace, user: &'static str) -> Result<u16, Interrupted> {
    let request = trace.enter(Phase::Request, &mut Nothing).await?;
    let audit_init = trace.enter(Phase::AuditInit, &mut Nothing).await?;
    trace.describe(|| vec![("verb".into(), "create".into()), ("resource".into(), "pods".into())]);
    let authentication = trace.enter(Phase::Authentication, &mut Nothing).await?;
    trace.describe(|| vec![("user".into(), user.into())]);
    let authorization = trace.enter(Phase::Authorization, &mut Nothing).await?;
    trace.enter_labelled(Phase::Authorizer, "RBAC", &mut Nothing).await?.done();
    let create = trace.enter(Phase::Create, &mut Nothing).await?;
    let mut body = json!({"code": 201});
    let decode = trace.enter(Phase::DecodeBody, &mut body).await?;
    decode.exit(&body);
    let code = body["code"].as_u64().unwrap_or(500) as u16;
    trace.describe(|| vec![("code".into(), code.to_string())]);
    create.done();
    authorization.done();
    authentication.done();
    audit_init.done();
    request.done();
    Ok(code)
}

#[tokio::test(flavor = "multi_thread")]
async fn start_up_is_held_at_its_first_phase_and_walked_from_there() {
    let mut bench = bench(Start::Held);
    let trace = bench.tracer.start(TraceKind::Startup, || "start".to_owned());
    let server = tokio::spawn(async move {
        let startup = trace.enter(Phase::Startup, &mut Nothing).await?;
        let mut config = json!({});
        let build = trace.enter(Phase::BuildGenericConfig, &mut config).await?;
        trace.enter(Phase::ConfigureStorage, &mut config).await?.done();
        config["etcd"] = json!("embedded");
        build.exit(&config);
        startup.done();
        Ok::<Value, Interrupted>(config)
    });
    let hold = bench.held().await;
    assert_eq!((hold.phase, hold.reason.clone()), (Phase::Startup, Reason::Stepped));
    bench.step(&hold, Step::Into);
    let hold = bench.held().await;
    assert_eq!(hold.phase, Phase::BuildGenericConfig);
    bench.step(&hold, Step::Into);
    assert_eq!(bench.held().await.phase, Phase::ConfigureStorage);
    bench.client.send(Command::Continue(hold.trace)).expect("alive");
    server.await.expect("no panic").expect("not interrupted");
    let timeline = bench.client.timeline().clone();
    bench.controller.pump();
    let timeline = timeline.read();
    let startup = timeline.startup().expect("recorded");
    let (_, config) = startup.state_at(startup.steps()).expect("start-up keeps its states");
    assert_eq!(config.to_value()["etcd"], "embedded");
    assert!(startup.held() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_is_held_while_others_run() {
    let mut bench = bench(Start::Running);
    let at = Some("authorization".to_owned());
    let when = Some("user == 'alice' && verb == 'create'".to_owned());
    bench.controller.add_breakpoint(Breakpoint { at, when, ..Breakpoint::default() }).expect("valid");
    let alice = bench.request("alice");
    let hold = bench.held().await;
    assert_eq!((hold.trace, hold.phase), (TraceId(1), Phase::Authorization));
    assert_eq!(bench.request("bob").await.expect("no panic"), Ok(201));
    bench.step(&hold, Step::Into);
    let hold = bench.held().await;
    assert_eq!((hold.phase, hold.label.as_deref()), (Phase::Authorizer, Some("RBAC")));
    bench.step(&hold, Step::Out);
    assert_eq!(bench.held().await.phase, Phase::Create);
    bench.client.send(Command::ContinueAll).expect("alive");
    assert_eq!(alice.await.expect("no panic"), Ok(201));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_and_an_interruption_change_the_answer() {
    let mut bench = bench(Start::Running);
    bench
        .client
        .send(Command::Break(Breakpoint { at: Some("decode".into()), ..Breakpoint::default() }))
        .expect("alive");
    let edited = bench.request("alice");
    let hold = bench.held().await;
    assert_eq!(hold.subject.to_value()["code"], 201);
    bench.client.send(Command::Edit { trace: hold.trace, value: Some(json!({"code": 418})) }).expect("alive");
    bench.client.send(Command::Continue(hold.trace)).expect("alive");
    assert_eq!(edited.await.expect("no panic"), Ok(418));

    let ended = bench.request("alice");
    // The edit above was told as a hold of its own; the next one is of the new request.
    let hold = loop {
        let hold = bench.held().await;
        if hold.trace == TraceId(2) {
            break hold;
        }
    };
    let interrupted = Interrupted::Fail { code: 503, message: "drill".into() };
    bench.client.send(Command::Interrupt { trace: hold.trace, interrupted: interrupted.clone() }).expect("alive");
    assert_eq!(ended.await.expect("no panic"), Err(interrupted));
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_interface_dies_everything_goes_on() {
    let mut bench = bench(Start::Running);
    bench.client.send(Command::Intercept(Some("alice".into()))).expect("alive");
    let held = bench.request("alice");
    assert_eq!(bench.held().await.reason, Reason::Intercepted);
    drop(bench.client);
    assert_eq!(held.await.expect("no panic"), Ok(201));
    let trace = bench.tracer.start(TraceKind::Request, String::new);
    assert_eq!(serve(trace, "alice").await, Ok(201), "and nobody is held any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_gives_up_takes_its_hold_along() {
    let mut bench = bench(Start::Running);
    bench.client.send(Command::Intercept(Some("alice".into()))).expect("alive");
    let gone = bench.request("alice");
    let hold = bench.held().await;
    gone.abort();
    loop {
        if let Some(Event::Released(trace)) = bench.client.next().await {
            assert_eq!(trace, hold.trace);
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn system_traffic_passes_and_breakpoints_may_act_instead_of_holding() {
    let mut bench = bench(Start::Running);
    let after = Breakpoint { at: Some("authentication".into()), edge: Edge::After, ..Breakpoint::default() };
    bench.controller.add_breakpoint(after).expect("valid");
    let system = bench.tracer.start(TraceKind::System, String::new);
    assert_eq!(serve(system, "system:node:a").await, Ok(201));
    let request = bench.request("alice");
    assert_eq!(bench.held().await.phase, Phase::Authorization, "after authentication's own work");
    bench.client.send(Command::ContinueAll).expect("alive");
    assert_eq!(request.await.expect("no panic"), Ok(201));
    let fault = Breakpoint { at: Some("audit init".into()), action: Action::Fail(503), ..Breakpoint::default() };
    bench.controller.add_breakpoint(fault).expect("valid");
    assert!(matches!(bench.request("alice").await.expect("no panic"), Err(Interrupted::Fail { code: 503, .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_far_away_sees_and_does_the_same() {
    let near = bench(Start::Running);
    assert_eq!(near.request("carol").await.expect("no panic"), Ok(201));
    let (server_side, client_side) = tokio::io::duplex(1 << 16);
    let (server_read, server_write) = tokio::io::split(server_side);
    let (client_read, client_write) = tokio::io::split(client_side);
    tokio::spawn(wire::serve(near.controller.clone(), server_read, server_write));
    let (mut far, connection) = wire::connect(SystemClock::shared(), client_read, client_write);
    tokio::spawn(connection);
    far.send(Command::Intercept(Some("user == 'alice'".into()))).expect("alive");
    loop {
        if let Some(Event::Intercepting(Some(_))) = far.next().await {
            break;
        }
    }
    let request = near.request("alice");
    let hold = held(&mut far).await;
    assert_eq!(hold.trace, TraceId(2));
    {
        let timeline = far.timeline().read();
        assert_eq!(timeline.trace(TraceId(1)).and_then(|trace| trace.fact("code")), Some("201"), "history came along");
        let alice = timeline.trace(TraceId(2)).expect("records come before the hold they led to");
        assert_eq!(alice.spans().last().map(control::timeline::trace::Span::phase), Some(hold.phase));
    }
    far.send(Command::Continue(hold.trace)).expect("alive");
    assert_eq!(request.await.expect("no panic"), Ok(201));
}

#[tokio::test]
async fn in_a_lesson_events_come_in_one_order() {
    let run = || async {
        let clock = Arc::new(phase::clock::VirtualClock::default());
        let controller = Controller::new(clock.clone(), Start::Running, Pump::Inline);
        let tracer = Tracer::new(clock);
        tracer.listen(Some(controller.clone()));
        let mut client = controller.attach();
        client.send(Command::Intercept(Some("user == 'alice'".into()))).expect("alive");
        let trace = tracer.start(TraceKind::Request, || "POST /x".to_owned());
        let request = tokio::spawn(serve(trace, "alice"));
        let hold = held(&mut client).await;
        client.send(Command::Step { trace: hold.trace, step: Step::Over, detail: Detail::FULL }).expect("alive");
        let hold = held(&mut client).await;
        client.send(Command::Continue(hold.trace)).expect("alive");
        request.await.expect("no panic").expect("not interrupted");
        let mut file = Vec::new();
        control::recording::write(&controller.timeline().read(), &mut file).expect("written");
        String::from_utf8(file).expect("text")
    };
    assert_eq!(run().await, run().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_busy_elsewhere_still_hears_of_a_hold() {
    let mut bench = bench(Start::Running);
    // Nobody takes events while far more happens than may wait for a client.
    for _ in 0..12_000 {
        bench.request("bob").await.expect("no panic").expect("served");
        bench.controller.pump();
    }
    let when = Some("user == 'alice'".to_owned());
    bench.client.send(Command::Intercept(when)).expect("alive");
    let alice = bench.request("alice");
    let hold = bench.held().await;
    bench.client.send(Command::Continue(hold.trace)).expect("alive");
    bench.client.send(Command::Intercept(None)).expect("alive");
    bench.client.send(Command::ContinueAll).expect("alive");
    assert_eq!(alice.await.expect("no panic"), Ok(201));
}
