//! The filters of the outermost server, in the order a request meets them.
//!
//! Go: apiserver/pkg/server/config.go DefaultBuildHandlerChain

use std::sync::Arc;

use auth::authentication::config;

use crate::{
    endpoints::filters::{
        audit::{Audit, WithAudit},
        audit_init::WithAuditInit,
        authentication::WithAuthentication,
        authorization::WithAuthorization,
        cachecontrol::WithCacheControl,
        impersonation::{Constrained, WithConstrainedImpersonation},
        mux_discovery_complete::WithMuxAndDiscoveryComplete,
        request_deadline::WithRequestDeadline,
        request_received_time::WithRequestReceivedTimestamp,
        requestinfo::WithRequestInfo,
        traces::WithTracing,
        warning::WithWarningRecorder,
        webhook_duration::WithLatencyTrackers,
    },
    request::handler::Filter,
    server::{
        config::Config,
        filters::{
            cors::WithCORS, goaway::WithProbabilisticGoaway, hsts::WithHSTS, httplog::WithHTTPLogging,
            maxinflight::WithMaxInFlightLimit, priority_and_fairness::WithPriorityAndFairness,
            timeout::WithTimeoutForNonLongRunningRequests, waitgroup::WithWaitGroup,
            watch_termination::WithWatchTerminationDuringShutdown, with_retry_after::WithRetryAfter,
            wrap::WithPanicRecovery,
        },
    },
};

/// Returns the filters. Go wraps from the inside out; here they stand as they are met.
///
/// A filter whose condition is known now to be false is left out: it costs nothing then.
///
/// Go: apiserver/pkg/server/config.go DefaultBuildHandlerChain
pub fn default_build_handler_chain(c: &Config) -> Vec<Box<dyn Filter>> {
    let mut chain = filters_for_every_request(c);
    chain.extend(filters_of_the_shutdown(c));
    chain.extend(filters_of_the_user(c));
    chain
}

/// What a request is: its name, its time, its form.
fn filters_for_every_request(c: &Config) -> Vec<Box<dyn Filter>> {
    vec![
        Box::new(WithAuditInit),
        Box::new(WithPanicRecovery),
        Box::new(WithMuxAndDiscoveryComplete::new(c.lifecycle_signals.mux_and_discovery_complete.token())),
        Box::new(WithRequestReceivedTimestamp),
        Box::new(WithRequestInfo::new(c.request_info_resolver.clone())),
        Box::new(WithLatencyTrackers),
        Box::new(WithHTTPLogging),
    ]
}

/// How long it may take, and what happens to it when the server goes.
fn filters_of_the_shutdown(c: &Config) -> Vec<Box<dyn Filter>> {
    let signals = &c.lifecycle_signals;
    let long_running = &c.long_running_func;
    let mut chain: Vec<Box<dyn Filter>> = Vec::new();
    if c.shutdown_send_retry_after {
        chain.push(Box::new(WithRetryAfter::new(signals.not_accepting_new_request.clone())));
    }
    if !c.hsts_directives.is_empty() {
        chain.push(Box::new(WithHSTS::new(&c.hsts_directives)));
    }
    chain.push(Box::new(WithCacheControl));
    if c.goaway_chance > 0.0 {
        chain.push(Box::new(WithProbabilisticGoaway::new(c.goaway_chance)));
    }
    if !c.shutdown_watch_termination_grace_period.is_zero() {
        let (signal, group) = (signals.not_accepting_new_request.clone(), c.watch_request_wait_group.clone());
        chain.push(Box::new(WithWatchTerminationDuringShutdown::new(signal, group)));
    }
    chain.push(Box::new(WithWaitGroup::new(c.non_long_running_request_wait_group.clone(), long_running.clone())));
    chain.push(Box::new(WithRequestDeadline::new(c.request_timeout, long_running.clone())));
    chain.push(Box::new(WithTimeoutForNonLongRunningRequests));
    chain.push(Box::new(WithWarningRecorder));
    if !c.cors_allowed_origin_list.is_empty() {
        chain.push(Box::new(WithCORS::new(&c.cors_allowed_origin_list)));
    }
    chain
}

/// Who asks, in whose name, when it is their turn, and whether they may.
fn filters_of_the_user(c: &Config) -> Vec<Box<dyn Filter>> {
    // Without a policy nothing is written down, and without a backend neither.
    let audit = c.audit_backend.clone().zip(c.audit_policy_rule_evaluator.clone());
    let audit = audit.map(|(sink, policy)| Arc::new(Audit { sink, policy, codec: c.serializer.clone() }));
    let mut chain: Vec<Box<dyn Filter>> = Vec::new();
    if let Some(authenticator) = &c.authentication.authenticator {
        chain.push(Box::new(WithAuthentication::new(
            authenticator.clone(),
            c.authentication.api_audiences.clone(),
            c.authentication.request_header_config.clone(),
            audit.clone(),
            c.serializer.clone(),
        )));
    }
    chain.push(Box::new(WithTracing));
    chain.push(Box::new(WithAudit::new(audit, c.long_running_func.clone())));
    if let Some(authorizer) = &c.authorization.authorizer {
        let on = c.feature_gate.enabled("ConstrainedImpersonation");
        let constrained = if on { Constrained::On } else { Constrained::Off };
        chain.push(Box::new(WithConstrainedImpersonation::new(authorizer.clone(), constrained, c.serializer.clone())));
    }
    chain.push(match &c.flow_control {
        Some(controller) => {
            Box::new(WithPriorityAndFairness::new(controller.clone(), c.long_running_func.clone(), c.request_timeout))
        }
        None => Box::new(WithMaxInFlightLimit::new(
            c.max_requests_in_flight,
            c.max_mutating_requests_in_flight,
            c.long_running_func.clone(),
        )),
    });
    if let Some(authorizer) = &c.authorization.authorizer {
        chain.push(Box::new(WithAuthorization::new(authorizer.clone(), c.serializer.clone())));
    }
    chain
}

impl Config {
    /// Puts an authenticator for the loopback client's token in front of the others.
    ///
    /// Go: apiserver/pkg/server/config.go AuthorizeClientBearerToken
    pub(super) fn authorize_client_bearer_token(&mut self) {
        let (Some(loopback), Some(then)) = (&self.loopback_client_config, &self.authentication.authenticator) else {
            return;
        };
        let token = loopback.bearer_token().to_owned();
        let api_audiences = self.authentication.api_audiences.clone();
        let authenticator =
            config::authorize_client_bearer_token(token, self.services.ids.uuid(), api_audiences, then.clone());
        self.authentication.authenticator = Some(authenticator);
    }
}
