//! The aggregator, made to stand before kube-apiserver: its config, and the APIServices of what stands behind it.
//!
//! Go: pkg/controlplane/apiserver/aggregator.go, cmd/kube-apiserver/app/aggregator.go

use std::{collections::BTreeSet, sync::Arc};

use ::aggregator::{
    apiserver::{APIAggregator, CompletedConfig, Config, ExtraConfig},
    apiservice,
    controllers::autoregister::{AutoRegisterController, Manage},
    extension_server::Dialer,
};
use apimachinery::runtime::{object::Object, schema::GroupVersion};
use apiserver::{
    endpoints::installer::APIVersionInfo,
    server::{
        config::Config as GenericConfig,
        delegation::DelegationTarget,
        healthz::{self, HealthChecker},
        hooks::{PostStartHookFunc, post_start_hook},
        start_error::StartError,
    },
};
use client::{
    cache::informer::{EventHandler, SharedInformer, SharedInformerFactory},
    rest::Client,
    service_resolver::{ClusterIPResolver, EndpointResolver, LoopbackResolver},
    tls::Pem,
    webhook::ServiceResolver,
};
use controlplane::{
    instance::{self, installation},
    options::run::CompletedOptions,
    registry::provider::Provider,
};
use parking_lot::Mutex;
use phase::trace::Trace;

use crate::kube_apiserver::crdregistration::CRDRegistrationController;

/// The name under which the aggregator's controllers ask the server.
const USER_AGENT: &str = "kube-apiserver/v1.36.2";

/// What built-in versions count: the group's and the version's priority. A version that is not here gets no APIService;
/// its paths are reached all the same.
///
/// Go: pkg/controlplane/apiserver/aggregator.go DefaultGenericAPIServicePriorities, cmd/kube-apiserver/app/aggregator.go
#[rustfmt::skip]
const PRIORITIES: [(&str, i64, &[(&str, i64)]); 22] = [
    ("", 18000, &[("v1", 1)]),
    ("apps", 17800, &[("v1", 15)]),
    ("events.k8s.io", 17750, &[("v1", 15), ("v1beta1", 5)]),
    ("authentication.k8s.io", 17700, &[("v1", 15), ("v1beta1", 9), ("v1alpha1", 1)]),
    ("authorization.k8s.io", 17600, &[("v1", 15)]),
    ("autoscaling", 17500, &[("v2", 30), ("v1", 15), ("v2beta1", 9), ("v2beta2", 1)]),
    ("batch", 17400, &[("v1", 15), ("v1beta1", 9), ("v2alpha1", 9)]),
    ("certificates.k8s.io", 17300, &[("v1", 15), ("v1beta1", 9), ("v1alpha1", 1)]),
    ("networking.k8s.io", 17200, &[("v1", 15), ("v1beta1", 9)]),
    ("policy", 17100, &[("v1", 15), ("v1beta1", 9)]),
    ("rbac.authorization.k8s.io", 17000, &[("v1", 15)]),
    ("storage.k8s.io", 16800, &[("v1", 15), ("v1beta1", 9), ("v1alpha1", 1)]),
    ("apiextensions.k8s.io", 16700, &[("v1", 15)]),
    ("admissionregistration.k8s.io", 16700, &[("v1", 15), ("v1beta1", 12), ("v1alpha1", 9)]),
    ("scheduling.k8s.io", 16600, &[("v1", 15), ("v1alpha2", 2)]),
    ("coordination.k8s.io", 16500, &[("v1", 15), ("v1beta1", 13), ("v1alpha2", 12)]),
    ("node.k8s.io", 16300, &[("v1", 15), ("v1beta1", 9), ("v1alpha1", 1)]),
    ("discovery.k8s.io", 16200, &[("v1", 15), ("v1beta1", 12)]),
    ("resource.k8s.io", 16200, &[("v1", 21), ("v1beta2", 15), ("v1beta1", 9), ("v1alpha3", 1)]),
    ("flowcontrol.apiserver.k8s.io", 16100, &[("v1", 21), ("v1beta3", 18), ("v1beta2", 15), ("v1beta1", 12), ("v1alpha1", 9)]),
    ("internal.apiserver.k8s.io", 16000, &[("v1alpha1", 9)]),
    ("storagemigration.k8s.io", 15800, &[("v1beta1", 9)]),
];

fn priorities(version: &GroupVersion) -> Option<(i64, i64)> {
    let (_, group, versions) = PRIORITIES.iter().find(|(name, ..)| *name == version.group)?;
    let (_, priority) = versions.iter().find(|(name, _)| *name == version.version)?;
    Some((*group, *priority))
}

/// Fills the config: how extension servers are reached, and the storage of APIServices.
///
/// Go: CreateAggregatorConfig
pub fn create_config(
    generic: GenericConfig,
    kube_apis: &instance::Config,
    completed: &CompletedOptions,
) -> Result<Config, StartError> {
    let kube = &completed.options.kube;
    let (Some(getter), Some(resources), Some(loopback)) =
        (&generic.rest_options_getter, &generic.merged_resource_config, &generic.loopback_client_config)
    else {
        return Err(StartError::new("kube-aggregator", "storage, API enablement or the loopback was not configured"));
    };
    let provider = Provider {
        rest_options_getter: &**getter,
        resource_config: resources,
        event_ttl: kube.event_ttl,
        // Whatever kube-apiserver writes, APIServices are written as JSON.
        storage_media_type: "application/json",
        special: None,
    };
    let versions = provider.storages_of(&[apiservice::GROUP]).into_iter();
    let rest_storage = versions.map(|(version, storage)| APIVersionInfo { version: version.version, storage });
    let pem = |file: &String| Pem::File(file.into());
    let informers = kube_apis.generic.versioned_informers.clone();
    let extra = ExtraConfig {
        dialer: Dialer {
            resolver: service_resolver(&informers, &generic, kube.enable_aggregator_routing),
            proxy_client: kube.proxy_client.as_ref().map(|(certificate, key)| (pem(certificate), pem(key))),
        },
        reject_forwarding_redirects: kube.aggregator_reject_forwarding_redirect,
        rest_storage: rest_storage.collect(),
        installation: installation(&generic),
        client: Client::new(loopback.clone(), USER_AGENT),
        shared_informers: informers,
    };
    Ok(Config { generic, extra })
}

/// Services are found by their cluster address, or by one of their endpoints; this server's own service is this server.
///
/// Go: pkg/controlplane/apiserver/server.go buildServiceResolver
fn service_resolver(
    informers: &SharedInformerFactory,
    generic: &GenericConfig,
    enable_aggregator_routing: bool,
) -> Arc<dyn ServiceResolver> {
    let resolver: Arc<dyn ServiceResolver> = if enable_aggregator_routing {
        Arc::new(EndpointResolver::new(informers))
    } else {
        Arc::new(ClusterIPResolver::new(informers))
    };
    Arc::new(LoopbackResolver { delegate: resolver, host: generic.external_address.clone() })
}

/// Makes the server, and the controllers that give an APIService to everything that is served behind it.
///
/// Go: CreateAggregatorServer
pub async fn create_server(
    trace: &Trace,
    config: &CompletedConfig,
    delegate: Arc<dyn DelegationTarget>,
) -> Result<APIAggregator, StartError> {
    let paths = delegate.listed_paths();
    let aggregator = config.new(trace, delegate).await?;
    let server = &aggregator.generic_api_server;
    let api_services = aggregator.api_services.clone();
    let registration = AutoRegisterController::new(config.extra.client.clone(), api_services.clone());
    let served: Vec<GroupVersion> = paths.iter().filter_map(|path| version_of(path)).collect();
    let registered = register_served(&served, &registration);
    let crds = served.iter().any(|version| version.group == "apiextensions.k8s.io");
    let crds = crds.then(|| CRDRegistrationController::new(&config.extra.shared_informers, registration.clone()));
    for (group, group_priority, versions) in PRIORITIES {
        for (version, version_priority) in versions {
            let version = GroupVersion::new(group, version);
            let manager = &server.aggregated_discovery_group_manager;
            manager.set_group_version_priority(&version, group_priority, *version_priority);
        }
    }
    server.add_post_start_hook("kube-apiserver-autoregistration", autoregister(registration, crds))?;
    server.add_boot_sequence_health_check(available_check("autoregister-completion", registered, &api_services))?;
    Ok(aggregator)
}

/// Reads `/api/v1` and `/apis/GROUP/VERSION`.
fn version_of(path: &str) -> Option<GroupVersion> {
    match path.split('/').collect::<Vec<_>>()[..] {
        ["", "api", "v1"] => Some(GroupVersion::new("", "v1")),
        ["", "apis", group, version] => Some(GroupVersion::new(group, version)),
        _ => None,
    }
}

/// Wants an APIService for each version whose priority is known; returns their names.
///
/// Go: apiServicesToRegister
fn register_served(served: &[GroupVersion], registration: &AutoRegisterController) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for version in served {
        let Some(priorities) = priorities(version) else {
            tracing::info!("Skipping APIService creation for {version}");
            continue;
        };
        registration.add(version, priorities, Manage::OnStart);
        names.insert(format!("{}.{}", version.version, version.group));
    }
    names
}

/// Hook `kube-apiserver-autoregistration`.
fn autoregister(
    registration: Arc<AutoRegisterController>,
    crds: Option<Arc<CRDRegistrationController>>,
) -> PostStartHookFunc {
    post_start_hook(move |context| {
        let (registration, crds) = (registration.clone(), crds.clone());
        tokio::spawn(async move {
            if let Some(crds) = crds {
                // Otherwise the APIServices of custom resources that still exist would be removed, and made again.
                crds.run(&context.stop).await;
            }
            registration.run(5, context.stop).await;
        });
        async { Ok(()) }
    })
}

/// Waits until each of these APIServices was available once.
///
/// Go: makeAPIServiceAvailableHealthCheck
fn available_check(name: &str, names: BTreeSet<String>, api_services: &SharedInformer) -> Arc<dyn HealthChecker> {
    let pending = Arc::new(Pending(Mutex::new(names)));
    api_services.add_event_handler(pending.clone());
    healthz::named_check(name, move || {
        let pending = pending.0.lock().clone();
        async move {
            if pending.is_empty() {
                return Ok(());
            }
            Err(format!("missing APIService: [{}]", pending.into_iter().collect::<Vec<_>>().join(" ")))
        }
    })
}

/// The names that were not available yet. Written by the informer of APIServices.
struct Pending(Mutex<BTreeSet<String>>);

impl EventHandler for Pending {
    fn on_add(&self, object: &Arc<Object>) {
        if apiservice::is_available(object) {
            self.0.lock().remove(object.name());
        }
    }

    fn on_update(&self, _: &Arc<Object>, object: &Arc<Object>) {
        self.on_add(object);
    }

    fn on_delete(&self, _: &Arc<Object>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_of_the_table_of_resources_has_a_priority() {
        for resource in api::resources::RESOURCES.iter() {
            let version = &resource.group_version;
            assert!(version.group == apiservice::GROUP || priorities(version).is_some(), "{version}");
        }
    }

    #[test]
    fn only_versions_become_api_services() {
        assert_eq!(version_of("/api/v1"), Some(GroupVersion::new("", "v1")));
        assert_eq!(version_of("/apis/apps/v1"), Some(GroupVersion::new("apps", "v1")));
        for path in ["/api", "/apis", "/apis/apps", "/healthz", "/openapi/v3/x"] {
            assert_eq!(version_of(path), None, "{path}");
        }
    }
}
