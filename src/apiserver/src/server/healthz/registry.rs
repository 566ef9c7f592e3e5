//! The checks of one health endpoint, in the order in which they were added.
//!
//! Go: apiserver/pkg/server/healthz.go healthCheckRegistry

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use phase::{BoxFuture, clock::Clock, clock::Nanos};

use crate::{
    request::context::Context,
    server::{
        healthz::{
            HealthChecker,
            handlers::{CheckHandler, RootHealthHandler},
        },
        lifecycle_signals::LifecycleSignal,
        mux::PathRecorderMux,
    },
};

/// The checks of `/healthz`, `/livez` or `/readyz`.
///
/// Go: apiserver/pkg/server/healthz.go healthCheckRegistry
pub struct HealthCheckRegistry {
    path: &'static str,
    counts: Arc<HealthCounts>,
    /// Added to by whoever builds the server; never removed from.
    checks: Mutex<Checks>,
}

#[derive(Default)]
struct Checks {
    all: Vec<Arc<dyn HealthChecker>>,
    /// Whether the endpoint is there, so that nothing can be added any more. Set by `install_handler`.
    installed: bool,
}

impl HealthCheckRegistry {
    /// Returns a registry that begins with the given checks.
    pub fn new(path: &'static str, checks: &[Arc<dyn HealthChecker>], counts: Arc<HealthCounts>) -> Self {
        Self { path, counts, checks: Mutex::new(Checks { all: checks.to_vec(), installed: false }) }
    }

    /// Adds checks; refuses once the endpoint is there.
    ///
    /// Go: apiserver/pkg/server/healthz.go addHealthChecks
    pub fn add_health_checks(&self, new: impl IntoIterator<Item = Arc<dyn HealthChecker>>) -> Result<(), String> {
        let mut checks = self.checks.lock();
        if checks.installed {
            return Err(format!("unable to add because the {} endpoint has already been created", self.path));
        }
        checks.all.extend(new);
        Ok(())
    }

    /// Returns the checks so far.
    pub fn checks(&self) -> Vec<Arc<dyn HealthChecker>> {
        self.checks.lock().all.clone()
    }

    /// Makes the endpoint and those of the single checks. `first_healthy` comes with the first success.
    ///
    /// Go: apiserver/pkg/server/healthz.go installHandlerWithHealthyFunc
    pub fn install_handler(&self, mux: &PathRecorderMux, first_healthy: Option<LifecycleSignal>) {
        let mut checks = self.checks.lock();
        checks.installed = true;
        let counts = self.counts.clone();
        let root = RootHealthHandler { name: &self.path[1..], checks: checks.all.clone(), counts, first_healthy };
        mux.handle(self.path, Arc::new(root));
        for check in &checks.all {
            mux.handle(&format!("{}/{}", self.path, check.name()), Arc::new(CheckHandler(check.clone())));
        }
    }
}

/// How checks went so far, by endpoint and name.
///
/// Go: component-base/metrics/prometheus/slis/metrics.go
#[derive(Debug, Default)]
pub struct HealthCounts(Mutex<BTreeMap<(&'static str, String), Outcomes>>);

/// How one check went so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Whether it passed last time.
    pub last_ok: bool,
    /// How often it passed.
    pub succeeded: u64,
    /// How often it did not.
    pub failed: u64,
}

impl HealthCounts {
    /// Notes an outcome.
    pub fn observe(&self, endpoint: &'static str, name: &str, ok: bool) {
        let mut counts = self.0.lock();
        let outcomes = counts.entry((endpoint, name.to_owned())).or_default();
        outcomes.last_ok = ok;
        if ok { outcomes.succeeded += 1 } else { outcomes.failed += 1 }
    }

    /// Returns all outcomes, by endpoint and name.
    pub fn all(&self) -> BTreeMap<(&'static str, String), Outcomes> {
        self.0.lock().clone()
    }
}

/// A check that passes until its time of grace is over: `--livez-grace-period`.
///
/// Go: apiserver/pkg/server/healthz.go delayedHealthCheck
pub struct DelayedHealthCheck {
    check: Arc<dyn HealthChecker>,
    clock: Arc<dyn Clock>,
    start_check: Nanos,
}

impl DelayedHealthCheck {
    /// Wraps a check so that it counts only from `delay` on.
    pub fn new(check: Arc<dyn HealthChecker>, clock: Arc<dyn Clock>, delay: Duration) -> Self {
        let start_check = clock.now() + delay.as_nanos() as Nanos;
        Self { check, clock, start_check }
    }
}

impl HealthChecker for DelayedHealthCheck {
    fn name(&self) -> &str {
        self.check.name()
    }

    fn check<'a>(&'a self, cx: &'a Context) -> BoxFuture<'a, Result<(), String>> {
        if self.clock.now() < self.start_check { Box::pin(async { Ok(()) }) } else { self.check.check(cx) }
    }
}
