//! What is particular to each kind, as a table of functions.
//!
//! The generic store asks a strategy; the strategy of a built-in kind is a row of this table. A row names only what the
//! kind does otherwise than [`Rules::PLAIN`]. Nothing here knows a request: the time and the identity of who asks
//! come as [`Request`].
//!
//! Versions: the functions see an object in the version it is stored in (`resources::Resource::storage_version`);
//! defaults are the exception, they belong to the version that was sent.
//!
//! Go: pkg/registry/*/*/strategy.go, pkg/apis/*/v1/defaults.go

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use apimachinery::{
    api::validation::{
        name::{NameUsage, ValidateNameFunc, name_is_dns_subdomain},
        object_meta::{Scope, validate_kube_finalizer_names, validate_object_meta, validate_object_meta_update},
    },
    meta::object_meta::ObjectMeta,
    runtime::{object::Object, schema::GroupVersionKind},
    validation::field::{ErrorList, Path},
};
use serde_json::Value;

/// What the rules may know of a request.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The time of day, since the Unix epoch.
    pub now: Duration,
    /// A fresh uid, for the kinds that name themselves by one.
    pub uid: String,
    /// Who asks: `username`, `uid`, `groups`, `extra`, as a CertificateSigningRequest keeps them.
    pub requester: BTreeMap<String, Value>,
    /// What the client is told beside the answer; preparing an object adds what cannot be seen of it afterwards.
    pub warnings: RefCell<Vec<String>>,
}

/// When `metadata.generation` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// The kind has none.
    Never,
    /// 1 at first, one more whenever one of these fields changes.
    Fields(&'static [&'static str]),
    /// As `Fields`, but the first is left to the first change.
    FieldsLater(&'static [&'static str]),
    /// 1 at first, one more whenever anything but the metadata, or the labels, change.
    All,
}

/// The rules of a kind.
#[derive(Clone, Copy)]
pub struct Rules {
    /// Fills in what was not said, in the version that was sent. Go: SetObjectDefaults_*
    pub default: fn(&mut Object),
    /// What a name looks like.
    pub validate_name: ValidateNameFunc,
    /// Whether clients cannot set `status` through the object itself.
    pub has_status: bool,
    /// When the generation counts.
    pub generation: Generation,
    /// Completes a new object, after `status` was dropped and `generation` set.
    pub prepare_for_create: fn(&Request, &mut Object),
    /// Completes a changed object, after `status` was kept; `generation` is counted afterwards.
    pub prepare_for_update: fn(&Request, &mut Object, &Object),
    /// Checks a new object; the name and labels of its metadata besides.
    pub validate: fn(&Object) -> ErrorList,
    /// Checks a change: new, old. The metadata besides.
    pub validate_update: fn(&Object, &Object) -> ErrorList,
    /// What a client should know of a valid new object.
    pub warnings_on_create: fn(&Object) -> Vec<String>,
    /// What a client should know of a valid change.
    pub warnings_on_update: fn(&Object, &Object) -> Vec<String>,
    /// Brings a valid object into its one form.
    pub canonicalize: fn(&mut Object),
    /// What differs for `/status`.
    pub status: Part,
    /// Labels of field selectors besides name and namespace, with their values.
    pub fields: fn(&Object) -> Vec<(&'static str, String)>,
}

/// What `/status` and other sub-resources of the same kind do otherwise.
#[derive(Clone, Copy)]
pub struct Part {
    /// Takes from the old object what this sub-resource does not write.
    pub prepare_for_update: fn(&Request, &mut Object, &Object),
    /// Checks the change.
    pub validate_update: fn(&Object, &Object) -> ErrorList,
    /// What a client should know of it.
    pub warnings_on_update: fn(&Object, &Object) -> Vec<String>,
    /// The fields that a client cannot own through it.
    pub reset_fields: &'static [&'static [&'static str]],
}

impl Rules {
    /// A kind without anything particular.
    pub const PLAIN: Self = Self {
        default: |_| {},
        validate_name: name_is_dns_subdomain,
        has_status: false,
        generation: Generation::Never,
        prepare_for_create: |_, _| {},
        prepare_for_update: |_, _, _| {},
        validate: |_| ErrorList::new(),
        validate_update: |_, _| ErrorList::new(),
        warnings_on_create: |_| Vec::new(),
        warnings_on_update: |_, _| Vec::new(),
        canonicalize: |_| {},
        status: Part::PLAIN,
        fields: |_| Vec::new(),
    };

    /// A kind with a `status` and a counted `spec`.
    pub const WITH_STATUS: Self = Self { has_status: true, generation: Generation::Fields(&["spec"]), ..Self::PLAIN };

    /// Checks a new object, its metadata first. Go: the strategy's Validate
    pub fn validate_new(&self, object: &Object, scope: Scope) -> ErrorList {
        let metadata = Path::new("metadata");
        let mut errors = validate_object_meta(ObjectMeta::of(object), scope, self.validate_name, &metadata);
        errors.extend(finalizer_names(object));
        errors.extend((self.validate)(object));
        errors
    }

    /// Checks a change, its metadata first. Every update has had its metadata checked once before it comes to its
    /// strategy, so what is wrong with it is told twice, and of some kinds (`whole`) four times.
    ///
    /// Go: the strategy's ValidateUpdate, ValidateObjectMetaUpdate
    pub fn validate_changed(&self, object: &Object, old: &Object, whole: Option<Scope>) -> ErrorList {
        let mut errors = validate_object_meta_change(object, old);
        if let Some(scope) = whole {
            errors.extend(validate_object_meta(
                ObjectMeta::of(object),
                scope,
                self.validate_name,
                &Path::new("metadata"),
            ));
            errors.extend(finalizer_names(object));
        }
        errors.extend((self.validate_update)(object, old));
        errors
    }

    /// Completes a new object: its status goes, its generation begins.
    pub fn complete_for_create(&self, request: &Request, object: &mut Object) {
        if self.has_status {
            object.remove(&["status"]);
        }
        if matches!(self.generation, Generation::Fields(_) | Generation::All) {
            object.set(&["metadata", "generation"], 1);
        }
        (self.prepare_for_create)(request, object);
    }

    /// Completes a changed object: its status stays, its generation counts.
    pub fn complete_for_update(&self, request: &Request, object: &mut Object, old: &Object) {
        if self.has_status {
            keep(object, old, &["status"]);
        }
        (self.prepare_for_update)(request, object, old);
        let changed = |fields: &[&str]| fields.iter().any(|field| differs(object, old, field));
        let counts = match self.generation {
            Generation::Never => false,
            Generation::Fields(fields) | Generation::FieldsLater(fields) => changed(fields),
            Generation::All => all_differs(object, old),
        };
        if counts {
            object.set(&["metadata", "generation"], old.generation() + 1);
        }
    }
}

impl Part {
    /// Keeps `spec`, or everything but `status`.
    pub const PLAIN: Self = Self {
        prepare_for_update: |_, object, old| keep(object, old, &["spec"]),
        validate_update: |_, _| ErrorList::new(),
        warnings_on_update: |_, _| Vec::new(),
        reset_fields: &[&["spec"]],
    };

    /// Keeps `spec` and all metadata that a person writes.
    pub const WITH_METADATA: Self = Self {
        prepare_for_update: |_, object, old| {
            keep(object, old, &["spec"]);
            reset_object_meta_for_status(object, old);
        },
        reset_fields: &[&["spec"], &["metadata"]],
        ..Self::PLAIN
    };
}

/// Checks the metadata of a change.
///
/// Go: pkg/apis/core/validation/validation.go ValidateObjectMetaUpdate
pub fn validate_object_meta_change(object: &Object, old: &Object) -> ErrorList {
    let (new, old) = (ObjectMeta::of(object), ObjectMeta::of(old));
    let mut errors = validate_object_meta_update(new, old, &Path::new("metadata"));
    errors.extend(finalizer_names(object));
    errors
}

/// Checks that finalizers have a domain or are Kubernetes' own. The kinds of this group are checked by the rules of
/// all kinds alone.
fn finalizer_names(object: &Object) -> ErrorList {
    if object.gvk().group == "admissionregistration.k8s.io" {
        return ErrorList::new();
    }
    validate_kube_finalizer_names(&ObjectMeta::of(object).finalizers(), &Path::new("metadata").child("finalizers"))
}

/// Says whether the check of a change of a kind begins with the whole check of a new object.
pub fn checks_whole_on_update(kind: &GroupVersionKind) -> bool {
    match kind.group.as_str() {
        "" => matches!(
            kind.kind.as_str(),
            "ConfigMap"
                | "Secret"
                | "Service"
                | "ServiceAccount"
                | "PersistentVolume"
                | "PersistentVolumeClaim"
                | "ReplicationController"
                | "Namespace"
                | "Node"
        ),
        "apps" => matches!(kind.kind.as_str(), "DaemonSet" | "ReplicaSet"),
        "batch" => kind.kind == "Job",
        "networking.k8s.io" => matches!(kind.kind.as_str(), "Ingress" | "NetworkPolicy"),
        group => group == "rbac.authorization.k8s.io",
    }
}

/// Gives a field its old value, present or not.
pub fn keep(object: &mut Object, old: &Object, path: &[&str]) {
    match old.get(path) {
        Some(value) => object.set(path, value.clone()),
        None => {
            object.remove(path);
        }
    }
    object.1.keep(&old.1, &format!("/{}", path.join("/")));
}

/// Keeps the metadata that a person writes, but for managed fields.
///
/// Go: apimachinery/pkg/apis/meta/v1/meta.go ResetObjectMetaForStatus
pub fn reset_object_meta_for_status(object: &mut Object, old: &Object) {
    for field in
        ["deletionTimestamp", "generation", "selfLink", "labels", "annotations", "finalizers", "ownerReferences"]
    {
        keep(object, old, &["metadata", field]);
    }
}

/// Says whether a field, by dotted names, has another meaning than before. Absent, `null` and an empty list are the same;
/// raw parts are the same if their texts are.
///
/// Go: apiequality.Semantic.DeepEqual
pub fn differs(object: &Object, old: &Object, field: &str) -> bool {
    let path: Vec<&str> = field.split('.').collect();
    !same(object.get(&path), old.get(&path)) || !object.1.same(&old.1, &format!("/{}", path.join("/")))
}

/// Says whether two values mean the same.
pub fn same(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (meaning(a), meaning(b)) {
        (None, None) => true,
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            // Each pair is looked at once: twice at every level would take forever in a deep value.
            a.iter().all(|(key, value)| same(Some(value), b.get(key)))
                && b.iter().all(|(key, value)| a.contains_key(key) || meaning(Some(value)).is_none())
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(Some(a), Some(b)))
        }
        (a, b) => a == b,
    }
}

/// `null` and an empty list mean nothing.
fn meaning(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    })
}

/// Says whether anything but the metadata, or the labels, differ.
pub fn all_differs(object: &Object, old: &Object) -> bool {
    let fields =
        object.0.keys().chain(old.0.keys()).filter(|field| !matches!(field.as_str(), "metadata" | "apiVersion"));
    differs(object, old, "metadata.labels") || fields.into_iter().any(|field| differs(object, old, field))
}

/// Forgets the fields of a pod's spec, at dotted names, that are not enabled.
pub fn drop_pod_fields(object: &mut Object, names: &str) {
    let Some((first, rest)) = names.split_once('.') else { return };
    if let Some(spec) = object.0.get_mut(first).and_then(|value| crate::defaults::at(value, rest)) {
        crate::core::pod::strategy::drop_disabled_from_spec(spec);
    }
}

/// A name that may be anything that can stand in a path.
pub fn any_name(name: &str, usage: NameUsage) -> Vec<String> {
    apimachinery::api::validation::name::validate_path_segment_name(name, usage)
}

/// Returns the rules of a kind.
pub fn of(kind: &GroupVersionKind) -> &'static Rules {
    static PLAIN: Rules = Rules::PLAIN;
    let found = match &*kind.group {
        "" => crate::core::rules(&kind.kind),
        "apiregistration.k8s.io" => crate::apiregistration::rules(&kind.kind),
        "admissionregistration.k8s.io" => crate::admissionregistration::rules(&kind.kind),
        "apps" => crate::apps::rules(&kind.kind),
        "autoscaling" => crate::autoscaling::rules(&kind.kind),
        "batch" => crate::batch::rules(&kind.kind),
        "certificates.k8s.io" => crate::certificates::rules(&kind.kind),
        "networking.k8s.io" => crate::networking::rules(&kind.kind),
        "coordination.k8s.io" => crate::coordination::rules(&kind.kind),
        "discovery.k8s.io" => crate::discovery::rules(&kind.kind),
        "node.k8s.io" => crate::node_k8s::rules(&kind.kind),
        "flowcontrol.apiserver.k8s.io" => crate::flowcontrol::rules(&kind.kind),
        "policy" => crate::policy::rules(&kind.kind),
        "rbac.authorization.k8s.io" => crate::rbac::rules(&kind.kind),
        "resource.k8s.io" => crate::resource::rules(&kind.kind),
        "scheduling.k8s.io" => crate::scheduling::rules(&kind.kind),
        "storage.k8s.io" => crate::storage::rules(&kind.kind),
        "events.k8s.io" => Some(&crate::core::event::EVENTS_V1),
        "authentication.k8s.io" => crate::authentication::rules(&kind.kind),
        _ => None,
    };
    found.unwrap_or(&PLAIN)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_mean_the_same_whatever_says_nothing_in_them() {
        let (a, b) = (json!({"x": 1, "l": [], "n": null}), json!({"x": 1}));
        assert!(same(Some(&a), Some(&b)) && same(Some(&b), Some(&a)));
        assert!(!same(Some(&json!({"x": 1, "y": 0})), Some(&b)));
    }

    /// Whatever is done twice at each level is never done.
    #[test]
    fn deep_values_are_compared() {
        let deep = |end: i64| (0..120).fold(json!(end), |inner, _| json!({"a": inner}));
        assert!(same(Some(&deep(1)), Some(&deep(1))));
        assert!(!same(Some(&deep(1)), Some(&deep(2))));
    }
}
