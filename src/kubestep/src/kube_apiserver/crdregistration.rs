//! Gives an APIService to each version in which a custom resource is served.
//!
//! Go: pkg/controlplane/controller/crdregistration/crdregistration_controller.go

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use ::aggregator::controllers::{
    autoregister::{AutoRegisterController, Manage},
    queue::{Enqueue, Queue},
};
use apimachinery::runtime::{
    object::Object,
    schema::{GroupVersion, GroupVersionResource},
};
use client::cache::{
    informer::{SharedInformer, SharedInformerFactory},
    store::Store,
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// What a version of custom resources counts: less than every built-in one.
const PRIORITIES: (i64, i64) = (1000, 100);

/// Go: crdRegistrationController
pub struct CRDRegistrationController {
    informer: Arc<SharedInformer>,
    lister: Arc<Store>,
    registration: Arc<AutoRegisterController>,
    /// Versions, as `GROUP/VERSION`.
    queue: Arc<Queue>,
}

impl CRDRegistrationController {
    /// Returns a controller that does nothing before [`CRDRegistrationController::run`].
    pub fn new(informers: &SharedInformerFactory, registration: Arc<AutoRegisterController>) -> Arc<Self> {
        let resource = GroupVersionResource::new("apiextensions.k8s.io", "v1", "customresourcedefinitions");
        let informer = informers.informer(&resource);
        let queue = Queue::new(Duration::from_millis(5), Duration::from_secs(1000));
        let key = |object: &Object| versions(object).iter().map(ToString::to_string).collect();
        informer.add_event_handler(Arc::new(Enqueue { queue: queue.clone(), key }));
        Arc::new(Self { lister: informer.store(), informer, registration, queue })
    }

    /// Registers what is there, returns, and follows the changes until `stop`.
    pub async fn run(self: Arc<Self>, stop: &CancellationToken) {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = self.informer.wait_for_sync(Duration::MAX) => {}
        }
        for version in self.lister.list().iter().flat_map(|object| versions(object)) {
            self.sync(&version);
        }
        let queue = self.queue.clone();
        queue.run(1, stop, move |name| {
            if let Some(version) = GroupVersion::parse(&name) {
                self.sync(&version);
            }
            async { Ok(()) }
        });
    }

    /// Go: handleVersionUpdate
    fn sync(&self, version: &GroupVersion) {
        let wanted = self.lister.list().iter().any(|object| served_versions(object).contains(version));
        if wanted {
            self.registration.add(version, PRIORITIES, Manage::Continuously);
        } else {
            self.registration.remove(&format!("{}.{}", version.version, version.group));
        }
    }
}

/// The versions of a definition, served or not: each may have become the other.
fn versions(object: &Object) -> BTreeSet<GroupVersion> {
    listed(object, |_| true)
}

fn served_versions(object: &Object) -> BTreeSet<GroupVersion> {
    let established = object.get(&["status", "conditions"]).and_then(Value::as_array).into_iter().flatten();
    let established = established.into_iter().any(|one| one["type"] == "Established" && one["status"] == "True");
    if !established {
        return BTreeSet::new();
    }
    listed(object, |version| version["served"] == true)
}

fn listed(object: &Object, which: impl Fn(&Value) -> bool) -> BTreeSet<GroupVersion> {
    let group = object.str(&["spec", "group"]);
    let all = object.get(&["spec", "versions"]).and_then(Value::as_array).into_iter().flatten();
    all.filter(|version| which(version))
        .map(|version| GroupVersion::new(group, version["name"].as_str().unwrap_or_default()))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_served_versions_of_established_definitions_count() {
        let object = |established: &str| {
            let object = json!({
                "spec": {"group": "a.io", "versions": [{"name": "v1", "served": true}, {"name": "v2", "served": false}]},
                "status": {"conditions": [{"type": "Established", "status": established}]},
            });
            Object::from_value(object).expect("an object")
        };
        assert_eq!(served_versions(&object("True")), BTreeSet::from([GroupVersion::new("a.io", "v1")]));
        assert!(served_versions(&object("False")).is_empty());
        assert_eq!(versions(&object("False")).len(), 2);
    }
}
