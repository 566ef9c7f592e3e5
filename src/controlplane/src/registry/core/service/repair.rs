//! Hook `start-service-ip-repair-controllers`: every service has its IPAddress and its node ports, and nobody else.
//!
//! Go: pkg/registry/core/service/ipallocator/controller/repairip.go
//!
//! Simplified: what does not fit is put in order every few minutes; Kubernetes watches, and says in events what it did.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use api::core::service::facts;
use apimachinery::{meta::time, runtime::object::Object, util::ip::parse_ip_sloppy};
use apiserver::server::hooks::{PostStartHookContext, PostStartHookFunc, post_start_hook};
use client::rest::{Client, Error};
use serde_json::json;

use crate::{
    controller::ensure,
    registry::core::service::{
        cluster_ips::{MANAGED_BY, MANAGED_BY_LABEL, ip_address, resource},
        node_ports::NodePorts,
        repair_ports::Repair,
    },
};

/// How often.
const PERIOD: Duration = Duration::from_mins(3);

/// How old an IPAddress must be before it may count as forgotten: its service is written after it.
///
/// Go: gracePeriod
const GRACE_PERIOD: Duration = Duration::from_mins(1);

/// For how long the first repair is tried again.
const FIRST: Duration = Duration::from_mins(1);

/// How soon again while that fails.
const SOON: Duration = Duration::from_millis(100);

/// The hook: it is done when everything was in order once.
pub fn hook(node_ports: NodePorts) -> PostStartHookFunc {
    post_start_hook(move |context: PostStartHookContext| {
        let mut ports = Repair::new(node_ports.clone());
        async move {
            let client = ensure::client(&context);
            let deadline = tokio::time::Instant::now() + FIRST;
            while let Err(error) = both(&context, &client, &mut ports).await {
                if tokio::time::Instant::now() > deadline {
                    return Err(format!("unable to perform initial IP and Port allocation check: {error}"));
                }
                if ensure::pause(SOON, &context.stop).await.is_err() {
                    return Ok(());
                }
            }
            tokio::spawn(async move {
                while ensure::pause(PERIOD, &context.stop).await.is_ok() {
                    if let Err(error) = both(&context, &client, &mut ports).await {
                        tracing::warn!(%error, "cannot repair addresses and ports of services");
                    }
                }
            });
            Ok(())
        }
    })
}

async fn both(context: &PostStartHookContext, client: &Client, ports: &mut Repair) -> Result<(), Error> {
    ports.run(client).await?;
    repair(context, client).await
}

async fn repair(context: &PostStartHookContext, client: &Client) -> Result<(), Error> {
    let addresses = resource(client);
    // Addresses first: one that is given out meanwhile must not look forgotten.
    let selector = format!("{MANAGED_BY_LABEL}={MANAGED_BY}");
    let known = addresses.list(&[("labelSelector", &selector)]).await?.items;
    let services = ensure::services(client).list(&[]).await?.items;
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
