//! Where replicas of this server can reach it: a lease of its own, which ends soon after the server does.
//!
//! Go: pkg/controlplane/reconcilers, apiserver/pkg/reconcilers/peer_endpoint_lease.go
//!
//! A replica that cannot serve a resource could hand the request to one that can; nobody reads the lease otherwise.

use std::{net::IpAddr, sync::Arc, time::Duration};

use apimachinery::runtime::{
    object::Object,
    schema::{GroupResource, GroupVersion},
};
use apiserver::{
    endpoints::negotiation::MediaType,
    server::hooks::{PostStartHookContext, PostStartHookFunc, post_start_hook},
};
use phase::trace::Trace;
use serde_json::json;
use storage::{
    etcd3::{
        lease_manager::{LeaseManager, LeaseManagerConfig},
        store::Store,
    },
    interface::{self, Interface, Missing, Preconditions},
};

use crate::{apiserver::storage::StorageFactory, controller::ensure, registry::codec::StorageCodec};

/// How often the lease is renewed.
///
/// Go: DefaultEndpointReconcilerInterval
const PERIOD: Duration = Duration::from_secs(10);

/// How many seconds it lasts.
///
/// Go: DefaultEndpointReconcilerTTL
const TTL: u64 = 15;

/// What the lease says.
#[derive(Clone, Debug)]
pub struct PeerLease {
    /// Names this server among its replicas.
    pub api_server_id: String,
    /// Where it can be reached.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
}

/// Hook `peer-endpoint-reconciler-controller`.
pub fn hook(lease: PeerLease, factory: StorageFactory) -> PostStartHookFunc {
    post_start_hook(move |context: PostStartHookContext| {
        let (lease, factory) = (lease.clone(), factory.clone());
        async move {
            tokio::spawn(async move {
                let store = store(&factory, &context);
                loop {
                    if let Err(error) = lease.renew(&*store).await {
                        tracing::warn!(%error, "cannot renew the lease of this server");
                    }
                    if ensure::pause(PERIOD, &context.stop).await.is_err() {
                        return;
                    }
                }
            });
            Ok(())
        }
    })
}

/// The leases have a place of their own, behind no resource and no watch cache.
fn store(factory: &StorageFactory, context: &PostStartHookContext) -> Arc<dyn Interface> {
    let hub = GroupVersion::new("", "v1").with_kind("Endpoints");
    let resource = interface::Resource {
        group_resource: GroupResource::new("", "apiServerPeerIPInfo"),
        prefix: "/peerserverleases".to_owned(),
        codec: Arc::new(StorageCodec { hub, media: MediaType::Protobuf }),
        fields: Arc::new(interface::metadata_fields),
    };
    // No lease is shared: this one shall end when the server does.
    let config = LeaseManagerConfig { reuse_duration_seconds: 0, max_object_count: 1 };
    let leases = LeaseManager::new(config, context.services.clock.clone());
    let transformer = factory.transformers.of(&resource.group_resource);
    Arc::new(Store::new(factory.backend.clone(), &factory.config.prefix, resource, transformer, leases))
}

impl PeerLease {
    async fn renew(&self, store: &dyn Interface) -> Result<(), storage::error::Error> {
        let key = format!("/peerserverleases/{}", self.api_server_id);
        let mut update = |_: Option<Object>| Ok((self.object(), Some(TTL)));
        let trace = Trace::unwatched();
        store.guaranteed_update(&trace, &key, Missing::Create, Preconditions::default(), &mut update).await.map(drop)
    }

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
