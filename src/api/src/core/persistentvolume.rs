//! PersistentVolume.
//!
//! Go: pkg/apis/core/validation/validation.go ValidatePersistentVolume, pkg/registry/core/persistentvolume/strategy.go

use apimachinery::{
    meta::time,
    runtime::object::Object,
    validation::field::{Error, ErrorList, Path},
};
use serde_json::{Map, Value};

use super::{
    claim::{ACCESS_MODES, CLASS_ANNOTATION, VOLUME_MODES, access_modes, deprecated_annotation},
    pod,
    volumes::{self, Check, csi_driver, no_backsteps, one_source, require, secret_reference},
};
use crate::{
    defaults::{absent, items, made, zero},
    diff::diff,
    gostruct,
    node::Node,
    rules::{Part, Request, Rules, same},
    validation::{dns_label, dns_subdomain, immutable, node_selector, quantity_positive, supported},
};

/// The sources, in the order in which Go looks at all of them.
const SOURCES: [(&str, Check); 22] = [
    ("hostPath", volumes::host_path),
    ("gcePersistentDisk", volumes::gce),
    ("awsElasticBlockStore", volumes::aws),
    ("glusterfs", glusterfs),
    ("flocker", volumes::flocker),
    ("nfs", volumes::nfs),
    ("rbd", volumes::rbd),
    ("quobyte", volumes::quobyte),
    ("cephfs", volumes::cephfs),
    ("iscsi", volumes::iscsi_persistent),
    ("cinder", |errors, source| {
        volumes::cinder(errors, source);
        volumes::with_secret_namespace(errors, source);
    }),
    ("fc", volumes::fibre_channel),
    (FLEX, volumes::flex),
    ("azureFile", azure_file),
    ("vsphereVolume", |errors, source| require(errors, source, &["volumePath"])),
    ("photonPersistentDisk", |errors, source| require(errors, source, &["pdID"])),
    ("portworxVolume", |errors, source| require(errors, source, &["volumeID"])),
    ("azureDisk", volumes::azure_disk),
    ("scaleIO", |errors, source| require(errors, source, &["gateway", "system", "volumeName"])),
    ("local", local),
    ("storageos", |errors, source| {
        volumes::storageos(errors, source);
        volumes::with_secret_namespace(errors, source);
    }),
    ("csi", csi),
];
/// The one source that is not refused beside another.
const FLEX: &str = "flexVolume";
const EXPAND: &str = "controllerExpandSecretRef";
const LOCAL_AFFINITY: &str = "Local volume requires node affinity";

pub(super) const PERSISTENT_VOLUME: Rules = Rules {
    default,
    has_status: true,
    prepare_for_create: |request, volume| {
        volume.set(&["status", "phase"], "Pending");
        volume.set(&["status", "lastPhaseTransitionTime"], time::rfc3339(request.now));
    },
    validate: |volume| validate(volume),
    validate_update,
    warnings_on_create: warnings,
    warnings_on_update: |volume, _| warnings(volume),
    status: Part { prepare_for_update: prepare_status, ..Part::PLAIN },
    ..Rules::PLAIN
};

/// Go: pkg/api/persistentvolume/util.go GetWarningsForPersistentVolume
fn warnings(volume: &Object) -> Vec<String> {
    const MOUNT_OPTIONS: &str = "volume.beta.kubernetes.io/mount-options";
    let mut warnings = deprecated_annotation(volume, CLASS_ANNOTATION, "v1.8", "storageClassName");
    warnings.extend(deprecated_annotation(volume, MOUNT_OPTIONS, "v1.31", "mountOptions"));
    let spec = Node::of(volume, "spec");
    let policy = spec.child("persistentVolumeReclaimPolicy");
    if policy.as_str() == "Recycle" {
        let text = "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic \
                    provisioning.";
        warnings.push(format!("{}: {text}", policy.path));
    }
    for term in spec.items("nodeAffinity.required.nodeSelectorTerms") {
        pod::warnings::of_node_selector_term(&mut warnings, &term);
    }
    let gone = pod::volume_warnings::GONE.iter().filter(|(field, _, _)| spec.has(field));
    warnings.extend(gone.map(|(_, shown, text)| format!("{}: {text}", spec.path.child(shown))));
    warnings
}

/// Go: SetDefaults_PersistentVolume
fn default(object: &mut Object) {
    let spec = made(&mut object.0, "spec");
    zero(spec, "persistentVolumeReclaimPolicy", "Retain");
    absent(spec, "volumeMode", "Filesystem");
    pod::defaults::volume_source(spec);
    zero(made(&mut object.0, "status"), "phase", "Pending");
}

fn prepare_status(request: &Request, object: &mut Object, old: &Object) {
    crate::rules::keep(object, old, &["spec"]);
    if object.str(&["status", "phase"]) != old.str(&["status", "phase"]) {
        object.set(&["status", "lastPhaseTransitionTime"], time::rfc3339(request.now));
    }
}

fn local(errors: &mut ErrorList, source: &Node<'_>) {
    require(errors, source, &["path"]);
    no_backsteps(errors, &source.child("path"));
}

/// Go: validateGlusterfsPersistentVolumeSource
fn glusterfs(errors: &mut ErrorList, source: &Node<'_>) {
    require(errors, source, &["endpoints", "path"]);
    let namespace = source.child("endpointsNamespace");
    if namespace.is_set() && namespace.as_str().is_empty() {
        errors.push(namespace.invalid("if the endpointnamespace is set, it must be a valid namespace name"));
    } else if namespace.is_set() {
        dns_label(errors, &namespace);
    }
}

/// Go: validateAzureFilePV
fn azure_file(errors: &mut ErrorList, source: &Node<'_>) {
    require(errors, source, &["secretName", "shareName"]);
    if source.has("secretNamespace") {
        require(errors, source, &["secretNamespace"]);
    }
}

fn csi(errors: &mut ErrorList, source: &Node<'_>) {
    csi_driver(errors, &source.child("driver"));
    require(errors, source, &["volumeHandle"]);
    for secret in
        ["controllerPublishSecretRef", "controllerExpandSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef"]
    {
        secret_reference(errors, &source.child(secret));
    }
}

fn validate(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(object, "spec");
    modes(&mut errors, &spec);
    capacity(&mut errors, &spec.child("capacity"));
    let policy = spec.child("persistentVolumeReclaimPolicy");
    supported(&mut errors, &policy, &["Delete", "Recycle", "Retain"]);
    affinity(&mut errors, &spec);
    sources(&mut errors, &spec, object.name());
    if first_source(&spec) == Some("local") && !spec.has("nodeAffinity") {
        errors.push(spec.child("nodeAffinity").required(LOCAL_AFFINITY));
    }
    let path = spec.text("hostPath.path");
    if policy.as_str() == "Recycle" && spec.has("hostPath") && path.trim_matches('/').is_empty() && !path.is_empty() {
        errors.push(policy.forbidden("may not be 'recycle' for a hostPath mount of '/'"));
    }
    if !spec.text("storageClassName").is_empty() {
        dns_subdomain(&mut errors, &spec.child("storageClassName"));
    }
    let mode = spec.child("volumeMode");
    if mode.is_set() {
        supported(&mut errors, &mode, &VOLUME_MODES);
    }
    attributes_class(&mut errors, &spec);
    debug_assert!(ACCESS_MODES.is_sorted(), "errors list them in order");
    errors
}

/// Checks a volume's spec that stands in an attachment: of a driver that speaks CSI, and without what a claim needs.
///
/// Go: ValidatePersistentVolumeSpec with validateInlinePersistentVolumeSpec
pub fn validate_inline(errors: &mut ErrorList, spec: &Node<'_>) {
    const INLINE: &str = "may not be specified in the context of inline volumes";
    for field in ["claimRef", "nodeAffinity"] {
        if spec.has(field) {
            errors.push(spec.child(field).forbidden(INLINE));
        }
    }
    if spec.len("capacity") > 0 {
        errors.push(spec.child("capacity").forbidden(INLINE));
    }
    if !spec.text("storageClassName").is_empty() {
        errors.push(spec.child("storageClassName").forbidden(INLINE));
    }
    if !matches!(spec.text("persistentVolumeReclaimPolicy"), "" | "Retain") {
        let text = "may only be Retain in the context of inline volumes";
        errors.push(spec.child("persistentVolumeReclaimPolicy").forbidden(text));
    }
    if spec.has("volumeMode") && spec.text("volumeMode") != "Filesystem" {
        let text = "may not specify volumeMode other than Filesystem in the context of inline volumes";
        errors.push(spec.child("volumeMode").forbidden(text));
    }
    if !spec.has("csi") {
        errors.push(spec.child("csi").required("has to be specified in the context of inline volumes"));
    }
    modes(errors, spec);
    sources(errors, spec, "");
    if first_source(spec) == Some("local") {
        errors.push(spec.child("nodeAffinity").required(LOCAL_AFFINITY));
    }
}

fn modes(errors: &mut ErrorList, spec: &Node<'_>) {
    if spec.len("accessModes") == 0 {
        errors.push(spec.child("accessModes").required(""));
    }
    access_modes(errors, spec);
}

fn attributes_class(errors: &mut ErrorList, spec: &Node<'_>) {
    let class = spec.child("volumeAttributesClassName");
    if class.is_set() {
        if class.as_str().is_empty() {
            errors.push(class.required("an empty string is disallowed"));
        } else {
            dns_subdomain(errors, &class);
        }
        if !spec.has("csi") {
            errors.push(spec.child("csi").required("has to be specified when using volumeAttributesClassName"));
        }
    }
}

fn capacity(errors: &mut ErrorList, capacity: &Node<'_>) {
    let entries = capacity.entries_here();
    if entries.is_empty() {
        errors.push(capacity.required(""));
    }
    if !capacity.has_key("storage") || entries.len() > 1 {
        errors.push(Error::not_supported(&capacity.path, capacity.shown(), &["storage"]));
    }
    for (_, entry) in entries {
        if let Some(quantity) = entry.as_quantity().filter(|quantity| quantity.value() < 0) {
            errors.push(Error::invalid(&entry.path, quantity.value(), "must be a valid resource quantity"));
        }
        quantity_positive(errors, &entry);
    }
}

fn affinity(errors: &mut ErrorList, spec: &Node<'_>) {
    let affinity = spec.child("nodeAffinity");
    let required = affinity.child("required");
    if required.is_set() {
        node_selector(errors, &required);
    } else if affinity.is_set() {
        errors.push(required.required("must specify required node constraints"));
    }
}

fn sources(errors: &mut ErrorList, spec: &Node<'_>, name: &str) {
    if one_source(errors, spec, &SOURCES, FLEX) == 0 {
        errors.push(spec.required("must specify a volume type"));
    }
    let iscsi = spec.child("iscsi");
    if first_source(spec) == Some("iscsi") && volumes::iscsi_names_too_long(name, &iscsi) {
        let portal = iscsi.child("targetPortal").at(iscsi.path.child("targetportal"));
        errors.push(portal.or_empty().invalid(volumes::ISCSI_NAMES_TOO_LONG));
    }
}

/// Returns the source that counts.
fn first_source(spec: &Node<'_>) -> Option<&'static str> {
    SOURCES.iter().map(|(name, _)| *name).find(|name| spec.has(name))
}

/// The sources of a volume, without all else.
fn only_sources(object: &Object) -> Value {
    let names = SOURCES.iter().map(|(name, _)| *name);
    let present = names.filter_map(|name| Some((name.to_owned(), object.get(&["spec", name])?.clone())));
    Value::Object(present.collect::<Map<_, _>>())
}

fn validate_update(object: &Object, old: &Object) -> ErrorList {
    let mut errors = validate(object);
    // The strategy asks once, and the check of an update again.
    errors.extend(validate(object));
    let (mut new, before) = (only_sources(object), only_sources(old));
    let expand = |sources: &Value| sources.get("csi").is_some_and(|csi| csi.get(EXPAND).is_none_or(Value::is_null));
    if let (true, Some(Value::Object(csi))) = (expand(&before), new.get_mut("csi")) {
        // It may be added.
        csi.remove(EXPAND);
    }
    if !same(Some(&new), Some(&before)) {
        let difference = diff(Some(&before), Some(&new));
        let text = format!("spec.persistentvolumesource is immutable after creation\n{difference}");
        errors.push(Error::forbidden(&Path::new("spec").child("persistentvolumesource"), text));
    }
    let mode = |object| Node::of(object, "spec.volumeMode").at(Path::new("volumeMode"));
    immutable(&mut errors, &mode(object), &mode(old));
    let class = ["spec", "volumeAttributesClassName"];
    if old.get(&class).is_some() && object.get(&class).is_none() {
        let text = "update from non-nil value to nil is forbidden";
        errors.push(Error::forbidden(&Path::new("spec").child(class[1]), text));
    }
    let affinity = Node::of(object, "spec.nodeAffinity");
    if let Some(before) = old.get(&["spec", "nodeAffinity"]).filter(|affinity| !affinity.is_null())
        && !same(affinity.value, Some(&with_new_labels(before, affinity.value)))
    {
        let text = "field is immutable, except for updating from beta label to GA";
        let shown = match affinity.is_set() {
            true => gostruct::shown(affinity.value, "io.k8s.api.core.v1.VolumeNodeAffinity"),
            false => affinity.shown(),
        };
        errors.push(Error::invalid(&Path::new("nodeAffinity"), shown, text));
    }
    errors
}

/// Names of old that labels of nodes have, with those of today.
const NEW_LABELS: [(&str, &str); 5] = [
    ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"),
    ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"),
    ("beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type"),
    ("beta.kubernetes.io/os", "kubernetes.io/os"),
    ("beta.kubernetes.io/arch", "kubernetes.io/arch"),
];

/// Returns an affinity with labels renamed where the new one names them as today. As in Go, a label that has no other
/// name is taken to have an empty one.
///
/// Go: validatePvNodeAffinity
fn with_new_labels(affinity: &Value, new: Option<&Value>) -> Value {
    let mut affinity = affinity.clone();
    let new = Node::new(new, Path::default());
    let terms = new.items("required.nodeSelectorTerms");
    for (term, new) in items(&mut affinity, "required.nodeSelectorTerms").zip(terms) {
        for (expression, new) in items(term, "matchExpressions").zip(new.items("matchExpressions")) {
            let key = expression.get("key").and_then(Value::as_str).unwrap_or_default();
            let renamed = NEW_LABELS.iter().find(|(old, _)| *old == key).map_or("", |(_, new)| *new);
            if new.text("key") == renamed {
                expression["key"] = renamed.into();
            }
        }
    }
    affinity
}
