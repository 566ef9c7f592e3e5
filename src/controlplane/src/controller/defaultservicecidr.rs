//! ServiceCIDR `kubernetes`: the address range of the flags, as an object.
//!
//! Go: pkg/controlplane/controller/defaultservicecidr/default_servicecidr_controller.go

use apimachinery::{meta::time, runtime::schema::GroupVersionResource};
use apiserver::server::hooks::{PostStartHookContext, PostStartHookFunc, post_start_hook};
use client::rest::Error;
use serde_json::json;

use crate::{controller::ensure, options::servicecidr::ServiceRanges};

/// Hook `start-kubernetes-service-cidr-controller`.
pub fn hook(ranges: ServiceRanges) -> PostStartHookFunc {
    post_start_hook(move |context: PostStartHookContext| {
        let ranges = ranges.clone();
        async move { ensure::retry(30, &context.stop, || sync(context.clone(), ranges.clone())).await }
    })
}

async fn sync(context: PostStartHookContext, ranges: ServiceRanges) -> Result<(), Error> {
    let client = ensure::client(&context);
    let cidrs = client.resource(&GroupVersionResource::new("networking.k8s.io", "v1", "servicecidrs"));
    let list: Vec<String> =
        [Some(ranges.primary), ranges.secondary].into_iter().flatten().map(|range| range.to_string()).collect();
    let mut present = ensure::exists(
        &cidrs,
        &ensure::object(json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "ServiceCIDR",
            "metadata": {"name": "kubernetes"},
            "spec": {"cidrs": list},
        })),
    )
    .await?;
    if present.get(&["status", "conditions"]).is_none() {
        let ready = json!([{
            "type": "Ready",
            "status": "True",
            "reason": "",
            "message": "Kubernetes default Service CIDR is ready",
            "lastTransitionTime": time::rfc3339(context.services.clock.wall()),
        }]);
        present.set(&["status", "conditions"], ready);
        cidrs.update(&present, "status").await?;
    }
    Ok(())
}
