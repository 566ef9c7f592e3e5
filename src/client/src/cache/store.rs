//! Objects by namespace and name: what listers read.
//!
//! Go: client-go/tools/cache/{store,thread_safe_store,listers}.go

use std::{collections::BTreeMap, sync::Arc};

use apimachinery::runtime::object::Object;
use parking_lot::RwLock;

/// The objects of one resource, in the order of namespace and name. Readers share them, and never change them.
#[derive(Debug, Default)]
pub struct Store {
    /// By namespace (empty for cluster-scoped objects), then by name. Written by the informer alone.
    objects: RwLock<BTreeMap<String, BTreeMap<String, Arc<Object>>>>,
}

impl Store {
    /// Returns a store that holds these objects: for tests, and for those who fill it by hand.
    pub fn from_objects(objects: impl IntoIterator<Item = Object>) -> Self {
        let store = Self::default();
        for object in objects {
            store.insert(Arc::new(object));
        }
        store
    }

    /// Returns one object; `namespace` is empty for cluster-scoped ones.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<Object>> {
        self.objects.read().get(namespace)?.get(name).cloned()
    }

    /// Returns the objects of one namespace.
    pub fn in_namespace(&self, namespace: &str) -> Vec<Arc<Object>> {
        self.objects.read().get(namespace).map(|objects| objects.values().cloned().collect()).unwrap_or_default()
    }

    /// Returns all objects.
    pub fn list(&self) -> Vec<Arc<Object>> {
        self.objects.read().values().flat_map(|objects| objects.values().cloned()).collect()
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.objects.read().values().map(BTreeMap::len).sum()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts an object in the place of its predecessor, which is returned.
    pub fn insert(&self, object: Arc<Object>) -> Option<Arc<Object>> {
        let mut objects = self.objects.write();
        let namespace = match objects.get_mut(object.namespace()) {
            Some(namespace) => namespace,
            None => objects.entry(object.namespace().to_owned()).or_default(),
        };
        namespace.insert(object.name().to_owned(), object)
    }

    /// Removes an object and returns it.
    pub fn remove(&self, namespace: &str, name: &str) -> Option<Arc<Object>> {
        let mut objects = self.objects.write();
        let in_namespace = objects.get_mut(namespace)?;
        let removed = in_namespace.remove(name);
        if in_namespace.is_empty() {
            objects.remove(namespace);
        }
        removed
    }
}
