//! Putting API groups on a server, and into discovery.
//!
//! Go: apiserver/pkg/server/genericapiserver.go InstallLegacyAPIGroup, InstallAPIGroups

use std::sync::Arc;

use phase::{catalog::Phase, snapshot::Nothing, trace::Trace};

use crate::{
    endpoints::{
        discovery::{
            aggregated::{AggregatedDiscovery, Source},
            group::{APIGroup, APIGroupHandler},
            legacy::LegacyRootAPIHandler,
            resources,
        },
        groupversion::APIGroupVersion,
        installer::{APIGroupInfo, Installation},
        openapi::{
            handler::{OpenAPIV2, OpenAPIV3},
            manager::Subject,
        },
    },
    request::handler::Handler,
    server::{
        config::defaults::API_GROUP_PREFIX, genericapiserver::GenericAPIServer, handler::WebService,
        start_error::StartError,
    },
};

impl GenericAPIServer {
    /// Serves the core group, below a prefix of its own.
    ///
    /// Go: apiserver/pkg/server/genericapiserver.go InstallLegacyAPIGroup
    pub async fn install_legacy_api_group(
        &self,
        trace: &Trace,
        api_prefix: &'static str,
        installation: &Installation,
        info: APIGroupInfo,
    ) -> Result<(), StartError> {
        if !self.legacy_api_group_prefixes.contains(api_prefix) {
            let allowed = &self.legacy_api_group_prefixes;
            let message = format!("{api_prefix:?} is not in the allowed legacy API prefixes: {allowed:?}");
            return Err(StartError::new(self.name, message));
        }
        let versions = self.install_api_resources(trace, api_prefix, installation, &info).await?;
        let manager = self.aggregated_legacy_discovery_group_manager.clone();
        for version in &versions {
            manager.add_group_version(Source::BuiltIn, "", resources::api_version_discovery(version));
        }
        let plain = Arc::new(LegacyRootAPIHandler {
            external_address: self.external_address.clone(),
            versions: info.versions.into_iter().map(|version| version.version).collect(),
            codec: self.serializer.clone(),
        });
        let codec = self.serializer.clone();
        self.serve(api_prefix, Arc::new(AggregatedDiscovery { manager, path: api_prefix, codec, plain }));
        Ok(())
    }

    /// Serves groups below `/apis`, in the order in which discovery lists them.
    ///
    /// Go: apiserver/pkg/server/genericapiserver.go InstallAPIGroups
    pub async fn install_api_groups(
        &self,
        trace: &Trace,
        installation: &Installation,
        infos: Vec<APIGroupInfo>,
    ) -> Result<(), StartError> {
        for info in infos {
            if info.group.is_empty() {
                return Err(StartError::new(self.name, "cannot register handler with an empty group"));
            }
            let root = format!("{API_GROUP_PREFIX}/{}", info.group);
            let versions = self.install_api_resources(trace, &root, installation, &info).await?;
            for version in &versions {
                let document = resources::api_version_discovery(version);
                self.aggregated_discovery_group_manager.add_group_version(Source::BuiltIn, &info.group, document);
            }
            let versions_by_preference = info.versions.into_iter().map(|version| version.version).collect();
            let group = APIGroup { name: info.group, versions: versions_by_preference };
            self.discovery_group_manager.add_group(group.clone());
            self.serve(&root, Arc::new(APIGroupHandler { group, codec: self.serializer.clone() }));
        }
        Ok(())
    }

    /// Makes a web service for every version of a group. The one function that enters the phase.
    ///
    /// Go: apiserver/pkg/server/genericapiserver.go installAPIResources
    async fn install_api_resources(
        &self,
        trace: &Trace,
        root: &str,
        installation: &Installation,
        info: &APIGroupInfo,
    ) -> Result<Vec<Arc<APIGroupVersion>>, StartError> {
        let phase = trace.enter_labelled(Phase::InstallAPIGroup, root.to_owned(), &mut Nothing).await?;
        let mut installed = Vec::new();
        for version in &info.versions {
            let handler = Arc::new(installation.install(&info.group, version));
            self.serve(&format!("{root}/{}", version.version), handler.clone());
            self.publish(Subject::Version(handler.clone()));
            installed.push(handler);
        }
        self.publish(Subject::Group(info.group.clone()));
        self.installed_versions.lock().extend(installed.iter().cloned());
        phase.done();
        Ok(installed)
    }

    /// Serves the list of groups at `/apis`, in both forms.
    ///
    /// Go: apiserver/pkg/server/config.go installAPI
    pub(super) fn install_discovery(&self) {
        let handler = AggregatedDiscovery {
            manager: self.aggregated_discovery_group_manager.clone(),
            path: API_GROUP_PREFIX,
            codec: self.serializer.clone(),
            plain: self.discovery_group_manager.clone(),
        };
        self.serve(API_GROUP_PREFIX, Arc::new(handler));
    }

    /// Serves what the servers of the chain publish.
    ///
    /// Go: apiserver/pkg/server/routes/openapi.go
    pub(super) fn install_openapi(&self) {
        let mux = &self.handler.non_go_restful_mux;
        mux.handle("/openapi/v2", Arc::new(OpenAPIV2(self.openapi.clone())));
        let v3: Arc<dyn Handler> = Arc::new(OpenAPIV3(self.openapi.clone()));
        mux.handle("/openapi/v3", v3.clone());
        mux.handle_prefix("/openapi/v3/", v3);
        self.publish(Subject::Groups);
        self.publish(Subject::CodeVersion);
    }

    /// Adds a part to what is published.
    pub fn publish(&self, subject: Subject) {
        if let Some(definitions) = &self.definitions {
            self.openapi.add(subject, definitions.clone());
        }
    }

    fn serve(&self, root_path: &str, handler: Arc<dyn Handler>) {
        self.handler.go_restful_container.add(WebService { root_path: root_path.to_owned(), handler });
    }
}
