//! Brings the routes in line with the APIServices.
//!
//! Go: kube-aggregator/pkg/apiserver/apiservice_controller.go

use std::{sync::Arc, time::Duration};

use apiserver::server::lifecycle_signals::LifecycleSignal;
use client::cache::{informer::SharedInformer, store::Store};
use tokio_util::sync::CancellationToken;

use crate::{
    apiserver::Routes,
    controllers::queue::{Enqueue, Queue},
};

/// Go: APIServiceRegistrationController
pub struct APIServiceRegistrationController {
    routes: Arc<Routes>,
    informer: Arc<SharedInformer>,
    lister: Arc<Store>,
    queue: Arc<Queue>,
}

impl APIServiceRegistrationController {
    /// Returns a controller that does nothing before [`APIServiceRegistrationController::run`].
    pub fn new(informer: Arc<SharedInformer>, routes: Arc<Routes>) -> Arc<Self> {
        let queue = Queue::new(Duration::from_millis(5), Duration::from_secs(1000));
        informer.add_event_handler(Enqueue::names(queue.clone()));
        Arc::new(Self { routes, lister: informer.store(), informer, queue })
    }

    /// Makes a route for each APIService that there is, says `initiated`, and follows the changes until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken, initiated: LifecycleSignal) {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = self.informer.wait_for_sync(Duration::MAX) => {}
        }
        for object in self.lister.list() {
            self.routes.add_api_service(&object);
        }
        initiated.signal();
        // One worker: routes are made one after the other.
        let queue = self.queue.clone();
        queue.run(1, &stop, move |name| {
            match self.lister.get("", &name) {
                Some(object) => self.routes.add_api_service(&object),
                None => self.routes.remove_api_service(&name),
            }
            async { Ok(()) }
        });
    }

    /// Looks at all of them again: the certificate towards extension servers has changed.
    pub fn enqueue(&self) {
        self.lister.list().iter().for_each(|object| self.queue.add(object.name()));
    }
}
