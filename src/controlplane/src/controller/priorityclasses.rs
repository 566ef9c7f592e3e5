//! The two priority classes that the system's own pods use.
//!
//! Go: pkg/registry/scheduling/rest/storage_scheduling.go AddSystemPriorityClasses

use apimachinery::runtime::schema::GroupVersionResource;
use apiserver::server::hooks::{PostStartHookContext, PostStartHookFunc, post_start_hook};
use client::rest::Error;
use serde_json::json;

use crate::controller::ensure;

/// Name, value and description.
const CLASSES: [(&str, i64, &str); 2] = [
    (
        "system-node-critical",
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
    (
        "system-cluster-critical",
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
];

/// Hook `scheduling/bootstrap-system-priority-classes`.
pub fn hook() -> PostStartHookFunc {
    post_start_hook(|context: PostStartHookContext| async move {
        ensure::retry(30, &context.stop, || sync(context.clone())).await
    })
}

async fn sync(context: PostStartHookContext) -> Result<(), Error> {
    let classes =
        ensure::client(&context).resource(&GroupVersionResource::new("scheduling.k8s.io", "v1", "priorityclasses"));
    for (name, value, description) in CLASSES {
        let class = json!({
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": name},
            "value": value,
            "description": description,
        });
        ensure::exists(&classes, &ensure::object(class)).await?;
    }
    Ok(())
}
