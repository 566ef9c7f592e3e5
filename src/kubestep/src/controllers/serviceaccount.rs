//! Every namespace has a service account `default` and a ConfigMap `kube-root-ca.crt`.
//!
//! Go: pkg/controller/serviceaccount/serviceaccounts_controller.go, pkg/controller/certificates/rootcacertpublisher

use std::{sync::Arc, time::Duration};

use apimachinery::runtime::{object::Object, schema::GroupVersionResource};
use client::{
    cache::{informer::EventHandler, store::Store},
    rest::{Client, Error},
};
use serde_json::json;
use tokio::sync::Notify;

use crate::controllers::{Context, leader::Leader};

/// The ConfigMap with the authority that pods trust.
const ROOT_CA: &str = "kube-root-ca.crt";

/// How soon the copies are looked at again without a change.
const RESYNC: Duration = Duration::from_secs(30);

/// Registers what it follows, and returns what runs until it is stopped.
pub fn run(context: Context, leader: Leader) -> impl Future<Output = ()> {
    let changed = Arc::new(Notify::new());
    let follow = |resource: &str| {
        let informer = context.informers.informer(&GroupVersionResource::new("", "v1", resource));
        informer.add_event_handler(Arc::new(Wake(changed.clone())));
        informer
    };
    let (namespaces, accounts, maps) = (follow("namespaces"), follow("serviceaccounts"), follow("configmaps"));
    async move {
        loop {
            tokio::select! {
                biased;
                () = context.stop.cancelled() => return,
                () = changed.notified() => {}
                () = tokio::time::sleep(RESYNC) => {}
            }
            let synced = namespaces.has_synced() && accounts.has_synced() && maps.has_synced();
            if !synced || leader.is_someone_else() {
                continue;
            }
            for namespace in namespaces.store().list() {
                let active = namespace.deletion_timestamp().is_none();
                if active && let Err(error) = keep(&context, namespace.name(), &accounts.store(), &maps.store()).await {
                    tracing::debug!(namespace = namespace.name(), %error, "cannot keep the default service account yet");
                }
            }
        }
    }
}

struct Wake(Arc<Notify>);

impl EventHandler for Wake {
    fn on_add(&self, _object: &Arc<Object>) {
        self.0.notify_one();
    }

    fn on_update(&self, _old: &Arc<Object>, _new: &Arc<Object>) {}

    fn on_delete(&self, _object: &Arc<Object>) {
        self.0.notify_one();
    }
}

/// Creates what is missing in a namespace.
async fn keep(context: &Context, namespace: &str, accounts: &Store, maps: &Store) -> Result<(), Error> {
    if accounts.get(namespace, "default").is_none() {
        let account = json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "default", "namespace": namespace},
        });
        create(&context.client, "serviceaccounts", namespace, account).await?;
    }
    if maps.get(namespace, ROOT_CA).is_none() && !context.root_ca.is_empty() {
        let description = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal \
                           endpoints such as the internal service IP or kubernetes.default.svc. No other usage is \
                           guaranteed across distributions of Kubernetes clusters.";
        let map = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": ROOT_CA,
                "namespace": namespace,
                "annotations": {"kubernetes.io/description": description},
            },
            "data": {"ca.crt": context.root_ca},
        });
        create(&context.client, "configmaps", namespace, map).await?;
    }
    Ok(())
}

async fn create(client: &Client, resource: &str, namespace: &str, object: serde_json::Value) -> Result<(), Error> {
    let resource = client.resource(&GroupVersionResource::new("", "v1", resource)).namespace(namespace);
    let object = Object::from_value(object).expect("the literal is an object");
    match resource.create(&object).await {
        Err(error) if !error.is_already_exists() => Err(error),
        _ => Ok(()),
    }
}
