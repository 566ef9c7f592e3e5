//! All webhooks of one kind of configuration, read again when one has changed.
//!
//! Go: apiserver/pkg/admission/configuration/{mutating,validating}_webhook_manager.go

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use apimachinery::runtime::{object::Object, schema::GroupVersion};
use arc_swap::ArcSwap;
use client::cache::informer::{EventHandler, SharedInformer, SharedInformerFactory};

use crate::admission::webhook::config::Webhook;

/// Follows the configurations.
#[derive(Debug)]
pub struct Source {
    /// What it follows.
    pub configurations: Arc<SharedInformer>,
    /// Set by the informer, cleared by the reader that reads them anew.
    changed: Arc<AtomicBool>,
    webhooks: ArcSwap<Vec<Webhook>>,
}

struct Mark(Arc<AtomicBool>);

impl Source {
    /// Follows a resource: `mutatingwebhookconfigurations` or `validatingwebhookconfigurations`.
    pub fn new(informers: &SharedInformerFactory, resource: &str) -> Self {
        let resource = GroupVersion::new("admissionregistration.k8s.io", "v1").with_resource(resource);
        let configurations = informers.informer(&resource);
        let changed = Arc::new(AtomicBool::new(false));
        configurations.add_event_handler(Arc::new(Mark(changed.clone())));
        Self { configurations, changed, webhooks: ArcSwap::default() }
    }

    /// Returns the webhooks, in the order in which they are asked.
    pub fn webhooks(&self) -> Arc<Vec<Webhook>> {
        if self.changed.swap(false, Ordering::AcqRel) {
            let configurations = self.configurations.store().list();
            self.webhooks.store(Arc::new(Webhook::read_all(configurations.iter().map(|object| &**object))));
        }
        self.webhooks.load_full()
    }
}

impl Mark {
    fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}

impl EventHandler for Mark {
    fn on_add(&self, _: &Arc<Object>) {
        self.set();
    }

    fn on_update(&self, _: &Arc<Object>, _: &Arc<Object>) {
        self.set();
    }

    fn on_delete(&self, _: &Arc<Object>) {
        self.set();
    }
}
