//! A local copy with listeners, shared by all who need the resource.
//!
//! Go: client-go/tools/cache/shared_informer.go, client-go/informers/factory.go

use std::{
    collections::BTreeMap,
    fmt,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use apimachinery::runtime::{object::Object, schema::GroupVersionResource};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    cache::{
        reflector::{Reflector, Sink},
        store::Store,
    },
    rest::Client,
};

/// Told about every change, in order. Called while the informer holds its lock: it must be quick and must not call back.
///
/// Go: client-go/tools/cache/controller.go ResourceEventHandler
pub trait EventHandler: Send + Sync {
    /// The object is new here.
    fn on_add(&self, object: &Arc<Object>);
    /// It changed.
    fn on_update(&self, old: &Arc<Object>, new: &Arc<Object>);
    /// It is gone; this is its last known state.
    fn on_delete(&self, object: &Arc<Object>);
}

/// The copy of one resource.
///
/// Go: client-go/tools/cache/shared_informer.go sharedIndexInformer
pub struct SharedInformer {
    reflector: Reflector,
    store: Arc<Store>,
    /// Held while a change goes to the store and to the handlers, so that all see changes in one order.
    handlers: Mutex<Vec<Arc<dyn EventHandler>>>,
    synced: AtomicBool,
    /// Wakes those who wait for `synced`, in the order in which they came.
    told: Notify,
    started: AtomicBool,
}

impl fmt::Debug for SharedInformer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedInformer").field("reflector", &self.reflector).finish_non_exhaustive()
    }
}

impl SharedInformer {
    /// Returns an informer that follows nothing yet.
    pub fn new(reflector: Reflector) -> Self {
        Self {
            reflector,
            store: Arc::default(),
            handlers: Mutex::default(),
            synced: AtomicBool::new(false),
            told: Notify::new(),
            started: AtomicBool::new(false),
        }
    }

    /// Returns an informer that is fed by hand and counts as complete: for tests.
    pub fn of_objects(client: &Client, resource: &GroupVersionResource, objects: Vec<Object>) -> Self {
        let informer = Self::new(Reflector::new(client.resource(resource), Vec::new()));
        informer.replace(objects);
        informer
    }

    /// Returns the copy.
    pub fn store(&self) -> Arc<Store> {
        self.store.clone()
    }

    /// Adds a handler. It hears of what is here already first.
    pub fn add_event_handler(&self, handler: Arc<dyn EventHandler>) {
        let mut handlers = self.handlers.lock();
        for object in self.store.list() {
            handler.on_add(&object);
        }
        handlers.push(handler);
    }

    /// Says whether the first list has arrived, and handlers have heard of it.
    pub fn has_synced(&self) -> bool {
        self.synced.load(Ordering::Acquire)
    }

    /// Waits until [`SharedInformer::has_synced`], at most `limit`; returns whether it has.
    pub async fn wait_for_sync(&self, limit: Duration) -> bool {
        let mut told = pin!(self.told.notified());
        // Enlisted before the look, so that it is not missed.
        told.as_mut().enable();
        self.has_synced() || tokio::time::timeout(limit, told).await.is_ok()
    }

    /// Follows the resource until `stop`. Only the first call does anything.
    pub async fn run(&self, stop: &CancellationToken) {
        if !self.started.swap(true, Ordering::Relaxed) {
            self.reflector.run(self, stop).await;
        }
    }
}

/// Leaves out what nobody here reads and what is often half of an object.
///
/// Go: pkg/controlplane/apiserver/config.go trim (informer transform)
fn without_managed_fields(mut object: Object) -> Arc<Object> {
    object.remove(&["metadata", "managedFields"]);
    Arc::new(object)
}

impl Sink for SharedInformer {
    fn replace(&self, objects: Vec<Object>) {
        let handlers = self.handlers.lock();
        let mut gone: BTreeMap<(String, String), Arc<Object>> = BTreeMap::new();
        for object in self.store.list() {
            gone.insert((object.namespace().to_owned(), object.name().to_owned()), object);
        }
        for object in objects {
            gone.remove(&(object.namespace().to_owned(), object.name().to_owned()));
            self.put(&handlers, without_managed_fields(object));
        }
        for object in gone.into_values() {
            self.store.remove(object.namespace(), object.name());
            handlers.iter().for_each(|handler| handler.on_delete(&object));
        }
        drop(handlers);
        self.synced.store(true, Ordering::Release);
        self.told.notify_waiters();
    }

    fn upsert(&self, object: Object) {
        let handlers = self.handlers.lock();
        self.put(&handlers, without_managed_fields(object));
    }

    fn delete(&self, object: Object) {
        let handlers = self.handlers.lock();
        let object = without_managed_fields(object);
        self.store.remove(object.namespace(), object.name());
        handlers.iter().for_each(|handler| handler.on_delete(&object));
    }
}

impl SharedInformer {
    fn put(&self, handlers: &[Arc<dyn EventHandler>], object: Arc<Object>) {
        match self.store.insert(object.clone()) {
            None => handlers.iter().for_each(|handler| handler.on_add(&object)),
            Some(old) if old.resource_version() == object.resource_version() => {}
            Some(old) => handlers.iter().for_each(|handler| handler.on_update(&old, &object)),
        }
    }
}

/// One informer for each resource that somebody asked for.
///
/// Go: client-go/informers/factory.go SharedInformerFactory
#[derive(Debug)]
pub struct SharedInformerFactory {
    client: Client,
    informers: Mutex<BTreeMap<GroupVersionResource, Arc<SharedInformer>>>,
}

impl SharedInformerFactory {
    /// Returns a factory whose informers ask through `client`.
    pub fn new(client: Client) -> Self {
        Self { client, informers: Mutex::default() }
    }

    /// Returns the informer of a resource, in all namespaces. It follows nothing before [`SharedInformerFactory::start`].
    pub fn informer(&self, resource: &GroupVersionResource) -> Arc<SharedInformer> {
        let mut informers = self.informers.lock();
        let informer = informers.entry(resource.clone()).or_insert_with(|| {
            Arc::new(SharedInformer::new(Reflector::new(self.client.resource(resource), Vec::new())))
        });
        informer.clone()
    }

    /// Returns the copy of a resource: [`SharedInformerFactory::informer`] without the listening.
    pub fn lister(&self, resource: &GroupVersionResource) -> Arc<Store> {
        self.informer(resource).store()
    }

    /// Starts the informers asked for so far; calling it again starts those that came since.
    pub fn start(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        for informer in self.informers.lock().values().cloned() {
            let stop = stop.clone();
            tasks.spawn(async move { informer.run(&stop).await });
        }
    }

    /// Waits for all informers, at most `limit` each; returns whether all have synced.
    pub async fn wait_for_cache_sync(&self, limit: Duration) -> bool {
        let informers: Vec<_> = self.informers.lock().values().cloned().collect();
        let mut all = true;
        for informer in informers {
            all &= informer.wait_for_sync(limit).await;
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use http::{Request, Response};
    use phase::BoxFuture;
    use serde_json::json;

    use super::*;
    use crate::transport::{self, Body, Error, Transport};

    /// A server that answers lists and watches from a script, and then keeps the last watch open.
    #[derive(Debug)]
    struct Scripted {
        answers: Vec<(&'static str, String)>,
        next: AtomicUsize,
    }

    impl Transport for Scripted {
        fn send(&self, request: Request<Body>) -> BoxFuture<'_, Result<Response<Body>, Error>> {
            Box::pin(async move {
                let Some((expected, body)) = self.answers.get(self.next.fetch_add(1, Ordering::Relaxed)) else {
                    std::future::pending().await
                };
                assert!(request.uri().to_string().contains(expected), "{} lacks {expected}", request.uri());
                Ok(Response::new(transport::full(body.clone())))
            })
        }
    }

    #[derive(Default)]
    struct Log(Mutex<Vec<String>>);

    impl EventHandler for Log {
        fn on_add(&self, object: &Arc<Object>) {
            self.0.lock().push(format!("add {}", object.name()));
        }
        fn on_update(&self, _: &Arc<Object>, object: &Arc<Object>) {
            self.0.lock().push(format!("update {}", object.name()));
        }
        fn on_delete(&self, object: &Arc<Object>) {
            self.0.lock().push(format!("delete {}", object.name()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_lists_watches_and_lists_again_when_the_version_is_gone() {
        let object =
            |name: &str, version: u32| json!({"metadata": {"name": name, "resourceVersion": version.to_string()}});
        let list = |version: u32, items: &[serde_json::Value]| {
            json!({"kind": "XList", "metadata": {"resourceVersion": version.to_string()}, "items": items}).to_string()
        };
        let event = |kind: &str, object: serde_json::Value| json!({"type": kind, "object": object}).to_string() + "\n";
        let gone = json!({"kind": "Status", "code": 410, "reason": "Expired"});
        let transport = Scripted {
            answers: vec![
                ("resourceVersion=0", list(3, &[object("a", 1), object("b", 2)])),
                ("resourceVersion=3", event("MODIFIED", object("a", 4)) + &event("DELETED", object("b", 5))),
                ("resourceVersion=5", event("BOOKMARK", object("", 9)) + &event("ERROR", gone)),
                ("/api/v1/things", list(12, &[object("c", 11)])),
            ],
            next: AtomicUsize::new(0),
        };
        let client = Client::new(Arc::new(transport), "test");
        let factory = SharedInformerFactory::new(client);
        let resource = apimachinery::runtime::schema::GroupVersion::new("", "v1").with_resource("things");
        let informer = factory.informer(&resource);
        let log = Arc::new(Log::default());
        informer.add_event_handler(log.clone());
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        factory.start(&tasks, &stop);
        assert!(factory.wait_for_cache_sync(Duration::from_secs(1)).await);
        tokio::time::sleep(Duration::from_secs(5)).await;
        let expected = ["add a", "add b", "update a", "delete b", "add c", "delete a"];
        assert_eq!(*log.0.lock(), expected);
        assert_eq!(informer.store().list().len(), 1);
        stop.cancel();
        tasks.close();
        tasks.wait().await;
    }
}
