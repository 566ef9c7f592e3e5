//! The filters of the outermost server, in the order a request meets them.
//!
//! Go: apiserver/pkg/server/config.go DefaultBuildHandlerChain

use auth::authentication::config;

use crate::{
    endpoints::filters::{
        audit_init::WithAuditInit, authentication::WithAuthentication, authorization::WithAuthorization,
        cachecontrol::WithCacheControl, mux_discovery_complete::WithMuxAndDiscoveryComplete,
        request_deadline::WithRequestDeadline, request_received_time::WithRequestReceivedTimestamp,
        requestinfo::WithRequestInfo, warning::WithWarningRecorder,
    },
    request::handler::Filter,
    server::{
        config::Config,
        filters::{timeout::WithTimeoutForNonLongRunningRequests, waitgroup::WithWaitGroup, wrap::WithPanicRecovery},
    },
};

/// Returns the filters. Go wraps from the inside out; here they stand as they are met.
///
/// A filter whose condition is known now to be false is left out: it costs nothing then.
///
/// Go: apiserver/pkg/server/config.go DefaultBuildHandlerChain
pub fn default_build_handler_chain(c: &Config) -> Vec<Box<dyn Filter>> {
    let mut chain: Vec<Box<dyn Filter>> = vec![
        Box::new(WithAuditInit),
        Box::new(WithPanicRecovery),
        Box::new(WithMuxAndDiscoveryComplete::new(c.lifecycle_signals.mux_and_discovery_complete.token())),
        Box::new(WithRequestReceivedTimestamp),
        Box::new(WithRequestInfo::new(c.request_info_resolver.clone())),
    ];
    chain.push(Box::new(WithCacheControl));
    chain
        .push(Box::new(WithWaitGroup::new(c.non_long_running_request_wait_group.clone(), c.long_running_func.clone())));
    chain.push(Box::new(WithRequestDeadline::new(c.request_timeout, c.long_running_func.clone())));
    chain.push(Box::new(WithTimeoutForNonLongRunningRequests));
    chain.push(Box::new(WithWarningRecorder));
    if let Some(authenticator) = &c.authentication.authenticator {
        chain.push(Box::new(WithAuthentication::new(
            authenticator.clone(),
            c.authentication.api_audiences.clone(),
            c.authentication.request_header_config.clone(),
        )));
    }
    if let Some(authorizer) = &c.authorization.authorizer {
        chain.push(Box::new(WithAuthorization::new(authorizer.clone())));
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
