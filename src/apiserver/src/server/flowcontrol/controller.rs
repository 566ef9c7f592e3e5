//! Schemas and levels as they are now, and the seats behind them.
//!
//! Go: apiserver/pkg/util/flowcontrol/apf_controller.go

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use auth::user;
use aws_lc_rs::digest;
use parking_lot::Mutex;
use phase::clock::Clock;

use crate::{
    request::requestinfo::RequestInfo,
    server::flowcontrol::{
        borrowing::{self, Claim},
        config::{self, Distinguisher, FlowSchema, Limit, PriorityLevelConfiguration},
        dropped_requests::DroppedRequests,
        queueset::QueueSet,
        width::{StorageObjectCountTracker, WatchTracker},
    },
};

/// How often seats are divided anew.
///
/// Go: apiserver/pkg/util/flowcontrol/apf_controller.go borrowingAdjustmentPeriod
pub const BORROWING_ADJUSTMENT_PERIOD: Duration = Duration::from_secs(10);

/// Classifies requests and gives out seats.
///
/// Go: apiserver/pkg/util/flowcontrol/apf_controller.go configController
pub struct Controller {
    clock: Arc<dyn Clock>,
    /// Seats of the whole server.
    server_concurrency_limit: u32,
    /// What requests are classified by. Replaced as a whole when a schema or a level changes.
    digest: ArcSwap<Digest>,
    /// Held while `digest` is replaced or seats are divided.
    changing: Mutex<()>,
    /// How many objects a list would have to read. Written by whoever polls storage.
    pub object_counts: Arc<StorageObjectCountTracker>,
    /// How many watchers a change concerns.
    pub watches: Arc<WatchTracker>,
}

/// One consistent view of the configuration.
#[derive(Default)]
struct Digest {
    /// In the order in which they are tried, each with its level.
    schemas: Vec<(FlowSchema, Arc<Level>)>,
    /// All levels, by name.
    levels: BTreeMap<String, Arc<Level>>,
}

/// A priority level and its seats.
///
/// Go: apiserver/pkg/util/flowcontrol/apf_controller.go priorityLevelState
pub struct Level {
    /// The configuration.
    pub config: PriorityLevelConfiguration,
    /// The seats that are its own.
    pub nominal_seats: u32,
    /// The most that one request may take.
    pub max_seats_per_request: u64,
    /// Seats and queues; kept when the configuration changes.
    pub queue_set: Arc<QueueSet>,
    /// Refusals, for `Retry-After`; kept likewise.
    pub dropped: Arc<Mutex<DroppedRequests>>,
    /// The demand to plan with, in seats; kept likewise.
    smooth_demand: Arc<Mutex<f64>>,
}

/// Where a request belongs.
pub struct Classified {
    /// Name and uid of the schema.
    pub flow_schema: (String, String),
    /// The level.
    pub level: Arc<Level>,
    /// The user or namespace that tells its flow from others of the schema.
    pub distinguisher: String,
    /// Stands for the flow.
    pub hash: u64,
}

impl Controller {
    /// Returns a controller that knows the mandatory schemas and levels alone.
    ///
    /// Go: apiserver/pkg/util/flowcontrol/apf_controller.go newTestableController
    pub fn new(clock: Arc<dyn Clock>, server_concurrency_limit: u32) -> Arc<Self> {
        let controller = Self {
            clock,
            server_concurrency_limit,
            digest: ArcSwap::default(),
            changing: Mutex::new(()),
            object_counts: Arc::default(),
            watches: Arc::default(),
        };
        controller.digest_config_objects(Vec::new(), Vec::new());
        Arc::new(controller)
    }

    /// Takes over a new configuration. The mandatory objects are added where they are missing.
    ///
    /// Go: apiserver/pkg/util/flowcontrol/apf_controller.go digestConfigObjects
    pub fn digest_config_objects(
        &self,
        mut schemas: Vec<FlowSchema>,
        mut configurations: Vec<PriorityLevelConfiguration>,
    ) {
        let _one_at_a_time = self.changing.lock();
        let (mandatory_schemas, mandatory_levels) = config::mandatory();
        for level in mandatory_levels {
            if configurations.iter().all(|one| one.name != level.name) {
                configurations.push(level);
            }
        }
        for schema in mandatory_schemas {
            if schemas.iter().all(|one| one.name != schema.name) {
                schemas.push(schema);
            }
        }
        let shares: u32 = configurations.iter().map(|level| level.nominal_concurrency_shares).sum();
        let before = self.digest.load();
        let levels = configurations.into_iter().map(|config| {
            let level = self.level(config, shares, &before.levels);
            (level.config.name.clone(), Arc::new(level))
        });
        let levels: BTreeMap<String, Arc<Level>> = levels.collect();
        schemas.sort_by(|a, b| (a.matching_precedence, &a.name).cmp(&(b.matching_precedence, &b.name)));
        // A schema whose level does not exist matches nothing.
        let schemas = schemas.into_iter().filter_map(|schema| {
            let level = levels.get(&schema.priority_level)?.clone();
            Some((schema, level))
        });
        self.digest.store(Arc::new(Digest { schemas: schemas.collect(), levels: levels.clone() }));
    }

    /// Makes a level; what was there under its name keeps its requests.
    fn level(
        &self,
        config: PriorityLevelConfiguration,
        all_shares: u32,
        before: &BTreeMap<String, Arc<Level>>,
    ) -> Level {
        let share = f64::from(config.nominal_concurrency_shares) / f64::from(all_shares.max(1));
        let nominal_seats = (f64::from(self.server_concurrency_limit) * share).ceil() as u32;
        let queue_set = match before.get(&config.name) {
            Some(level) => level.queue_set.clone(),
            None => QueueSet::new(self.clock.clone(), config.limit, nominal_seats),
        };
        queue_set.set_configuration(config.limit, nominal_seats);
        let kept = before.get(&config.name);
        Level {
            max_seats_per_request: max_seats(nominal_seats, config.limit),
            nominal_seats,
            queue_set,
            dropped: kept.map(|level| level.dropped.clone()).unwrap_or_default(),
            smooth_demand: kept.map(|level| level.smooth_demand.clone()).unwrap_or_default(),
            config,
        }
    }

    /// Finds the schema of a request. There always is one: the mandatory ones are about everybody.
    ///
    /// Go: apiserver/pkg/util/flowcontrol/apf_controller.go startRequest
    pub fn classify(&self, user: &user::Info, info: &RequestInfo) -> Classified {
        let digest = self.digest.load();
        let matches = |schema: &FlowSchema| schema.rules.iter().any(|rule| rule.matches(user, info));
        let found = digest.schemas.iter().find(|(schema, _)| matches(schema));
        let found = found.or_else(|| digest.schemas.iter().find(|(schema, _)| schema.name == "catch-all"));
        let (schema, level) = found.expect("the mandatory schemas and levels are always there");
        let distinguisher = match schema.distinguisher {
            Distinguisher::None => String::new(),
            Distinguisher::ByUser => user.name.clone(),
            Distinguisher::ByNamespace => info.namespace.clone(),
        };
        let hash = match level.config.limit {
            Limit::Queue(_) => hash_flow(&schema.name, &distinguisher),
            Limit::Exempt | Limit::Reject => 0,
        };
        Classified { flow_schema: (schema.name.clone(), schema.uid.clone()), level: level.clone(), distinguisher, hash }
    }

    /// Divides the seats of the server by what the levels wanted since the last time.
    ///
    /// Go: apiserver/pkg/util/flowcontrol/apf_controller.go updateBorrowingLocked
    pub fn update_borrowing(&self) {
        let _one_at_a_time = self.changing.lock();
        let digest = self.digest.load();
        let limited: Vec<&Arc<Level>> =
            digest.levels.values().filter(|level| level.config.limit != Limit::Exempt).collect();
        let claims: Vec<Claim> = limited.iter().map(|level| self.claim(level)).collect();
        let total: u32 = limited.iter().map(|level| level.nominal_seats).sum();
        for (level, seats) in limited.iter().zip(borrowing::allocate(f64::from(total), &claims)) {
            level.queue_set.set_configuration(level.config.limit, seats.round() as u32);
        }
    }

    fn claim(&self, level: &Level) -> Claim {
        let nominal = f64::from(level.nominal_seats);
        let lendable = (nominal * f64::from(level.config.lendable_percent) / 100.0).round();
        let high = f64::from(level.queue_set.take_demand());
        let mut smooth = level.smooth_demand.lock();
        *smooth = borrowing::smooth(*smooth, high);
        let lower_bound = (nominal - lendable).max(high.min(nominal));
        let upper_bound = level.config.borrowing_limit_percent.map_or_else(
            || f64::from(self.server_concurrency_limit),
            |percent| nominal + (nominal * f64::from(percent) / 100.0).round(),
        );
        // Nobody's target is nothing: it is multiplied when there is more than all want.
        Claim { lower_bound, upper_bound, target: smooth.clamp(lower_bound, upper_bound.max(lower_bound)).max(1.0) }
    }

    /// Returns the levels, by name.
    pub fn levels(&self) -> Vec<Arc<Level>> {
        self.digest.load().levels.values().cloned().collect()
    }
}

/// The most seats that one request of a level may take.
///
/// Go: apiserver/pkg/util/flowcontrol/max_seats.go
fn max_seats(nominal: u32, limit: Limit) -> u64 {
    let Limit::Queue(queuing) = limit else { return u64::MAX };
    let share = (0.15 * f64::from(nominal)).ceil() as u64;
    // A flow's hand must not hold all seats at once.
    share.min(u64::from(nominal) / queuing.hand_size.max(1) as u64).max(1)
}

/// Go: apiserver/pkg/util/flowcontrol/apf_controller.go hashFlowID
fn hash_flow(schema: &str, distinguisher: &str) -> u64 {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(schema.as_bytes());
    context.update(&[0]);
    context.update(distinguisher.as_bytes());
    let sum = context.finish();
    u64::from_le_bytes(sum.as_ref()[..8].try_into().expect("a digest has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use phase::clock::VirtualClock;

    use super::*;
    use crate::{request::testing, server::flowcontrol::config::Queuing};

    fn level(
        name: &str,
        shares: u32,
        lendable_percent: u32,
        queues: usize,
        hand_size: usize,
    ) -> PriorityLevelConfiguration {
        PriorityLevelConfiguration {
            name: name.to_owned(),
            uid: format!("uid-{name}"),
            nominal_concurrency_shares: shares,
            lendable_percent,
            borrowing_limit_percent: None,
            limit: Limit::Queue(Queuing { queues, hand_size, queue_length_limit: 50 }),
        }
    }

    fn controller() -> Arc<Controller> {
        let controller = Controller::new(Arc::new(VirtualClock::default()), 600);
        let levels = vec![
            level("system", 30, 33, 64, 6),
            level("node-high", 40, 25, 64, 6),
            level("leader-election", 10, 0, 16, 4),
            level("workload-high", 40, 50, 128, 6),
            level("workload-low", 100, 90, 128, 6),
            level("global-default", 20, 50, 128, 6),
        ];
        controller.digest_config_objects(Vec::new(), levels);
        controller
    }

    #[test]
    fn seats_are_those_of_kube_apiserver() {
        let seats: BTreeMap<String, (u32, u64)> = controller()
            .levels()
            .iter()
            .filter(|level| level.config.limit != Limit::Exempt)
            .map(|level| (level.config.name.clone(), (level.nominal_seats, level.max_seats_per_request)))
            .collect();
        assert_eq!(seats["system"], (74, 12));
        assert_eq!(seats["node-high"], (98, 15));
        assert_eq!(seats["leader-election"], (25, 4));
        assert_eq!(seats["workload-low"], (245, 37));
        assert_eq!(seats["global-default"], (49, 8));
        assert_eq!(seats["catch-all"], (13, u64::MAX));
    }

    #[test]
    fn everybody_has_a_schema() {
        let controller = controller();
        let cx = testing::context("GET", "/api/v1/pods");
        let name = |groups: &[&str]| controller.classify(&user::Info::new("u", groups), &cx.info).flow_schema.0;
        assert_eq!(name(&["system:masters"]), "exempt");
        assert_eq!(name(&["system:authenticated"]), "catch-all");
        assert_eq!(name(&[]), "catch-all");
    }

    #[test]
    fn flows_differ_by_schema_and_distinguisher() {
        assert_ne!(hash_flow("a", "bc"), hash_flow("ab", "c"));
    }

    #[tokio::test]
    async fn an_idle_level_lends_its_seats() {
        let controller = controller();
        let levels = controller.levels();
        let busy = levels.iter().find(|level| level.config.name == "system").expect("level").clone();
        let mut waiting = Vec::new();
        for hash in 0..200 {
            let set = busy.queue_set.clone();
            waiting.push(tokio::spawn(async move {
                set.start(super::super::width::WorkEstimate::ONE, hash, Default::default(), Duration::from_secs(9))
                    .await
            }));
        }
        while busy.queue_set.counters().executing + busy.queue_set.counters().waiting < 200 {
            tokio::task::yield_now().await;
        }
        assert_eq!(busy.queue_set.counters().executing, 74);
        controller.update_borrowing();
        assert_eq!(busy.queue_set.counters().waiting, 0, "lent seats are used at once");
    }
}
