//! The sub-resources and resources that are not the object as it is stored.
//!
//! ```text
//!   pods/binding, bindings     where a pod runs          deployments/scale...    how many replicas
//!   pods/eviction              may it go                 serviceaccounts/token   a token
//!   pods/{exec,attach,portforward,log,proxy}, {nodes,services}/proxy             what runs there
//! ```
//!
//! Go: pkg/registry/core/rest/storage_core.go NewRESTStorage, pkg/registry/apps/rest/storage_apps.go

use std::{collections::BTreeMap, sync::Arc};

use apimachinery::runtime::schema::GroupVersion;
use apiserver::registry::{rest::Storage, store::Store};
use client::rest::Client;

use crate::{
    options::servicecidr::ServiceRanges,
    registry::{
        core::{
            binding::{self, Binding},
            componentstatus::ComponentStatus,
            eviction::Eviction,
            remote::{
                kubelet::Remote,
                log::Log,
                storages::{Behind, PodStream, Proxy, Stream},
            },
            service::{Allocators, cluster_ips::ClusterIPs, node_ports::NodePorts},
            token::{Issuer, Token},
        },
        provider::Storages,
        scale::ScaleStorage,
        strategy::PartStrategy,
    },
};

/// What sub-resources need besides stores.
pub struct Special {
    /// Reads and writes what belongs to other groups.
    pub client: Client,
    /// The ways to kubelets and pods.
    pub remote: Remote,
    /// The ranges of cluster addresses.
    pub service_ranges: ServiceRanges,
    /// Gives out node ports.
    pub node_ports: NodePorts,
    /// Signs tokens; `None`: there are none to be had.
    pub issuer: Option<Arc<Issuer>>,
}

/// Installs them beside the resources that are served.
pub fn install(groups: &mut [(GroupVersion, Storages)], stores: &BTreeMap<&str, Store>, special: &Special) {
    for (version, storages) in groups {
        let extra = match (version.group.as_str(), version.version.as_str()) {
            ("", "v1") => core(stores, special),
            ("apps", "v1") => scales(stores, &["deployments", "replicasets", "statefulsets"]),
            _ => continue,
        };
        for (path, storage) in extra {
            let parent = path.split('/').next().unwrap_or_default();
            if storages.contains_key(parent) || !path.contains('/') {
                storages.insert(path, storage);
            }
        }
    }
}

/// Returns the services that give out addresses and ports. Nothing is given out without the kinds that remember it.
pub fn services(stores: &BTreeMap<&str, Store>, special: &Special) -> Option<Store> {
    let services = stores.get("services/specs")?;
    let (addresses, cidrs) = (stores.get("ipaddresses")?.clone(), stores.get("servicecidrs")?.clone());
    let client = special.client.clone();
    let cluster_ips = Arc::new(ClusterIPs::new(client, &special.service_ranges, addresses, cidrs));
    let node_ports = special.node_ports.clone();
    Some(Store { hooks: Arc::new(Allocators { cluster_ips, node_ports }), ..services.clone() })
}

type Installed = Vec<(String, Arc<dyn Storage>)>;

fn scales(stores: &BTreeMap<&str, Store>, prefixes: &[&str]) -> Installed {
    let scale = |store: &Store| -> (String, Arc<dyn Storage>) {
        (format!("{}/scale", store.resource.resource), Arc::new(ScaleStorage::new(store)))
    };
    prefixes.iter().filter_map(|prefix| stores.get(prefix)).map(scale).collect()
}

fn core(stores: &BTreeMap<&str, Store>, special: &Special) -> Installed {
    let mut installed = scales(stores, &["controllers"]);
    if let Some(services) = services(stores, special) {
        installed.push(("services".to_owned(), Arc::new(services)));
    }
    let mut add = |path: &str, storage: Arc<dyn Storage>| installed.push((path.to_owned(), storage));
    if let Some(pods) = stores.get("pods") {
        add("pods/binding", Arc::new(Binding::new(pods, binding::Path::OfPod)));
        add("bindings", Arc::new(Binding::new(pods, binding::Path::Legacy)));
        if let Some(resource) = api::resources::find("", "v1", "pods") {
            let status = Store { strategy: Arc::new(PartStrategy::status(resource)), ..pods.clone() };
            add("pods/eviction", Arc::new(Eviction { pods: status, client: special.client.clone() }));
        }
    }
    if let (Some(issuer), Some(accounts), Some(pods), Some(secrets), Some(nodes)) = (
        &special.issuer,
        stores.get("serviceaccounts"),
        stores.get("pods"),
        stores.get("secrets"),
        stores.get("minions"),
    ) {
        let token = Token {
            issuer: issuer.clone(),
            service_accounts: accounts.clone(),
            pods: pods.clone(),
            secrets: secrets.clone(),
            nodes: nodes.clone(),
        };
        add("serviceaccounts/token", Arc::new(token));
    }
    if let Some(namespaces) = stores.get("namespaces") {
        let status = ComponentStatus::new(special.remote.cluster.clone(), namespaces.storage.clone());
        add("componentstatuses", Arc::new(status));
    }
    connections(stores, &special.remote, &mut add);
    installed
}

/// What is answered by somebody behind an object.
fn connections(stores: &BTreeMap<&str, Store>, remote: &Remote, add: &mut impl FnMut(&str, Arc<dyn Storage>)) {
    let (Some(pods), Some(nodes)) = (stores.get("pods"), stores.get("minions")) else { return };
    for (name, stream) in [("exec", Stream::Exec), ("attach", Stream::Attach), ("portforward", Stream::PortForward)] {
        let storage = PodStream { stream, remote: remote.clone(), pods: pods.clone(), nodes: nodes.clone() };
        add(&format!("pods/{name}"), Arc::new(storage));
    }
    add("pods/log", Arc::new(Log { remote: remote.clone(), pods: pods.clone(), nodes: nodes.clone() }));
    let mut proxy = |path: &str, behind| add(path, Arc::new(Proxy { behind, remote: remote.clone() }));
    proxy("pods/proxy", Behind::Pods(pods.clone()));
    proxy("nodes/proxy", Behind::Nodes(nodes.clone()));
    if let (Some(services), Some(endpoints)) = (stores.get("services/specs"), stores.get("services/endpoints")) {
        proxy("services/proxy", Behind::Services(Box::new((services.clone(), endpoints.clone()))));
    }
}
