//! Policies with their bindings, read again when one has changed.
//!
//! Go: apiserver/pkg/admission/plugin/policy/generic/policy_source.go

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use apimachinery::runtime::{
    object::Object,
    schema::{GroupVersion, GroupVersionKind},
};
use arc_swap::ArcSwap;
use client::cache::informer::{EventHandler, SharedInformer, SharedInformerFactory};
use serde_json::Value;

use crate::admission::{
    policy::{expressions::Expression, matching::MatchResources},
    webhook::{conditions::Condition, config::FailurePolicy},
};

/// A policy.
#[derive(Debug)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// What happens when it cannot be evaluated.
    pub failure_policy: FailurePolicy,
    /// The kind of its parameters.
    pub param_kind: Option<GroupVersionKind>,
    /// What it is about.
    pub constraints: MatchResources,
    /// What else must be true.
    pub conditions: Vec<Condition>,
    /// Names for parts of expressions, in order.
    pub variables: Vec<(String, Expression)>,
    /// The whole spec, of which each kind of policy reads the rest.
    pub spec: Value,
    /// Where it is put in force.
    pub bindings: Vec<Binding>,
}

/// Puts a policy in force somewhere.
#[derive(Debug)]
pub struct Binding {
    /// Its name.
    pub name: String,
    /// Where; `None`: wherever the policy matches.
    pub resources: Option<MatchResources>,
    /// Which parameters; null: none.
    pub param_ref: Value,
    /// `Deny`, `Warn`, `Audit`; of validating policies only.
    pub actions: Vec<String>,
}

/// Reads what a policy of some kind does; `T` is made once for each policy.
pub type Read<T> = fn(&Policy) -> T;

/// Follows policies and bindings.
pub struct Source<T> {
    policies: Arc<SharedInformer>,
    bindings: Arc<SharedInformer>,
    /// Set by the informers, cleared by the reader that reads them anew.
    changed: Arc<AtomicBool>,
    read: Read<T>,
    known: ArcSwap<Vec<(Policy, T)>>,
}

struct Mark(Arc<AtomicBool>);

impl<T> Source<T> {
    /// Follows the two resources of a kind of policy.
    pub fn new(informers: &SharedInformerFactory, policies: &str, bindings: &str, read: Read<T>) -> Self {
        let version = GroupVersion::new("admissionregistration.k8s.io", "v1");
        let changed = Arc::new(AtomicBool::new(false));
        let follow = |resource: &str| {
            let informer = informers.informer(&version.with_resource(resource));
            informer.add_event_handler(Arc::new(Mark(changed.clone())));
            informer
        };
        let (policies, bindings) = (follow(policies), follow(bindings));
        Self { policies, bindings, changed, read, known: ArcSwap::default() }
    }

    /// Returns what must have synced before anybody is judged.
    pub fn informers(&self) -> [&Arc<SharedInformer>; 2] {
        [&self.policies, &self.bindings]
    }

    /// Returns the policies that are in force somewhere, by name.
    pub fn policies(&self) -> Arc<Vec<(Policy, T)>> {
        if self.changed.swap(false, Ordering::AcqRel) {
            let bindings = self.bindings.store().list();
            let policies = self.policies.store().list();
            let known = policies
                .iter()
                .map(|policy| Policy::read(policy, &bindings))
                .filter(|policy| !policy.bindings.is_empty());
            let known = known.map(|policy| {
                let does = (self.read)(&policy);
                (policy, does)
            });
            self.known.store(Arc::new(known.collect()));
        }
        self.known.load_full()
    }
}

impl Policy {
    fn read(object: &Object, bindings: &[Arc<Object>]) -> Self {
        let spec = object.get(&["spec"]).cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |field: &str| spec[field].as_array().map(Vec::as_slice).unwrap_or_default();
        let param_kind = spec["paramKind"].as_object().map(|kind| {
            let version =
                kind.get("apiVersion").and_then(Value::as_str).and_then(GroupVersion::parse).unwrap_or_default();
            version.with_kind(kind.get("kind").and_then(Value::as_str).unwrap_or_default())
        });
        let of_this = bindings.iter().filter(|binding| binding.str(&["spec", "policyName"]) == object.name());
        Self {
            name: object.name().to_owned(),
            failure_policy: if spec["failurePolicy"] == "Ignore" { FailurePolicy::Ignore } else { FailurePolicy::Fail },
            param_kind,
            constraints: MatchResources::read(&spec["matchConstraints"]),
            conditions: list("matchConditions").iter().map(Condition::read).collect(),
            variables: list("variables")
                .iter()
                .map(|one| (text(&one["name"]), Expression::new(&text(&one["expression"]))))
                .collect(),
            bindings: of_this.map(|binding| Binding::read(binding)).collect(),
            spec,
        }
    }
}

impl Binding {
    fn read(object: &Object) -> Self {
        let spec = object.get(&["spec"]).cloned().unwrap_or_default();
        let actions = spec["validationActions"].as_array().into_iter().flatten().filter_map(Value::as_str);
        Self {
            name: object.name().to_owned(),
            resources: spec.get("matchResources").filter(|value| !value.is_null()).map(MatchResources::read),
            actions: actions.map(str::to_owned).collect(),
            param_ref: spec["paramRef"].clone(),
        }
    }
}

impl EventHandler for Mark {
    fn on_add(&self, _: &Arc<Object>) {
        self.0.store(true, Ordering::Release);
    }

    fn on_update(&self, _: &Arc<Object>, _: &Arc<Object>) {
        self.0.store(true, Ordering::Release);
    }

    fn on_delete(&self, _: &Arc<Object>) {
        self.0.store(true, Ordering::Release);
    }
}
