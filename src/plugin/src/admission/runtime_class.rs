//! Pods get the overhead and the placement of their runtime class.
//!
//! Go: plugin/pkg/admission/runtimeclass/admission.go

use std::sync::Arc;

use apimachinery::{
    api::errors::StatusError,
    runtime::{
        object::Object,
        schema::{GroupVersion, GroupVersionResource},
    },
};
use apiserver::{
    admission::{
        attributes::{Attributes, Operation},
        errors,
        initializer::Initializers,
        interfaces::{Interface, MutationInterface, ValidationInterface},
    },
    request::context::Context,
};
use client::{cache::informer::SharedInformer, rest::Client};
use phase::BoxFuture;
use serde_json::{Map, Value};

use crate::admission::{pod_resources, tolerations};

/// The plugin's name.
pub const NAME: &str = "RuntimeClass";

struct RuntimeClass {
    classes: Arc<SharedInformer>,
    client: Client,
}

fn resource() -> GroupVersionResource {
    GroupVersion::new("node.k8s.io", "v1").with_resource("runtimeclasses")
}

/// Makes the plugin.
pub fn new(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    Ok(Arc::new(RuntimeClass {
        classes: initializers.informers.informer(&resource()),
        client: initializers.client.clone(),
    }))
}

impl Interface for RuntimeClass {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handles(&self, operation: Operation) -> bool {
        operation == Operation::Create
    }

    fn mutation(&self) -> Option<&dyn MutationInterface> {
        Some(self)
    }

    fn validation(&self) -> Option<&dyn ValidationInterface> {
        Some(self)
    }
}

impl MutationInterface for RuntimeClass {
    fn admit<'a>(&'a self, _cx: &'a Context, attributes: &'a mut Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let Some(class) = self.class_of(attributes).await? else { return Ok(()) };
            set_overhead(attributes, &class)?;
            set_scheduling(attributes, &class)
        })
    }
}

impl ValidationInterface for RuntimeClass {
    fn validate<'a>(&'a self, _cx: &'a Context, attributes: &'a Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let Some(pod) = attributes.object.as_ref().filter(|_| attributes.is("", "pods", "")) else { return Ok(()) };
            let class = self.class_of(attributes).await?;
            let expected = class.as_ref().and_then(|class| overhead_of(class));
            match expected {
                Some(expected) if !same(expected, pod.get(&["spec", "overhead"])) => Err(mismatch(attributes)),
                None if has_entries(pod.get(&["spec", "overhead"])) => {
                    let reason = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";
                    Err(errors::forbidden(attributes, reason))
                }
                _ => Ok(()),
            }
        })
    }
}

impl RuntimeClass {
    /// Returns the class that a new pod names, `None` if it names none.
    ///
    /// Go: plugin/pkg/admission/runtimeclass/admission.go prepareObjects
    async fn class_of(&self, attributes: &Attributes) -> Result<Option<Arc<Object>>, StatusError> {
        let pod = attributes.object.as_ref().filter(|_| attributes.is("", "pods", ""));
        let Some(name) = pod.and_then(|pod| pod.get(&["spec", "runtimeClassName"])).and_then(Value::as_str) else {
            return Ok(None);
        };
        errors::wait_for_ready(attributes, &[&self.classes]).await?;
        if let Some(class) = self.classes.store().get("", name) {
            return Ok(Some(class));
        }
        // The copy may lag behind a class that was made a moment ago.
        match self.client.resource(&resource()).get(name).await {
            Ok(class) => Ok(Some(Arc::new(class))),
            Err(error) if error.is_not_found() => {
                Err(errors::forbidden(attributes, format!("pod rejected: RuntimeClass {name:?} not found")))
            }
            Err(error) => Err(errors::forbidden(attributes, error)),
        }
    }
}

fn overhead_of(class: &Object) -> Option<&Value> {
    class.get(&["overhead", "podFixed"]).filter(|overhead| overhead.is_object())
}

fn has_entries(value: Option<&Value>) -> bool {
    value.and_then(Value::as_object).is_some_and(|entries| !entries.is_empty())
}

/// Compares quantities, not their texts.
fn same(expected: &Value, given: Option<&Value>) -> bool {
    pod_resources::read(expected) == given.map(pod_resources::read).unwrap_or_default()
}

fn mismatch(attributes: &Attributes) -> StatusError {
    errors::forbidden(attributes, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
}

/// Go: plugin/pkg/admission/runtimeclass/admission.go setOverhead
fn set_overhead(attributes: &mut Attributes, class: &Object) -> Result<(), StatusError> {
    let Some(overhead) = overhead_of(class) else { return Ok(()) };
    let given = attributes.object.as_ref().and_then(|pod| pod.get(&["spec", "overhead"]));
    if has_entries(given) && !same(overhead, given) {
        return Err(mismatch(attributes));
    }
    if let Some(pod) = &mut attributes.object {
        pod.set(&["spec", "overhead"], overhead.clone());
    }
    Ok(())
}

/// Go: plugin/pkg/admission/runtimeclass/admission.go setScheduling
fn set_scheduling(attributes: &mut Attributes, class: &Object) -> Result<(), StatusError> {
    let Some(scheduling) = class.get(&["scheduling"]).filter(|scheduling| scheduling.is_object()) else {
        return Ok(());
    };
    let Some(pod) = attributes.object.as_ref() else { return Ok(()) };
    let mut selector = pod.get(&["spec", "nodeSelector"]).and_then(Value::as_object).cloned().unwrap_or_default();
    let wanted = scheduling["nodeSelector"].as_object().cloned().unwrap_or_default();
    if let Some((key, value)) =
        wanted.iter().find(|(key, value)| selector.get(*key).is_some_and(|known| known != *value))
    {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (theirs, ours) = (text(value), text(&selector[key]));
        let reason = format!(
            "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {theirs}; pod.spec.nodeSelector[{key}] = {ours}"
        );
        return Err(errors::forbidden(attributes, reason));
    }
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let merged = tolerations::merge(list(pod.get(&["spec", "tolerations"])), list(scheduling.get("tolerations")));
    let pod = attributes.object.as_mut().expect("there was a pod above");
    selector.extend(wanted);
    set_unless_empty(pod, "nodeSelector", selector);
    if !merged.is_empty() {
        pod.set(&["spec", "tolerations"], merged);
    }
    Ok(())
}

fn set_unless_empty(pod: &mut Object, field: &str, entries: Map<String, Value>) {
    if !entries.is_empty() {
        pod.set(&["spec", field], entries);
    }
}
