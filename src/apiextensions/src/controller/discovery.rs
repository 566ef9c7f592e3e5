//! Tells discovery, and whoever else wants to know, which versions of which groups the definitions serve.
//!
//! Go: apiextensions-apiserver/pkg/apiserver/customresource_discovery_controller.go

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use apimachinery::runtime::schema::GroupVersion;
use apiserver::endpoints::discovery::aggregated::{ResourceManager, Source};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    controller::queue::{self, WorkQueue},
    discovery,
    handler::Serving,
};

/// Where versions of custom groups stand among others. Go: DiscoveryController.sync
const PRIORITY: (i64, i64) = (1000, 100);

/// The versions that are served, for those who register them elsewhere.
pub type ServedVersions = watch::Receiver<Arc<BTreeSet<GroupVersion>>>;

/// The controller.
///
/// Go: DiscoveryController
pub struct DiscoveryController {
    serving: Arc<Serving>,
    manager: Arc<ResourceManager>,
    /// What was told of each group, to take back what is gone.
    told: Mutex<BTreeMap<String, BTreeSet<String>>>,
    served: watch::Sender<Arc<BTreeSet<GroupVersion>>>,
}

impl DiscoveryController {
    /// Tells nothing yet.
    pub fn new(serving: Arc<Serving>, manager: Arc<ResourceManager>) -> Self {
        Self { serving, manager, told: Mutex::default(), served: watch::Sender::default() }
    }

    /// Returns the versions that are served, now and as they change.
    pub fn served(&self) -> ServedVersions {
        self.served.subscribe()
    }

    /// Runs the controller.
    pub async fn run(self: Arc<Self>, queue: Arc<WorkQueue>, stop: CancellationToken) {
        let this = &self;
        queue::run("discovery", queue, stop, |name| async move {
            this.sync(name.split_once('.').map_or("", |(_, group)| group));
            Ok(())
        })
        .await;
    }

    /// Tells about all groups: once, before the server is ready.
    pub fn sync_all(&self) {
        let groups: BTreeSet<String> =
            self.serving.definitions().into_iter().map(|definition| definition.spec.group).collect();
        groups.iter().for_each(|group| self.sync(group));
    }

    fn sync(&self, group: &str) {
        let definitions = self.serving.definitions();
        let versions: BTreeSet<String> = discovery::group_versions(&definitions, group).into_iter().collect();
        for version in &versions {
            let Some(document) = discovery::version_discovery(&definitions, group, version) else { continue };
            self.manager.add_group_version(Source::CustomResources, group, document);
            let group_version = GroupVersion::new(group, version);
            self.manager.set_group_version_priority(&group_version, PRIORITY.0, PRIORITY.1);
        }
        let mut told = self.told.lock();
        let before = told.insert(group.to_owned(), versions.clone()).unwrap_or_default();
        for gone in before.difference(&versions) {
            self.manager.remove_group_version(Source::CustomResources, &GroupVersion::new(group, gone));
        }
        let all = told.iter().flat_map(|(group, versions)| {
            versions.iter().map(|version| GroupVersion::new(group, version)).collect::<Vec<_>>()
        });
        let all: BTreeSet<GroupVersion> = all.collect();
        self.served.send_if_modified(|known| {
            let changed = **known != all;
            if changed {
                *known = Arc::new(all);
            }
            changed
        });
    }
}
