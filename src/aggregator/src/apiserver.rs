//! The aggregator: config, completed config, server.
//!
//! Go: kube-aggregator/pkg/apiserver/apiserver.go

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use apimachinery::runtime::object::Object;
use apiserver::{
    endpoints::{
        discovery::aggregated::AggregatedDiscovery,
        installer::{APIGroupInfo, APIVersionInfo, Installation},
    },
    request::handler::Handler,
    server::{
        config::{CompletedConfig as GenericCompletedConfig, Config as GenericConfig, defaults::API_GROUP_PREFIX},
        delegation::DelegationTarget,
        genericapiserver::GenericAPIServer,
        hooks::{PostStartHookFunc, post_start_hook},
        lifecycle_signals::LifecycleSignal,
        run::PreparedGenericAPIServer,
        start_error::StartError,
    },
};
use client::{
    cache::{
        informer::{SharedInformer, SharedInformerFactory},
        store::Store,
    },
    rest::Client,
};
use parking_lot::Mutex;
use phase::trace::Trace;
use tokio_util::task::TaskTracker;

use crate::{
    apiservice,
    apiservice_controller::APIServiceRegistrationController,
    controllers::{
        openapi::{AggregationController, Form},
        status::{local, remote},
    },
    extension_server::Dialer,
    handler_apis::{ApiGroupHandler, ApisHandler},
    handler_discovery::DiscoveryManager,
    handler_proxy::ProxyHandler,
};

/// How often the front-proxy certificate is looked at again.
///
/// Go: apiserver/pkg/server/dynamiccertificates/dynamic_serving_content.go FileRefreshDuration
const CERTIFICATE_PERIOD: std::time::Duration = std::time::Duration::from_mins(1);

/// Go: kube-aggregator/pkg/apiserver/apiserver.go Config
pub struct Config {
    /// A copy of the control plane's generic config, without its hooks.
    pub generic: GenericConfig,
    /// What only the aggregator has.
    pub extra: ExtraConfig,
}

/// Go: kube-aggregator/pkg/apiserver/apiserver.go ExtraConfig
#[derive(Clone)]
pub struct ExtraConfig {
    /// How extension servers are found, and who this server is to them.
    pub dialer: Dialer,
    /// `--aggregator-reject-forwarding-redirect`
    pub reject_forwarding_redirects: bool,
    /// The storage of APIServices, version by version.
    pub rest_storage: Vec<APIVersionInfo>,
    /// What the group shares with all other built-in ones.
    pub installation: Installation,
    /// Speaks to the chain of servers itself.
    pub client: Client,
    /// Copies of services and endpoints.
    pub shared_informers: Arc<SharedInformerFactory>,
}

/// A config that can make the server.
pub struct CompletedConfig {
    /// The generic part.
    pub generic: GenericCompletedConfig,
    /// What only the aggregator has.
    pub extra: ExtraConfig,
}

/// The server that clients meet.
///
/// Go: kube-aggregator/pkg/apiserver/apiserver.go APIAggregator
pub struct APIAggregator {
    /// The generic server.
    pub generic_api_server: Arc<GenericAPIServer>,
    /// The copy of all APIServices, for those who add controllers.
    pub api_services: Arc<SharedInformer>,
    openapi: OpenAPIControllers,
}

/// One for each version of OpenAPI.
#[derive(Clone)]
struct OpenAPIControllers {
    v2: Arc<AggregationController>,
    v3: Arc<AggregationController>,
}

/// The paths that exist because an APIService does.
pub struct Routes {
    server: Arc<GenericAPIServer>,
    delegate: Arc<dyn Handler>,
    lister: Arc<Store>,
    dialer: Dialer,
    reject_forwarding_redirects: bool,
    /// Told about every change.
    discovery: Arc<DiscoveryManager>,
    /// Told about every change, too.
    openapi: OpenAPIControllers,
    registered: Mutex<Registered>,
}

#[derive(Default)]
struct Registered {
    /// By the name of the APIService.
    proxy_handlers: BTreeMap<String, Arc<ProxyHandler>>,
    /// The versions of each group that has a path of its own.
    handled_group_versions: BTreeMap<String, BTreeSet<String>>,
}

impl Config {
    /// Adds what follows from the rest. The aggregator makes `/apis` itself, from APIServices.
    ///
    /// Go: kube-aggregator/pkg/apiserver/apiserver.go Complete
    pub fn complete(mut self) -> CompletedConfig {
        self.generic.enable_discovery = false;
        self.generic.skip_open_api_installation = true;
        CompletedConfig { generic: self.generic.complete(), extra: self.extra }
    }
}

impl CompletedConfig {
    /// Makes the server: the group of APIServices, `/apis`, and the controllers behind them.
    ///
    /// Go: kube-aggregator/pkg/apiserver/apiserver.go NewWithDelegate
    pub async fn new(
        &self,
        trace: &Trace,
        delegation_target: Arc<dyn DelegationTarget>,
    ) -> Result<APIAggregator, StartError> {
        let delegate = delegation_target
            .unprotected_handler()
            .ok_or_else(|| StartError::new("kube-aggregator", "there is no server behind the aggregator"))?;
        let server = self.generic.new(trace, "kube-aggregator", delegation_target).await?;
        let informers = Arc::new(SharedInformerFactory::new(self.extra.client.clone()));
        let api_services = informers.informer(&apiservice::resource());
        let initiated = LifecycleSignal::new("APIServiceRegistrationControllerInitiated");
        server.register_mux_and_discovery_complete_signal(initiated.clone());

        self.install_group(trace, &server).await?;
        self.install_apis(&server, &api_services);
        let discovery =
            DiscoveryManager::new(server.aggregated_discovery_group_manager.clone(), server.services.clone());
        let openapi = OpenAPIControllers {
            v2: AggregationController::new(Form::V2, server.openapi.clone()),
            v3: AggregationController::new(Form::V3, server.openapi.clone()),
        };
        let routes = Arc::new(Routes {
            server: server.clone(),
            delegate,
            lister: api_services.store(),
            dialer: self.extra.dialer.clone(),
            reject_forwarding_redirects: self.extra.reject_forwarding_redirects,
            discovery: discovery.clone(),
            openapi: openapi.clone(),
            registered: Mutex::default(),
        });
        let registration = APIServiceRegistrationController::new(api_services.clone(), routes);
        self.add_hooks(&server, &informers, &registration, &discovery, initiated)?;
        Ok(APIAggregator { generic_api_server: server, api_services, openapi })
    }

    /// The group of APIServices itself.
    async fn install_group(&self, trace: &Trace, server: &GenericAPIServer) -> Result<(), StartError> {
        let versions: Vec<APIVersionInfo> = self.extra.rest_storage.iter().map(APIVersionInfo::clone).collect();
        if !versions.iter().any(|info| info.version == "v1") {
            let message = format!("API group/version {}/v1 must be enabled", apiservice::GROUP);
            return Err(StartError::new("kube-aggregator", message));
        }
        let info = APIGroupInfo { group: apiservice::GROUP.to_owned(), versions };
        server.install_api_groups(trace, &self.extra.installation, vec![info]).await
    }

    /// `/apis`, in both forms.
    fn install_apis(&self, server: &GenericAPIServer, api_services: &SharedInformer) {
        let codec = server.serializer.clone();
        let plain = Arc::new(ApisHandler { lister: api_services.store(), codec: codec.clone() });
        let manager = server.aggregated_discovery_group_manager.clone();
        let both = AggregatedDiscovery { manager, path: API_GROUP_PREFIX, codec, plain: plain.clone() };
        let mux = &server.handler.non_go_restful_mux;
        mux.handle("/apis", Arc::new(both));
        mux.unlisted_handle("/apis/", plain);
    }

    /// The hooks by their real names, in the order of `/readyz?verbose`.
    fn add_hooks(
        &self,
        server: &Arc<GenericAPIServer>,
        informers: &Arc<SharedInformerFactory>,
        registration: &Arc<APIServiceRegistrationController>,
        discovery: &Arc<DiscoveryManager>,
        initiated: LifecycleSignal,
    ) -> Result<(), StartError> {
        let extra = &self.extra;
        let api_services = informers.informer(&apiservice::resource());
        let client = extra.client.clone();
        let local = local::Controller::new(client.clone(), server.services.clone(), &api_services);
        let services = server.services.clone();
        let remote =
            remote::Controller::new(client, services, extra.dialer.clone(), api_services, &extra.shared_informers);
        if extra.dialer.proxy_client.is_some() {
            server.add_post_start_hook("aggregator-reload-proxy-client-cert", reload_proxy_client(registration))?;
        }
        server.add_post_start_hook("start-kube-aggregator-informers", start_informers(informers))?;
        server.add_post_start_hook(
            "apiservice-status-local-available-controller",
            post_start_hook(move |context| {
                local.run(5, &context.stop);
                async { Ok(()) }
            }),
        )?;
        server.add_post_start_hook(
            "apiservice-status-remote-available-controller",
            post_start_hook(move |context| {
                remote.run(5, &context.stop);
                async { Ok(()) }
            }),
        )?;
        server.add_post_start_hook(
            "apiservice-registration-controller",
            register(registration.clone(), initiated.clone()),
        )?;
        server.add_post_start_hook("apiservice-discovery-controller", discover(discovery.clone(), initiated))
    }
}

impl APIAggregator {
    /// Adds the hooks that come last, and prepares the generic server.
    ///
    /// Go: kube-aggregator/pkg/apiserver/apiserver.go PrepareRun
    pub async fn prepare(self, trace: &Trace) -> Result<PreparedGenericAPIServer, StartError> {
        let server = self.generic_api_server;
        server.add_post_start_hook("apiservice-openapi-controller", self.openapi.v2.hook())?;
        server.add_post_start_hook("apiservice-openapiv3-controller", self.openapi.v3.hook())?;
        server.prepare(trace).await
    }
}

fn start_informers(informers: &Arc<SharedInformerFactory>) -> PostStartHookFunc {
    let informers = informers.clone();
    post_start_hook(move |context| {
        informers.start(&TaskTracker::new(), &context.stop);
        async { Ok(()) }
    })
}

/// Routes look at the certificate's files whenever they are made again.
fn reload_proxy_client(registration: &Arc<APIServiceRegistrationController>) -> PostStartHookFunc {
    let registration = registration.clone();
    post_start_hook(move |context| {
        let registration = registration.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    biased;
                    () = context.stop.cancelled() => return,
                    () = tokio::time::sleep(CERTIFICATE_PERIOD) => registration.enqueue(),
                }
            }
        });
        async { Ok(()) }
    })
}

fn register(controller: Arc<APIServiceRegistrationController>, initiated: LifecycleSignal) -> PostStartHookFunc {
    post_start_hook(move |context| {
        let initiated = initiated.clone();
        tokio::spawn(controller.clone().run(context.stop.clone(), initiated.clone()));
        async move {
            tokio::select! {
                biased;
                () = context.stop.cancelled() => {}
                () = initiated.signaled() => {}
            }
            Ok(())
        }
    })
}

fn discover(manager: Arc<DiscoveryManager>, initiated: LifecycleSignal) -> PostStartHookFunc {
    post_start_hook(move |context| {
        let (manager, initiated) = (manager.clone(), initiated.clone());
        async move {
            tokio::select! {
                biased;
                () = context.stop.cancelled() => return Ok(()),
                () = initiated.signaled() => {}
            }
            manager.run(&context.stop).await;
            Ok(())
        }
    })
}

impl Routes {
    /// Makes or changes the routes of an APIService. Called by one task only.
    ///
    /// Go: kube-aggregator/pkg/apiserver/apiserver.go AddAPIService
    pub fn add_api_service(&self, object: &Object) {
        let mut registered = self.registered.lock();
        if let Some(handler) = registered.proxy_handlers.get(object.name()) {
            handler.update_api_service(object);
            self.tell(object, handler);
            return;
        }
        let handler =
            Arc::new(ProxyHandler::new(self.delegate.clone(), self.dialer.clone(), self.reject_forwarding_redirects));
        handler.update_api_service(object);
        self.tell(object, &handler);
        registered.proxy_handlers.insert(object.name().to_owned(), handler.clone());
        let mux = &self.server.handler.non_go_restful_mux;
        let path = proxy_path(object.name());
        mux.handle(&path, handler.clone());
        mux.unlisted_handle_prefix(&format!("{path}/"), handler);
        if object.name() == apiservice::LEGACY {
            return;
        }
        let version = apiservice::group_version(object);
        let versions = registered.handled_group_versions.entry(version.group.clone()).or_default();
        if versions.is_empty() {
            let group = Arc::new(ApiGroupHandler {
                group: version.group.clone(),
                lister: self.lister.clone(),
                codec: self.server.serializer.clone(),
                delegate: self.delegate.clone(),
            });
            mux.handle(&group_path(&version.group), group.clone());
            mux.unlisted_handle(&format!("{}/", group_path(&version.group)), group);
        }
        versions.insert(version.version);
    }

    /// Tells those who collect documents of extension servers.
    fn tell(&self, object: &Object, handler: &Arc<ProxyHandler>) {
        self.discovery.add_api_service(object, handler.clone());
        self.openapi.v2.add_api_service(object, handler.clone());
        self.openapi.v3.add_api_service(object, handler.clone());
    }

    /// Removes the routes of an APIService; the paths are the delegate's again.
    ///
    /// Go: kube-aggregator/pkg/apiserver/apiserver.go RemoveAPIService
    pub fn remove_api_service(&self, name: &str) {
        self.discovery.remove_api_service(name);
        self.openapi.v2.remove_api_service(name);
        self.openapi.v3.remove_api_service(name);
        let mut registered = self.registered.lock();
        if registered.proxy_handlers.remove(name).is_none() {
            return;
        }
        let mux = &self.server.handler.non_go_restful_mux;
        let path = proxy_path(name);
        mux.unregister(&path);
        mux.unregister(&format!("{path}/"));
        let version = apiservice::name_to_group_version(name);
        let Some(versions) = registered.handled_group_versions.get_mut(&version.group) else { return };
        versions.remove(&version.version);
        if versions.is_empty() {
            registered.handled_group_versions.remove(&version.group);
            mux.unregister(&group_path(&version.group));
            mux.unregister(&format!("{}/", group_path(&version.group)));
        }
    }
}

/// The core group's one APIService leads to everything below `/api`.
fn proxy_path(name: &str) -> String {
    if name == apiservice::LEGACY {
        return "/api".to_owned();
    }
    format!("{API_GROUP_PREFIX}/{}", apiservice::name_to_group_version(name))
}

fn group_path(group: &str) -> String {
    format!("{API_GROUP_PREFIX}/{group}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_a_path_and_core_has_all_of_api() {
        assert_eq!(proxy_path("v1."), "/api");
        assert_eq!(proxy_path("v1beta1.a.io"), "/apis/a.io/v1beta1");
    }
}
