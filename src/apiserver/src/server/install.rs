//! Putting API groups on a server.
//!
//! Go: apiserver/pkg/server/genericapiserver.go InstallLegacyAPIGroup, InstallAPIGroups

use std::sync::Arc;

use phase::{catalog::Phase, snapshot::Nothing, trace::Trace};

use crate::{
    endpoints::groupversion::{APIGroupInfo, APIGroupVersion},
    server::{
        config::defaults::API_GROUP_PREFIX, genericapiserver::GenericAPIServer, handler::WebService,
        start_error::StartError,
    },
};

impl GenericAPIServer {
    /// Serves the core group, below a prefix of its own: `/api`.
    ///
    /// Go: apiserver/pkg/server/genericapiserver.go InstallLegacyAPIGroup
    pub async fn install_legacy_api_group(
        &self,
        trace: &Trace,
        api_prefix: &str,
        info: APIGroupInfo,
    ) -> Result<(), StartError> {
        if !self.legacy_api_group_prefixes.contains(api_prefix) {
            let allowed = &self.legacy_api_group_prefixes;
            let message = format!("{api_prefix:?} is not in the allowed legacy API prefixes: {allowed:?}");
            return Err(StartError::new(self.name, message));
        }
        self.install_api_group(trace, api_prefix, info).await
    }

    /// Serves groups below `/apis`, in the order in which discovery lists them.
    ///
    /// Go: apiserver/pkg/server/genericapiserver.go InstallAPIGroups
    pub async fn install_api_groups(&self, trace: &Trace, infos: Vec<APIGroupInfo>) -> Result<(), StartError> {
        for info in infos {
            let group = info.versions.first().map(|version| version.group_version.group.clone()).unwrap_or_default();
            if group.is_empty() {
                return Err(StartError::new(self.name, "cannot register handler with an empty group"));
            }
            self.install_api_group(trace, &format!("{API_GROUP_PREFIX}/{group}"), info).await?;
        }
        Ok(())
    }

    /// Makes a web service for every version of a group. The one function that enters the phase.
    ///
    /// Go: apiserver/pkg/server/genericapiserver.go installAPIResources
    async fn install_api_group(&self, trace: &Trace, root: &str, info: APIGroupInfo) -> Result<(), StartError> {
        let phase = trace.enter_labelled(Phase::InstallAPIGroup, root.to_owned(), &mut Nothing).await?;
        for version in info.versions {
            self.install_version(root, version);
        }
        phase.done();
        Ok(())
    }

    fn install_version(&self, root: &str, version: Arc<APIGroupVersion>) {
        let root_path = format!("{root}/{}", version.group_version.version);
        self.handler.go_restful_container.add(WebService { root_path, handler: version });
    }
}
