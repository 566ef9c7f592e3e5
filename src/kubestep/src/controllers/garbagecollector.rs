//! Dependents follow their owners.
//!
//! Go: pkg/controller/garbagecollector
//!
//! ```text
//! one reflector per deletable resource --> graph: uid -> who, owners, finalizers
//!                                            |
//!   owner gone            dependents without another owner are deleted      (background)
//!   owner waits, finalizer foregroundDeletion   dependents first, then the finalizer
//!   owner waits, finalizer orphan               references to it are removed, then the finalizer
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use apimachinery::{
    meta::object_meta::{FINALIZER_DELETE_DEPENDENTS, FINALIZER_ORPHAN_DEPENDENTS},
    runtime::{object::Object, schema::GroupVersionResource},
};
use client::{
    cache::reflector::{Reflector, Sink},
    rest::{Error, PatchType},
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{sync::Notify, time::MissedTickBehavior};

use crate::controllers::{
    Context,
    discovery::{self, APIResource},
    leader::Leader,
};

/// How often new resources (custom ones) are looked for.
const DISCOVER: Duration = Duration::from_secs(5);

/// Resources that own nothing and are owned by nothing, but change all the time.
const IGNORED: [&str; 1] = ["events"];

/// Runs until it is stopped.
pub async fn run(context: Context, leader: Leader) {
    let graph = Arc::new(Graph::default());
    let mut followed = BTreeSet::new();
    let mut kinds = BTreeMap::new();
    let mut discovery_due = tokio::time::interval(DISCOVER);
    discovery_due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let due = tokio::select! {
            biased;
            () = context.stop.cancelled() => return,
            _ = discovery_due.tick() => true,
            () = graph.changed.notified() => false,
        };
        if due && let Ok((resources, _)) = discovery::preferred_resources(&context.client).await {
            for resource in resources {
                follow(&context, &graph, &mut followed, &mut kinds, &resource);
            }
        }
        if leader.is_someone_else() {
            continue;
        }
        for work in graph.work() {
            if let Err(error) = work.carry_out(&context, &kinds).await
                && !error.is_not_found()
                && !error.is_conflict()
            {
                tracing::debug!(?work, %error, "cannot collect yet");
            }
        }
    }
}

/// Begins to follow a resource, once.
fn follow(
    context: &Context,
    graph: &Arc<Graph>,
    followed: &mut BTreeSet<GroupVersionResource>,
    kinds: &mut BTreeMap<(String, String), APIResource>,
    resource: &APIResource,
) {
    let ignored = IGNORED.contains(&resource.resource.resource.as_str());
    if ignored || !resource.supports(&["list", "watch", "delete"]) || !followed.insert(resource.resource.clone()) {
        return;
    }
    kinds.insert((resource.resource.group.clone(), resource.kind.clone()), resource.clone());
    let reflector = Reflector::new(context.client.resource(&resource.resource), Vec::new());
    let sink = Follower { graph: graph.clone(), resource: resource.resource.clone() };
    let stop = context.stop.clone();
    context.tasks.spawn(async move { reflector.run(&sink, &stop).await });
}

/// An object, as far as ownership goes.
#[derive(Clone, Debug)]
struct Node {
    resource: GroupVersionResource,
    namespace: String,
    name: String,
    deleting: bool,
    finalizers: Vec<String>,
    owners: Vec<Owner>,
}

/// A reference to an owner.
#[derive(Clone, Debug)]
struct Owner {
    api_version: String,
    kind: String,
    name: String,
    uid: String,
    blocks: bool,
}

/// All objects by uid. Written by the reflectors, read by the collector.
#[derive(Default)]
struct Graph {
    nodes: Mutex<BTreeMap<String, Node>>,
    changed: Notify,
}

/// Feeds one resource into the graph.
struct Follower {
    graph: Arc<Graph>,
    resource: GroupVersionResource,
}

impl Sink for Follower {
    fn replace(&self, objects: Vec<Object>) {
        let mut nodes = self.graph.nodes.lock();
        nodes.retain(|_, node| node.resource != self.resource);
        nodes.extend(objects.iter().map(|object| (object.uid().to_owned(), node(&self.resource, object))));
        drop(nodes);
        self.graph.changed.notify_one();
    }

    fn upsert(&self, object: Object) {
        let node = node(&self.resource, &object);
        let matters = node.deleting || !node.owners.is_empty();
        self.graph.nodes.lock().insert(object.uid().to_owned(), node);
        if matters {
            self.graph.changed.notify_one();
        }
    }

    fn delete(&self, object: Object) {
        self.graph.nodes.lock().remove(object.uid());
        self.graph.changed.notify_one();
    }
}

fn node(resource: &GroupVersionResource, object: &Object) -> Node {
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let owners = object.get(&["metadata", "ownerReferences"]).and_then(Value::as_array);
    Node {
        resource: resource.clone(),
        namespace: object.namespace().to_owned(),
        name: object.name().to_owned(),
        deleting: object.deletion_timestamp().is_some(),
        finalizers: object.finalizers().into_iter().map(str::to_owned).collect(),
        owners: owners
            .into_iter()
            .flatten()
            .map(|owner| Owner {
                api_version: text(owner, "apiVersion"),
                kind: text(owner, "kind"),
                name: text(owner, "name"),
                uid: text(owner, "uid"),
                blocks: owner["blockOwnerDeletion"].as_bool().unwrap_or_default(),
            })
            .collect(),
    }
}

/// Something to be done about one object.
#[derive(Clone, Debug)]
enum Work {
    /// Its owners are all gone, or wait for it.
    Delete { uid: String, node: Node, policy: &'static str },
    /// One of its owners is gone or orphans it: remove the reference.
    Detach { uid: String, node: Node, owners: Vec<String> },
    /// It has waited long enough.
    Release { uid: String, node: Node, finalizer: &'static str },
}

impl Graph {
    /// Says what is to be done in the present state.
    fn work(&self) -> Vec<Work> {
        let nodes = self.nodes.lock();
        let mut dependents: BTreeMap<&str, Vec<(&String, &Node)>> = BTreeMap::new();
        for (uid, node) in nodes.iter() {
            for owner in &node.owners {
                dependents.entry(&owner.uid).or_default().push((uid, node));
            }
        }
        let mut work = Vec::new();
        for (uid, node) in nodes.iter().filter(|(_, node)| !node.owners.is_empty() && !node.deleting) {
            work.extend(dependent_work(&nodes, uid, node));
        }
        for (uid, node) in nodes.iter().filter(|(_, node)| node.deleting) {
            let below = dependents.get(uid.as_str()).map(Vec::as_slice).unwrap_or_default();
            work.extend(owner_work(uid, node, below));
        }
        work
    }
}

/// What is to be done about an object that has owners.
fn dependent_work(nodes: &BTreeMap<String, Node>, uid: &str, node: &Node) -> Option<Work> {
    let waits = |owner: &Node| owner.deleting && owner.finalizers.iter().any(|f| f == FINALIZER_DELETE_DEPENDENTS);
    let (mut solid, mut gone, mut waiting) = (0, Vec::new(), 0);
    for owner in &node.owners {
        match nodes.get(&owner.uid) {
            None => gone.push(owner.uid.clone()),
            Some(present) if waits(present) => waiting += 1,
            Some(_) => solid += 1,
        }
    }
    match (solid, gone.is_empty(), waiting) {
        (0, _, 1..) => Some(Work::Delete { uid: uid.to_owned(), node: node.clone(), policy: "Foreground" }),
        (0, false, 0) => Some(Work::Delete { uid: uid.to_owned(), node: node.clone(), policy: "Background" }),
        (1.., false, _) => Some(Work::Detach { uid: uid.to_owned(), node: node.clone(), owners: gone }),
        _ => None,
    }
}

/// What is to be done about an object that is being deleted and may have dependents.
fn owner_work(uid: &str, node: &Node, dependents: &[(&String, &Node)]) -> Vec<Work> {
    let has = |finalizer: &str| node.finalizers.iter().any(|one| one == finalizer);
    if has(FINALIZER_ORPHAN_DEPENDENTS) {
        let detach = dependents.iter().map(|(dependent, node)| Work::Detach {
            uid: (*dependent).clone(),
            node: (*node).clone(),
            owners: vec![uid.to_owned()],
        });
        let release = Work::Release { uid: uid.to_owned(), node: node.clone(), finalizer: FINALIZER_ORPHAN_DEPENDENTS };
        return detach.chain([release]).collect();
    }
    let blocked = dependents.iter().any(|(_, node)| node.owners.iter().any(|owner| owner.uid == uid && owner.blocks));
    if has(FINALIZER_DELETE_DEPENDENTS) && !blocked {
        return vec![Work::Release { uid: uid.to_owned(), node: node.clone(), finalizer: FINALIZER_DELETE_DEPENDENTS }];
    }
    Vec::new()
}

impl Work {
    async fn carry_out(&self, context: &Context, kinds: &BTreeMap<(String, String), APIResource>) -> Result<(), Error> {
        match self {
            Self::Delete { uid, node, policy } => {
                // The graph may lag behind, so absence is verified before anything is deleted for it.
                if *policy == "Background" && any_owner_lives(context, kinds, node).await? {
                    return Ok(());
                }
                let options = json!({"preconditions": {"uid": uid}, "propagationPolicy": policy});
                resource(context, node).delete(&node.name, &options).await.map(|_| ())
            }
            Self::Detach { uid, node, owners } => {
                let references: Vec<Value> =
                    owners.iter().map(|owner| json!({"$patch": "delete", "uid": owner})).collect();
                let patch = json!({"metadata": {"uid": uid, "ownerReferences": references}});
                let patched =
                    resource(context, node).patch(&node.name, "", PatchType::StrategicMerge, &patch, &[]).await;
                match patched {
                    Err(Error::Status(status)) if status.code == 415 => {
                        detach_by_merge(context, uid, node, owners).await
                    }
                    other => other.map(|_| ()),
                }
            }
            Self::Release { uid, node, finalizer } => {
                let mut object = resource(context, node).get(&node.name).await?;
                if object.uid() != uid {
                    return Ok(());
                }
                let kept: Vec<String> =
                    object.finalizers().into_iter().filter(|one| one != finalizer).map(str::to_owned).collect();
                object.set(&["metadata", "finalizers"], kept);
                resource(context, node).update(&object, "").await.map(|_| ())
            }
        }
    }
}

/// Custom resources know no strategic merge: the whole list is replaced.
async fn detach_by_merge(context: &Context, uid: &str, node: &Node, owners: &[String]) -> Result<(), Error> {
    let kept: Vec<Value> = node
        .owners
        .iter()
        .filter(|owner| !owners.contains(&owner.uid))
        .map(|owner| {
            json!({
                "apiVersion": owner.api_version,
                "kind": owner.kind,
                "name": owner.name,
                "uid": owner.uid,
                "blockOwnerDeletion": owner.blocks,
            })
        })
        .collect();
    let patch = json!({"metadata": {"uid": uid, "ownerReferences": kept}});
    resource(context, node).patch(&node.name, "", PatchType::Merge, &patch, &[]).await.map(|_| ())
}

fn resource(context: &Context, node: &Node) -> client::rest::Resource {
    context.client.resource(&node.resource).namespace(&node.namespace)
}

/// Asks the server about each owner. An owner of a kind that is not served counts as living: its server may be away.
async fn any_owner_lives(
    context: &Context,
    kinds: &BTreeMap<(String, String), APIResource>,
    node: &Node,
) -> Result<bool, Error> {
    for owner in &node.owners {
        let group = owner.api_version.split_once('/').map_or("", |(group, _)| group);
        let Some(kind) = kinds.get(&(group.to_owned(), owner.kind.clone())) else { return Ok(true) };
        let namespace = if kind.namespaced { node.namespace.as_str() } else { "" };
        match context.client.resource(&kind.resource).namespace(namespace).get(&owner.name).await {
            Ok(present) if present.uid() == owner.uid => return Ok(true),
            Err(error) if !error.is_not_found() => return Err(error),
            _ => {}
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(graph: &Graph, uid: &str, owners: &[&str], finalizers: &[&str]) {
        let object = Object::from_value(json!({
            "metadata": {
                "name": uid,
                "uid": uid,
                "finalizers": finalizers,
                "deletionTimestamp": if finalizers.is_empty() { Value::Null } else { "now".into() },
                "ownerReferences": owners.iter().map(|owner| json!({"uid": owner, "blockOwnerDeletion": true})).collect::<Vec<_>>(),
            },
        }))
        .expect("object");
        let resource = GroupVersionResource::new("", "v1", "pods");
        graph.nodes.lock().insert(uid.to_owned(), node(&resource, &object));
    }

    fn work(graph: &Graph) -> Vec<String> {
        let describe = |work: &Work| match work {
            Work::Delete { uid, policy, .. } => format!("delete {uid} {policy}"),
            Work::Detach { uid, owners, .. } => format!("detach {uid} from {}", owners.join(",")),
            Work::Release { uid, finalizer, .. } => format!("release {uid} {finalizer}"),
        };
        graph.work().iter().map(describe).collect()
    }

    #[test]
    fn a_dependent_goes_with_its_last_owner() {
        let graph = Graph::default();
        add(&graph, "owner", &[], &[]);
        add(&graph, "child", &["owner"], &[]);
        add(&graph, "shared", &["owner", "gone"], &[]);
        add(&graph, "orphan", &["gone"], &[]);
        assert_eq!(work(&graph), ["delete orphan Background", "detach shared from gone"]);
    }

    #[test]
    fn foreground_waits_for_dependents() {
        let graph = Graph::default();
        add(&graph, "owner", &[], &[FINALIZER_DELETE_DEPENDENTS]);
        add(&graph, "child", &["owner"], &[]);
        assert_eq!(work(&graph), ["delete child Foreground"]);
        graph.nodes.lock().remove("child");
        assert_eq!(work(&graph), ["release owner foregroundDeletion"]);
    }

    #[test]
    fn orphans_are_detached_before_the_owner_goes() {
        let graph = Graph::default();
        add(&graph, "owner", &[], &[FINALIZER_ORPHAN_DEPENDENTS]);
        add(&graph, "child", &["owner"], &[]);
        assert_eq!(work(&graph), ["detach child from owner", "release owner orphan"]);
    }
}
