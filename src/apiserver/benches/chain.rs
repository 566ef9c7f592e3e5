//! What a request costs on its way through the whole chain, and what watching adds to it.
//!
//! Prints counts and ratios: allocations per request, unwatched and watched by a hook that keeps
//! nothing, and how much longer the watched one takes. Run with `cargo bench -p apiserver --bench chain`.

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use apiserver::{
    request::context::Services,
    server::{
        config::Config, delegation, flowcontrol::controller::Controller, genericapiserver::GenericAPIServer,
        handler::Arrival, loopback::LoopbackClientConfig, notfoundhandler::NotFoundHandler,
    },
};
use auth::{
    authentication::{Authenticator, Outcome, Request, Response},
    authorization::{Attributes, Authorizer, Verdict},
    user,
};
use phase::{
    BoxFuture,
    clock::{Clock, SystemClock},
    hook::{At, PhaseHook, Resume},
    ids::Ids,
    record::{Record, TraceKind},
    snapshot::Subject,
    trace::{Trace, Tracer},
};

/// Requests per measurement.
const ROUNDS: u64 = 20_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let services = Services { clock: SystemClock::shared(), ids: Ids::shared() };
    let tracer = Tracer::new(services.clock.clone());
    let server = runtime.block_on(server(&services, &tracer));
    let filters = server.handler.full_handler_chain.filters().count();
    let run = |rounds| runtime.block_on(requests(&server, rounds));
    run(1000);

    let unwatched = measure(&*services.clock, || run(ROUNDS));
    let counter = Arc::new(CountsRecords::default());
    tracer.listen(Some(counter.clone()));
    let watched = measure(&*services.clock, || run(ROUNDS));
    tracer.listen(None);
    let records = counter.0.load(Ordering::Relaxed) / ROUNDS;

    println!("GET /version through {filters} filters, two directors and priority and fairness:");
    println!("  unwatched  {:>6.1} allocations, {:>7.0} bytes a request", unwatched.count, unwatched.bytes);
    println!(
        "  watched    {:>6.1} allocations, {:>7.0} bytes a request, {records} records",
        watched.count, watched.bytes
    );
    println!("  time of a watched request in relation to an unwatched one: {:.2}", watched.nanos / unwatched.nanos);
}

/// Per request.
struct Cost {
    count: f64,
    bytes: f64,
    nanos: f64,
}

fn measure(clock: &dyn Clock, work: impl FnOnce()) -> Cost {
    let since = clock.now();
    let allocations = allocation_counter::measure(work);
    let nanos = (clock.now() - since) as f64;
    let per = |total: u64| total as f64 / ROUNDS as f64;
    Cost { count: per(allocations.count_total), bytes: per(allocations.bytes_total), nanos: nanos / ROUNDS as f64 }
}

async fn requests(server: &Arc<GenericAPIServer>, rounds: u64) {
    let (remote_addr, peer_certificates): (Arc<str>, Arc<[_]>) = (Arc::from("127.0.0.1:1"), Arc::from([]));
    for _ in 0..rounds {
        let request = http::Request::builder().uri("/version").header("user-agent", "bench").body(None);
        let arrival = Arrival {
            request: request.expect("request"),
            remote_addr: remote_addr.clone(),
            peer_certificates: peer_certificates.clone(),
            kind: TraceKind::Request,
        };
        black_box(server.handler.full_handler_chain.serve_http(arrival).await);
    }
}

async fn server(services: &Services, tracer: &Arc<Tracer>) -> Arc<GenericAPIServer> {
    let mut config = Config::new(services.clone(), tracer.clone());
    config.loopback_client_config = Some(Arc::new(LoopbackClientConfig::new("secret")));
    config.authentication.authenticator = Some(Arc::new(Somebody));
    config.authorization.authorizer = Some(Arc::new(Yes));
    config.flow_control = Some(Controller::new(services.clock.clone(), 600));
    let trace = Trace::unwatched();
    let end = delegation::new_empty_delegate_with_custom_handler(Arc::new(NotFoundHandler));
    let inner = config.clone().complete().new(&trace, "inner", end).await.expect("server");
    config.complete().new(&trace, "front", inner).await.expect("server")
}

struct Somebody;

impl Authenticator for Somebody {
    fn name(&self) -> &'static str {
        "somebody"
    }

    fn authenticate_request<'a>(&'a self, _: Request<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async { Ok(Some(Response::new(user::Info::new("somebody", &["system:masters"])))) })
    }
}

struct Yes;

impl Authorizer for Yes {
    fn name(&self) -> &'static str {
        "yes"
    }

    fn authorize<'a>(&'a self, _: &'a Trace, _: &'a Attributes) -> BoxFuture<'a, Verdict> {
        Box::pin(async { Verdict::allow("") })
    }
}

/// Listens, and only counts.
#[derive(Default)]
struct CountsRecords(AtomicU64);

impl PhaseHook for CountsRecords {
    fn wants_snapshot(&self, _: &At<'_>) -> bool {
        false
    }

    fn hold(&self, _: &At<'_>, _: &dyn Subject) -> Option<BoxFuture<'static, Resume>> {
        None
    }

    fn record(&self, _: Record) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
