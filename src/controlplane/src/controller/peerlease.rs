//! Where replicas of this server can reach it: a lease of its own.
//!
//! Go: apiserver/pkg/reconcilers/peer_endpoint_lease.go PeerEndpointLeaseController
//!
//! A replica that cannot serve a resource could hand the request to one that can; nobody reads the lease otherwise.

use std::{net::IpAddr, sync::Arc, time::Duration};

use apimachinery::runtime::object::Object;
use apiserver::server::hooks::{
    PostStartHookContext, PostStartHookFunc, PreShutdownHookFunc, post_start_hook, pre_shutdown_hook,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::controller::{ensure, leases::Leases};

/// How often the lease is renewed.
///
/// Go: DefaultEndpointReconcilerInterval
const PERIOD: Duration = Duration::from_secs(10);

/// What the lease says, and where it is kept.
pub struct PeerLease {
    /// Names this server among its replicas.
    pub api_server_id: String,
    /// Where it can be reached.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// Where it is kept.
    pub leases: Leases,
    /// Set when the server is about to stop.
    pub stopping: CancellationToken,
}

/// The hooks `peer-endpoint-reconciler-controller`: one begins, one ends the lease.
pub fn hooks(lease: PeerLease) -> (PostStartHookFunc, PreShutdownHookFunc) {
    let lease = Arc::new(lease);
    let ending = lease.clone();
    let start = post_start_hook(move |_: PostStartHookContext| {
        let lease = lease.clone();
        async move {
            tokio::spawn(async move {
                loop {
                    if let Err(error) = lease.leases.renew(&lease.api_server_id, &lease.object()).await {
                        tracing::warn!(%error, "cannot renew the lease of this server");
                    }
                    if ensure::pause(PERIOD, &lease.stopping).await.is_err() {
                        return;
                    }
                }
            });
            Ok(())
        }
    });
    let stop = pre_shutdown_hook(move || {
        let lease = ending.clone();
        async move {
            lease.stopping.cancel();
            let removed = tokio::time::timeout(2 * PERIOD, lease.leases.remove(&lease.api_server_id)).await;
            removed.map_err(|error| error.to_string())?.map(drop).map_err(|error| error.to_string())
        }
    });
    (start, stop)
}

impl PeerLease {
    fn object(&self) -> Object {
        ensure::object(json!({
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {"labels": {"apiserverIdentity": self.api_server_id}},
            "subsets": [{
                "addresses": [{"ip": self.address.to_string()}],
                "ports": [{"name": "https", "port": self.port, "protocol": "TCP"}],
            }],
        }))
    }
}
