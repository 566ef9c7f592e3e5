//! Lease `kube-system/apiserver-<hash>`: that this server lives.
//!
//! Go: pkg/controlplane/apiserver/server.go, component-helpers/apimachinery/lease/controller.go

use std::time::Duration;

use apimachinery::{meta::time, runtime::schema::GroupVersionResource};
use apiserver::server::hooks::{PostStartHookContext, PostStartHookFunc, post_start_hook};
use client::rest::Error;
use serde_json::{Value, json};

use crate::controller::ensure;

/// How long a lease holds, in seconds.
const DURATION_SECONDS: u64 = 3600;
/// How often it is renewed.
const RENEW: Duration = Duration::from_secs(10);
/// How often expired leases of other servers are removed.
const COLLECT: Duration = Duration::from_hours(1);
/// Marks these leases.
const IDENTITY_LABEL: &str = "apiserver.kubernetes.io/identity";

/// Hook `start-kube-apiserver-identity-lease-controller`.
pub fn hook(apiserver_id: String, hostname: String) -> PostStartHookFunc {
    post_start_hook(move |context: PostStartHookContext| {
        let (id, hostname) = (apiserver_id.clone(), hostname.clone());
        async move {
            let holder = format!("{id}_{}", context.services.ids.uuid());
            tokio::spawn(async move {
                loop {
                    let renewed = renew(&context, &id, &hostname, &holder).await;
                    if let Err(error) = &renewed {
                        tracing::debug!(%error, "cannot renew the identity lease yet");
                    }
                    let period = if renewed.is_ok() { RENEW } else { Duration::from_millis(200) };
                    if ensure::pause(period, &context.stop).await.is_err() {
                        return;
                    }
                }
            });
            Ok(())
        }
    })
}

async fn renew(context: &PostStartHookContext, id: &str, hostname: &str, holder: &str) -> Result<(), Error> {
    let leases = leases(context);
    let now = time::rfc3339_micro(context.services.clock.wall());
    let mut lease = ensure::exists(
        &leases,
        &ensure::object(json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": id,
                "namespace": "kube-system",
                "labels": {IDENTITY_LABEL: "kube-apiserver", "kubernetes.io/hostname": hostname},
            },
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": DURATION_SECONDS, "renewTime": now},
        })),
    )
    .await?;
    if lease.str(&["spec", "renewTime"]) != now {
        lease.set(&["spec", "holderIdentity"], holder);
        lease.set(&["spec", "renewTime"], now);
        leases.update(&lease, "").await?;
    }
    Ok(())
}

/// Hook `start-kube-apiserver-identity-lease-garbage-collector`.
pub fn garbage_collector() -> PostStartHookFunc {
    post_start_hook(|context: PostStartHookContext| async move {
        tokio::spawn(async move {
            while ensure::pause(COLLECT, &context.stop).await.is_ok() {
                if let Err(error) = collect(&context).await {
                    tracing::warn!(%error, "cannot remove expired identity leases");
                }
            }
        });
        Ok(())
    })
}

async fn collect(context: &PostStartHookContext) -> Result<(), Error> {
    let leases = leases(context);
    let selector = format!("{IDENTITY_LABEL}=kube-apiserver");
    let now = context.services.clock.wall();
    for lease in leases.list(&[("labelSelector", selector.as_str())]).await?.items {
        let renewed = time::parse(lease.str(&["spec", "renewTime"])).unwrap_or_default();
        let holds = lease.get(&["spec", "leaseDurationSeconds"]).and_then(Value::as_u64).unwrap_or_default();
        if renewed + Duration::from_secs(holds) < now {
            leases.delete(lease.name(), &Value::Null).await?;
        }
    }
    Ok(())
}

fn leases(context: &PostStartHookContext) -> client::rest::Resource {
    let leases = GroupVersionResource::new("coordination.k8s.io", "v1", "leases");
    ensure::client(context).resource(&leases).namespace("kube-system")
}
