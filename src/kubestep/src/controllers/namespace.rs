//! A namespace that is deleted is emptied; then its finalizer goes, and with it the namespace.
//!
//! Go: pkg/controller/namespace/deletion/namespaced_resources_deleter.go
//!
//! Simplified: progress is not written into the namespace's conditions.

use std::{sync::Arc, time::Duration};

use apimachinery::runtime::{
    object::{Object, strings},
    schema::GroupVersionResource,
};
use client::{
    cache::informer::EventHandler,
    rest::{Client, Error, escape},
};
use http::Method;
use serde_json::json;
use tokio::sync::Notify;

use crate::controllers::{Context, discovery, leader::Leader};

/// The finalizer that this controller owns.
const FINALIZER: &str = "kubernetes";

/// How soon a namespace that is not empty yet is looked at again.
const AGAIN: Duration = Duration::from_millis(200);
/// How soon at the latest, however long it takes.
const LATEST: Duration = Duration::from_secs(5);

/// Registers what it follows, and returns what runs until it is stopped.
pub fn run(context: Context, leader: Leader) -> impl Future<Output = ()> {
    let informer = context.informers.informer(&GroupVersionResource::new("", "v1", "namespaces"));
    let changed = Arc::new(Notify::new());
    informer.add_event_handler(Arc::new(Wake(changed.clone())));
    async move {
        let mut pause = LATEST;
        loop {
            tokio::select! {
                biased;
                () = context.stop.cancelled() => return,
                () = changed.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
            if leader.is_someone_else() {
                pause = LATEST;
                continue;
            }
            let mut left = false;
            for namespace in informer.store().list() {
                if namespace.deletion_timestamp().is_some() && is_ours(&namespace) {
                    match empty(&context.client, namespace.name()).await {
                        Ok(true) => left |= finalize(&context.client, namespace.name()).await.is_err(),
                        Ok(false) => left = true,
                        Err(error) => {
                            left = true;
                            tracing::debug!(namespace = namespace.name(), %error, "cannot empty the namespace yet");
                        }
                    }
                }
            }
            // Something is left: look again soon, then less and less often.
            pause = match (left, pause) {
                (true, LATEST) => AGAIN,
                (true, pause) => (pause * 2).min(LATEST),
                (false, _) => LATEST,
            };
        }
    }
}

/// Wakes the loop.
struct Wake(Arc<Notify>);

impl EventHandler for Wake {
    fn on_add(&self, _object: &Arc<Object>) {
        self.0.notify_one();
    }

    fn on_update(&self, _old: &Arc<Object>, _new: &Arc<Object>) {
        self.0.notify_one();
    }

    fn on_delete(&self, _object: &Arc<Object>) {}
}

fn is_ours(namespace: &Object) -> bool {
    strings(namespace.get(&["spec", "finalizers"])).contains(&FINALIZER)
}

/// Deletes what is in a namespace; says whether nothing is left.
async fn empty(client: &Client, namespace: &str) -> Result<bool, Error> {
    let (resources, unavailable) = discovery::preferred_resources(client).await?;
    let mut nothing_left = unavailable.is_empty();
    for resource in resources.iter().filter(|resource| resource.namespaced && resource.supports(&["list", "delete"])) {
        let objects = client.resource(&resource.resource).namespace(namespace);
        let list = objects.list(&[("limit", "500")]).await?;
        if list.items.is_empty() {
            continue;
        }
        nothing_left = false;
        if resource.supports(&["deletecollection"]) {
            let path = collection_path(&resource.resource, namespace);
            client.send(Method::DELETE, &path, None).await?;
        } else {
            for object in &list.items {
                ignore_missing(objects.delete(object.name(), &json!({"propagationPolicy": "Background"})).await)?;
            }
        }
    }
    Ok(nothing_left)
}

fn collection_path(resource: &GroupVersionResource, namespace: &str) -> String {
    let GroupVersionResource { group, version, resource } = resource;
    let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
    format!("{root}/namespaces/{}/{resource}?propagationPolicy=Background", escape(namespace))
}

/// Takes our finalizer away; the server then removes the namespace.
async fn finalize(client: &Client, name: &str) -> Result<(), Error> {
    let namespaces = client.resource(&GroupVersionResource::new("", "v1", "namespaces"));
    let mut namespace = match namespaces.get(name).await {
        Err(error) if error.is_not_found() => return Ok(()),
        other => other?,
    };
    let kept: Vec<String> = strings(namespace.get(&["spec", "finalizers"]))
        .into_iter()
        .filter(|finalizer| *finalizer != FINALIZER)
        .map(str::to_owned)
        .collect();
    namespace.set(&["spec", "finalizers"], kept);
    ignore_missing(namespaces.update(&namespace, "finalize").await)
}

fn ignore_missing(result: Result<Object, Error>) -> Result<(), Error> {
    match result {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}
