//! Which objects lead to which node.
//!
//! Go: plugin/pkg/auth/authorizer/node/{graph,graph_populator}.go
//!
//! Go walks a general graph. Here each kind of edge is a table of its own, because there are only three shapes of path.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use apimachinery::runtime::{object::Object, schema::GroupVersion};
use client::cache::informer::{EventHandler, SharedInformerFactory};
use parking_lot::RwLock;
use serde_json::Value;

/// What a pod may refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `secrets`
    Secret,
    /// `configmaps`
    ConfigMap,
    /// `persistentvolumeclaims`
    Claim,
    /// `serviceaccounts`
    ServiceAccount,
    /// `resourceclaims`
    ResourceClaim,
}

/// Namespace and name.
type Key = (String, String);

#[derive(Debug, Default)]
struct Tables {
    /// The node of each pod that has one.
    pods: BTreeMap<Key, String>,
    /// The pods that refer to an object.
    users: BTreeMap<(Kind, Key), BTreeSet<Key>>,
    /// What each pod refers to, to take it out again.
    references: BTreeMap<Key, BTreeSet<(Kind, Key)>>,
    /// The claim that each volume is bound to.
    volumes: BTreeMap<String, Key>,
    /// The volumes that need a secret to be mounted.
    volume_secrets: BTreeMap<Key, BTreeSet<String>>,
    /// The node of each attachment.
    attachments: BTreeMap<String, String>,
    /// The node of each slice that has one.
    slices: BTreeMap<String, String>,
}

/// The graph, fed by informers.
///
/// Go: plugin/pkg/auth/authorizer/node/graph.go Graph
#[derive(Debug, Default)]
pub struct Graph {
    tables: RwLock<Tables>,
}

/// What an informer feeds.
#[derive(Clone, Copy)]
enum Source {
    Pods,
    Volumes,
    Attachments,
    Slices,
}

struct Feed {
    graph: Arc<Graph>,
    source: Source,
}

impl Graph {
    /// Returns a graph that informers keep up to date.
    ///
    /// Go: plugin/pkg/auth/authorizer/node/graph_populator.go AddGraphEventHandlers
    pub fn watch(informers: &SharedInformerFactory) -> Arc<Self> {
        let graph = Arc::new(Self::default());
        for (group, resource, source) in [
            ("", "pods", Source::Pods),
            ("", "persistentvolumes", Source::Volumes),
            ("storage.k8s.io", "volumeattachments", Source::Attachments),
            ("resource.k8s.io", "resourceslices", Source::Slices),
        ] {
            let resource = GroupVersion::new(group, "v1").with_resource(resource);
            let feed = Feed { graph: graph.clone(), source };
            informers.informer(&resource).add_event_handler(Arc::new(feed));
        }
        graph
    }

    /// Says whether some pod on a node refers to an object, directly or through a volume.
    pub fn reaches(&self, node: &str, kind: Kind, namespace: &str, name: &str) -> bool {
        let tables = self.tables.read();
        let key = (namespace.to_owned(), name.to_owned());
        if tables.used_on(node, kind, &key) {
            return true;
        }
        let volumes = tables.volume_secrets.get(&key).filter(|_| kind == Kind::Secret);
        volumes.into_iter().flatten().any(|volume| tables.volume_on(node, volume))
    }

    /// Says whether a pod runs on a node.
    pub fn pod_on(&self, node: &str, namespace: &str, name: &str) -> bool {
        self.tables.read().pods.get(&(namespace.to_owned(), name.to_owned())).is_some_and(|of| of == node)
    }

    /// Says whether a volume is claimed by a pod on a node.
    pub fn volume_on(&self, node: &str, name: &str) -> bool {
        self.tables.read().volume_on(node, name)
    }

    /// Says whether an attachment is a node's.
    pub fn attachment_on(&self, node: &str, name: &str) -> bool {
        self.tables.read().attachments.get(name).is_some_and(|of| of == node)
    }

    /// Says whether a resource slice is a node's.
    pub fn slice_on(&self, node: &str, name: &str) -> bool {
        self.tables.read().slices.get(name).is_some_and(|of| of == node)
    }

    fn put(&self, source: Source, object: &Object) {
        let mut tables = self.tables.write();
        tables.remove(source, object);
        let name = object.name().to_owned();
        match source {
            Source::Pods => tables.put_pod(object),
            Source::Volumes => tables.put_volume(object),
            Source::Attachments => drop(tables.attachments.insert(name, object.str(&["spec", "nodeName"]).to_owned())),
            Source::Slices => drop(tables.slices.insert(name, object.str(&["spec", "nodeName"]).to_owned())),
        }
    }
}

impl Tables {
    fn used_on(&self, node: &str, kind: Kind, key: &Key) -> bool {
        let users = self.users.get(&(kind, key.clone())).into_iter().flatten();
        users.into_iter().any(|pod| self.pods.get(pod).is_some_and(|of| of == node))
    }

    fn volume_on(&self, node: &str, volume: &str) -> bool {
        self.volumes.get(volume).is_some_and(|claim| self.used_on(node, Kind::Claim, claim))
    }

    /// Go: plugin/pkg/auth/authorizer/node/graph.go AddPod
    fn put_pod(&mut self, pod: &Object) {
        let node = pod.str(&["spec", "nodeName"]);
        if node.is_empty() {
            return;
        }
        let key = (pod.namespace().to_owned(), pod.name().to_owned());
        self.pods.insert(key.clone(), node.to_owned());
        // A kubelet makes mirror pods itself, so they must not open any door to it.
        if pod.get(&["metadata", "annotations", "kubernetes.io/config.mirror"]).is_some() {
            return;
        }
        let references = references(pod);
        for reference in &references {
            self.users.entry(reference.clone()).or_default().insert(key.clone());
        }
        self.references.insert(key, references);
    }

    /// Go: plugin/pkg/auth/authorizer/node/graph.go AddPV
    fn put_volume(&mut self, volume: &Object) {
        let claim = |field: &str| volume.str(&["spec", "claimRef", field]).to_owned();
        if claim("name").is_empty() {
            return;
        }
        let claim = (claim("namespace"), claim("name"));
        for secret in volume_secrets(volume, &claim.0) {
            self.volume_secrets.entry(secret).or_default().insert(volume.name().to_owned());
        }
        self.volumes.insert(volume.name().to_owned(), claim);
    }

    fn remove(&mut self, source: Source, object: &Object) {
        let name = object.name();
        match source {
            Source::Pods => {
                let key = (object.namespace().to_owned(), name.to_owned());
                self.pods.remove(&key);
                for reference in self.references.remove(&key).unwrap_or_default() {
                    if let Some(users) = self.users.get_mut(&reference) {
                        users.remove(&key);
                        if users.is_empty() {
                            self.users.remove(&reference);
                        }
                    }
                }
            }
            Source::Volumes => {
                self.volumes.remove(name);
                self.volume_secrets.retain(|_, volumes| {
                    volumes.remove(name);
                    !volumes.is_empty()
                });
            }
            Source::Attachments => drop(self.attachments.remove(name)),
            Source::Slices => drop(self.slices.remove(name)),
        }
    }
}

fn list<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value[field].as_array().into_iter().flatten()
}

/// Returns everything that a pod refers to in its namespace.
///
/// Go: pkg/api/pod/util.go VisitPodSecretNames, VisitPodConfigmapNames
pub(crate) fn references(pod: &Object) -> BTreeSet<(Kind, Key)> {
    let mut found = BTreeSet::new();
    let mut add = |kind: Kind, name: &Value| {
        if let Some(name) = name.as_str().filter(|name| !name.is_empty()) {
            found.insert((kind, (pod.namespace().to_owned(), name.to_owned())));
        }
    };
    let nothing = Value::Null;
    let spec = pod.get(&["spec"]).unwrap_or(&nothing);
    add(Kind::ServiceAccount, &spec["serviceAccountName"]);
    for secret in list(spec, "imagePullSecrets") {
        add(Kind::Secret, &secret["name"]);
    }
    for container in ["initContainers", "containers", "ephemeralContainers"].iter().flat_map(|field| list(spec, field))
    {
        for source in list(container, "envFrom") {
            add(Kind::Secret, &source["secretRef"]["name"]);
            add(Kind::ConfigMap, &source["configMapRef"]["name"]);
        }
        for variable in list(container, "env") {
            add(Kind::Secret, &variable["valueFrom"]["secretKeyRef"]["name"]);
            add(Kind::ConfigMap, &variable["valueFrom"]["configMapKeyRef"]["name"]);
        }
    }
    for volume in list(spec, "volumes") {
        add(Kind::Secret, &volume["secret"]["secretName"]);
        add(Kind::ConfigMap, &volume["configMap"]["name"]);
        add(Kind::Claim, &volume["persistentVolumeClaim"]["claimName"]);
        if volume["ephemeral"].is_object() {
            let name = format!("{}-{}", pod.name(), volume["name"].as_str().unwrap_or_default());
            add(Kind::Claim, &Value::from(name));
        }
        for source in list(&volume["projected"], "sources") {
            add(Kind::Secret, &source["secret"]["name"]);
            add(Kind::ConfigMap, &source["configMap"]["name"]);
        }
        // Drivers that need a secret to mount name it in one of these ways.
        for driver in ["cephfs", "flexVolume", "iscsi", "rbd", "scaleIO", "storageos"] {
            add(Kind::Secret, &volume[driver]["secretRef"]["name"]);
        }
        add(Kind::Secret, &volume["azureFile"]["secretName"]);
        add(Kind::Secret, &volume["csi"]["nodePublishSecretRef"]["name"]);
    }
    for claim in list(spec, "resourceClaims") {
        add(Kind::ResourceClaim, &claim["resourceClaimName"]);
    }
    for status in list(pod.get(&["status"]).unwrap_or(&nothing), "resourceClaimStatuses") {
        add(Kind::ResourceClaim, &status["resourceClaimName"]);
    }
    found
}

/// Returns the secrets that a node needs to mount a volume.
///
/// Go: pkg/api/persistentvolume/util.go VisitPVSecretNames
fn volume_secrets(volume: &Object, claim_namespace: &str) -> Vec<Key> {
    let nothing = Value::Null;
    let spec = volume.get(&["spec"]).unwrap_or(&nothing);
    let mut found = Vec::new();
    let mut add = |name: &Value, namespace: &Value| {
        if let Some(name) = name.as_str().filter(|name| !name.is_empty()) {
            let namespace = namespace.as_str().filter(|namespace| !namespace.is_empty()).unwrap_or(claim_namespace);
            found.push((namespace.to_owned(), name.to_owned()));
        }
    };
    add(&spec["azureFile"]["secretName"], &spec["azureFile"]["secretNamespace"]);
    for driver in ["cephfs", "flexVolume", "iscsi", "rbd", "scaleIO", "storageos"] {
        let secret = &spec[driver]["secretRef"];
        add(&secret["name"], &secret["namespace"]);
    }
    for field in ["nodePublishSecretRef", "nodeStageSecretRef", "nodeExpandSecretRef"] {
        let secret = &spec["csi"][field];
        add(&secret["name"], &secret["namespace"]);
    }
    found
}

impl EventHandler for Feed {
    fn on_add(&self, object: &Arc<Object>) {
        self.graph.put(self.source, object);
    }

    fn on_update(&self, _old: &Arc<Object>, new: &Arc<Object>) {
        self.graph.put(self.source, new);
    }

    fn on_delete(&self, object: &Arc<Object>) {
        self.graph.tables.write().remove(self.source, object);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Object {
        Object::from_value(value).expect("object")
    }

    #[test]
    fn a_node_reaches_what_its_pods_need_while_they_are_there() {
        let graph = Graph::default();
        let pod = object(json!({"metadata": {"namespace": "shop", "name": "web"}, "spec": {"nodeName": "n1",
            "containers": [{"envFrom": [{"configMapRef": {"name": "settings"}}]}],
            "volumes": [{"persistentVolumeClaim": {"claimName": "data"}}]}}));
        graph.put(Source::Pods, &pod);
        graph.put(Source::Volumes, &object(json!({"metadata": {"name": "pv1"}, "spec": {
            "claimRef": {"namespace": "shop", "name": "data"}, "csi": {"nodeStageSecretRef": {"name": "s", "namespace": "x"}}}})));
        assert!(graph.reaches("n1", Kind::ConfigMap, "shop", "settings"));
        assert!(!graph.reaches("n2", Kind::ConfigMap, "shop", "settings"));
        assert!(graph.volume_on("n1", "pv1"));
        assert!(graph.reaches("n1", Kind::Secret, "x", "s"), "through volume and claim");
        graph.tables.write().remove(Source::Pods, &pod);
        assert!(!graph.reaches("n1", Kind::Secret, "x", "s"));
    }

    #[test]
    fn mirror_pods_open_no_doors() {
        let graph = Graph::default();
        graph.put(
            Source::Pods,
            &object(json!({
            "metadata": {"namespace": "shop", "name": "m", "annotations": {"kubernetes.io/config.mirror": "x"}},
            "spec": {"nodeName": "n1", "serviceAccountName": "root"}})),
        );
        assert!(graph.pod_on("n1", "shop", "m"));
        assert!(!graph.reaches("n1", Kind::ServiceAccount, "shop", "root"));
    }
}
