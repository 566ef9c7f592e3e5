//! Since when the use of old service account tokens is tracked.
//!
//! Go: pkg/controlplane/controller/legacytokentracking/controller.go

use apimachinery::{meta::time, runtime::schema::GroupVersionResource};
use apiserver::server::hooks::{PostStartHookContext, PostStartHookFunc, post_start_hook};
use serde_json::json;

use crate::controller::ensure;

/// Hook `start-legacy-token-tracking-controller`.
pub fn hook() -> PostStartHookFunc {
    post_start_hook(|context: PostStartHookContext| async move {
        tokio::spawn(async move {
            let maps = GroupVersionResource::new("", "v1", "configmaps");
            let today = time::rfc3339(context.services.clock.wall()).chars().take(10).collect::<String>();
            let map = ensure::object(json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "kube-apiserver-legacy-service-account-token-tracking", "namespace": "kube-system"},
                "data": {"since": today},
            }));
            let created = ensure::retry(60, &context.stop, || {
                let maps = ensure::client(&context).resource(&maps).namespace("kube-system");
                let map = map.clone();
                async move { ensure::exists(&maps, &map).await.map(|_| ()) }
            })
            .await;
            if let Err(error) = created {
                tracing::warn!(%error, "cannot record since when legacy tokens are tracked");
            }
        });
        Ok(())
    })
}
