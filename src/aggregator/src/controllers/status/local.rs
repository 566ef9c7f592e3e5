//! What the servers of this process answer themselves is always available.
//!
//! Go: kube-aggregator/pkg/controllers/status/local/local_available_controller.go

use std::{sync::Arc, time::Duration};

use apiserver::request::context::Services;
use client::{
    cache::{informer::SharedInformer, store::Store},
    rest::Client,
};
use tokio_util::sync::CancellationToken;

use crate::{
    apiservice::{self, Finding},
    controllers::{
        queue::{Enqueue, Queue},
        status::update_status,
    },
};

/// Go: local AvailableConditionController
pub struct Controller {
    client: Client,
    services: Services,
    lister: Arc<Store>,
    queue: Arc<Queue>,
}

impl Controller {
    /// Returns a controller that does nothing before [`Controller::run`].
    pub fn new(client: Client, services: Services, informer: &SharedInformer) -> Arc<Self> {
        let queue = Queue::new(Duration::from_millis(5), Duration::from_secs(30));
        informer.add_event_handler(Enqueue::names(queue.clone()));
        Arc::new(Self { client, services, lister: informer.store(), queue })
    }

    /// Works until `stop`.
    pub fn run(self: &Arc<Self>, workers: usize, stop: &CancellationToken) {
        let controller = self.clone();
        self.queue.run(workers, stop, move |name| {
            let controller = controller.clone();
            async move { controller.sync(&name).await }
        });
    }

    async fn sync(&self, name: &str) -> Result<(), String> {
        let Some(object) = self.lister.get("", name) else { return Ok(()) };
        if apiservice::service(&object).is_some() {
            return Ok(());
        }
        let message = "Local APIServices are always available".to_owned();
        let finding = Finding { status: "True", reason: "Local", message };
        update_status(&self.client, &self.services, &object, &finding).await
    }
}
