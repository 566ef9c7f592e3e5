//! Deletes the objects of a definition that is on its way out, and then lets the definition go.
//!
//! ```text
//!   deletionTimestamp set, finalizer there
//!     Terminating: InstanceDeletionInProgress
//!     delete all objects, a namespace at a time; look every five seconds whether they are gone, a minute long
//!     Terminating: InstanceDeletionCompleted, finalizer removed -> the store deletes the definition
//! ```
//!
//! Go: apiextensions-apiserver/pkg/controller/finalizer/crd_finalizer.go

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use apimachinery::{
    meta::{
        conditions::{Condition, Status},
        options::{DeleteOptions, ListOptions},
    },
    runtime::object::Object,
};
use apiserver::{
    registry::{
        rest::{CollectionDeleter, Lister, ValidateAll},
        store::Store,
    },
    request::context::{Context, Services},
};
use client::transport::Body;
use phase::trace::Trace;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    controller::{
        Tools,
        queue::{self, WorkQueue},
    },
    definition::{CLEANUP_FINALIZER, Definition, ESTABLISHED, TERMINATING},
    handler::Serving,
};

/// How often it is looked whether the objects are gone, and for how long.
const POLL: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));

/// The controller.
///
/// Go: CRDFinalizer
pub struct Finalizer {
    /// Writes definitions.
    pub tools: Tools,
    /// Has their objects.
    pub serving: Arc<Serving>,
    /// Time and identity, for the deletes.
    pub services: Services,
}

/// How the deletion of all objects went.
struct Outcome {
    status: Status,
    reason: &'static str,
    message: String,
}

impl Finalizer {
    /// Runs the controller. Several definitions are worked on at once, for each may take a minute.
    pub async fn run(self, queue: Arc<WorkQueue>, stop: CancellationToken) {
        let this = Arc::new(self);
        let workers = (0..WORKERS).map(|_| {
            let (this, queue, stop) = (this.clone(), queue.clone(), stop.clone());
            tokio::spawn(async move {
                let this = &this;
                queue::run("finalizing", queue, stop, |name| async move { this.sync(&name).await }).await;
            })
        });
        for worker in workers.collect::<Vec<_>>() {
            if let Err(error) = worker.await {
                tracing::error!(%error, "a worker of the finalizer ended");
            }
        }
    }

    async fn sync(&self, name: &str) -> Result<(), String> {
        let Some(object) = self.tools.definitions.get("", name) else { return Ok(()) };
        if object.deletion_timestamp().is_none() || !object.finalizers().contains(&CLEANUP_FINALIZER) {
            return Ok(());
        }
        let mut object = Object::clone(&object);
        let deleting = Outcome {
            status: Status::True,
            reason: "InstanceDeletionInProgress",
            message: "CustomResource deletion is in progress".to_owned(),
        };
        self.note(&mut object, &deleting);
        let Some(mut object) = self.tools.update_status(&object).await.map_err(|error| error.to_string())? else {
            return Ok(());
        };
        let definition = Definition::of(&object);
        let outcome = if definition.is_true(ESTABLISHED) {
            self.delete_instances(&definition).await
        } else {
            let message = "resource was never established".to_owned();
            Outcome { status: Status::False, reason: "NeverEstablished", message }
        };
        self.note(&mut object, &outcome);
        if outcome.status == Status::True {
            // Not done: it says so, and comes again.
            self.tools.update_status(&object).await.map_err(|error| error.to_string())?;
            return Err(outcome.message);
        }
        let finalizers: Vec<Value> =
            object.finalizers().into_iter().filter(|name| *name != CLEANUP_FINALIZER).map(Value::from).collect();
        object.set(&["metadata", "finalizers"], finalizers);
        self.tools.update_status(&object).await.map(drop).map_err(|error| error.to_string())
    }

    fn note(&self, object: &mut Object, outcome: &Outcome) {
        let Outcome { status, reason, message } = outcome;
        self.tools.set_condition(object, Condition { kind: TERMINATING, status: *status, reason, message });
    }

    /// Goes directly to storage: the objects may be of no version that is served.
    ///
    /// Go: deleteInstances
    async fn delete_instances(&self, definition: &Definition) -> Outcome {
        let failed = |reason, message| Outcome { status: Status::True, reason, message };
        let Some(info) = self.serving.info(definition) else {
            return failed("InstanceDeletionFailed", "could not list instances: nothing is stored".to_owned());
        };
        let stored = definition.storage_version().and_then(|version| info.versions.get(&version.name));
        let Some(stored) = stored else {
            return failed("InstanceDeletionFailed", "could not list instances: no version is stored".to_owned());
        };
        let store = &stored.storage.custom_resource.store;
        let namespaces = match self.namespaces(store).await {
            Ok(namespaces) => namespaces,
            Err(error) => return failed("InstanceDeletionFailed", format!("could not list instances: {error}")),
        };
        for namespace in namespaces {
            let (cx, options, list) = (self.context(&namespace), DeleteOptions::default(), ListOptions::default());
            if let Err(error) = store.delete_collection(&cx, &ValidateAll, &options, &list).await {
                return failed("InstanceDeletionFailed", format!("could not issue all deletes: {error}"));
            }
        }
        match tokio::time::timeout(POLL.1, self.wait_until_gone(store)).await {
            Ok(Ok(())) => Outcome {
                status: Status::False,
                reason: "InstanceDeletionCompleted",
                message: "removed all instances".to_owned(),
            },
            Ok(Err(error)) => {
                failed("InstanceDeletionCheck", format!("could not confirm zero CustomResources remaining: {error}"))
            }
            Err(_) => failed(
                "InstanceDeletionCheck",
                "could not confirm zero CustomResources remaining: timed out waiting for the condition".to_owned(),
            ),
        }
    }

    async fn wait_until_gone(&self, store: &Store) -> Result<(), String> {
        while !self.namespaces(store).await?.is_empty() {
            tokio::time::sleep(POLL.0).await;
        }
        Ok(())
    }

    /// Returns the namespaces in which there are objects; one without a name for objects that live in none.
    async fn namespaces(&self, store: &Store) -> Result<BTreeSet<String>, String> {
        let listed = store.list(&self.context(""), &ListOptions::default()).await;
        let listed = listed.map_err(|error| error.to_string())?;
        Ok(listed.items.iter().map(|item| item.namespace.clone()).collect())
    }

    /// A request of the server's own, in a namespace.
    fn context(&self, namespace: &str) -> Context {
        let request = http::Request::new(None::<Body>);
        let mut cx = Context::new(request, self.services.clone(), Trace::unwatched());
        namespace.clone_into(&mut cx.info.namespace);
        cx
    }
}

/// How many definitions are worked on at once. Go: CRDFinalizer.Run(5)
const WORKERS: usize = 5;
