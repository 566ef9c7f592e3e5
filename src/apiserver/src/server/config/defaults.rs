//! The config before any option was applied.
//!
//! Go: apiserver/pkg/server/config.go NewConfig

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use component_base::{featuregate::FeatureGate, metrics::Metrics, version};
use phase::trace::Tracer;

use crate::{
    endpoints::codec::UntypedCodec,
    request::{
        context::Services,
        requestinfo::{self, RequestInfoFactory},
    },
    server::{
        config::{AuthenticationInfo, AuthorizationInfo, Config, handler_chain},
        filters::waitgroup::RequestWaitGroup,
        healthz::{HealthChecker, Log, Ping},
        lifecycle_signals::LifecycleSignals,
    },
};

/// Where the core group lives.
///
/// Go: apiserver/pkg/server/config.go DefaultLegacyAPIPrefix
pub const DEFAULT_LEGACY_API_PREFIX: &str = "/api";

/// Where all other groups live.
///
/// Go: apiserver/pkg/server/config.go APIGroupPrefix
pub const API_GROUP_PREFIX: &str = "/apis";

/// 3 MiB: twice what etcd accepts by default, so that the store and not the handler says what is too large.
const MAX_REQUEST_BODY_BYTES: u64 = 3 * 1024 * 1024;

impl Config {
    /// Returns the defaults. Time, identity and the tracer are the caller's.
    ///
    /// Go: apiserver/pkg/server/config.go NewConfig
    pub fn new(services: Services, tracer: Arc<Tracer>) -> Self {
        let default_health_checks: Vec<Arc<dyn HealthChecker>> = vec![Arc::new(Ping), Arc::new(Log)];
        Self {
            secure_serving: None,
            authentication: AuthenticationInfo::default(),
            authorization: AuthorizationInfo::default(),
            loopback_client_config: None,
            rule_resolver: None,
            admission_control: None,
            equivalent_resources: Arc::default(),
            cors_allowed_origin_list: Vec::new(),
            hsts_directives: Vec::new(),
            enable_index: true,
            enable_profiling: true,
            enable_discovery: true,
            enable_contention_profiling: false,
            enable_metrics: true,
            disabled_post_start_hooks: BTreeSet::new(),
            post_start_hooks: Vec::new(),
            effective_version: Arc::new(version::get()),
            feature_gate: FeatureGate::default(),
            flow_control: None,
            merged_resource_config: None,
            rest_options_getter: None,
            opened_storages: None,
            shared_informer_factory: None,
            serializer: Arc::new(UntypedCodec),
            aggregated_discovery_group_manager: Arc::default(),
            aggregated_legacy_discovery_group_manager: Arc::default(),
            openapi: Arc::default(),
            definitions: None,
            external_address: String::new(),
            public_address: None,
            build_handler_chain_func: Arc::new(handler_chain::default_build_handler_chain),
            non_long_running_request_wait_group: Arc::new(RequestWaitGroup::default()),
            watch_request_wait_group: Arc::new(RequestWaitGroup::default()),
            healthz_checks: default_health_checks.clone(),
            livez_checks: default_health_checks.clone(),
            readyz_checks: default_health_checks,
            legacy_api_group_prefixes: BTreeSet::from([DEFAULT_LEGACY_API_PREFIX.to_owned()]),
            request_info_resolver: RequestInfoFactory::default(),
            skip_open_api_installation: false,
            request_timeout: Duration::from_mins(1),
            min_request_timeout: 1800,
            storage_initialization_timeout: Duration::from_mins(1),
            livez_grace_period: Duration::ZERO,
            shutdown_delay_duration: Duration::ZERO,
            json_patch_max_copy_bytes: MAX_REQUEST_BODY_BYTES,
            max_request_body_bytes: MAX_REQUEST_BODY_BYTES,
            max_requests_in_flight: 400,
            max_mutating_requests_in_flight: 200,
            long_running_func: requestinfo::basic_long_running_request_check(&["watch"], &[]),
            audit_backend: None,
            audit_policy_rule_evaluator: None,
            goaway_chance: 0.0,
            lifecycle_signals: LifecycleSignals::default(),
            shutdown_send_retry_after: false,
            shutdown_watch_termination_grace_period: Duration::ZERO,
            hostname: String::new(),
            api_server_id: String::new(),
            metrics: Metrics::default(),
            health_counts: Arc::default(),
            flagz: Arc::default(),
            services,
            tracer,
        }
    }
}
