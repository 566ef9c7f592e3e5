//! Pods keep to the level of security that their namespace asks for.
//!
//! Go: pod-security-admission/admission/admission.go, plugin/pkg/admission/security/podsecurity/admission.go
//!
//! ```text
//! namespace labels --> policy: enforce, audit, warn (a level and a version each)
//! pod or template  --> checks of that level --> refusal, audit annotation, warning
//! ```
//!
//! Simplified: there are no exemptions and no defaults other than `privileged`, which a configuration file could set.

pub mod baseline;
pub mod checks;
pub mod policy;
pub mod restricted;

use std::{collections::BTreeMap, sync::Arc};

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
        interfaces::{Interface, ValidationInterface},
    },
    request::context::Context,
};
use client::{cache::informer::SharedInformer, rest::Client};
use phase::BoxFuture;
use serde_json::Value;

use crate::admission::{
    namespace_lifecycle,
    pod_security::{
        checks::Pod,
        policy::{Level, LevelVersion, PREFIX, Policy},
    },
};

/// The plugin's name.
pub const NAME: &str = "PodSecurity";

/// How many pods are looked at when a namespace becomes stricter.
///
/// Go: pod-security-admission/admission/admission.go defaultNamespaceMaxPodsToCheck
const MAX_PODS_TO_CHECK: &str = "3000";

/// Sub-resources of pods that change nothing of what a pod may do.
const IGNORED_SUBRESOURCES: [&str; 10] =
    ["exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status", "resize", "token"];

/// Go: plugin/pkg/admission/security/podsecurity/admission.go Plugin
struct PodSecurity {
    namespaces: Arc<SharedInformer>,
    client: Client,
}

/// Makes the plugin.
pub fn new(initializers: &Initializers) -> Result<Arc<dyn Interface>, String> {
    let namespaces = initializers.informers.informer(&namespace_lifecycle::namespaces());
    Ok(Arc::new(PodSecurity { namespaces, client: initializers.client.clone() }))
}

impl Interface for PodSecurity {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handles(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    fn validation(&self) -> Option<&dyn ValidationInterface> {
        Some(self)
    }
}

impl ValidationInterface for PodSecurity {
    /// Go: pod-security-admission/admission/admission.go Validate
    fn validate<'a>(&'a self, cx: &'a Context, attributes: &'a Attributes) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            match (attributes.resource.group.as_str(), attributes.resource.resource.as_str()) {
                ("", "namespaces") => self.validate_namespace(cx, attributes).await,
                ("", "pods") => self.validate_pod(cx, attributes).await,
                ("", "podtemplates" | "replicationcontrollers")
                | ("apps", "daemonsets" | "deployments" | "replicasets" | "statefulsets")
                | ("batch", "cronjobs" | "jobs") => self.validate_controller(cx, attributes).await,
                _ => Ok(()),
            }
        })
    }
}

/// What follows from a violation of the enforced level.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Enforce {
    /// The pod is refused.
    Yes,
    /// Nothing: this is a template, and its pods will be judged when they come.
    No,
}

impl PodSecurity {
    /// Checks the labels, and warns of pods that violate a stricter level.
    ///
    /// Go: pod-security-admission/admission/admission.go ValidateNamespace
    async fn validate_namespace(&self, cx: &Context, attributes: &Attributes) -> Result<(), StatusError> {
        let Some(namespace) = attributes.object.as_ref().filter(|_| attributes.subresource.is_empty()) else {
            return Ok(());
        };
        let (new, errors) = Policy::from_labels(&namespace.labels());
        let before = attributes.old_object.as_ref().map(|old| Policy::from_labels(&old.labels()));
        // Bad labels that were there already do not stop other changes.
        let known = before.as_ref().is_some_and(|(_, known)| known.to_string() == errors.to_string());
        if !errors.is_empty() && !known {
            return Err(StatusError::new_invalid(&attributes.kind.group_kind(), &attributes.name, errors.causes()));
        }
        let Some((old, _)) = before else { return Ok(()) };
        let relaxed = new.enforce.version == old.enforce.version && new.enforce.level <= old.enforce.level;
        if new.enforce == old.enforce || new.enforce.level == Level::Privileged || relaxed {
            return Ok(());
        }
        for warning in self.evaluate_pods_in_namespace(namespace.name(), new.enforce).await {
            cx.warnings.add(warning);
        }
        Ok(())
    }

    /// Go: pod-security-admission/admission/admission.go EvaluatePodsInNamespace
    async fn evaluate_pods_in_namespace(&self, namespace: &str, enforce: LevelVersion) -> Vec<String> {
        let pods = self.client.resource(&core("pods")).namespace(namespace);
        let Ok(pods) = pods.list(&[("limit", MAX_PODS_TO_CHECK), ("resourceVersion", "0")]).await else {
            return vec!["failed to list pods while checking new PodSecurity enforce level".to_owned()];
        };
        // By what is wrong: one pod's name, and how many there are.
        let mut found: BTreeMap<String, (String, usize)> = BTreeMap::new();
        for pod in &pods.items {
            let reasons = checks::reasons(&checks::evaluate(enforce, view(pod)));
            if !reasons.is_empty() {
                found.entry(reasons).or_insert_with(|| (pod.name().to_owned(), 0)).1 += 1;
            }
        }
        let told = found.into_iter().map(|(reasons, (name, count))| match count {
            1 => format!("{name}: {reasons}"),
            2 => format!("{name} (and 1 other pod): {reasons}"),
            count => format!("{name} (and {} other pods): {reasons}", count - 1),
        });
        let mut warnings: Vec<String> = told.collect();
        warnings.sort();
        if !warnings.is_empty() {
            let title = format!(
                "existing pods in namespace {namespace:?} violate the new PodSecurity enforce level \"{enforce}\""
            );
            warnings.insert(0, title);
        }
        warnings
    }

    /// Go: pod-security-admission/admission/admission.go ValidatePod
    async fn validate_pod(&self, cx: &Context, attributes: &Attributes) -> Result<(), StatusError> {
        let Some(pod) =
            attributes.object.as_ref().filter(|_| !IGNORED_SUBRESOURCES.contains(&attributes.subresource.as_str()))
        else {
            return Ok(());
        };
        if attributes.old_object.as_ref().is_some_and(|old| !is_significant_update(pod, old)) {
            return Ok(());
        }
        let policy = self.policy(attributes).await?;
        evaluate(cx, attributes, policy, view(pod), Enforce::Yes)
    }

    /// Go: pod-security-admission/admission/admission.go ValidatePodController
    async fn validate_controller(&self, cx: &Context, attributes: &Attributes) -> Result<(), StatusError> {
        let Some(object) = attributes.object.as_ref().filter(|_| attributes.subresource.is_empty()) else {
            return Ok(());
        };
        let path: &[&str] = match attributes.resource.resource.as_str() {
            "podtemplates" => &["template"],
            "cronjobs" => &["spec", "jobTemplate", "spec", "template"],
            _ => &["spec", "template"],
        };
        let Some(template) = object.get(path).filter(|template| template.is_object()) else { return Ok(()) };
        let policy = self.policy(attributes).await?;
        let pod = Pod { annotations: &template["metadata"]["annotations"], spec: &template["spec"] };
        evaluate(cx, attributes, policy, pod, Enforce::No)
    }

    /// Returns what the namespace asks for.
    async fn policy(&self, attributes: &Attributes) -> Result<Policy, StatusError> {
        errors::wait_for_ready(attributes, &[&self.namespaces]).await?;
        let name = &attributes.namespace;
        if let Some(namespace) = self.namespaces.store().get("", name) {
            return Ok(Policy::from_labels(&namespace.labels()).0);
        }
        // The copy may lag behind a namespace that was made a moment ago.
        let namespace = self.client.resource(&namespace_lifecycle::namespaces()).get(name).await;
        let failed = |_| StatusError::new_internal_error(format!("failed to lookup namespace {name:?}"));
        Ok(Policy::from_labels(&namespace.map_err(failed)?.labels()).0)
    }
}

fn core(resource: &str) -> GroupVersionResource {
    GroupVersion::new("", "v1").with_resource(resource)
}

fn view(pod: &Object) -> Pod<'_> {
    let part = |path: &[&str]| pod.get(path).unwrap_or(&Value::Null);
    Pod { annotations: part(&["metadata", "annotations"]), spec: part(&["spec"]) }
}

/// Refuses, annotates and warns.
///
/// Go: pod-security-admission/admission/admission.go EvaluatePod
fn evaluate(
    cx: &Context,
    attributes: &Attributes,
    policy: Policy,
    pod: Pod<'_>,
    enforce: Enforce,
) -> Result<(), StatusError> {
    if policy.fully_privileged() {
        if enforce == Enforce::Yes {
            cx.annotate(&format!("{PREFIX}enforce-policy"), policy.enforce.to_string());
        }
        return Ok(());
    }
    let violations = |of: LevelVersion| checks::details(&checks::evaluate(of, pod));
    let audit = violations(policy.audit);
    if !audit.is_empty() {
        let text = format!("would violate PodSecurity \"{}\": {audit}", policy.audit);
        cx.annotate(&format!("{PREFIX}audit-violations"), text);
    }
    if enforce == Enforce::Yes {
        cx.annotate(&format!("{PREFIX}enforce-policy"), policy.enforce.to_string());
        let enforced = violations(policy.enforce);
        if !enforced.is_empty() {
            let reason = format!("violates PodSecurity \"{}\": {enforced}", policy.enforce);
            return Err(errors::forbidden(attributes, reason));
        }
    }
    let warn = violations(policy.warn);
    if !warn.is_empty() {
        cx.warnings.add(format!("would violate PodSecurity \"{}\": {warn}", policy.warn));
    }
    Ok(())
}

/// Says whether an update of a pod touches what the rules look at: images, and containers that were not there.
///
/// Go: pod-security-admission/admission/admission.go isSignificantPodUpdate
fn is_significant_update(pod: &Object, old: &Object) -> bool {
    let images = |pod: &Object, list: &str| -> Vec<(String, String)> {
        let containers = pod.get(&["spec", list]).and_then(Value::as_array).into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        containers.map(|container| (text(&container["name"]), text(&container["image"]))).collect()
    };
    ["initContainers", "containers", "ephemeralContainers"].iter().any(|list| images(pod, list) != images(old, list))
}
