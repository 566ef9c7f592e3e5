//! `pods/binding`: the scheduler says on which node a pod runs. `bindings` is the same, from before sub-resources.
//!
//! Go: pkg/registry/core/pod/storage/storage.go BindingREST, LegacyBindingREST

use api::{
    core::pod::condition::{Condition, set_condition},
    node::Node,
};
use apimachinery::{
    api::errors::StatusError,
    meta::options::WriteOptions,
    runtime::{
        object::{Object, string_map},
        schema::{GroupResource, GroupVersionKind},
    },
    validation::field::ErrorList,
};
use apiserver::{
    registry::{
        rest::{Answer, Creater, Preconditions, Result, Storage, Validation},
        store::Store,
    },
    request::context::Context,
};
use phase::BoxFuture;
use serde_json::Value;

/// Where a binding is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// `pods/NAME/binding`
    OfPod,
    /// `bindings`
    Legacy,
}

/// Binds pods to nodes.
pub struct Binding {
    pods: Store,
    path: Path,
}

impl Binding {
    /// Binds the pods of a store.
    pub fn new(pods: &Store, path: Path) -> Self {
        Self { pods: pods.clone(), path }
    }

    /// Go: setPodNodeAndMetadata
    async fn assign(&self, cx: &Context, binding: &Object, options: &WriteOptions) -> Result<()> {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let preconditions =
            Preconditions { uid: given(binding.uid()), resource_version: given(binding.resource_version()) };
        let now = cx.services.clock.wall();
        let mut update = |current: Option<Object>| {
            let mut pod = current.unwrap_or_default();
            if let Some(why) = unassignable(&pod) {
                let resource = GroupResource { group: String::new(), resource: "pods/binding".to_owned() };
                return Err(StatusError::new_conflict(&resource, pod.name(), &why));
            }
            pod.set(&["spec", "nodeName"], binding.str(&["target", "name"]));
            pod.remove(&["status", "nominatedNodeName"]);
            for map in ["annotations", "labels"] {
                for (key, value) in string_map(binding.get(&["metadata", map])) {
                    pod.set(&["metadata", map, &key], value);
                }
            }
            set_condition(&mut pod, &Condition { kind: "PodScheduled", status: "True", reason: "", message: "" }, now);
            Ok((pod, None))
        };
        self.pods.guaranteed_update(cx, binding.name(), preconditions, options, &mut update).await.map(drop)
    }
}

/// Says why a pod cannot be bound any more, or not yet.
fn unassignable(pod: &Object) -> Option<String> {
    let name = pod.name();
    if pod.deletion_timestamp().is_some() {
        return Some(format!("pod {name} is being deleted, cannot be assigned to a host"));
    }
    let node = pod.str(&["spec", "nodeName"]);
    if !node.is_empty() {
        return Some(format!("pod {name} is already assigned to node \"{node}\""));
    }
    let gates = pod.get(&["spec", "schedulingGates"]).and_then(Value::as_array).is_some_and(|gates| !gates.is_empty());
    gates.then(|| format!("pod {name} has non-empty .spec.schedulingGates"))
}

/// Go: pkg/apis/core/validation/validation.go ValidatePodBinding
fn validate(binding: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let target = Node::of(binding, "target");
    if !matches!(target.text("kind"), "" | "Node") {
        errors.push(target.child("kind").not_supported(&["Node", "<empty>"]));
    }
    if target.text("name").is_empty() {
        errors.push(target.child("name").required(""));
    }
    errors
}

impl Storage for Binding {
    fn kind(&self) -> GroupVersionKind {
        GroupVersionKind::new("", "v1", "Binding")
    }

    fn namespace_scoped(&self) -> bool {
        true
    }

    fn singular_name(&self) -> &'static str {
        match self.path {
            Path::OfPod => "",
            Path::Legacy => "binding",
        }
    }

    fn preserves_metadata_on_create(&self) -> bool {
        self.path == Path::OfPod
    }

    fn creater(&self) -> Option<&dyn Creater> {
        Some(self)
    }
}

impl Creater for Binding {
    fn create<'a>(
        &'a self,
        cx: &'a Context,
        name: &'a str,
        binding: Object,
        validation: &'a dyn Validation,
        options: &'a WriteOptions,
    ) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(async move {
            if self.path == Path::OfPod && name != binding.name() {
                return Err(StatusError::new_bad_request("name in URL does not match name in Binding object"));
            }
            let errors = validate(&binding);
            if !errors.is_empty() {
                // The errors are not wrapped into a Status, so that clients see them as an internal one.
                return Err(StatusError::new(500, "", errors.to_string()));
            }
            let binding = validation.create(cx, binding).await?;
            self.assign(cx, &binding, options).await?;
            Ok(success())
        })
    }
}

/// What the creation of something that is not stored answers: that it was done.
pub fn success() -> Answer {
    let mut status = Object::new(&GroupVersionKind::new("", "v1", "Status"));
    status.set(&["metadata"], serde_json::json!({}));
    status.set(&["status"], "Success");
    status.set(&["code"], 201);
    Answer::Object(status)
}
