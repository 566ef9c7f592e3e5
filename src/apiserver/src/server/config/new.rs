//! From a complete config to a server, behind which another may stand.
//!
//! Go: apiserver/pkg/server/config.go New

use std::{sync::Arc, time::Duration};

use client::cache::informer::SharedInformerFactory;
use phase::{catalog::Phase, trace::Trace};
use tokio_util::task::TaskTracker;

use crate::{
    request::handler::Handler,
    server::{
        config::CompletedConfig,
        delegation::DelegationTarget,
        flowcontrol::config_consumer,
        genericapiserver::GenericAPIServer,
        handler::{APIServerHandler, Shared},
        healthz::{self, HealthChecker},
        hooks::{self, PostStartHookFunc},
        notfoundhandler::NotFoundHandler,
        routes,
        start_error::StartError,
        storage_objects,
    },
};

impl CompletedConfig {
    /// Makes a server with `delegation_target` behind it, step by step.
    ///
    /// Go: apiserver/pkg/server/config.go New
    pub async fn new(
        &self,
        trace: &Trace,
        name: &'static str,
        delegation_target: Arc<dyn DelegationTarget>,
    ) -> Result<Arc<GenericAPIServer>, StartError> {
        let mut config = self.config.clone();
        let phase = trace.enter_labelled(Phase::NewGenericServer, name, &mut config).await?;
        let server = self.build(name, delegation_target);
        match &server {
            Ok(_) => phase.exit(&self.config),
            Err(error) => phase.fail(error),
        }
        server
    }

    fn build(
        &self,
        name: &'static str,
        delegation_target: Arc<dyn DelegationTarget>,
    ) -> Result<Arc<GenericAPIServer>, StartError> {
        let c = &self.config;
        if c.loopback_client_config.is_none() {
            return Err(StartError::new(name, "Genericapiserver.New() called with config.LoopbackClientConfig == nil"));
        }
        let handler = self.api_server_handler(name, &*delegation_target);
        let server = Arc::new_cyclic(|this| {
            GenericAPIServer::from_config(name, c, handler, delegation_target.clone(), this.clone())
        });

        server.inherit_hooks(&*delegation_target);
        self.add_preconfigured_hooks(&server)?;
        server.inherit_mux_signals(&*delegation_target);
        self.add_generic_hooks(&server)?;
        self.inherit_health_checks(&server, &*delegation_target)?;
        self.install_api(&server, &*delegation_target);
        Ok(server)
    }

    /// The filters, the director, and behind it the delegate's director.
    fn api_server_handler(&self, name: &'static str, delegation_target: &dyn DelegationTarget) -> APIServerHandler {
        let c = &self.config;
        let filters = (c.build_handler_chain_func)(c);
        let not_found: Arc<dyn Handler> =
            delegation_target.unprotected_handler().unwrap_or_else(|| Arc::new(NotFoundHandler));
        let shared = Shared { services: c.services.clone(), tracer: c.tracer.clone(), metrics: c.metrics.clone() };
        APIServerHandler::new(name, filters, not_found, shared)
    }

    /// The hooks that came with the config, each with its check.
    fn add_preconfigured_hooks(&self, server: &GenericAPIServer) -> Result<(), StartError> {
        for entry in &self.config.post_start_hooks {
            server.add_post_start_hook_entry(entry.clone())?;
        }
        Ok(())
    }

    /// The hooks that a chain of servers needs once: the innermost server registers them, the others inherit them.
    fn add_generic_hooks(&self, server: &GenericAPIServer) -> Result<(), StartError> {
        let c = &self.config;
        let once = |name: &str, hook: PostStartHookFunc| {
            if server.has_post_start_hook(name) { Ok(()) } else { server.add_post_start_hook(name, hook) }
        };
        if let Some(informers) = &c.shared_informer_factory {
            once("generic-apiserver-start-informers", start_informers(informers.clone()))?;
            server.add_readyz_check(informer_sync(informers.clone()))?;
        }
        let nothing_to_start = || hooks::post_start_hook(|_| async { Ok(()) });
        match (&c.flow_control, &c.shared_informer_factory) {
            (Some(controller), Some(informers)) => {
                let consumer = config_consumer::hook(controller.clone(), informers);
                once("priority-and-fairness-config-consumer", consumer)?;
                once("priority-and-fairness-filter", nothing_to_start())?;
            }
            (Some(_), None) => once("priority-and-fairness-filter", nothing_to_start())?,
            (None, _) => once("max-in-flight-filter", nothing_to_start())?,
        }
        let count = storage_objects::count_hook(c.opened_storages.clone(), c.metrics.clone(), c.flow_control.clone());
        once("storage-object-count-tracker-hook", count)
    }

    /// The delegate's checks, where this server has none of that name.
    fn inherit_health_checks(
        &self,
        server: &GenericAPIServer,
        delegation_target: &dyn DelegationTarget,
    ) -> Result<(), StartError> {
        let own: Vec<Arc<dyn HealthChecker>> = server.healthz_checks();
        let has = |name: &str| own.iter().any(|check| check.name() == name);
        let inherited = delegation_target.healthz_checks().into_iter().filter(|check| !has(check.name()));
        server.add_health_checks(inherited.collect())
    }

    /// The paths that every server has.
    ///
    /// Go: apiserver/pkg/server/config.go installAPI
    fn install_api(&self, server: &Arc<GenericAPIServer>, delegation_target: &dyn DelegationTarget) {
        let c = &self.config;
        if c.enable_index {
            routes::index::install(server);
        }
        if c.enable_profiling {
            routes::profiling::install(server);
        }
        if c.enable_metrics {
            routes::metrics::install(server, c);
        }
        routes::version::install(server, &c.effective_version);
        if c.enable_discovery {
            server.install_discovery();
        }
        if let Some(controller) = &c.flow_control {
            routes::fairness::install(server, controller);
        }
        if !c.skip_open_api_installation {
            server.install_openapi();
        }
        if c.enable_index && delegation_target.unprotected_handler().is_none() {
            routes::index::install_not_found(server);
        }
    }
}

fn start_informers(informers: Arc<SharedInformerFactory>) -> PostStartHookFunc {
    hooks::post_start_hook(move |context| {
        informers.start(&TaskTracker::new(), &context.stop);
        async { Ok(()) }
    })
}

/// Go: apiserver/pkg/server/healthz/healthz.go NewInformerSyncHealthz
fn informer_sync(informers: Arc<SharedInformerFactory>) -> Arc<dyn HealthChecker> {
    healthz::named_check("informer-sync", move || {
        let informers = informers.clone();
        async move {
            let synced = informers.wait_for_cache_sync(Duration::ZERO).await;
            if synced { Ok(()) } else { Err("informers not started yet".to_owned()) }
        }
    })
}
