//! Hook `start-service-ip-repair-controllers`: every service has its IPAddress, and every IPAddress its service.
//!
//! Go: pkg/registry/core/service/ipallocator/controller/repairip.go
//!
//! Simplified: what does not fit is put in order every few minutes; Kubernetes watches, and says in events what it did.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use api::core::service::facts;
use apimachinery::{
    meta::time,
    runtime::{object::Object, schema::GroupVersion},
    util::ip::parse_ip_sloppy,
};
use apiserver::server::hooks::{PostStartHookContext, PostStartHookFunc, post_start_hook};
use client::rest::Error;
use serde_json::json;

use crate::{
    controller::ensure,
    registry::core::service::cluster_ips::{MANAGED_BY, MANAGED_BY_LABEL, ip_address, resource},
};

/// How often.
const PERIOD: Duration = Duration::from_mins(3);

/// How old an IPAddress must be before it may count as forgotten: its service is written after it.
///
/// Go: gracePeriod
const GRACE_PERIOD: Duration = Duration::from_mins(1);

/// The hook.
pub fn hook() -> PostStartHookFunc {
    post_start_hook(|context: PostStartHookContext| async move {
        tokio::spawn(async move {
            loop {
                let repaired = repair(&context).await;
                let pause = if repaired.is_ok() { PERIOD } else { Duration::from_secs(1) };
                if let Err(error) = repaired {
                    tracing::debug!(%error, "cannot repair cluster addresses yet");
                }
                if ensure::pause(pause, &context.stop).await.is_err() {
                    return;
                }
            }
        });
        Ok(())
    })
}

async fn repair(context: &PostStartHookContext) -> Result<(), Error> {
    let client = ensure::client(context);
    let addresses = resource(&client);
    // Addresses first: one that is given out meanwhile must not look forgotten.
    let selector = format!("{MANAGED_BY_LABEL}={MANAGED_BY}");
    let known = addresses.list(&[("labelSelector", &selector)]).await?.items;
    let services = client.resource(&GroupVersion::new("", "v1").with_resource("services")).list(&[]).await?.items;
    let mut owners: BTreeMap<String, &Object> = BTreeMap::new();
    for service in services.iter().filter(|service| facts::needs_cluster_ip(service)) {
        let list = facts::cluster_ips(service).into_iter().filter_map(parse_ip_sloppy);
        owners.extend(list.map(|address| (address.to_string(), service)));
    }
    let names: BTreeSet<&str> = known.iter().map(Object::name).collect();
    for (name, service) in owners.iter().filter(|(name, _)| !names.contains(name.as_str())) {
        let Some(address) = parse_ip_sloppy(name) else { continue };
        match addresses.create(&ip_address(address, service)).await {
            Err(error) if !error.is_already_exists() => return Err(error),
            _ => {}
        }
    }
    let now = context.services.clock.wall();
    for address in known.iter().filter(|address| !owners.contains_key(address.name())) {
        let created = time::parse(address.str(&["metadata", "creationTimestamp"])).unwrap_or(now);
        if created + GRACE_PERIOD < now {
            addresses.delete(address.name(), &json!({})).await?;
        }
    }
    Ok(())
}
