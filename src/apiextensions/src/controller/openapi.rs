//! Publishes the types of the versions that are served.
//!
//! Go: apiextensions-apiserver/pkg/controller/{openapi,openapiv3}/controller.go

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use apimachinery::runtime::schema::GroupVersion;
use apiserver::endpoints::{
    codec::Codec,
    openapi::manager::{OpenAPIManager, Subject},
};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::{
    controller::queue::{self, WorkQueue},
    discovery,
    handler::Serving,
    openapi,
};

/// The controller.
pub struct OpenAPIController {
    /// Knows the definitions.
    pub serving: Arc<Serving>,
    /// Where it is published.
    pub manager: Arc<OpenAPIManager>,
    /// Writes documents.
    pub documents: Arc<dyn Codec>,
}

impl OpenAPIController {
    /// Runs the controller.
    pub async fn run(self, queue: Arc<WorkQueue>, stop: CancellationToken) {
        let published = Mutex::new(BTreeMap::new());
        let (this, published) = (&self, &published);
        queue::run("openapi", queue, stop, |name| async move {
            this.sync(name.split_once('.').map_or("", |(_, group)| group), published);
            Ok(())
        })
        .await;
    }

    /// Describes the versions of a group anew, and takes back those that are gone.
    fn sync(&self, group: &str, published: &Mutex<BTreeMap<String, BTreeSet<String>>>) {
        let definitions = self.serving.definitions();
        let versions: BTreeSet<String> = discovery::group_versions(&definitions, group).into_iter().collect();
        for version in &versions {
            let version = GroupVersion::new(group, version);
            if let Some((described, definitions)) = openapi::describe(&self.serving, &version, self.documents.clone()) {
                self.manager.add(Subject::Version(described), definitions);
            }
        }
        let before = published.lock().insert(group.to_owned(), versions.clone()).unwrap_or_default();
        for gone in before.difference(&versions) {
            self.manager.remove(&GroupVersion::new(group, gone));
        }
    }
}
