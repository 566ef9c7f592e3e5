//! The quotas of a namespace, as new as this server knows them.
//!
//! Go: apiserver/pkg/admission/plugin/resourcequota/resource_access.go

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use apimachinery::{
    api::errors::StatusError,
    runtime::{
        object::Object,
        schema::{GroupVersion, GroupVersionResource},
    },
};
use apiserver::admission::initializer::Initializers;
use client::{
    cache::informer::SharedInformer,
    rest::{Client, Error},
};
use parking_lot::Mutex;
use phase::clock::{Clock, Nanos};
use serde_json::{Map, Value};

use crate::admission::pod_resources::ResourceList;

/// For so long a live answer about a namespace without quotas is believed.
const LIVE_TTL: Duration = Duration::from_secs(30);

/// Reads quotas and writes their status.
///
/// Go: apiserver/pkg/admission/plugin/resourcequota/resource_access.go quotaAccessor
pub(super) struct QuotaAccessor {
    /// The local copy.
    pub(super) informer: Arc<SharedInformer>,
    client: Client,
    clock: Arc<dyn Clock>,
    /// What this server wrote and the copy may not show yet. An entry goes when the copy has caught up.
    updated: Mutex<BTreeMap<(String, String), Arc<Object>>>,
    /// Live answers for namespaces of which the copy knows no quota, with the time until which they count.
    live: Mutex<BTreeMap<String, (Nanos, Vec<Arc<Object>>)>>,
}

fn resource() -> GroupVersionResource {
    GroupVersion::new("", "v1").with_resource("resourcequotas")
}

fn version(quota: &Object) -> u64 {
    quota.resource_version().parse().unwrap_or_default()
}

impl QuotaAccessor {
    pub(super) fn new(initializers: &Initializers) -> Self {
        Self {
            informer: initializers.informers.informer(&resource()),
            client: initializers.client.clone(),
            clock: initializers.clock.clone(),
            updated: Mutex::default(),
            live: Mutex::default(),
        }
    }

    /// Returns the quotas of a namespace.
    pub(super) async fn of(&self, namespace: &str) -> Result<Vec<Arc<Object>>, StatusError> {
        let mut quotas = self.informer.store().in_namespace(namespace);
        if quotas.is_empty() {
            quotas = self.live(namespace).await?;
        }
        let mut updated = self.updated.lock();
        for quota in &mut quotas {
            let key = (namespace.to_owned(), quota.name().to_owned());
            match updated.get(&key) {
                Some(newer) if version(newer) > version(quota) => quota.clone_from(newer),
                Some(_) => drop(updated.remove(&key)),
                None => {}
            }
        }
        Ok(quotas)
    }

    /// The copy may not have seen a quota that was made a moment ago.
    async fn live(&self, namespace: &str) -> Result<Vec<Arc<Object>>, StatusError> {
        let now = self.clock.now();
        if let Some((_, quotas)) = self.live.lock().get(namespace).filter(|(until, _)| *until > now) {
            return Ok(quotas.clone());
        }
        let list = self.client.resource(&resource()).namespace(namespace).list(&[]).await?;
        let quotas: Vec<_> = list.items.into_iter().map(Arc::new).collect();
        let mut live = self.live.lock();
        live.retain(|_, (until, _)| *until > now);
        live.insert(namespace.to_owned(), (now + LIVE_TTL.as_nanos() as Nanos, quotas.clone()));
        Ok(quotas)
    }

    /// Writes what is used of a quota, if nobody has changed it since it was read.
    pub(super) async fn update_status(&self, quota: &Object, used: ResourceList) -> Result<(), Error> {
        let mut changed = quota.clone();
        let used: Map<String, Value> =
            used.into_iter().map(|(name, quantity)| (name, quantity.to_string().into())).collect();
        changed.set(&["status", "used"], used);
        let namespace = quota.namespace().to_owned();
        let written = self.client.resource(&resource()).namespace(&namespace).update(&changed, "status").await;
        match written {
            Ok(written) => {
                self.updated.lock().insert((namespace, quota.name().to_owned()), Arc::new(written));
                Ok(())
            }
            Err(error) => {
                // What is remembered may be the very state that lost the race; look again.
                self.updated.lock().remove(&(namespace.clone(), quota.name().to_owned()));
                if error.is_conflict()
                    && let Ok(newest) = self.client.resource(&resource()).namespace(&namespace).get(quota.name()).await
                {
                    self.updated.lock().insert((namespace, quota.name().to_owned()), Arc::new(newest));
                }
                Err(error)
            }
        }
    }
}
