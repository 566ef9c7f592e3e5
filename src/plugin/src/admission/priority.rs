//! The priority of a pod comes from its class, or from the one class that is the default.
//!
//! Go: plugin/pkg/admission/priority/admission.go

use std::sync::Arc;

use apimachinery::{api::errors::StatusError, runtime::object::Object, runtime::schema::GroupVersion};
use apiserver::{
    admission::{
        attributes::{Attributes, Operation},
        errors,
        initializer::Initializers,
        interfaces::{Interface, MutationInterface, ValidationInterface},
    },
    request::context::Context,
};
use client::cache::informer::SharedInformer;
use phase::BoxFuture;
use serde_json::Value;

/// The plugin's name.
pub const NAME: &str = "Priority";

/// Group of priority classes.
const GROUP: &str = "scheduling.k8s.io";

/// What a pod gets when it names no class and there is no default.
const NO_CLASS: Class<'static> = Class { name: "", value: 0, preemption_policy: Some("PreemptLowerPriority") };

/// Go: plugin/pkg/admission/priority/admission.go Plugin
struct Priority {
    classes: Arc<SharedInformer>,
}

/// Makes the plugin.
pub fn new(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    let classes = GroupVersion::new(GROUP, "v1").with_resource("priorityclasses");
    Ok(Arc::new(Priority { classes: initializers.informers.informer(&classes) }))
}

impl Interface for Priority {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handles(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    fn mutation(&self) -> Option<&dyn MutationInterface> {
        Some(self)
    }

    fn validation(&self) -> Option<&dyn ValidationInterface> {
        Some(self)
    }
}

impl MutationInterface for Priority {
    fn admit<'a>(&'a self, _cx: &'a Context, attributes: &'a mut Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            if !attributes.is("", "pods", "") {
                return Ok(());
            }
            errors::wait_for_ready(attributes, &[&self.classes]).await?;
            match attributes.operation {
                Operation::Create => self.admit_new_pod(attributes),
                _ => {
                    keep_priority(attributes);
                    Ok(())
                }
            }
        })
    }
}

impl ValidationInterface for Priority {
    /// Go: plugin/pkg/admission/priority/admission.go validatePriorityClass
    fn validate<'a>(&'a self, _cx: &'a Context, attributes: &'a Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            if !attributes.is(GROUP, "priorityclasses", "") {
                return Ok(());
            }
            let Some(class) = attributes.object.as_ref().filter(|class| is_default(class)) else { return Ok(()) };
            errors::wait_for_ready(attributes, &[&self.classes]).await?;
            match self.default_class() {
                Some(other) if attributes.operation == Operation::Create || other.name() != class.name() => {
                    let other = other.name();
                    let reason =
                        format!("PriorityClass {other} is already marked as default. Only one default can exist");
                    Err(errors::forbidden(attributes, reason))
                }
                _ => Ok(()),
            }
        })
    }
}

/// What of a class goes into a pod.
struct Class<'a> {
    name: &'a str,
    value: i64,
    preemption_policy: Option<&'a str>,
}

impl<'a> Class<'a> {
    fn read(object: &'a Object) -> Self {
        Self {
            name: object.name(),
            value: object.get(&["value"]).and_then(Value::as_i64).unwrap_or_default(),
            preemption_policy: object.get(&["preemptionPolicy"]).and_then(Value::as_str),
        }
    }
}

fn is_default(class: &Object) -> bool {
    class.get(&["globalDefault"]).and_then(Value::as_bool) == Some(true)
}

impl Priority {
    /// Returns the default class; of several, which a race may leave, the one with the lowest value.
    fn default_class(&self) -> Option<Arc<Object>> {
        let defaults = self.classes.store().list().into_iter().filter(|class| is_default(class));
        defaults.min_by_key(|class| Class::read(class).value)
    }

    /// Go: plugin/pkg/admission/priority/admission.go admitPod
    fn admit_new_pod(&self, attributes: &mut Attributes) -> Result<(), StatusError> {
        let Some(pod) = attributes.object.as_ref() else { return Ok(()) };
        let wanted = pod.str(&["spec", "priorityClassName"]);
        let object = if wanted.is_empty() { self.default_class() } else { self.classes.store().get("", wanted) };
        let class = match &object {
            Some(object) => Class::read(object),
            None if wanted.is_empty() => NO_CLASS,
            None => {
                return Err(errors::forbidden(attributes, format!("no PriorityClass with name {wanted} was found")));
            }
        };
        let computed = "must not be provided in pod spec; priority admission controller computed";
        let given = pod.get(&["spec", "priority"]).and_then(Value::as_i64).filter(|given| *given != class.value);
        if let Some(given) = given {
            let value = class.value;
            let reason =
                format!("the integer value of priority ({given}) {computed} {value} from the given PriorityClass name");
            return Err(errors::forbidden(attributes, reason));
        }
        if let Some(policy) = class.preemption_policy {
            let given = pod.get(&["spec", "preemptionPolicy"]).and_then(Value::as_str).unwrap_or(policy);
            if given != policy {
                let reason = format!(
                    "the string value of PreemptionPolicy ({given}) {computed} {policy} from the given PriorityClass name"
                );
                return Err(errors::forbidden(attributes, reason));
            }
        }
        let pod = attributes.object.as_mut().expect("there was a pod above");
        if !class.name.is_empty() {
            pod.set(&["spec", "priorityClassName"], class.name);
        }
        pod.set(&["spec", "priority"], class.value);
        if let Some(policy) = class.preemption_policy {
            pod.set(&["spec", "preemptionPolicy"], policy);
        }
        Ok(())
    }
}

/// Puts back what an update left out: clients may not know these fields, and validation forbids to change them.
fn keep_priority(attributes: &mut Attributes) {
    let (Some(pod), Some(old)) = (&mut attributes.object, &attributes.old_object) else { return };
    for field in ["priority", "preemptionPolicy"] {
        let path = ["spec", field];
        if pod.get(&path).is_none_or(Value::is_null)
            && let Some(value) = old.get(&path)
        {
            pod.set(&path, value.clone());
        }
    }
}
