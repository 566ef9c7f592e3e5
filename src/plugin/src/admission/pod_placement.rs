//! Where the pods of a namespace may run: by node labels and by taints.
//!
//! Go: plugin/pkg/admission/{podnodeselector,podtolerationrestriction}/admission.go

use std::{collections::BTreeMap, sync::Arc};

use apimachinery::{
    api::errors::StatusError,
    runtime::object::{self, Object},
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
use serde_json::{Map, Value, json};

use crate::admission::{
    namespace_lifecycle,
    pod_resources::{self, Part},
    tolerations,
};

/// The plugin for node labels.
pub const NODE_SELECTOR: &str = "PodNodeSelector";
/// The plugin for taints.
pub const TOLERATION_RESTRICTION: &str = "PodTolerationRestriction";

/// Annotation of a namespace with labels that the nodes of its pods must have: `a=b,c=d`.
const SELECTOR_ANNOTATION: &str = "scheduler.alpha.kubernetes.io/node-selector";
/// Annotation of a namespace with the tolerations that its pods get.
const DEFAULT_TOLERATIONS: &str = "scheduler.alpha.kubernetes.io/defaultTolerations";
/// Annotation of a namespace with the tolerations that its pods may have.
const TOLERATIONS_WHITELIST: &str = "scheduler.alpha.kubernetes.io/tolerationsWhitelist";

/// The namespaces, and the configuration of the plugin.
struct Namespaces {
    informer: Arc<SharedInformer>,
    client: Client,
    configuration: Value,
}

impl Namespaces {
    fn new(initializers: &Initializers, plugin: &str) -> Self {
        Self {
            informer: initializers.informers.informer(&namespace_lifecycle::namespaces()),
            client: initializers.client.clone(),
            configuration: initializers.configurations.get(plugin).cloned().unwrap_or_default(),
        }
    }

    async fn of(&self, attributes: &Attributes) -> Result<Arc<Object>, StatusError> {
        errors::wait_for_ready(attributes, &[&self.informer]).await?;
        if let Some(namespace) = self.informer.store().get("", &attributes.namespace) {
            return Ok(namespace);
        }
        let namespaces = self.client.resource(&namespace_lifecycle::namespaces());
        Ok(Arc::new(namespaces.get(&attributes.namespace).await?))
    }
}

fn pod(attributes: &Attributes) -> Option<&Object> {
    attributes.object.as_ref().filter(|_| attributes.is("", "pods", ""))
}

/// Go: plugin/pkg/admission/podnodeselector/admission.go Plugin
struct PodNodeSelector(Namespaces);

/// Makes PodNodeSelector. Its configuration holds a selector by namespace, and `clusterDefaultNodeSelector`.
pub fn new_node_selector(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    Ok(Arc::new(PodNodeSelector(Namespaces::new(initializers, NODE_SELECTOR))))
}

/// Reads `a=b,c=d`.
fn labels(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect()
}

impl PodNodeSelector {
    /// Returns the labels that a namespace asks for, and those that its pods may name; empty: any.
    async fn selectors(&self, attributes: &Attributes) -> Result<[BTreeMap<String, String>; 2], StatusError> {
        let namespace = self.0.of(attributes).await?;
        let configured = |name: &str| self.0.configuration["podNodeSelectorPluginConfig"][name].as_str().map(labels);
        let annotated = namespace.annotations().get(SELECTOR_ANNOTATION).map(|text| labels(text));
        let wanted = annotated.or_else(|| configured("clusterDefaultNodeSelector")).unwrap_or_default();
        Ok([wanted, configured(&attributes.namespace).unwrap_or_default()])
    }
}

impl Interface for PodNodeSelector {
    fn name(&self) -> &'static str {
        NODE_SELECTOR
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

impl MutationInterface for PodNodeSelector {
    fn admit<'a>(&'a self, cx: &'a Context, attributes: &'a mut Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            if pod(attributes).is_none() {
                return Ok(());
            }
            self.validate(cx, attributes).await?;
            let [wanted, _] = self.selectors(attributes).await?;
            if let Some(pod) = attributes.object.as_mut().filter(|_| !wanted.is_empty()) {
                let own = object::string_map(pod.get(&["spec", "nodeSelector"]));
                let merged = wanted.into_iter().chain(own).map(|(key, value)| (key, Value::from(value)));
                pod.set(&["spec", "nodeSelector"], merged.collect::<Map<_, _>>());
            }
            Ok(())
        })
    }
}

impl ValidationInterface for PodNodeSelector {
    fn validate<'a>(&'a self, _cx: &'a Context, attributes: &'a Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let Some(pod) = pod(attributes) else { return Ok(()) };
            let [wanted, allowed] = self.selectors(attributes).await?;
            let own = object::string_map(pod.get(&["spec", "nodeSelector"]));
            if own.iter().any(|(key, value)| wanted.get(key).is_some_and(|known| known != value)) {
                let reason = "pod node label selector conflicts with its namespace node label selector";
                return Err(errors::forbidden(attributes, reason));
            }
            if !allowed.is_empty() && own.iter().any(|(key, value)| allowed.get(key) != Some(value)) {
                let reason = "pod node label selector labels conflict with its namespace whitelist";
                return Err(errors::forbidden(attributes, reason));
            }
            Ok(())
        })
    }
}

/// Go: plugin/pkg/admission/podtolerationrestriction/admission.go Plugin
struct PodTolerationRestriction(Namespaces);

/// Makes PodTolerationRestriction. Its configuration holds `default` and `whitelist` for namespaces that say nothing.
pub fn new_toleration_restriction(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    Ok(Arc::new(PodTolerationRestriction(Namespaces::new(initializers, TOLERATION_RESTRICTION))))
}

impl PodTolerationRestriction {
    /// Returns a list from an annotation of the namespace, or from the configuration.
    async fn list(&self, attributes: &Attributes, annotation: &str, field: &str) -> Result<Vec<Value>, StatusError> {
        let namespace = self.0.of(attributes).await?;
        let annotations = namespace.annotations();
        match annotations.get(annotation).filter(|text| !text.is_empty()) {
            Some(text) => serde_json::from_str(text).map_err(|error| errors::forbidden(attributes, error)),
            None => Ok(self.0.configuration[field].as_array().cloned().unwrap_or_default()),
        }
    }
}

fn list(pod: &Object) -> Vec<Value> {
    pod.get(&["spec", "tolerations"]).and_then(Value::as_array).cloned().unwrap_or_default()
}

impl Interface for PodTolerationRestriction {
    fn name(&self) -> &'static str {
        TOLERATION_RESTRICTION
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

impl MutationInterface for PodTolerationRestriction {
    fn admit<'a>(&'a self, _cx: &'a Context, attributes: &'a mut Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let Some(pod) = pod(attributes) else { return Ok(()) };
            let spec = pod.get(&["spec"]).cloned().unwrap_or_default();
            let mut extra = match attributes.operation {
                Operation::Create => self.list(attributes, DEFAULT_TOLERATIONS, "default").await?,
                _ => Vec::new(),
            };
            // A pod that asks for something may stay on a node that runs short of memory.
            if [Part::Requests, Part::Limits]
                .into_iter()
                .any(|part| !pod_resources::of_containers(&spec, part).is_empty())
            {
                extra.push(
                    json!({"key": "node.kubernetes.io/memory-pressure", "operator": "Exists", "effect": "NoSchedule"}),
                );
            }
            if let Some(pod) = attributes.object.as_mut().filter(|_| !extra.is_empty()) {
                let merged = tolerations::merge(list(pod), extra);
                pod.set(&["spec", "tolerations"], merged);
            }
            Ok(())
        })
    }
}

impl ValidationInterface for PodTolerationRestriction {
    fn validate<'a>(&'a self, _cx: &'a Context, attributes: &'a Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let Some(own) = pod(attributes).map(list) else { return Ok(()) };
            let allowed = self.list(attributes, TOLERATIONS_WHITELIST, "whitelist").await?;
            let within = |one: &Value| allowed.iter().any(|allowed| tolerations::is_superset(allowed, one));
            if allowed.is_empty() || own.iter().all(within) {
                return Ok(());
            }
            let reason = "pod tolerations (possibly merged with namespace default tolerations) conflict with its namespace whitelist";
            Err(errors::forbidden(attributes, reason))
        })
    }
}
