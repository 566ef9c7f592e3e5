//! The config as a person sees it while it fills up: every field, secrets left out.

use std::{collections::BTreeMap, sync::Arc};

use component_base::featuregate::FEATURES;
use phase::snapshot::{Snapshot, Subject};
use serde_json::{Value, json};

use crate::server::{config::Config, healthz::HealthChecker};

impl Subject for Config {
    fn snapshot(&self) -> Arc<Snapshot> {
        Snapshot::value("Config", to_value(self))
    }
}

/// Returns the present state. A field that no stage has set yet is null.
pub fn to_value(config: &Config) -> Value {
    // Without `..`, so that a new field must be shown or left out knowingly.
    let Config {
        secure_serving,
        authentication,
        authorization,
        loopback_client_config,
        rule_resolver,
        admission_control,
        equivalent_resources: _,
        cors_allowed_origin_list,
        hsts_directives,
        enable_index,
        enable_profiling,
        enable_discovery,
        enable_contention_profiling,
        enable_metrics,
        disabled_post_start_hooks,
        post_start_hooks,
        effective_version,
        feature_gate,
        flow_control,
        merged_resource_config,
        rest_options_getter,
        opened_storages: _,
        shared_informer_factory,
        serializer: _,
        aggregated_discovery_group_manager: _,
        aggregated_legacy_discovery_group_manager: _,
        openapi: _,
        definitions: _,
        external_address,
        public_address,
        build_handler_chain_func,
        non_long_running_request_wait_group: _,
        watch_request_wait_group: _,
        healthz_checks,
        livez_checks,
        readyz_checks,
        legacy_api_group_prefixes,
        request_info_resolver: _,
        skip_open_api_installation,
        request_timeout,
        min_request_timeout,
        storage_initialization_timeout,
        livez_grace_period,
        shutdown_delay_duration,
        json_patch_max_copy_bytes,
        max_request_body_bytes,
        max_requests_in_flight,
        max_mutating_requests_in_flight,
        long_running_func: _,
        audit_backend,
        audit_policy_rule_evaluator,
        goaway_chance,
        lifecycle_signals: _,
        shutdown_send_retry_after,
        shutdown_watch_termination_grace_period,
        hostname: _,
        api_server_id,
        metrics: _,
        health_counts: _,
        flagz,
        services: _,
        tracer: _,
    } = config;
    let filters: Vec<&str> = build_handler_chain_func(config).iter().map(|filter| filter.phase().name()).collect();
    let serving = json!({
        "secureServing": secure_serving.as_ref().map(|serving| serving.describe()),
        "externalAddress": external_address,
        "publicAddress": public_address,
        "loopbackClientConfig": loopback_client_config.as_ref().map(|_| "(redacted)"),
        "featureGate": FEATURES.iter().map(|feature| (feature.name, feature_gate.enabled(feature.name))).collect::<BTreeMap<_, _>>(),
        "flowControl": flow_control.as_ref().map(|controller| {
            controller.levels().iter().map(|level| (level.config.name.clone(), level.nominal_seats)).collect::<BTreeMap<_, _>>()
        }),
        "mergedResourceConfig": merged_resource_config
            .as_ref()
            .map(|config| config.enabled_versions().map(ToString::to_string).collect::<Vec<_>>()),
        "sharedInformerFactory": shared_informer_factory.as_ref().map(|_| "set"),
        "restOptionsGetter": rest_options_getter.as_ref().map(|_| "set"),
        "effectiveVersion": effective_version.git_version,
        "apiServerID": api_server_id,
        "flagz": flagz.len(),
        "corsAllowedOriginList": cors_allowed_origin_list,
        "hstsDirectives": hsts_directives,
        "requestTimeout": format!("{request_timeout:?}"),
        "minRequestTimeout": min_request_timeout,
        "maxRequestsInFlight": max_requests_in_flight,
        "maxMutatingRequestsInFlight": max_mutating_requests_in_flight,
        "maxRequestBodyBytes": max_request_body_bytes,
        "jsonPatchMaxCopyBytes": json_patch_max_copy_bytes,
        "goawayChance": goaway_chance,
        "buildHandlerChainFunc": filters,
    });
    let decisions = json!({
        "authentication": {
            "authenticator": authentication.authenticator.as_ref().map(|authenticator| authenticator.name()),
            "apiAudiences": authentication.api_audiences,
            "requestHeaderConfig": authentication.request_header_config.as_ref().map(|config| json!({
                "usernameHeaders": config.username_headers,
                "uidHeaders": config.uid_headers,
                "groupHeaders": config.group_headers,
                "extraHeaderPrefixes": config.extra_header_prefixes,
                "allowedClientNames": config.allowed_client_names,
            })),
        },
        "authorization": {"authorizer": authorization.authorizer.as_ref().map(|authorizer| authorizer.name())},
        "auditBackend": audit_backend.as_ref().map(|_| "set"),
        "auditPolicyRuleEvaluator": audit_policy_rule_evaluator.as_ref().map(|policy| policy.rules.len()),
        "ruleResolver": rule_resolver.as_ref().map(|_| "set"),
        "admissionControl": admission_control.as_ref().map(|chain| chain.names()),
    });
    let life = json!({
        "enableIndex": enable_index,
        "enableProfiling": enable_profiling,
        "enableDiscovery": enable_discovery,
        "enableContentionProfiling": enable_contention_profiling,
        "enableMetrics": enable_metrics,
        "disabledPostStartHooks": disabled_post_start_hooks,
        "postStartHooks": post_start_hooks.iter().map(|hook| &*hook.name).collect::<Vec<_>>(),
        "healthzChecks": names(healthz_checks),
        "livezChecks": names(livez_checks),
        "readyzChecks": names(readyz_checks),
        "legacyAPIGroupPrefixes": legacy_api_group_prefixes,
        "skipOpenAPIInstallation": skip_open_api_installation,
        "storageInitializationTimeout": format!("{storage_initialization_timeout:?}"),
        "livezGracePeriod": format!("{livez_grace_period:?}"),
        "shutdownDelayDuration": format!("{shutdown_delay_duration:?}"),
        "shutdownSendRetryAfter": shutdown_send_retry_after,
        "shutdownWatchTerminationGracePeriod": format!("{shutdown_watch_termination_grace_period:?}"),
    });
    merge([serving, decisions, life])
}

fn names(checks: &[Arc<dyn HealthChecker>]) -> Vec<&str> {
    checks.iter().map(|check| check.name()).collect()
}

fn merge(parts: [Value; 3]) -> Value {
    let fields = parts.into_iter().filter_map(|part| match part {
        Value::Object(fields) => Some(fields),
        _ => None,
    });
    Value::Object(fields.flatten().collect())
}
