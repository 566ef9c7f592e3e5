//! The API extensions server: config, completed config, server.
//!
//! Go: apiextensions-apiserver/pkg/apiserver/apiserver.go

use std::{sync::Arc, time::Duration};

use apimachinery::{meta::options::PatchType, runtime::schema::GroupVersion};
use apiserver::{
    endpoints::{
        handlers::scope::Items,
        installer::{APIGroupInfo, APIVersionInfo, Installation},
        negotiation,
    },
    server::{
        config::{CompletedConfig as GenericCompletedConfig, Config as GenericConfig},
        delegation::DelegationTarget,
        genericapiserver::GenericAPIServer,
        hooks::{PostStartHookContext, post_start_hook},
        lifecycle_signals::LifecycleSignal,
        notfoundhandler::NotFoundHandler,
        start_error::StartError,
    },
};
use client::{
    cache::{informer::SharedInformer, reflector::Reflector},
    rest::Client,
    webhook::ClientManager,
};
use phase::trace::Trace;

use crate::{
    controller::{
        Tools, apiapproval,
        discovery::{DiscoveryController, ServedVersions},
        establishing,
        finalizing::Finalizer,
        naming,
        openapi::OpenAPIController,
        queue::WorkQueue,
    },
    definition::{self, GROUP},
    discovery::Discovery,
    handler::{CRDHandler, Serving},
    registry::customresourcedefinition::storage::{self, DefinitionScheme},
    serving::Environment,
};

/// The name under which the server writes definitions.
const USER_AGENT: &str = "kube-apiserver/v1.36.2";

/// How often it is looked whether the local copy of all definitions is complete.
///
/// Go: crd-informer-synced
const POLL: Duration = Duration::from_millis(100);

/// Go: apiextensions-apiserver/pkg/apiserver/apiserver.go Config
pub struct Config {
    /// A copy of the control plane's generic config, without its hooks.
    pub generic: GenericConfig,
    /// What only this server has.
    pub extra: ExtraConfig,
}

/// Go: apiextensions-apiserver/pkg/apiserver/apiserver.go ExtraConfig
#[derive(Clone)]
pub struct ExtraConfig {
    /// Asks conversion webhooks.
    pub webhooks: Arc<ClientManager>,
}

/// A config that can make the server.
pub struct CompletedConfig {
    generic: GenericCompletedConfig,
    extra: ExtraConfig,
}

/// The server of CustomResourceDefinitions and what they define.
///
/// Go: apiextensions-apiserver/pkg/apiserver/apiserver.go CustomResourceDefinitions
pub struct CustomResourceDefinitions {
    /// The generic server.
    pub generic_api_server: Arc<GenericAPIServer>,
    /// The local copy of all definitions, for the servers in front.
    pub informer: Arc<SharedInformer>,
    /// The versions that definitions serve, for the aggregator to register.
    pub served_versions: ServedVersions,
}

impl Config {
    /// Adds what follows from the rest. `/apis` is the business of the servers in front.
    ///
    /// Go: apiextensions-apiserver/pkg/apiserver/apiserver.go Complete
    pub fn complete(mut self) -> CompletedConfig {
        self.generic.enable_discovery = false;
        CompletedConfig { generic: self.generic.complete(), extra: self.extra }
    }
}

impl CompletedConfig {
    /// Makes the server: definitions, the handler of what they define, the controllers.
    ///
    /// Go: apiextensions-apiserver/pkg/apiserver/apiserver.go New
    pub async fn new(
        &self,
        trace: &Trace,
        delegation_target: Arc<dyn DelegationTarget>,
    ) -> Result<CustomResourceDefinitions, StartError> {
        let delegate = delegation_target.unprotected_handler().unwrap_or_else(|| Arc::new(NotFoundHandler));
        let server = self.generic.new(trace, "apiextensions-apiserver", delegation_target).await?;
        self.install_definitions(trace, &server).await?;

        let Some(loopback) = self.generic.config.loopback_client_config.clone() else {
            return Err(StartError::new("apiextensions-apiserver", "there is no loopback client"));
        };
        let client = Client::new(loopback, USER_AGENT);
        let reflector = Reflector::new(client.resource(&definition::resource()), Vec::new());
        let informer = Arc::new(SharedInformer::new(reflector));
        let serving = Arc::new(Serving::new(self.environment()?, informer.store()));
        informer.add_event_handler(serving.clone());

        let discovery = Discovery { codec: self.generic.config.serializer.clone() };
        let handler = Arc::new(CRDHandler { serving: serving.clone(), discovery, delegate });
        let mux = &server.handler.non_go_restful_mux;
        mux.handle("/apis", handler.clone());
        mux.handle_prefix("/apis/", handler);

        let manager = self.generic.config.aggregated_discovery_group_manager.clone();
        let controllers = Controllers {
            informer: informer.clone(),
            serving: serving.clone(),
            discovery: Arc::new(DiscoveryController::new(serving, manager)),
            openapi: server.openapi.clone(),
            documents: self.generic.config.serializer.clone(),
        };
        let served_versions = controllers.discovery.served();
        controllers.add_hooks(&server)?;
        Ok(CustomResourceDefinitions { generic_api_server: server, informer, served_versions })
    }

    /// Installs `apiextensions.k8s.io/v1`.
    async fn install_definitions(&self, trace: &Trace, server: &GenericAPIServer) -> Result<(), StartError> {
        let config = &self.generic.config;
        let Some(getter) = &config.rest_options_getter else {
            return Err(StartError::new("apiextensions-apiserver", "storage was not configured"));
        };
        let resource = definition::resource();
        let enabled = config.merged_resource_config.as_ref().is_none_or(|config| config.resource_enabled(&resource));
        if !enabled {
            return Ok(());
        }
        let installation = Installation {
            scheme: Arc::new(DefinitionScheme),
            admission: config.admission_control.clone().map(|chain| chain as _),
            equivalents: config.equivalent_resources.clone(),
            authorizer: config.authorization.authorizer.clone(),
            min_request_timeout: config.min_request_timeout.into(),
            media_types: negotiation::BUILT_IN,
            patch_types: &PatchType::ALL,
            items: Items::Bare,
        };
        let version = APIVersionInfo { version: "v1".to_owned(), storage: storage::storages(&**getter) };
        let group = APIGroupInfo { group: GROUP.to_owned(), versions: vec![version] };
        server.install_api_groups(trace, &installation, vec![group]).await?;
        let version = GroupVersion::new(GROUP, "v1");
        let priority = DEFINITIONS_PRIORITY;
        server.aggregated_discovery_group_manager.set_group_version_priority(&version, priority.0, priority.1);
        Ok(())
    }

    /// What serving needs from the config.
    fn environment(&self) -> Result<Environment, StartError> {
        let config = &self.generic.config;
        let Some(getter) = config.rest_options_getter.clone() else {
            return Err(StartError::new("apiextensions-apiserver", "storage was not configured"));
        };
        Ok(Environment {
            getter,
            admission: config.admission_control.clone().map(|chain| chain as _),
            authorizer: config.authorization.authorizer.clone(),
            equivalents: config.equivalent_resources.clone(),
            min_request_timeout: config.min_request_timeout.into(),
            documents: config.serializer.clone(),
            webhooks: self.extra.webhooks.clone(),
            ids: config.services.ids.clone(),
        })
    }
}

/// Where definitions stand among other groups. Go: pkg/controlplane/apiserver/aggregator.go DefaultGenericAPIServicePriorities
const DEFINITIONS_PRIORITY: (i64, i64) = (16700, 15);

/// What the hooks start.
#[derive(Clone)]
struct Controllers {
    informer: Arc<SharedInformer>,
    serving: Arc<Serving>,
    discovery: Arc<DiscoveryController>,
    openapi: Arc<apiserver::endpoints::openapi::manager::OpenAPIManager>,
    documents: Arc<dyn apiserver::endpoints::codec::Codec>,
}

impl Controllers {
    /// Adds the hooks, by their real names.
    fn add_hooks(self, server: &GenericAPIServer) -> Result<(), StartError> {
        let informer = self.informer.clone();
        let start = post_start_hook(move |context: PostStartHookContext| {
            let informer = informer.clone();
            tokio::spawn(async move { informer.run(&context.stop).await });
            async { Ok(()) }
        });
        server.add_post_start_hook("start-apiextensions-informers", start)?;

        let informer = self.informer.clone();
        let start = post_start_hook(move |context: PostStartHookContext| {
            let controllers = self.clone();
            async move {
                controllers.start(context).await;
                Ok(())
            }
        });
        server.add_post_start_hook("start-apiextensions-controllers", start)?;

        // Until all definitions are known, an unknown path may yet become one.
        let signal = LifecycleSignal::new("CRDInformerHasNotSynced");
        server.register_mux_and_discovery_complete_signal(signal.clone());
        let synced = post_start_hook(move |context: PostStartHookContext| {
            let (informer, signal) = (informer.clone(), signal.clone());
            async move {
                while !context.stop.is_cancelled() && !informer.wait_for_sync(POLL).await {}
                signal.signal();
                Ok(())
            }
        });
        server.add_post_start_hook("crd-informer-synced", synced)
    }

    /// Starts the controllers; returns when discovery has been told of everything once.
    async fn start(self, context: PostStartHookContext) {
        let client = Client::new(context.loopback_client_config.clone(), USER_AGENT);
        let definitions = self.informer.store();
        let tools = Tools { definitions, client, clock: context.services.clock.clone() };
        let (stop, services) = (context.stop.clone(), context.services.clone());
        let queue = || {
            let queue = Arc::new(WorkQueue::default());
            self.informer.add_event_handler(queue.clone());
            queue
        };
        while !stop.is_cancelled() && !self.informer.wait_for_sync(POLL).await {}
        let openapi = OpenAPIController {
            serving: self.serving.clone(),
            manager: self.openapi.clone(),
            documents: self.documents.clone(),
        };
        let finalizer = Finalizer { tools: tools.clone(), serving: self.serving.clone(), services };
        tokio::spawn(openapi.run(queue(), stop.clone()));
        tokio::spawn(naming::run(tools.clone(), queue(), stop.clone()));
        tokio::spawn(establishing::run(tools.clone(), queue(), stop.clone()));
        tokio::spawn(apiapproval::run(tools, queue(), stop.clone()));
        tokio::spawn(finalizer.run(queue(), stop.clone()));
        self.discovery.sync_all();
        tokio::spawn(self.discovery.clone().run(queue(), stop));
    }
}
