//! The rules of built-in kinds, as the generic store asks for them.
//!
//! Go: pkg/registry/*/*/strategy.go

use std::collections::BTreeMap;

use api::{
    apps::daemonset::hide_template_generation,
    fieldlabels,
    resources::{RESOURCES, Resource},
    rules::{self, Part, Request, Rules},
    scheduling::SYSTEM_PRIORITY_CLASSES,
};
use apimachinery::{
    api::{errors::StatusError, validation::object_meta::Scope},
    meta::options::DeleteOptions,
    runtime::{
        object::Object,
        schema::{GroupResource, GroupVersionKind},
    },
    schema::empties,
    validation::field::ErrorList,
};
use apiserver::{
    registry::rest::{
        Result,
        strategy::{GarbageCollectionPolicy, ResetFields, Strategy, default_field_label},
    },
    request::context::Context,
};
use serde_json::{Value, json};

/// What the rules may know of a request.
fn request(cx: &Context) -> Request {
    let user = cx.user();
    let mut requester: BTreeMap<String, Value> = BTreeMap::new();
    requester.insert("username".to_owned(), user.name.clone().into());
    if !user.uid.is_empty() {
        requester.insert("uid".to_owned(), user.uid.clone().into());
    }
    requester.insert("groups".to_owned(), json!(user.groups));
    if !user.extra.is_empty() {
        requester.insert("extra".to_owned(), json!(user.extra));
    }
    Request { now: cx.services.clock.wall(), uid: cx.services.ids.uuid(), requester, ..Request::default() }
}

/// Lets the rules prepare an object; passes on what they want the client to know.
fn prepare(cx: &Context, prepare: impl FnOnce(&Request)) {
    let request = request(cx);
    prepare(&request);
    request.warnings.take().into_iter().for_each(|warning| cx.warnings.add(warning));
}

/// The strategy of a kind: a row of the table of rules.
#[derive(Clone, Copy)]
pub struct BuiltInStrategy {
    resource: &'static Resource,
    rules: &'static Rules,
}

impl BuiltInStrategy {
    /// Returns the strategy of a resource.
    pub fn new(resource: &'static Resource) -> Self {
        Self { resource, rules: rules::of(&resource.rules_version()) }
    }

    fn scope(&self) -> Scope {
        if self.resource.namespaced { Scope::Namespaced } else { Scope::Cluster }
    }
}

impl Strategy for BuiltInStrategy {
    fn namespace_scoped(&self) -> bool {
        self.resource.namespaced
    }

    fn prepare_for_create(&self, cx: &Context, object: &mut Object) {
        prepare(cx, |request| self.rules.complete_for_create(request, object));
    }

    fn validate(&self, cx: &Context, object: &Object) -> ErrorList {
        let dropped = cx.dropped.lock();
        if dropped.is_empty() {
            return self.rules.validate_new(object, self.scope());
        }
        self.rules.validate_new(&empties::restored(&dropped, object), self.scope())
    }

    fn warnings_on_create(&self, _cx: &Context, object: &Object) -> Vec<String> {
        (self.rules.warnings_on_create)(object)
    }

    fn canonicalize(&self, object: &mut Object) {
        (self.rules.canonicalize)(object);
    }

    fn allow_create_on_update(&self) -> bool {
        self.resource.put_creates
    }

    fn allow_unconditional_update(&self) -> bool {
        !self.resource.put_needs_version
    }

    fn prepare_for_update(&self, cx: &Context, object: &mut Object, old: &Object) {
        prepare(cx, |request| self.rules.complete_for_update(request, object, old));
    }

    fn validate_update(&self, _cx: &Context, object: &Object, old: &Object) -> ErrorList {
        let whole = rules::checks_whole_on_update(&self.resource.storage_version()).then(|| self.scope());
        self.rules.validate_changed(object, old, whole)
    }

    fn warnings_on_update(&self, _cx: &Context, object: &Object, old: &Object) -> Vec<String> {
        (self.rules.warnings_on_update)(object, old)
    }

    fn check_graceful_delete(&self, _cx: &Context, object: &Object, requested: Option<i64>) -> Option<i64> {
        (self.resource.kind == "Pod").then(|| pod_grace_period(object, requested))
    }

    fn default_garbage_collection_policy(&self, _cx: &Context) -> GarbageCollectionPolicy {
        match (self.resource.kind.as_str(), self.resource.delete_orphans) {
            ("Event", _) => GarbageCollectionPolicy::Unsupported,
            (_, true) => GarbageCollectionPolicy::OrphanDependents,
            (_, false) => GarbageCollectionPolicy::DeleteDependents,
        }
    }

    fn should_delete_during_update(&self, object: &Object, _old: &Object) -> bool {
        // A namespace also waits for those who empty it.
        self.resource.kind != "Namespace"
            || object.get(&["spec", "finalizers"]).and_then(Value::as_array).is_none_or(Vec::is_empty)
    }

    fn convert_field_label(&self, label: &str, value: &str) -> Result<(String, String)> {
        match fieldlabels::convert(&self.resource.gvk(), label) {
            None => default_field_label(label, value),
            Some(Ok(label)) => Ok((label, value.to_owned())),
            Some(Err(message)) => Err(StatusError::new_bad_request(message)),
        }
    }

    fn stored_kind(&self) -> Option<GroupVersionKind> {
        self.resource.stored_as.map(|_| self.resource.stored_kind())
    }

    fn deprecation_warning(&self) -> Option<&'static str> {
        (self.resource.kind == "Endpoints")
            .then_some("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice")
    }

    /// Go: pkg/registry/batch/job/storage/storage.go JobStorage.Delete
    fn warnings_on_delete(&self, options: &DeleteOptions) -> Vec<String> {
        let says_nothing = options.propagation_policy.is_none() && options.orphan_dependents.is_none();
        if self.resource.kind != "Job" || !says_nothing {
            return Vec::new();
        }
        let warning = "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to \
                       remove them or set propagationPolicy=Orphan to suppress this warning";
        vec![warning.to_owned()]
    }

    /// Classes of the system go with a collection, but not by their names.
    fn check_delete(&self, name: &str) -> Result<()> {
        let is_system = SYSTEM_PRIORITY_CLASSES.iter().any(|(class, _)| *class == name);
        if self.resource.kind != "PriorityClass" || !is_system {
            return Ok(());
        }
        let resource = GroupResource::new("scheduling.k8s.io", "priorityclasses");
        let reason = "this is a system priority class and cannot be deleted";
        Err(StatusError::new_forbidden(&resource, name, reason))
    }

    fn hide_from_metadata(&self, metadata: &mut Value) {
        if self.resource.kind == "DaemonSet" {
            hide_template_generation(metadata);
        }
    }

    fn reset_fields(&self) -> Vec<ResetFields> {
        match self.resource.kind.as_str() {
            "CertificateSigningRequest" => reset(self.resource, &[&["spec"], &["status"]]),
            "Node" => reset(self.resource, &[&["status"]]),
            _ if self.rules.has_status => reset(self.resource, &[&["status"]]),
            _ => Vec::new(),
        }
    }
}

/// How long a pod goes gracefully.
///
/// Go: pkg/registry/core/pod/strategy.go CheckGracefulDelete
fn pod_grace_period(pod: &Object, requested: Option<i64>) -> i64 {
    let own = pod.get(&["spec", "terminationGracePeriodSeconds"]).and_then(Value::as_i64);
    let period = requested.or(own).unwrap_or_default();
    // Nobody runs it yet, or nobody runs it any more.
    let nobody =
        pod.str(&["spec", "nodeName"]).is_empty() || matches!(pod.str(&["status", "phase"]), "Failed" | "Succeeded");
    match period {
        _ if nobody => 0,
        period if period < 0 => 1,
        period => period,
    }
}

fn reset(resource: &Resource, paths: &[&[&str]]) -> Vec<ResetFields> {
    let paths: Vec<Vec<String>> = paths.iter().map(|path| path.iter().map(ToString::to_string).collect()).collect();
    let versions = RESOURCES
        .iter()
        .filter(|other| other.kind == resource.kind && other.group_version.group == resource.group_version.group);
    versions.map(|other| ResetFields { api_version: other.group_version.to_string(), paths: paths.clone() }).collect()
}

/// The strategy of a sub-resource that shows the same object.
#[derive(Clone, Copy)]
pub struct PartStrategy {
    whole: BuiltInStrategy,
    part: &'static Part,
}

impl PartStrategy {
    /// Returns the strategy of `/status`.
    pub fn status(resource: &'static Resource) -> Self {
        let whole = BuiltInStrategy::new(resource);
        Self { whole, part: &whole.rules.status }
    }

    /// Returns the strategy of another part.
    pub fn new(resource: &'static Resource, part: &'static Part) -> Self {
        Self { whole: BuiltInStrategy::new(resource), part }
    }
}

impl Strategy for PartStrategy {
    fn namespace_scoped(&self) -> bool {
        self.whole.namespace_scoped()
    }

    fn allow_unconditional_update(&self) -> bool {
        self.whole.allow_unconditional_update()
    }

    fn prepare_for_update(&self, cx: &Context, object: &mut Object, old: &Object) {
        prepare(cx, |request| (self.part.prepare_for_update)(request, object, old));
    }

    fn validate_update(&self, _cx: &Context, object: &Object, old: &Object) -> ErrorList {
        let mut errors = rules::validate_object_meta_change(object, old);
        errors.extend((self.part.validate_update)(object, old));
        errors
    }

    fn warnings_on_update(&self, _cx: &Context, object: &Object, old: &Object) -> Vec<String> {
        (self.part.warnings_on_update)(object, old)
    }

    fn should_delete_during_update(&self, object: &Object, old: &Object) -> bool {
        self.whole.should_delete_during_update(object, old)
    }

    fn reset_fields(&self) -> Vec<ResetFields> {
        reset(self.whole.resource, self.part.reset_fields)
    }
}
