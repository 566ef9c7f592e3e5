//! `kube-system`, `kube-public`, `default` and `kube-node-lease`.
//!
//! Go: pkg/controlplane/controller/systemnamespaces/system_namespaces_controller.go

use std::time::Duration;

use apimachinery::runtime::schema::GroupVersionResource;
use apiserver::server::hooks::{PostStartHookContext, PostStartHookFunc, post_start_hook};
use client::rest::Error;
use serde_json::json;

use crate::controller::ensure;

/// The namespaces, in the order in which they are created.
pub const SYSTEM_NAMESPACES: [&str; 4] = ["kube-system", "kube-public", "default", "kube-node-lease"];

/// How often they are looked after.
const PERIOD: Duration = Duration::from_mins(1);

/// Hook `start-system-namespaces-controller`.
pub fn hook() -> PostStartHookFunc {
    post_start_hook(|context: PostStartHookContext| async move {
        ensure::retry(30, &context.stop, || sync(context.clone())).await?;
        tokio::spawn(async move {
            while ensure::pause(PERIOD, &context.stop).await.is_ok() {
                if let Err(error) = sync(context.clone()).await {
                    tracing::warn!(%error, "cannot keep the system namespaces");
                }
            }
        });
        Ok(())
    })
}

async fn sync(context: PostStartHookContext) -> Result<(), Error> {
    let namespaces = ensure::client(&context).resource(&GroupVersionResource::new("", "v1", "namespaces"));
    for name in SYSTEM_NAMESPACES {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        ensure::exists(&namespaces, &ensure::object(namespace)).await?;
    }
    Ok(())
}
