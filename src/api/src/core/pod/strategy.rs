//! What the server makes of a pod that is created or changed.
//!
//! Go: pkg/registry/core/pod/strategy.go

use apimachinery::{
    meta::{object_meta::ObjectMeta, time},
    runtime::object::Object,
    validation::field::{Error, ErrorList},
};
use serde_json::{Value, json};

use super::{defaults, match_annotations, resources, spec, status, update, warnings};
use crate::{
    defaults::{at, items},
    node::Node,
    rules::{Part, Request, Rules, keep},
    validation::annotation_path,
};

pub(crate) const POD: Rules = Rules {
    default: defaults::pod,
    prepare_for_create: begin,
    validate: validate_create,
    validate_update: update::validate,
    warnings_on_create: warnings::of_pod,
    warnings_on_update: warnings::of_pod_update,
    status: Part {
        prepare_for_update: prepare_status,
        validate_update: status::validate,
        reset_fields: &[&["spec"], &["metadata", "deletionTimestamp"], &["metadata", "ownerReferences"]],
        ..Part::PLAIN
    },
    fields,
    ..Rules::WITH_STATUS
};

/// `pods/ephemeralcontainers`: only they change.
pub const EPHEMERAL_CONTAINERS: Part = Part {
    prepare_for_update: |_, object, old| {
        let containers = object.get(&["spec", "ephemeralContainers"]).cloned();
        only(object, old, "ephemeralContainers", containers);
    },
    validate_update: update::validate_ephemeral_containers,
    reset_fields: &[&["status"]],
    ..Part::PLAIN
};

/// `pods/resize`: only the resources of containers and their resize policies change.
pub const RESIZE: Part = Part {
    prepare_for_update: prepare_resize,
    validate_update: update::validate_resize,
    reset_fields: &[&["status"]],
    ..Part::PLAIN
};

fn begin(request: &Request, object: &mut Object) {
    let class = object.get(&["spec"]).map_or("BestEffort", resources::qos_class);
    object.set(&["status"], json!({"phase": "Pending", "qosClass": class}));
    let grace = &["spec", "terminationGracePeriodSeconds"];
    if object.get(grace).and_then(Value::as_i64).is_some_and(|seconds| seconds < 0) {
        // The shortest that there is.
        object.set(grace, json!(1));
    }
    drop_disabled(object);
    app_armor_fields(request, object);
    let labels = object.labels();
    if let Some(spec) = object.0.get_mut("spec") {
        take_label_keys(spec, &labels);
        let gates = spec.get("schedulingGates").and_then(Value::as_array).is_some_and(|gates| !gates.is_empty());
        if gates {
            let condition = json!([{
                "type": "PodScheduled",
                "status": "False",
                "reason": "SchedulingGated",
                "message": "Scheduling is blocked due to non-empty scheduling gates",
                "lastProbeTime": null,
                "lastTransitionTime": time::rfc3339(request.now),
            }]);
            object.set(&["status", "conditions"], condition);
        }
    }
}

/// Fields whose feature gates are off by default are forgotten.
///
/// Go: pkg/api/pod/util.go DropDisabledPodFields
fn drop_disabled(object: &mut Object) {
    let Some(spec) = object.0.get_mut("spec") else { return };
    drop_disabled_from_spec(spec);
}

/// As [`drop_disabled`], for templates, too.
pub fn drop_disabled_from_spec(spec: &mut Value) {
    if let Some(fields) = spec.as_object_mut() {
        // GenericWorkload
        fields.remove("schedulingGroup");
        fields.remove("workloadRef");
    }
    for volume in items(spec, "volumes") {
        for source in items(volume, "projected.sources") {
            if let Some(fields) = source.as_object_mut() {
                // ClusterTrustBundleProjection, PodCertificateRequest
                fields.remove("clusterTrustBundle");
                fields.remove("podCertificate");
            }
        }
    }
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        for container in items(spec, list) {
            // ContainerStopSignals
            if let Some(Value::Object(lifecycle)) = container.get_mut("lifecycle") {
                lifecycle.remove("stopSignal");
            }
        }
    }
}

/// Takes over what the annotations of old say of AppArmor; the client is told, for afterwards field and annotation agree.
///
/// Go: applyAppArmorVersionSkew
fn app_armor_fields(request: &Request, object: &mut Object) {
    let annotations = object.annotations();
    let Some(spec) = object.0.get_mut("spec") else { return };
    if super::security::is_windows(spec) {
        return;
    }
    let of_pod = at(spec, "securityContext.appArmorProfile").cloned();
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in items(spec, list) {
            let name = container.get("name").and_then(Value::as_str).unwrap_or_default();
            let key = format!("{}{name}", warnings::APP_ARMOR);
            let Some(text) = annotations.get(&key) else { continue };
            if at(container, "securityContext.appArmorProfile").is_some() {
                continue;
            }
            let profile = app_armor_profile(text);
            if profile.is_some() && profile == of_pod {
                continue;
            }
            let path = annotation_path(&key).to_string();
            request.warnings.borrow_mut().push(warnings::app_armor(&path));
            if let (Some(profile), Some(fields)) = (profile, container.as_object_mut()) {
                crate::defaults::absent(crate::defaults::made(fields, "securityContext"), "appArmorProfile", profile);
            }
        }
    }
}

/// Reads an annotation about AppArmor; `None` where it says nothing valid.
fn app_armor_profile(text: &str) -> Option<Value> {
    match (text, text.strip_prefix("localhost/")) {
        ("runtime/default", _) => Some(json!({"type": "RuntimeDefault"})),
        ("unconfined", _) => Some(json!({"type": "Unconfined"})),
        (_, Some(local)) if !local.trim().is_empty() && local.trim() == local && local.len() <= 4095 => {
            Some(json!({"type": "Localhost", "localhostProfile": local}))
        }
        _ => None,
    }
}

/// Selects by the pod's own labels what it names by key only.
///
/// Go: applyMatchLabelKeysAndMismatchLabelKeys
fn take_label_keys(spec: &mut Value, labels: &std::collections::BTreeMap<String, String>) {
    let take = |term: &mut Value| {
        for (list, operator) in [("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")] {
            let keys: Vec<Value> = term.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
            let Some(selector) = term.get_mut("labelSelector").filter(|selector| selector.is_object()) else {
                continue;
            };
            for key in keys {
                let Some(value) = key.as_str().and_then(|key| labels.get(key)) else { continue };
                let requirement = json!({"key": key, "operator": operator, "values": [value]});
                match selector.get_mut("matchExpressions").and_then(Value::as_array_mut) {
                    Some(expressions) => expressions.push(requirement),
                    None => selector["matchExpressions"] = json!([requirement]),
                }
            }
        }
    };
    for kind in ["affinity.podAffinity", "affinity.podAntiAffinity"] {
        let Some(affinity) = at(spec, kind) else { continue };
        items(affinity, "requiredDuringSchedulingIgnoredDuringExecution").for_each(take);
        for term in items(affinity, "preferredDuringSchedulingIgnoredDuringExecution") {
            if let Some(term) = term.get_mut("podAffinityTerm") {
                take(term);
            }
        }
    }
    items(spec, "topologySpreadConstraints").for_each(take);
}

/// Go: ValidatePodCreate
fn validate_create(object: &Object) -> ErrorList {
    let mut errors = validate_pod(object);
    let spec = Node::of(object, "spec");
    if spec.len("ephemeralContainers") > 0 {
        errors.push(spec.child("ephemeralContainers").forbidden("cannot be set on create"));
    }
    if !spec.text("nodeName").is_empty() && spec.len("schedulingGates") > 0 {
        let text = "cannot be set until all schedulingGates have been cleared";
        errors.push(spec.child("nodeName").forbidden(text));
    }
    match_annotations::check(&mut errors, ObjectMeta::of(object), &spec);
    errors
}

/// Checks what is true of a pod at any time.
///
/// Go: validatePodMetadataAndSpec
pub(super) fn validate_pod(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let pod = Node::of(object, "spec");
    let annotations = apimachinery::validation::field::Path::new("metadata").child("annotations");
    spec::annotations_of_pod(&mut errors, ObjectMeta::of(object), &pod, &annotations);
    spec::validate(&mut errors, &pod, object.name());
    if pod.text("serviceAccountName").is_empty() {
        for volume in pod.items("volumes") {
            for source in volume.items("projected.sources") {
                if source.has("serviceAccountToken") {
                    let text = "must not be specified when serviceAccountName is not set";
                    errors.push(source.child("serviceAccountToken").forbidden(text));
                }
            }
        }
    }
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        for container in pod.items(list) {
            trimmed_image(&mut errors, &container);
        }
    }
    errors
}

/// Pods, other than templates, name their images without white space around them.
pub(super) fn trimmed_image(errors: &mut ErrorList, container: &Node<'_>) {
    let image = container.child("image");
    if image.as_str().trim() != image.as_str() {
        let text = "must not have leading or trailing whitespace";
        errors.push(Error::invalid(&image.path, image.as_str(), text));
    }
}

/// Go: podStatusStrategy.PrepareForUpdate
fn prepare_status(_: &Request, object: &mut Object, old: &Object) {
    keep(object, old, &["spec"]);
    keep(object, old, &["metadata", "deletionTimestamp"]);
    keep(object, old, &["metadata", "ownerReferences"]);
    if object.str(&["status", "qosClass"]).is_empty() {
        keep(object, old, &["status", "qosClass"]);
    }
    if object.get(&["status", "observedGeneration"]).is_none_or(|generation| *generation == 0) {
        keep(object, old, &["status", "observedGeneration"]);
    }
}

/// Keeps the old object but for one field of the spec, and counts the change.
fn only(object: &mut Object, old: &Object, field: &str, value: Option<Value>) {
    keep(object, old, &["spec"]);
    keep(object, old, &["status"]);
    keep_metadata(object, old);
    match value {
        Some(value) => object.set(&["spec", field], value),
        None => {
            object.remove(&["spec", field]);
        }
    }
    count(object, old);
}

/// Keeps all metadata but what says which object is meant, and who wrote it.
fn keep_metadata(object: &mut Object, old: &Object) {
    let mut metadata = old.get(&["metadata"]).cloned().unwrap_or_default();
    for field in ["name", "namespace", "resourceVersion", "uid", "managedFields"] {
        match object.get(&["metadata", field]) {
            Some(value) => metadata[field] = value.clone(),
            None => drop(metadata.as_object_mut().and_then(|metadata| metadata.remove(field))),
        }
    }
    object.set(&["metadata"], metadata);
}

fn count(object: &mut Object, old: &Object) {
    if crate::rules::differs(object, old, "spec") {
        object.set(&["metadata", "generation"], old.generation() + 1);
    }
}

/// Go: podResizeStrategy.PrepareForUpdate
fn prepare_resize(_: &Request, object: &mut Object, old: &Object) {
    let sent = object.get(&["spec"]).cloned().unwrap_or_default();
    keep(object, old, &["status"]);
    keep_metadata(object, old);
    let mut spec = old.get(&["spec"]).cloned().unwrap_or_default();
    for list in ["containers", "initContainers"] {
        let (Some(new), Some(kept)) = (sent.get(list), spec.get_mut(list)) else { continue };
        let same_names = |a: &Value, b: &Value| {
            let names = |list: &Value| -> Vec<Value> {
                list.as_array().into_iter().flatten().map(|container| container["name"].clone()).collect()
            };
            names(a) == names(b)
        };
        if !same_names(new, kept) {
            // Validation refuses it.
            *kept = new.clone();
            continue;
        }
        for (new, kept) in new.as_array().into_iter().flatten().zip(kept.as_array_mut().into_iter().flatten()) {
            for field in ["resources", "resizePolicy"] {
                match new.get(field) {
                    Some(value) => kept[field] = value.clone(),
                    None => drop(kept.as_object_mut().and_then(|kept| kept.remove(field))),
                }
            }
        }
    }
    if let Some(resources) = sent.get("resources") {
        spec["resources"] = resources.clone();
    }
    object.set(&["spec"], spec);
    count(object, old);
}

/// Go: pod ToSelectableFields
fn fields(pod: &Object) -> Vec<(&'static str, String)> {
    let text = |path: &[&str]| pod.str(path).to_owned();
    let addresses = pod.get(&["status", "podIPs"]).and_then(Value::as_array);
    let address = addresses.and_then(|list| list.first()?.get("ip")?.as_str()).unwrap_or_default();
    let on_host = pod.get(&["spec", "hostNetwork"]).and_then(Value::as_bool).unwrap_or_default();
    vec![
        ("spec.nodeName", text(&["spec", "nodeName"])),
        ("spec.restartPolicy", text(&["spec", "restartPolicy"])),
        ("spec.schedulerName", text(&["spec", "schedulerName"])),
        ("spec.serviceAccountName", text(&["spec", "serviceAccountName"])),
        ("spec.hostNetwork", on_host.to_string()),
        ("status.phase", text(&["status", "phase"])),
        ("status.podIP", address.to_owned()),
        ("status.podIPs", address.to_owned()),
        ("status.nominatedNodeName", text(&["status", "nominatedNodeName"])),
    ]
}
