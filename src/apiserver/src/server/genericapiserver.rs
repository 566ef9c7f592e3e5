//! One server of the chain, and what can be added to it until it runs.
//!
//! Go: apiserver/pkg/server/genericapiserver.go

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::Location,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use component_base::{featuregate::FeatureGate, version};
use parking_lot::Mutex;
use phase::{
    BoxFuture,
    catalog::Phase,
    clock::Clock,
    snapshot::Nothing,
    trace::{Trace, Tracer},
};

use crate::{
    endpoints::{
        codec::Codec,
        discovery::{aggregated::ResourceManager, root::GroupManager},
        groupversion::APIGroupVersion,
        openapi::{definitions::Definitions, manager::OpenAPIManager},
    },
    request::{context::Services, handler::Handler},
    server::{
        config::Config,
        delegation::DelegationTarget,
        filters::waitgroup::RequestWaitGroup,
        handler::APIServerHandler,
        healthz::{
            self, HealthChecker,
            registry::{DelayedHealthCheck, HealthCheckRegistry},
        },
        hooks::{
            PostStartHookEntry, PostStartHookFunc, PostStartHookHealthz, PreShutdownHookEntry, PreShutdownHookFunc,
        },
        lifecycle_signals::{LifecycleSignal, LifecycleSignals},
        loopback::LoopbackClientConfig,
        routes,
        secure_serving::SecureServingInfo,
        start_error::StartError,
    },
};

/// What releases something when the server is destroyed.
pub type DestroyFunc = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// A server: handlers, hooks, checks. Whoever builds on it adds to it until PrepareRun.
///
/// Go: apiserver/pkg/server/genericapiserver.go GenericAPIServer
pub struct GenericAPIServer {
    /// `kube-aggregator`, `kube-apiserver`, `apiextensions-apiserver`.
    pub name: &'static str,
    /// Filters, director, web services, paths.
    pub handler: APIServerHandler,
    /// Listener and certificates; only the outermost server uses them.
    pub secure_serving_info: Option<Arc<SecureServingInfo>>,
    /// The way back into the outermost server.
    pub loopback_client_config: Option<Arc<LoopbackClientConfig>>,
    /// Host and port under which clients know the server.
    pub external_address: String,
    /// See `Config`.
    pub min_request_timeout: u32,
    /// How long connections may take to finish when the listener closes.
    pub shutdown_timeout: Duration,
    /// See `Config`.
    pub shutdown_delay_duration: Duration,
    /// See `Config`.
    pub shutdown_send_retry_after: bool,
    /// See `Config`.
    pub shutdown_watch_termination_grace_period: Duration,
    /// See `Config`.
    pub non_long_running_request_wait_group: Arc<RequestWaitGroup>,
    /// See `Config`.
    pub watch_request_wait_group: Arc<RequestWaitGroup>,
    /// The moments of the server's life.
    pub lifecycle_signals: LifecycleSignals,
    /// Time and identity.
    pub services: Services,
    /// Starts the trace of the shutdown.
    pub tracer: Arc<Tracer>,
    /// Which features are on.
    pub feature_gate: FeatureGate,
    /// What the server says it is.
    pub effective_version: Arc<version::Info>,
    /// Names and values of all flags, for `/flagz`.
    pub flagz: Arc<BTreeMap<String, String>>,
    /// Where the core group may live.
    pub legacy_api_group_prefixes: BTreeSet<String>,
    /// Writes documents that are no objects of a resource.
    pub serializer: Arc<dyn Codec>,
    /// See `Config`.
    pub openapi: Arc<OpenAPIManager>,
    /// See `Config`.
    pub definitions: Option<Arc<dyn Definitions>>,
    /// The groups and versions that were installed, for whoever publishes them.
    pub installed_versions: Mutex<Vec<Arc<APIGroupVersion>>>,
    /// The groups at `/apis`.
    pub discovery_group_manager: Arc<GroupManager>,
    /// See `Config`.
    pub aggregated_discovery_group_manager: Arc<ResourceManager>,
    /// See `Config`.
    pub aggregated_legacy_discovery_group_manager: Arc<ResourceManager>,
    /// This server, for handlers of its own that look at it.
    pub(super) this: Weak<Self>,
    pub(super) delegation_target: Arc<dyn DelegationTarget>,
    disabled_post_start_hooks: BTreeSet<String>,
    pub(super) post_start_hooks: Mutex<Vec<PostStartHookEntry>>,
    /// Set when the hooks start; nothing can be added from then on.
    pub(super) post_start_hooks_called: AtomicBool,
    pub(super) pre_shutdown_hooks: Mutex<Vec<PreShutdownHookEntry>>,
    healthz_registry: HealthCheckRegistry,
    livez_registry: HealthCheckRegistry,
    readyz_registry: HealthCheckRegistry,
    livez_grace_period: Duration,
    mux_and_discovery_complete_signals: Mutex<Vec<LifecycleSignal>>,
    /// Run by `destroy`, last added first.
    destroy_fns: Mutex<Vec<DestroyFunc>>,
}

impl GenericAPIServer {
    /// Fills a server from its config.
    pub(super) fn from_config(
        name: &'static str,
        c: &Config,
        handler: APIServerHandler,
        delegation_target: Arc<dyn DelegationTarget>,
        this: Weak<Self>,
    ) -> Self {
        Self {
            name,
            handler,
            secure_serving_info: c.secure_serving.clone(),
            loopback_client_config: c.loopback_client_config.clone(),
            external_address: c.external_address.clone(),
            min_request_timeout: c.min_request_timeout,
            shutdown_timeout: c.request_timeout,
            shutdown_delay_duration: c.shutdown_delay_duration,
            shutdown_send_retry_after: c.shutdown_send_retry_after,
            shutdown_watch_termination_grace_period: c.shutdown_watch_termination_grace_period,
            non_long_running_request_wait_group: c.non_long_running_request_wait_group.clone(),
            watch_request_wait_group: c.watch_request_wait_group.clone(),
            lifecycle_signals: c.lifecycle_signals.clone(),
            services: c.services.clone(),
            tracer: c.tracer.clone(),
            feature_gate: c.feature_gate.clone(),
            effective_version: c.effective_version.clone(),
            flagz: c.flagz.clone(),
            legacy_api_group_prefixes: c.legacy_api_group_prefixes.clone(),
            serializer: c.serializer.clone(),
            openapi: c.openapi.clone(),
            definitions: c.definitions.clone(),
            installed_versions: Mutex::default(),
            discovery_group_manager: Arc::new(GroupManager::new(c.serializer.clone())),
            aggregated_discovery_group_manager: c.aggregated_discovery_group_manager.clone(),
            aggregated_legacy_discovery_group_manager: c.aggregated_legacy_discovery_group_manager.clone(),
            this,
            delegation_target,
            disabled_post_start_hooks: c.disabled_post_start_hooks.clone(),
            post_start_hooks: Mutex::default(),
            post_start_hooks_called: AtomicBool::new(false),
            pre_shutdown_hooks: Mutex::default(),
            healthz_registry: HealthCheckRegistry::new("/healthz", &c.healthz_checks, c.health_counts.clone()),
            livez_registry: HealthCheckRegistry::new("/livez", &c.livez_checks, c.health_counts.clone()),
            readyz_registry: HealthCheckRegistry::new("/readyz", &c.readyz_checks, c.health_counts.clone()),
            livez_grace_period: c.livez_grace_period,
            mux_and_discovery_complete_signals: Mutex::default(),
            destroy_fns: Mutex::default(),
        }
    }

    /// Adds a hook and the check that waits for it; a hook that the config disables is silently left out.
    ///
    /// Go: apiserver/pkg/server/hooks.go AddPostStartHook
    #[track_caller]
    pub fn add_post_start_hook(&self, name: &str, hook: PostStartHookFunc) -> Result<(), StartError> {
        let originating_stack = Location::caller();
        self.add_post_start_hook_entry(PostStartHookEntry { originating_stack, ..PostStartHookEntry::new(name, hook) })
    }

    pub(super) fn add_post_start_hook_entry(&self, entry: PostStartHookEntry) -> Result<(), StartError> {
        let refuse =
            |why: String| Err(StartError::new(self.name, format!("unable to add {:?} because {why}", entry.name)));
        if self.disabled_post_start_hooks.contains(&*entry.name) {
            return Ok(());
        }
        if self.post_start_hooks_called.load(Ordering::Relaxed) {
            return refuse("PostStartHooks have already been called".to_owned());
        }
        let mut hooks = self.post_start_hooks.lock();
        if let Some(before) = hooks.iter().find(|before| before.name == entry.name) {
            return refuse(format!("it was already registered by: {}", before.originating_stack));
        }
        let check: Arc<dyn HealthChecker> = Arc::new(PostStartHookHealthz::new(&entry));
        hooks.push(entry);
        drop(hooks);
        self.add_boot_sequence_health_check(check)
    }

    /// Says whether a hook of that name is registered.
    pub fn has_post_start_hook(&self, name: &str) -> bool {
        self.post_start_hooks.lock().iter().any(|hook| &*hook.name == name)
    }

    /// Adds a hook to run before the server stops.
    ///
    /// Go: apiserver/pkg/server/hooks.go AddPreShutdownHook
    pub fn add_pre_shutdown_hook(&self, name: &str, hook: PreShutdownHookFunc) -> Result<(), StartError> {
        let mut hooks = self.pre_shutdown_hooks.lock();
        if hooks.iter().any(|before| &*before.name == name) {
            return Err(StartError::new(self.name, format!("unable to add {name:?} because it is already registered")));
        }
        hooks.push(PreShutdownHookEntry { name: name.into(), hook });
        Ok(())
    }

    /// Adds checks to all three endpoints.
    ///
    /// Go: apiserver/pkg/server/healthz.go AddHealthChecks
    pub fn add_health_checks(&self, checks: Vec<Arc<dyn HealthChecker>>) -> Result<(), StartError> {
        let all = [&self.healthz_registry, &self.livez_registry, &self.readyz_registry];
        let added = all.into_iter().try_for_each(|registry| registry.add_health_checks(checks.iter().cloned()));
        added.map_err(|error| StartError::new(self.name, error))
    }

    /// Adds a check that `/livez` leaves a time of grace: work of the start-up.
    ///
    /// Go: apiserver/pkg/server/healthz.go AddBootSequenceHealthChecks
    pub fn add_boot_sequence_health_check(&self, check: Arc<dyn HealthChecker>) -> Result<(), StartError> {
        let clock: Arc<dyn Clock> = self.services.clock.clone();
        let delayed: Arc<dyn HealthChecker> =
            Arc::new(DelayedHealthCheck::new(check.clone(), clock, self.livez_grace_period));
        self.healthz_registry
            .add_health_checks([check.clone()])
            .and_then(|()| self.livez_registry.add_health_checks([delayed]))
            .and_then(|()| self.readyz_registry.add_health_checks([check]))
            .map_err(|error| StartError::new(self.name, error))
    }

    /// Adds a check to `/readyz` alone.
    ///
    /// Go: apiserver/pkg/server/healthz.go AddReadyzChecks
    pub fn add_readyz_check(&self, check: Arc<dyn HealthChecker>) -> Result<(), StartError> {
        self.readyz_registry.add_health_checks([check]).map_err(|error| StartError::new(self.name, error))
    }

    /// Registers a moment before which an unknown path is not known to be unknown.
    ///
    /// Go: apiserver/pkg/server/genericapiserver.go RegisterMuxAndDiscoveryCompleteSignal
    pub fn register_mux_and_discovery_complete_signal(&self, signal: LifecycleSignal) {
        self.mux_and_discovery_complete_signals.lock().push(signal);
    }

    /// Registers what to release at the end.
    ///
    /// Go: apiserver/pkg/server/genericapiserver.go RegisterDestroyFunc
    pub fn register_destroy_func(&self, destroy: DestroyFunc) {
        self.destroy_fns.lock().push(destroy);
    }

    /// Takes over the hooks of the server behind; their checks come with its other checks.
    pub(super) fn inherit_hooks(&self, delegation_target: &dyn DelegationTarget) {
        self.post_start_hooks.lock().extend(delegation_target.post_start_hooks());
        self.pre_shutdown_hooks.lock().extend(delegation_target.pre_shutdown_hooks());
    }

    pub(super) fn inherit_mux_signals(&self, delegation_target: &dyn DelegationTarget) {
        let signals = delegation_target.mux_and_discovery_complete_signals();
        self.mux_and_discovery_complete_signals.lock().extend(signals);
    }

    /// Makes the health endpoints. No check can be added any more.
    fn install_health(&self) -> Result<(), StartError> {
        let mux = &self.handler.non_go_restful_mux;
        self.healthz_registry.install_handler(mux, None);
        self.livez_registry.install_handler(mux, None);
        let shutdown_initiated = self.lifecycle_signals.shutdown_initiated.clone();
        self.add_readyz_check(healthz::named_check("shutdown", move || {
            let shutting_down = shutdown_initiated.is_signaled();
            async move { if shutting_down { Err("process is shutting down".to_owned()) } else { Ok(()) } }
        }))?;
        self.readyz_registry.install_handler(mux, Some(self.lifecycle_signals.has_been_ready.clone()));
        Ok(())
    }
}

impl DelegationTarget for GenericAPIServer {
    fn unprotected_handler(&self) -> Option<Arc<dyn Handler>> {
        // Behind the filters: the request has passed those of the server in front.
        Some(self.handler.director.clone())
    }

    fn post_start_hooks(&self) -> Vec<PostStartHookEntry> {
        self.post_start_hooks.lock().clone()
    }

    fn pre_shutdown_hooks(&self) -> Vec<PreShutdownHookEntry> {
        self.pre_shutdown_hooks.lock().clone()
    }

    fn healthz_checks(&self) -> Vec<Arc<dyn HealthChecker>> {
        self.healthz_registry.checks()
    }

    fn listed_paths(&self) -> Vec<String> {
        let mut paths = self.handler.listed_paths();
        paths.extend(self.delegation_target.listed_paths());
        paths.sort();
        paths.dedup();
        paths
    }

    fn next_delegate(&self) -> Option<Arc<dyn DelegationTarget>> {
        Some(self.delegation_target.clone())
    }

    /// Go: apiserver/pkg/server/genericapiserver.go PrepareRun
    fn prepare_run<'a>(&'a self, trace: &'a Trace) -> BoxFuture<'a, Result<(), StartError>> {
        Box::pin(async move {
            let phase = trace.enter_labelled(Phase::PrepareRun, self.name, &mut Nothing).await?;
            self.delegation_target.prepare_run(trace).await?;
            self.install_health()?;
            routes::zpages::install(self);
            phase.done();
            Ok(())
        })
    }

    fn mux_and_discovery_complete_signals(&self) -> Vec<LifecycleSignal> {
        self.mux_and_discovery_complete_signals.lock().clone()
    }

    /// Go: apiserver/pkg/server/genericapiserver.go Destroy
    fn destroy(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.delegation_target.destroy().await;
            let destroy_fns = std::mem::take(&mut *self.destroy_fns.lock());
            for destroy in destroy_fns.into_iter().rev() {
                destroy().await;
            }
        })
    }
}
