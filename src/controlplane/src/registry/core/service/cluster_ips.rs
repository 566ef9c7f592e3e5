//! Cluster addresses. Who has one is an IPAddress object of that name: whoever creates it first, has it.
//!
//! ```text
//!   10.0.0.0/24    .0 no host | .1 - .16 asked for by name | .17 - .254 given out, then the others | .255 no host
//! ```
//!
//! Go: pkg/registry/core/service/ipallocator/{ipallocator,cidrallocator}.go,
//! pkg/registry/core/service/storage/alloc.go allocClusterIPs, updateClusterIPs

use std::net::IpAddr;

use api::core::service::facts;
use apimachinery::{
    api::errors::StatusError,
    meta::options::{GetOptions, ListOptions},
    runtime::{object::Object, schema::GroupVersion},
    util::ip::parse_ip_sloppy,
    validation::field::{BadValue, Error, ErrorList, Path},
};
use apiserver::{
    registry::{
        rest::{Getter, Lister, Result},
        store::Store,
    },
    request::context::Context,
};
use client::rest::Client;
use ipnet::IpNet;
use serde_json::{Value, json};

use crate::{options::servicecidr::ServiceRanges, registry::core::service::invalid};

/// Who manages these objects.
///
/// Go: ControllerName
pub const MANAGED_BY: &str = "ipallocator.k8s.io";
/// The label that says so.
pub const MANAGED_BY_LABEL: &str = "ipaddress.kubernetes.io/managed-by";
const FAMILY_LABEL: &str = "ipaddress.kubernetes.io/ip-family";

const CLUSTER_IP: [&str; 2] = ["spec", "clusterIP"];
const CLUSTER_IPS: [&str; 2] = ["spec", "clusterIPs"];

/// Gives out cluster addresses.
pub struct ClusterIPs {
    /// Writes IPAddress objects.
    client: Client,
    /// The families of the cluster, the default first.
    families: Vec<&'static str>,
    /// The ranges of the flags.
    ranges: Vec<IpNet>,
    /// Who has which address.
    addresses: Store,
    /// Further ranges.
    cidrs: Store,
}

/// The addresses that a write has taken, and those it will release.
pub struct Allocated {
    client: Client,
    taken: Vec<String>,
    released: Vec<String>,
}

impl Allocated {
    /// The write succeeded: releases what is not needed any more.
    pub async fn commit(mut self) {
        self.taken.clear();
        release_all(&self.client, std::mem::take(&mut self.released)).await;
    }

    /// The write failed: gives back what it took.
    pub async fn roll_back(mut self) {
        release_all(&self.client, std::mem::take(&mut self.taken)).await;
    }
}

impl Drop for Allocated {
    fn drop(&mut self) {
        if !self.taken.is_empty() {
            let (client, taken) = (self.client.clone(), std::mem::take(&mut self.taken));
            tokio::spawn(async move { release_all(&client, taken).await });
        }
    }
}

async fn release_all(client: &Client, addresses: Vec<String>) {
    for address in addresses {
        release(client, &address).await;
    }
}

async fn release(client: &Client, address: &str) {
    match resource(client).delete(address, &json!({})).await {
        Err(error) if !error.is_not_found() => tracing::warn!("cannot release cluster address {address}: {error}"),
        _ => {}
    }
}

/// The IPAddress objects.
pub fn resource(client: &Client) -> client::rest::Resource {
    client.resource(&GroupVersion::new("networking.k8s.io", "v1").with_resource("ipaddresses"))
}

/// Returns the object by which a service has an address.
///
/// Go: createIPAddress
pub fn ip_address(address: IpAddr, service: &Object) -> Object {
    let value = json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IPAddress",
        "metadata": {
            "name": address.to_string(),
            "labels": {
                FAMILY_LABEL: if address.is_ipv4() { "IPv4" } else { "IPv6" },
                MANAGED_BY_LABEL: MANAGED_BY,
            },
        },
        "spec": {"parentRef": {
            "group": "",
            "resource": "services",
            "namespace": service.namespace(),
            "name": service.name(),
        }},
    });
    Object::from_value(value).expect("the literal is an object")
}

/// Why an address cannot be had.
enum Refusal {
    Taken,
    Other(String),
}

impl ClusterIPs {
    /// Gives out addresses of the ranges of the flags, and of those that ServiceCIDR objects add.
    pub fn new(client: Client, ranges: &ServiceRanges, addresses: Store, cidrs: Store) -> Self {
        let ranges: Vec<IpNet> = std::iter::once(ranges.primary).chain(ranges.secondary).collect();
        let families = ranges.iter().map(|range| family(range.addr())).collect();
        Self { client, families, ranges, addresses, cidrs }
    }

    /// Returns the families of the cluster, the default first.
    pub fn families(&self) -> &[&'static str] {
        &self.families
    }

    /// Gives an address back, and waits until it is.
    pub async fn release(&self, address: &str) {
        if parse_ip_sloppy(address).is_some() {
            release(&self.client, address).await;
        }
    }

    fn nothing(&self) -> Allocated {
        Allocated { client: self.client.clone(), taken: Vec::new(), released: Vec::new() }
    }

    /// Takes the addresses of a new service, one for each family.
    ///
    /// Go: allocClusterIPs
    pub async fn allocate(&self, cx: &Context, service: &mut Object, dry_run: bool) -> Result<Allocated> {
        let mut allocated = self.nothing();
        if facts::needs_cluster_ip(service) && facts::cluster_ips(service).first() != Some(&"None") {
            self.complete(cx, service, 0, dry_run, &mut allocated).await?;
        }
        Ok(allocated)
    }

    /// Takes and releases what a change of a service means.
    ///
    /// Go: updateClusterIPs
    pub async fn update(&self, cx: &Context, service: &mut Object, old: &Object, dry_run: bool) -> Result<Allocated> {
        let was_external = facts::kind(old) == "ExternalName";
        if was_external {
            return self.allocate(cx, service, dry_run).await;
        }
        let mut allocated = self.nothing();
        let before: Vec<String> = facts::cluster_ips(old).into_iter().map(str::to_owned).collect();
        if before.first().is_some_and(|first| first == "None") {
            return Ok(allocated);
        }
        let families = |object: &Object| facts::spec(object).len("ipFamilies");
        if facts::kind(service) == "ExternalName" {
            allocated.released = before;
        } else if (families(old), families(service)) == (1, 2) {
            self.complete(cx, service, 1, dry_run, &mut allocated).await?;
        } else if (families(old), families(service)) == (2, 1) {
            allocated.released = before.into_iter().skip(1).collect();
        }
        if dry_run {
            allocated.released.clear();
        }
        Ok(allocated)
    }

    /// Takes the addresses of the families from `first` on: the one that is named, or any.
    async fn complete(
        &self,
        cx: &Context,
        service: &mut Object,
        first: usize,
        dry_run: bool,
        allocated: &mut Allocated,
    ) -> Result<()> {
        let families: Vec<String> = facts::spec(service).texts("ipFamilies").into_iter().map(str::to_owned).collect();
        let mut addresses: Vec<String> = facts::cluster_ips(service).into_iter().map(str::to_owned).collect();
        addresses.resize(families.len().max(addresses.len()), String::new());
        for index in first..families.len() {
            let taken = match addresses[index].as_str() {
                "" => self.next(cx, service, &families[index], dry_run).await.map_err(|text| (String::new(), text)),
                named => {
                    let named = named.to_owned();
                    self.named(cx, service, &named, dry_run).await.map_err(|text| (format!(" {named}"), text))
                }
            };
            match taken {
                Ok(address) => {
                    if !dry_run {
                        allocated.taken.push(address.clone());
                    }
                    addresses[index] = address;
                }
                Err((which, text)) => {
                    let path = Path::new("spec").child("clusterIPs");
                    let text = format!("failed to allocate IP{which}: {text}");
                    let shown = BadValue::Value(json!(addresses));
                    return Err(invalid(service, ErrorList(vec![Error::invalid(&path, shown, text)])));
                }
            }
        }
        service.set(&CLUSTER_IP, addresses.first().cloned().unwrap_or_default());
        service.set(&CLUSTER_IPS, json!(addresses));
        Ok(())
    }

    /// Returns the ranges of a family: those of the flags, and those that are ready.
    async fn ranges(&self, cx: &Context, family_name: &str) -> Vec<IpNet> {
        let mut ranges = self.ranges.clone();
        let listed = self.cidrs.list(cx, &ListOptions::default()).await;
        for cidr in listed.map(|list| list.items).unwrap_or_default() {
            let object = cidr.object();
            let conditions = object.get(&["status", "conditions"]).and_then(Value::as_array);
            let ready = conditions
                .into_iter()
                .flatten()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
            if ready && object.deletion_timestamp().is_none() {
                let cidrs = object.get(&["spec", "cidrs"]);
                let parsed = apimachinery::runtime::object::strings(cidrs)
                    .into_iter()
                    .filter_map(|cidr| cidr.parse::<IpNet>().ok());
                ranges.extend(parsed);
            }
        }
        ranges.retain(|range| family(range.addr()) == family_name);
        ranges.dedup();
        ranges
    }

    /// Takes an address that the client names.
    ///
    /// Go: MetaAllocator.AllocateService, Allocator.allocateService
    async fn named(
        &self,
        cx: &Context,
        service: &Object,
        name: &str,
        dry_run: bool,
    ) -> std::result::Result<String, String> {
        let address = parse_ip_sloppy(name).ok_or_else(|| format!("failed to parse service IP \"{name}\""))?;
        let ranges = self.ranges(cx, family(address)).await;
        let range = ranges.iter().find(|range| range.contains(&address));
        let range = range.ok_or("the provided network does not match the current range")?;
        let (first, last) = hosts(range);
        if !(first..=last).contains(&number(address)) {
            return Err(format!(
                "the provided IP ({address}) is not in the valid range. The range of valid IPs is {range}"
            ));
        }
        if !dry_run {
            self.create(address, service).await.map_err(|refusal| match refusal {
                Refusal::Taken => "provided IP is already allocated".to_owned(),
                Refusal::Other(text) => text,
            })?;
        }
        Ok(address.to_string())
    }

    /// Takes any address of a family: from the upper part of a range first, the lower one is for those who ask by name.
    ///
    /// Go: Allocator.allocateNextService
    async fn next(
        &self,
        cx: &Context,
        service: &Object,
        family_name: &str,
        dry_run: bool,
    ) -> std::result::Result<String, String> {
        let ranges = self.ranges(cx, family_name).await;
        for range in &ranges {
            if dry_run {
                // Nobody will have it, so any will do.
                return Ok(range.network().to_string());
            }
            let (first, last) = hosts(range);
            let reserved = range_offset(first, last);
            let parts = [(first + reserved, last), (first, (first + reserved).saturating_sub(1))];
            for (first, last) in parts.into_iter().filter(|(first, last)| first <= last) {
                if let Some(address) = self.search(cx, service, range, first, last).await? {
                    return Ok(address.to_string());
                }
            }
        }
        Err("range is full".to_owned())
    }

    /// Tries address after address, from one by chance on.
    async fn search(
        &self,
        cx: &Context,
        service: &Object,
        range: &IpNet,
        first: u128,
        last: u128,
    ) -> std::result::Result<Option<IpAddr>, String> {
        let size = last - first + 1;
        let start = u128::from(cx.services.ids.next_u64()) % size;
        // A range of IPv6 is too large to be looked through; Kubernetes gives up, too.
        for step in 0..size.min(1 << 16) {
            let address = address_of(range, first + (start + step) % size);
            let known = self.addresses.get(cx, &address.to_string(), &GetOptions::default()).await;
            if !known.is_err_and(|error| error.is_not_found()) {
                continue;
            }
            match self.create(address, service).await {
                Ok(()) => return Ok(Some(address)),
                Err(Refusal::Taken) => {}
                Err(Refusal::Other(text)) => return Err(text),
            }
        }
        Ok(None)
    }

    async fn create(&self, address: IpAddr, service: &Object) -> std::result::Result<(), Refusal> {
        match resource(&self.client).create(&ip_address(address, service)).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_already_exists() => Err(Refusal::Taken),
            Err(error) => Err(Refusal::Other(StatusError::from(error).message)),
        }
    }
}

/// Returns the family of an address.
pub fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

fn address_of(range: &IpNet, number: u128) -> IpAddr {
    match range {
        IpNet::V4(_) => IpAddr::V4(u32::try_from(number).unwrap_or_default().into()),
        IpNet::V6(_) => IpAddr::V6(number.into()),
    }
}

/// The first and the last host: neither the network itself nor, in IPv4, its broadcast address.
fn hosts(range: &IpNet) -> (u128, u128) {
    let broadcast = u128::from(range.addr().is_ipv4());
    (number(range.network()) + 1, number(range.broadcast()) - broadcast)
}

/// How many addresses at the beginning are left to those who ask by name.
///
/// Go: calculateRangeOffset
fn range_offset(first: u128, last: u128) -> u128 {
    const MIN: u128 = 16;
    const MAX: u128 = 256;
    let size = last - first + 1;
    if size <= MIN { 0 } else { (size / 16).clamp(MIN, MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_a_range_are_no_hosts() {
        let range: IpNet = "10.0.0.0/24".parse().expect("range");
        let (first, last) = hosts(&range);
        assert_eq!(address_of(&range, first).to_string(), "10.0.0.1");
        assert_eq!(address_of(&range, last).to_string(), "10.0.0.254");
        assert_eq!(range_offset(first, last), 16);
        let range: IpNet = "fd00::/112".parse().expect("range");
        let (first, last) = hosts(&range);
        assert_eq!((address_of(&range, last).to_string(), range_offset(first, last)), ("fd00::ffff".to_owned(), 256));
    }
}
