//! The chain of servers. They are created from the back to the front; a request visits them from the front to the back.
//!
//! Go: cmd/kube-apiserver/app/server.go CreateServerChain

use std::sync::Arc;

use ::aggregator::apiserver::APIAggregator;
use apiserver::server::{
    delegation::new_empty_delegate_with_custom_handler, notfoundhandler::NotFoundHandler, start_error::StartError,
};
use phase::{catalog::Phase, snapshot::Nothing, trace::Trace};

use crate::kube_apiserver::{aggregator, config::CompletedConfig};

/// Creates the servers and puts each in front of the one before.
///
/// Go: cmd/kube-apiserver/app/server.go CreateServerChain
pub async fn create_server_chain(trace: &Trace, config: CompletedConfig) -> Result<APIAggregator, StartError> {
    let chain = trace.enter(Phase::CreateServerChain, &mut Nothing).await?;

    let phase = trace.enter(Phase::NotFoundHandler, &mut Nothing).await?;
    let not_found = new_empty_delegate_with_custom_handler(Arc::new(NotFoundHandler));
    phase.done();

    let phase = trace.enter(Phase::CreateAPIExtensionsServer, &mut Nothing).await?;
    let api_extensions = config.api_extensions.new(trace, not_found).await?;
    phase.done();

    let phase = trace.enter(Phase::CreateKubeAPIServer, &mut Nothing).await?;
    let kube_api_server = config.kube_apis.new(trace, api_extensions.generic_api_server.clone()).await?;
    phase.done();

    let phase = trace.enter(Phase::CreateAggregatorServer, &mut Nothing).await?;
    let aggregator =
        aggregator::create_server(trace, &config.aggregator, kube_api_server.generic_api_server.clone()).await?;
    phase.done();

    chain.done();
    Ok(aggregator)
}
