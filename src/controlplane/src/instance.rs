//! The control plane's server: its config, completed, and what it installs.
//!
//! Go: pkg/controlplane/instance.go

use std::{net::IpAddr, sync::Arc, time::Duration};

use api::authorization::AccessReview as About;
use apimachinery::{
    meta::options::PatchType,
    runtime::schema::{GroupVersion, GroupVersionKind},
};
use apiserver::{
    endpoints::{
        handlers::scope::Items,
        installer::{APIGroupInfo, APIVersionInfo, Installation},
        negotiation,
    },
    registry::rest::Storage,
    server::{
        config::{
            CompletedConfig as GenericCompletedConfig, Config as GenericConfig, defaults::DEFAULT_LEGACY_API_PREFIX,
        },
        delegation::DelegationTarget,
        genericapiserver::GenericAPIServer,
        hooks::{PostStartHookContext, post_start_hook},
        start_error::StartError,
        storage_objects,
    },
};
use auth::authentication::serviceaccount::openidmetadata::OpenIDMetadata;
use phase::trace::Trace;
use plugin::rbac::reconcile;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::{
    apiserver::config::{Generic, Rbac},
    controller::{
        apiserverlease, clusterauthenticationtrust, clusterauthenticationtrust::ClusterAuthenticationInfo,
        defaultservicecidr, ensure, flowcontrol, kubernetesservice, kubernetesservice::KubernetesService,
        leases::Leases, legacytokentracking, peerlease, peerlease::PeerLease, priorityclasses, systemnamespaces,
    },
    options::{authentication::ServiceAccountAuthenticationOptions, servicecidr::ServiceRanges},
    registry::{
        admissionregistration,
        authentication::{selfsubjectreview::SelfSubjectReview, tokenreview::TokenReview},
        authorization::{accessreview::AccessReview, rulesreview::RulesReview},
        codec,
        core::{
            remote::kubelet::Remote,
            service::{node_ports::NodePorts, repair},
            token::Issuer,
        },
        openid,
        provider::{Provider, Storages},
        rbac,
        review::Review,
        subresources::Special,
    },
};

/// Go: pkg/controlplane/instance.go Config
pub struct Config {
    /// What the three servers share, and what came up with it.
    pub generic: Generic,
    /// What only the control plane has.
    pub extra: Extra,
}

/// Go: pkg/controlplane/instance.go Extra, pkg/controlplane/apiserver/config.go Extra
#[derive(Clone)]
pub struct Extra {
    /// How extension servers recognise our users.
    pub cluster_authentication_info: ClusterAuthenticationInfo,
    /// How long events are kept.
    pub event_ttl: Duration,
    /// Address ranges of services.
    pub service_ranges: ServiceRanges,
    /// Ports of NodePort services.
    pub service_node_port_range: (u16, u16),
    /// Where this server can be reached.
    pub advertise_address: IpAddr,
    /// Whether the kubernetes service has endpoints.
    pub reconcile_endpoints: bool,
    /// Whether privileged containers are accepted.
    pub allow_privileged: bool,
    /// Issuer, keys, life of service account tokens.
    pub service_accounts: ServiceAccountAuthenticationOptions,
    /// The ways to kubelets and pods.
    pub remote: Remote,
    /// Signs service account tokens.
    pub issuer: Option<Arc<Issuer>>,
    /// In which form objects are written.
    pub storage_media_type: String,
}

/// A config that can make the server.
pub struct CompletedConfig {
    /// The generic part, completed.
    pub generic: GenericCompletedConfig,
    /// What came up with it.
    pub made: Generic,
    /// What only the control plane has.
    pub extra: Extra,
}

/// The server of the built-in resources.
///
/// Go: pkg/controlplane/instance.go Instance
pub struct Instance {
    /// The generic server.
    pub generic_api_server: Arc<GenericAPIServer>,
    /// How extension servers recognise our users.
    pub cluster_authentication_info: ClusterAuthenticationInfo,
}

impl Config {
    /// Adds what follows from the rest.
    pub fn complete(self) -> CompletedConfig {
        let generic = self.generic.config.clone().complete();
        CompletedConfig { generic, made: self.generic, extra: self.extra }
    }
}

impl CompletedConfig {
    /// Makes the server, with the API extensions behind it.
    ///
    /// Go: pkg/controlplane/instance.go New
    pub async fn new(
        &self,
        trace: &Trace,
        delegation_target: Arc<dyn DelegationTarget>,
    ) -> Result<Instance, StartError> {
        let server = self.generic.new(trace, "kube-apiserver", delegation_target).await?;
        self.install_apis(trace, &server).await?;
        self.install_openid(&server);
        self.add_hooks(&server)?;
        Ok(Instance {
            generic_api_server: server,
            cluster_authentication_info: self.extra.cluster_authentication_info.clone(),
        })
    }

    /// Installs group after group.
    ///
    /// Go: pkg/controlplane/apiserver/apis.go InstallAPIs
    async fn install_apis(&self, trace: &Trace, server: &GenericAPIServer) -> Result<(), StartError> {
        let config = &self.generic.config;
        let (Some(getter), Some(resources)) = (&config.rest_options_getter, &config.merged_resource_config) else {
            return Err(StartError::new("kube-apiserver", "storage or API enablement was not configured"));
        };
        let provider = Provider {
            rest_options_getter: &**getter,
            resource_config: resources,
            event_ttl: self.extra.event_ttl,
            storage_media_type: &self.extra.storage_media_type,
            special: Some(Special {
                client: self.made.loopback_client.clone(),
                remote: self.extra.remote.clone(),
                service_ranges: self.extra.service_ranges.clone(),
                node_ports: self.node_ports(),
                issuer: self.extra.issuer.clone(),
            }),
        };
        let mut groups = self.reviews();
        groups.extend(provider.storages());
        if let Some(made) = &self.made.rbac {
            groups.iter_mut().for_each(|(_, storages)| rbac::protect(storages, &made.escalation));
        }
        if let Some(authorizer) = &config.authorization.authorizer {
            let client = &self.made.loopback_client;
            groups.iter_mut().for_each(|(_, storages)| admissionregistration::protect(storages, authorizer, client));
        }
        let installation = installation(config);
        // Versions of one group stand together, the preferred one first.
        let mut infos: Vec<APIGroupInfo> = Vec::new();
        for (version, storage) in groups {
            let GroupVersion { group, version } = version;
            let info = APIVersionInfo { version, storage };
            match infos.iter_mut().find(|known| known.group == group) {
                Some(known) => known.versions.push(info),
                None => infos.push(APIGroupInfo { group, versions: vec![info] }),
            }
        }
        let (core, others): (Vec<_>, Vec<_>) = infos.into_iter().partition(|info| info.group.is_empty());
        for core in core {
            server.install_legacy_api_group(trace, DEFAULT_LEGACY_API_PREFIX, &installation, core).await?;
        }
        server.install_api_groups(trace, &installation, others).await
    }

    /// The resources that are questions: nothing of them is stored.
    fn reviews(&self) -> Vec<(GroupVersion, Storages)> {
        let config = &self.generic.config;
        let (Some(authenticator), Some(authorizer), Some(resolver)) =
            (&config.authentication.authenticator, &config.authorization.authorizer, &config.rule_resolver)
        else {
            return Vec::new();
        };
        let kind = |group: &str, kind: &str| GroupVersionKind::new(group, "v1", kind);
        let access = |about| AccessReview { about, authorizer: authorizer.clone() };
        let (authn, authz) = ("authentication.k8s.io", "authorization.k8s.io");
        let tokens = TokenReview {
            authenticator: authenticator.clone(),
            api_audiences: config.authentication.api_audiences.clone(),
        };
        let rules = RulesReview { resolver: resolver.clone() };
        let authentication: [(&str, Arc<dyn Storage>); 2] = [
            ("selfsubjectreviews", Arc::new(Review::new(kind(authn, "SelfSubjectReview"), false, SelfSubjectReview))),
            ("tokenreviews", Arc::new(Review::new(kind(authn, "TokenReview"), false, tokens))),
        ];
        let authorization: [(&str, Arc<dyn Storage>); 4] = [
            (
                "localsubjectaccessreviews",
                Arc::new(Review::new(kind(authz, "LocalSubjectAccessReview"), true, access(About::Local))),
            ),
            (
                "selfsubjectaccessreviews",
                Arc::new(Review::new(kind(authz, "SelfSubjectAccessReview"), false, access(About::Oneself))),
            ),
            ("selfsubjectrulesreviews", Arc::new(Review::new(kind(authz, "SelfSubjectRulesReview"), false, rules))),
            (
                "subjectaccessreviews",
                Arc::new(Review::new(kind(authz, "SubjectAccessReview"), false, access(About::Subject))),
            ),
        ];
        let named = |list: Vec<(&str, Arc<dyn Storage>)>| {
            list.into_iter().map(|(name, storage)| (name.to_owned(), storage)).collect()
        };
        vec![
            (GroupVersion::new(authn, "v1"), named(authentication.to_vec())),
            (GroupVersion::new(authz, "v1"), named(authorization.to_vec())),
        ]
    }

    /// Publishes the keys of service account tokens, unless the issuer is no address that OpenID allows.
    ///
    /// Go: pkg/controlplane/apiserver/server.go New
    fn install_openid(&self, server: &GenericAPIServer) {
        let accounts = &self.extra.service_accounts;
        let Some(issuer) = accounts.issuers.first() else { return };
        let keys = &self.made.authentication.service_account_keys;
        match OpenIDMetadata::new(issuer, &accounts.jwks_uri, &server.external_address, keys) {
            Ok(metadata) => openid::install(server, metadata),
            Err(error) => tracing::warn!(
                "Could not construct pre-rendered responses for ServiceAccountIssuerDiscovery endpoints. Endpoints \
                 will not be enabled. Error: {error}"
            ),
        }
    }

    /// The hooks by their real names, in the order of `/readyz?verbose`.
    fn add_hooks(&self, server: &GenericAPIServer) -> Result<(), StartError> {
        let (extra, config) = (&self.extra, &self.generic.config);
        let secure_port = config.secure_serving.as_ref().and_then(|serving| serving.port()).unwrap_or_default();
        let id = config.api_server_id.clone();
        let leases =
            |resource, prefix| Leases::new(&self.made.storage_factory, resource, prefix, config.services.clock.clone());
        let (serve, leave) = kubernetesservice::hooks(KubernetesService {
            service_ip: extra.service_ranges.api_server_service_ip(),
            advertise_address: extra.advertise_address,
            secure_port,
            leases: extra.reconcile_endpoints.then(|| leases("apiServerIPInfo", "/masterleases")),
            client: self.made.loopback_client.clone(),
            stopping: CancellationToken::new(),
            writing: Mutex::new(()),
        });
        let (lease, end_lease) = peerlease::hooks(PeerLease {
            api_server_id: id.clone(),
            address: extra.advertise_address,
            port: secure_port,
            leases: leases("apiServerPeerIPInfo", "/peerserverleases"),
            stopping: CancellationToken::new(),
        });
        server.add_pre_shutdown_hook("peer-endpoint-reconciler-controller", end_lease)?;
        server.add_pre_shutdown_hook("stop-kubernetes-service-controller", leave)?;
        let trust = extra.cluster_authentication_info.clone();
        for (name, hook) in [
            ("start-system-namespaces-controller", systemnamespaces::hook()),
            ("peer-endpoint-reconciler-controller", lease),
            ("start-cluster-authentication-info-controller", clusterauthenticationtrust::hook(trust)),
            ("start-kube-apiserver-identity-lease-controller", apiserverlease::hook(id, config.hostname.clone())),
            ("start-kube-apiserver-identity-lease-garbage-collector", apiserverlease::garbage_collector()),
            (
                "storage-readiness",
                storage_objects::readiness_hook(config.opened_storages.clone(), config.storage_initialization_timeout),
            ),
            ("start-legacy-token-tracking-controller", legacytokentracking::hook()),
            (reconcile::POST_START_HOOK_NAME, bootstrap_roles()),
            ("scheduling/bootstrap-system-priority-classes", priorityclasses::hook()),
            ("priority-and-fairness-config-producer", flowcontrol::hook()),
            ("bootstrap-controller", serve),
            ("start-service-ip-repair-controllers", repair::hook(self.node_ports())),
            ("start-kubernetes-service-cidr-controller", defaultservicecidr::hook(extra.service_ranges.clone())),
        ] {
            server.add_post_start_hook(name, hook)?;
        }
        Ok(())
    }

    fn node_ports(&self) -> NodePorts {
        let clock = self.generic.config.services.clock.clone();
        NodePorts::new(self.extra.service_node_port_range, &self.made.storage_factory, clock)
    }

    /// What RBAC keeps in memory, if RBAC is asked.
    pub fn rbac(&self) -> Option<&Rbac> {
        self.made.rbac.as_ref()
    }
}

/// What all built-in groups share, whichever server has them.
pub fn installation(config: &GenericConfig) -> Installation {
    Installation {
        scheme: Arc::new(codec::BuiltIn),
        admission: config.admission_control.clone().map(|chain| chain as _),
        equivalents: config.equivalent_resources.clone(),
        authorizer: config.authorization.authorizer.clone(),
        min_request_timeout: config.min_request_timeout.into(),
        media_types: negotiation::BUILT_IN,
        patch_types: &PatchType::ALL,
        items: Items::Bare,
    }
}

/// Hook `rbac/bootstrap-roles`: puts the bootstrap policy in place.
fn bootstrap_roles() -> apiserver::server::hooks::PostStartHookFunc {
    post_start_hook(|context: PostStartHookContext| async move {
        ensure::retry(30, &context.stop, || {
            let client = ensure::client(&context);
            async move { reconcile::ensure_rbac_policy(&client).await }
        })
        .await
    })
}
