//! What a server is made of, filled in stage by stage.
//!
//! [`Config`] begins with defaults and is filled by the options' `apply_to`; [`Config::complete`]
//! adds what follows from the rest; only the [`CompletedConfig`] can make a server ([`new`]).
//! The three servers share most of it: the config of a delegate begins as a copy of the main one.
//!
//! Go: apiserver/pkg/server/config.go

pub mod defaults;
pub mod handler_chain;
pub mod new;
pub mod resource_config;
pub mod snapshot;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use auth::{
    audit::{Sink, policy::Policy},
    authentication::{Authenticator, headerrequest::RequestHeaderConfig},
    authorization::{Authorizer, RuleResolver},
};
use client::cache::informer::SharedInformerFactory;
use component_base::{featuregate::FeatureGate, metrics::Metrics, version};
use phase::trace::Tracer;

use crate::{
    admission::{chain::Chain, equivalents::EquivalentResources},
    endpoints::{
        codec::Codec,
        discovery::aggregated::ResourceManager,
        openapi::{definitions::Definitions, manager::OpenAPIManager},
    },
    registry::generic::RESTOptionsGetter,
    request::{
        context::Services,
        handler::Filter,
        requestinfo::{LongRunningFunc, RequestInfoFactory},
    },
    server::{
        config::resource_config::ResourceConfig,
        filters::waitgroup::RequestWaitGroup,
        flowcontrol,
        healthz::{HealthChecker, registry::HealthCounts},
        hooks::PostStartHookEntry,
        lifecycle_signals::LifecycleSignals,
        loopback::LoopbackClientConfig,
        secure_serving::SecureServingInfo,
        storage_objects::OpenedStorages,
    },
};

/// Makes the filters of a server, in the order a request meets them.
pub type BuildHandlerChainFunc = Arc<dyn Fn(&Config) -> Vec<Box<dyn Filter>> + Send + Sync>;

/// Everything a generic server is made of. Each field says which stage sets it.
///
/// Go: apiserver/pkg/server/config.go Config
#[derive(Clone)]
pub struct Config {
    /// Listener and certificates. `SecureServingOptions`.
    pub secure_serving: Option<Arc<SecureServingInfo>>,
    /// Who is asking. `ConfigureAuthentication`.
    pub authentication: AuthenticationInfo,
    /// May they. `ConfigureAuthorization`.
    pub authorization: AuthorizationInfo,
    /// The way back into the server itself. `SecureServingOptions`.
    pub loopback_client_config: Option<Arc<LoopbackClientConfig>>,
    /// What a user may do in a namespace. `ConfigureAuthorization`.
    pub rule_resolver: Option<Arc<dyn RuleResolver>>,
    /// Whether a write is acceptable. `ConfigureAdmission`.
    pub admission_control: Option<Arc<Chain>>,
    /// Which installed resources are the same in other versions; whoever installs one notes it here.
    pub equivalent_resources: Arc<EquivalentResources>,
    /// Regular expressions of web origins that may call the server. `ServerRunOptions`.
    pub cors_allowed_origin_list: Vec<String>,
    /// Directives of `Strict-Transport-Security`. `ServerRunOptions`.
    pub hsts_directives: Vec<String>,
    /// Whether `/` lists the paths.
    pub enable_index: bool,
    /// Whether `/debug/pprof` is there. `FeatureOptions`.
    pub enable_profiling: bool,
    /// Whether `/apis` is this server's own list of groups; the aggregator makes its own.
    pub enable_discovery: bool,
    /// Whether lock contention is profiled. `FeatureOptions`.
    pub enable_contention_profiling: bool,
    /// Whether `/metrics` is there.
    pub enable_metrics: bool,
    /// Hooks that are not run even if somebody adds them: `rbac/bootstrap-roles` without RBAC.
    pub disabled_post_start_hooks: BTreeSet<String>,
    /// Hooks that whoever filled the config wants run, in the order in which they were added.
    pub post_start_hooks: Vec<PostStartHookEntry>,
    /// What the server says it is. `ServerRunOptions`.
    pub effective_version: Arc<version::Info>,
    /// Which features are on. `ServerRunOptions`.
    pub feature_gate: FeatureGate,
    /// Lets requests queue by flow; without it only their number is limited. `FeatureOptions`.
    pub flow_control: Option<Arc<flowcontrol::controller::Controller>>,
    /// Which versions and resources are served. `APIEnablementOptions`.
    pub merged_resource_config: Option<ResourceConfig>,
    /// Makes the storage of resources. `EtcdOptions`.
    pub rest_options_getter: Option<Arc<dyn RESTOptionsGetter>>,
    /// The storages that it opened so far. `EtcdOptions`.
    pub opened_storages: Option<Arc<OpenedStorages>>,
    /// Follows the objects that several parts of the server read. `LoopbackClient`.
    pub shared_informer_factory: Option<Arc<SharedInformerFactory>>,
    /// Writes documents that are no objects of a resource: discovery. `BuildGenericConfig`.
    pub serializer: Arc<dyn Codec>,
    /// What all servers of the chain serve below `/apis`, in one document. Shared by them.
    pub aggregated_discovery_group_manager: Arc<ResourceManager>,
    /// What the servers of the chain serve, as OpenAPI. Shared by them.
    pub openapi: Arc<OpenAPIManager>,
    /// The types of built-in kinds, for OpenAPI. `BuildGenericConfig`.
    pub definitions: Option<Arc<dyn Definitions>>,
    /// The same for `/api`.
    pub aggregated_legacy_discovery_group_manager: Arc<ResourceManager>,
    /// Host and port under which clients know the server: `10.0.0.7:6443`. `ServerRunOptions`.
    pub external_address: String,
    /// The address under which other servers reach this one. `ServerRunOptions`.
    pub public_address: Option<IpAddr>,
    /// Makes the filters.
    pub build_handler_chain_func: BuildHandlerChainFunc,
    /// Counts requests in flight that end by themselves, for the shutdown.
    pub non_long_running_request_wait_group: Arc<RequestWaitGroup>,
    /// Counts watches in flight.
    pub watch_request_wait_group: Arc<RequestWaitGroup>,
    /// Checks of `/healthz`, `/livez` and `/readyz`, added to by several stages.
    pub healthz_checks: Vec<Arc<dyn HealthChecker>>,
    /// See `healthz_checks`.
    pub livez_checks: Vec<Arc<dyn HealthChecker>>,
    /// See `healthz_checks`.
    pub readyz_checks: Vec<Arc<dyn HealthChecker>>,
    /// Where the core group lives: `/api`.
    pub legacy_api_group_prefixes: BTreeSet<String>,
    /// Reads what a request asks for.
    pub request_info_resolver: RequestInfoFactory,
    /// Whether the documents of `/openapi` are somebody else's work: the aggregator's.
    pub skip_open_api_installation: bool,
    /// How long a request that is not long-running may take. `ServerRunOptions`.
    pub request_timeout: Duration,
    /// Least seconds after which a watch ends that names no time-out; at most twice as many. `ServerRunOptions`.
    pub min_request_timeout: u32,
    /// How long `storage-readiness` waits for the watch caches. `ServerRunOptions`.
    pub storage_initialization_timeout: Duration,
    /// How long hooks may take before `/livez` counts them. `ServerRunOptions`.
    pub livez_grace_period: Duration,
    /// Time between the stop signal and the end of accepting requests. `ServerRunOptions`.
    pub shutdown_delay_duration: Duration,
    /// Bytes that copy operations of a JSON patch may add. `ServerRunOptions`.
    pub json_patch_max_copy_bytes: u64,
    /// Bytes of a request's body. `ServerRunOptions`.
    pub max_request_body_bytes: u64,
    /// Reading requests served at a time; the sum of both is what priority and fairness divides. `ServerRunOptions`.
    pub max_requests_in_flight: u32,
    /// Writing requests served at a time. `ServerRunOptions`.
    pub max_mutating_requests_in_flight: u32,
    /// Which requests may take as long as they like.
    pub long_running_func: LongRunningFunc,
    /// Where audit events go. `AuditOptions`.
    pub audit_backend: Option<Arc<dyn Sink>>,
    /// How much is written down of which request. `AuditOptions`.
    pub audit_policy_rule_evaluator: Option<Arc<Policy>>,
    /// The share of HTTP/2 requests after which the connection is closed. `ServerRunOptions`.
    pub goaway_chance: f64,
    /// The moments of the server's life, shared by the three servers.
    pub lifecycle_signals: LifecycleSignals,
    /// Whether requests are answered with 429 while the server drains. `ServerRunOptions`.
    pub shutdown_send_retry_after: bool,
    /// How long watches may take to end when the server stops; zero: they are cut. `ServerRunOptions`.
    pub shutdown_watch_termination_grace_period: Duration,
    /// The machine's name.
    pub hostname: String,
    /// Names this server among its replicas.
    pub api_server_id: String,
    /// What is counted, by everybody who counts. `Config::new`.
    pub metrics: Metrics,
    /// How health checks went. `Config::new`.
    pub health_counts: Arc<HealthCounts>,
    /// Names and values of all flags, secrets left out, for `/flagz`. `BuildGenericConfig`.
    pub flagz: Arc<BTreeMap<String, String>>,
    /// Time and identity.
    pub services: Services,
    /// Starts the traces of requests.
    pub tracer: Arc<Tracer>,
}

/// Go: apiserver/pkg/server/config.go AuthenticationInfo
#[derive(Clone, Default)]
pub struct AuthenticationInfo {
    /// The audiences a token may be meant for.
    pub api_audiences: Vec<String>,
    /// Recognises requests; without it everybody is nobody and no 401 is ever answered.
    pub authenticator: Option<Arc<dyn Authenticator>>,
    /// How front proxies name users.
    pub request_header_config: Option<RequestHeaderConfig>,
}

/// Go: apiserver/pkg/server/config.go AuthorizationInfo
#[derive(Clone, Default)]
pub struct AuthorizationInfo {
    /// Decides; without it everything is allowed.
    pub authorizer: Option<Arc<dyn Authorizer>>,
}

/// A config that can make a server.
///
/// Go: apiserver/pkg/server/config.go CompletedConfig
#[derive(Clone)]
pub struct CompletedConfig {
    /// The config, complete.
    pub config: Config,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", snapshot::to_value(self))
    }
}

impl Config {
    /// Adds checks to all three health endpoints.
    ///
    /// Go: apiserver/pkg/server/config.go AddHealthChecks
    pub fn add_health_checks(&mut self, checks: &[Arc<dyn HealthChecker>]) {
        self.healthz_checks.extend_from_slice(checks);
        self.livez_checks.extend_from_slice(checks);
        self.readyz_checks.extend_from_slice(checks);
    }

    /// Adds checks to `/readyz` alone.
    ///
    /// Go: apiserver/pkg/server/config.go AddReadyzChecks
    pub fn add_readyz_checks(&mut self, checks: &[Arc<dyn HealthChecker>]) {
        self.readyz_checks.extend_from_slice(checks);
    }

    /// Adds a hook for the server to be made.
    ///
    /// Go: apiserver/pkg/server/config.go AddPostStartHook
    pub fn add_post_start_hook(&mut self, entry: PostStartHookEntry) -> Result<(), String> {
        if self.disabled_post_start_hooks.contains(&*entry.name) {
            return Ok(());
        }
        if let Some(before) = self.post_start_hooks.iter().find(|before| before.name == entry.name) {
            return Err(format!("unable to add {:?} because it was already registered by: {before:?}", entry.name));
        }
        self.post_start_hooks.push(entry);
        Ok(())
    }

    /// Adds what follows from the rest.
    ///
    /// Go: apiserver/pkg/server/config.go Complete
    pub fn complete(mut self) -> CompletedConfig {
        if self.external_address.is_empty()
            && let Some(address) = self.public_address
        {
            self.external_address = address.to_string();
        }
        let port = self.secure_serving.as_ref().and_then(|serving| serving.port());
        if let Some(port) = port
            && !has_port(&self.external_address)
        {
            self.external_address = match self.external_address.parse() {
                Ok(IpAddr::V6(address)) => format!("[{address}]:{port}"),
                _ => format!("{}:{port}", self.external_address),
            };
        }
        self.authorize_client_bearer_token();
        CompletedConfig { config: self }
    }
}

fn has_port(address: &str) -> bool {
    address
        .rsplit_once(':')
        .is_some_and(|(host, port)| port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_external_address_may_bear_its_port() {
        for (address, expected) in
            [("10.0.0.7", false), ("10.0.0.7:6443", true), ("::1", false), ("[::1]:6443", true), ("host:1", true)]
        {
            assert_eq!(has_port(address), expected, "{address}");
        }
    }
}
