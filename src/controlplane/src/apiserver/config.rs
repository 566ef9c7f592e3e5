//! The config of the control plane, stage by stage. This is the heart of a start.
//!
//! ```text
//! build_generic_config
//!   1 generic config     defaults, server run options, secure serving (the socket opens), loopback client and
//!                        informers, features, api enablement, openapi
//!   2 storage            storage factory config -> complete -> new -> RESTOptionsGetter
//!   3 authentication     -> Authentication.Authenticator
//!   4 authorization      -> Authorization.Authorizer, RuleResolver;  audit
//! create_config
//!   5 admission          -> AdmissionControl (in versions before 1.2x: the last stage of build_generic_config)
//! ```
//!
//! Go: pkg/controlplane/apiserver/config.go

use std::sync::Arc;

use apiserver::{
    admission::{initializer::Initializers, plugins},
    request::requestinfo,
    server::{
        config::{AuthenticationInfo, AuthorizationInfo, Config},
        hooks::{PostStartHookEntry, PostStartHookFunc, post_start_hook},
        start_error::StartError,
    },
};
use auth::authorization::{
    Authorizer, RuleResolver,
    builtin::{AlwaysAllow, AlwaysDeny, PrivilegedGroups},
    union::{Union, UnionRuleResolver},
};
use aws_lc_rs::rand;
use client::{
    cache::informer::SharedInformerFactory, rest::Client, service_resolver::ClusterIPResolver, webhook::ClientManager,
};
use phase::{catalog::Phase, trace::Trace};
use plugin::{
    bootstrap_token::BootstrapTokens,
    node::{authorizer::NodeAuthorizer, graph::Graph},
    rbac::{authorizer::RBACAuthorizer, escalation::EscalationCheck, index::Index},
    service_account_getter::LoopbackGetter,
};

use crate::{
    apiserver::{
        environment::Environment,
        storage::{StorageFactory, StorageFactoryConfig},
    },
    controller::clusterauthenticationtrust::ClusterAuthenticationInfo,
    instance,
    options::{authentication, authorization::Mode, run::CompletedOptions, servicecidr::ServiceRanges},
    registry::{codec, core::remote::kubelet::Remote},
    resource_config,
};

/// The name under which the server asks itself.
const USER_AGENT: &str = "kube-apiserver/v1.36.2";

/// What the stages have made so far, besides the generic config that they fill.
pub struct Generic {
    /// The config that the three servers share.
    pub config: Config,
    /// Local copies of what the server itself reads.
    pub versioned_informers: Arc<SharedInformerFactory>,
    /// The loopback client.
    pub loopback_client: Client,
    /// Opened storage.
    pub storage_factory: StorageFactory,
    /// Keys and authorities, for those who publish them.
    pub authentication: authentication::AuthenticationInfo,
    /// RBAC's roles and bindings, if RBAC is asked.
    pub rbac: Option<Rbac>,
}

/// What RBAC keeps in memory.
#[derive(Clone)]
pub struct Rbac {
    /// Roles and bindings.
    pub index: Arc<Index>,
    /// Whether someone may grant what they do not hold.
    pub escalation: Arc<EscalationCheck>,
}

/// Go: pkg/controlplane/apiserver/config.go BuildGenericConfig
pub async fn build_generic_config(
    trace: &Trace,
    completed: &mut CompletedOptions,
    environment: &Environment,
) -> Result<Generic, StartError> {
    let mut config = Config::new(environment.services.clone(), environment.tracer.clone());
    config.serializer = codec::codec();
    config.definitions = Some(std::sync::Arc::new(codec::BuiltIn));
    let phase = trace.enter(Phase::BuildGenericConfig, &mut config).await?;
    let (loopback_client, versioned_informers) = generic_config(trace, completed, &mut config).await?;
    if let Some(loopback) = &config.loopback_client_config {
        environment.loopback.get_or_init(|| loopback.clone());
    }
    let storage_factory = configure_storage(trace, completed, environment, &mut config).await?;
    let authentication = configure_authentication(trace, completed, &loopback_client, &mut config).await?;
    let rbac = configure_authorization(trace, completed, &loopback_client, &versioned_informers, &mut config).await?;
    configure_audit(trace, completed, &mut config).await?;
    phase.exit(&config);
    Ok(Generic { config, versioned_informers, loopback_client, storage_factory, authentication, rbac })
}

/// Stage 1: what every server has.
async fn generic_config(
    trace: &Trace,
    completed: &mut CompletedOptions,
    config: &mut Config,
) -> Result<(Client, Arc<SharedInformerFactory>), StartError> {
    let stage = trace.enter(Phase::GenericConfigDefaults, config).await?;
    let options = &mut completed.options;

    let phase = trace.enter(Phase::ApplyServerRunOptions, config).await?;
    options.generic.apply_to(config);
    config.api_server_id = api_server_id(&config.hostname);
    phase.exit(config);

    let phase = trace.enter(Phase::ApplySecureServing, config).await?;
    let applied = options.secure_serving.apply_to(&loopback_token()?, config);
    if let Err(error) = applied {
        phase.fail(&error);
        return Err(error);
    }
    phase.exit(config);

    let phase = trace.enter(Phase::LoopbackClient, config).await?;
    let loopback = config.loopback_client_config.clone();
    let transport = loopback.ok_or_else(|| StartError::new("loopback client", "secure serving has made none"))?;
    let client = Client::new(transport, USER_AGENT);
    let informers = Arc::new(SharedInformerFactory::new(client.clone()));
    config.shared_informer_factory = Some(informers.clone());
    phase.exit(config);

    let phase = trace.enter(Phase::ApplyFeatures, config).await?;
    options.features.apply_to(config);
    phase.exit(config);

    let phase = trace.enter(Phase::ApplyAPIEnablement, config).await?;
    options.api_enablement.apply_to(config, &resource_config::default_api_resource_config_source());
    phase.exit(config);

    let phase = trace.enter(Phase::OpenAPIConfig, config).await?;
    config.long_running_func = requestinfo::basic_long_running_request_check(
        &["watch", "proxy"],
        &["attach", "exec", "proxy", "log", "portforward"],
    );
    phase.exit(config);

    stage.exit(config);
    Ok((client, informers))
}

/// Stage 2: where objects are kept.
async fn configure_storage(
    trace: &Trace,
    completed: &CompletedOptions,
    environment: &Environment,
    config: &mut Config,
) -> Result<StorageFactory, StartError> {
    let stage = trace.enter(Phase::ConfigureStorage, config).await?;
    let etcd = &completed.options.etcd;

    let mut factory_config = StorageFactoryConfig::new();
    let phase = trace.enter(Phase::NewStorageFactoryConfig, &mut factory_config).await?;
    phase.exit(&factory_config);

    let phase = trace.enter(Phase::CompleteStorageFactoryConfig, &mut factory_config).await?;
    let completed_config = factory_config.complete(etcd);
    phase.done();

    let phase = trace.enter(Phase::NewStorageFactory, config).await?;
    let factory = match completed_config.new_factory(&environment.open_backend).await {
        Ok(factory) => factory,
        Err(error) => {
            phase.fail(&error);
            return Err(StartError::new("storage", error));
        }
    };
    phase.exit(config);

    let phase = trace.enter(Phase::ApplyWithStorageFactoryTo, config).await?;
    factory.start_maintenance(etcd, environment);
    let getter = factory.rest_options_getter(etcd, environment);
    etcd.apply_with_storage_factory_to(Arc::new(getter), factory.health_check(), config);
    phase.exit(config);

    stage.exit(config);
    Ok(factory)
}

/// Stage 3: who is asking.
async fn configure_authentication(
    trace: &Trace,
    completed: &CompletedOptions,
    client: &Client,
    config: &mut Config,
) -> Result<authentication::AuthenticationInfo, StartError> {
    let stage = trace.enter(Phase::ConfigureAuthentication, config).await?;
    let phase = trace.enter(Phase::BuildAuthenticator, config).await?;
    let getter = Arc::new(LoopbackGetter::new(client.clone()));
    let clock = config.services.clock.clone();
    let bootstrap_tokens = Arc::new(BootstrapTokens::new(client.clone(), clock.clone()));
    let built = completed.options.authentication.build(getter, bootstrap_tokens, clock);
    let info = match built {
        Ok(info) => info,
        Err(error) => {
            phase.fail(&error);
            return Err(StartError::new("authentication", error));
        }
    };
    config.authentication = AuthenticationInfo {
        api_audiences: info.api_audiences.clone(),
        authenticator: Some(info.authenticator.clone()),
        request_header_config: info.request_header.clone(),
    };
    phase.exit(config);
    stage.exit(config);
    Ok(info)
}

/// Stage 4: may they.
///
/// Go: pkg/controlplane/apiserver/config.go BuildAuthorizer
async fn configure_authorization(
    trace: &Trace,
    completed: &CompletedOptions,
    client: &Client,
    informers: &SharedInformerFactory,
    config: &mut Config,
) -> Result<Option<Rbac>, StartError> {
    let stage = trace.enter(Phase::ConfigureAuthorization, config).await?;
    let phase = trace.enter(Phase::BuildAuthorizer, config).await?;
    let mut authorizers: Vec<Arc<dyn Authorizer>> = vec![Arc::new(PrivilegedGroups::masters())];
    let mut resolvers: Vec<Arc<dyn RuleResolver>> = Vec::new();
    let mut index = None;
    for mode in completed.options.authorization.known_modes() {
        match mode {
            Mode::AlwaysAllow => {
                authorizers.push(Arc::new(AlwaysAllow));
                resolvers.push(Arc::new(AlwaysAllow));
            }
            Mode::AlwaysDeny => {
                authorizers.push(Arc::new(AlwaysDeny));
                resolvers.push(Arc::new(AlwaysDeny));
            }
            Mode::Node => {
                let node = Arc::new(NodeAuthorizer::new(Graph::watch(informers)));
                authorizers.push(node.clone());
                resolvers.push(node);
            }
            Mode::RBAC => {
                let watched = Index::watch(informers);
                let rbac = Arc::new(RBACAuthorizer::new(watched.clone()));
                authorizers.push(rbac.clone());
                resolvers.push(rbac);
                index = Some(watched);
            }
        }
    }
    let authorizer: Arc<dyn Authorizer> = Arc::new(Union::new(authorizers));
    config.authorization = AuthorizationInfo { authorizer: Some(authorizer.clone()) };
    config.rule_resolver = Some(Arc::new(UnionRuleResolver::new(resolvers)));
    if index.is_none() {
        config.disabled_post_start_hooks.insert(plugin::rbac::reconcile::POST_START_HOOK_NAME.to_owned());
    }
    phase.exit(config);
    stage.exit(config);
    Ok(index.map(|index| Rbac {
        escalation: Arc::new(EscalationCheck::new(index.clone(), authorizer, client.clone())),
        index,
    }))
}

/// What is written down. Nothing is, without a policy.
async fn configure_audit(trace: &Trace, completed: &CompletedOptions, config: &mut Config) -> Result<(), StartError> {
    let phase = trace.enter(Phase::ConfigureAudit, config).await?;
    if let Err(error) = completed.options.audit.apply_to(config) {
        phase.fail(&error);
        return Err(error);
    }
    phase.exit(config);
    Ok(())
}

/// Stage 5, and what only the control plane has.
///
/// Go: pkg/controlplane/apiserver/config.go CreateConfig, cmd/kube-apiserver/app/server.go CreateKubeAPIServerConfig
pub async fn create_kube_api_server_config(
    trace: &Trace,
    completed: &CompletedOptions,
    mut generic: Generic,
) -> Result<instance::Config, StartError> {
    let stage = trace.enter(Phase::CreateKubeAPIServerConfig, &mut generic.config).await?;
    configure_admission(trace, completed, &mut generic).await?;
    api::capabilities::setup(completed.options.kube.allow_privileged);
    let extra = extra(completed, &generic)?;
    stage.exit(&generic.config);
    Ok(instance::Config { generic, extra })
}

/// Stage 5: whether a write is acceptable.
async fn configure_admission(
    trace: &Trace,
    completed: &CompletedOptions,
    generic: &mut Generic,
) -> Result<(), StartError> {
    let stage = trace.enter(Phase::ConfigureAdmission, &mut generic.config).await?;
    let options = &completed.options.admission;

    let phase = trace.enter(Phase::RegisterAllAdmissionPlugins, &mut generic.config).await?;
    let enabled = plugins::enabled(plugin::admission::plugins::ALL, &options.enable_plugins, &options.disable_plugins);
    phase.exit(&generic.config);

    let authorizer = generic.config.authorization.authorizer.clone();
    let initializers = Initializers {
        informers: generic.versioned_informers.clone(),
        client: generic.loopback_client.clone(),
        authorizer: authorizer.ok_or_else(|| StartError::new("admission", "there is no authorizer"))?,
        webhooks: Arc::new(ClientManager::new(Arc::new(ClusterIPResolver::new(&generic.versioned_informers)))),
        equivalents: generic.config.equivalent_resources.clone(),
        clock: generic.config.services.clock.clone(),
        ids: generic.config.services.ids.clone(),
        configurations: std::collections::BTreeMap::new(),
        default_not_ready_toleration_seconds: options.default_not_ready_toleration_seconds,
        default_unreachable_toleration_seconds: options.default_unreachable_toleration_seconds,
    };
    let chain = plugins::new_from_plugins(trace, &enabled, &initializers).await;
    let chain = chain.map_err(|error| StartError::new("admission", error))?;
    generic.config.admission_control = Some(Arc::new(chain.measured(generic.config.metrics.clone())));
    let hook = PostStartHookEntry::new("start-apiserver-admission-initializer", initialized());
    generic.config.add_post_start_hook(hook).map_err(|error| StartError::new("admission", error))?;
    stage.exit(&generic.config);
    Ok(())
}

/// Hook `start-apiserver-admission-initializer`.
///
/// Simplified: Kubernetes' plugins look kinds up in a copy of discovery, which this hook makes new every 30 seconds. Here
/// they ask what is installed, and nothing has to be made new.
fn initialized() -> PostStartHookFunc {
    post_start_hook(|_| async { Ok(()) })
}

fn extra(completed: &CompletedOptions, generic: &Generic) -> Result<instance::Extra, StartError> {
    let kube = &completed.options.kube;
    let authentication = &completed.options.authentication;
    Ok(instance::Extra {
        cluster_authentication_info: ClusterAuthenticationInfo {
            client_ca: generic.authentication.client_ca.clone(),
            request_header: generic.authentication.request_header.clone(),
        },
        event_ttl: kube.event_ttl,
        service_ranges: service_ranges(completed),
        service_node_port_range: kube.service_node_port_range,
        advertise_address: completed.advertise_address(),
        reconcile_endpoints: kube.endpoint_reconciler_type != "none",
        allow_privileged: kube.allow_privileged,
        remote: Remote::new(kube).map_err(|error| StartError::new("kubelet client", error))?,
        issuer: authentication
            .service_accounts
            .issuer(&authentication.api_audiences)
            .map_err(|error| StartError::new("service account issuer", error))?
            .map(Arc::new),
        service_accounts: authentication.service_accounts.clone(),
        storage_media_type: completed.options.etcd.default_storage_media_type.clone(),
    })
}

fn service_ranges(completed: &CompletedOptions) -> ServiceRanges {
    completed.service_ranges.clone()
}

/// A secret that nobody outside of this process knows.
fn loopback_token() -> Result<String, StartError> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| StartError::new("loopback client", "there is no entropy"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Names this server among its replicas: `apiserver-` and a digest of the host's name.
///
/// Go: apiserver/pkg/server/config.go NewConfig, apiserver/pkg/util/... APIServerID
fn api_server_id(hostname: &str) -> String {
    use aws_lc_rs::digest::{SHA256, digest};
    let mut text = Vec::new();
    for part in [hostname, "kube-apiserver"] {
        text.extend_from_slice(&(part.len() as u16).to_be_bytes());
        text.extend_from_slice(part.as_bytes());
    }
    format!("apiserver-{}", base32(&digest(&SHA256, &text).as_ref()[..16]))
}

/// RFC 4648 base32 in small letters, unpadded.
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let (mut out, mut buffer, mut bits) = (String::new(), 0_u32, 0);
    for byte in bytes {
        buffer = (buffer << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(char::from(ALPHABET[(buffer >> bits & 31) as usize]));
        }
    }
    if bits > 0 {
        out.push(char::from(ALPHABET[(buffer << (5 - bits) & 31) as usize]));
    }
    out
}
