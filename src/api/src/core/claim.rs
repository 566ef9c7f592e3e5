//! PersistentVolumeClaim.
//!
//! Go: pkg/apis/core/validation/validation.go ValidatePersistentVolumeClaim

use apimachinery::{
    api::{
        resource::{Format, Quantity},
        validation::name::name_is_dns_subdomain,
    },
    runtime::object::Object,
    validation::field::{Error, ErrorList, Path},
};
use serde_json::{Value, json};

use crate::{
    core::pod::warnings::fraction,
    defaults::absent,
    diff::diff,
    node::Node,
    rules::{Part, Request, Rules, same},
    validation::{
        FIELD_IMMUTABLE, annotation_path, dns_label, dns_subdomain, immutable, label_selector, less, named,
        quantity_positive, required_text, supported, template_metadata,
    },
};

/// The ways to mount a volume.
pub const ACCESS_MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
/// The forms in which a volume is seen.
pub const VOLUME_MODES: [&str; 2] = ["Block", "Filesystem"];

pub(super) const CLAIM: Rules = Rules {
    default: |claim| {
        default_spec(crate::defaults::made(&mut claim.0, "spec"));
        crate::defaults::zero(crate::defaults::made(&mut claim.0, "status"), "phase", "Pending");
    },
    has_status: true,
    // The phase is stored by the first update only: until then it is a default of whoever reads.
    prepare_for_create: |_, claim| {
        drop_foreign_source(claim, None);
        drop_unknown_source(claim);
        same_source(claim);
    },
    prepare_for_update: |_, claim, old| {
        drop_foreign_source(claim, Some(old));
        if old.get(&["spec", "dataSource"]).is_none_or(Value::is_null) {
            drop_unknown_source(claim);
        }
        same_source(claim);
    },
    validate: |claim| {
        let mut errors = ErrorList::new();
        validate_spec(&mut errors, &Node::of(claim, "spec"));
        errors
    },
    validate_update,
    warnings_on_create: warnings,
    warnings_on_update: |claim, _| warnings(claim),
    status: Part { prepare_for_update: prepare_status, validate_update: validate_status, ..Part::PLAIN },
    ..Rules::PLAIN
};

/// Go: SetDefaults_PersistentVolumeClaimSpec
fn default_spec(spec: &mut Value) {
    absent(spec, "volumeMode", "Filesystem");
}

const SOURCE_REFERENCE: [&str; 2] = ["spec", "dataSourceRef"];

/// A source in another namespace is forgotten, unless there was one: its feature gate is off by default.
///
/// Go: pkg/api/persistentvolumeclaim/util.go DropDisabledFields
fn drop_foreign_source(claim: &mut Object, old: Option<&Object>) {
    let was_there = old.and_then(|old| old.get(&SOURCE_REFERENCE)).is_some_and(|reference| !reference.is_null());
    if !was_there && !claim.str(&["spec", "dataSourceRef", "namespace"]).is_empty() {
        claim.remove(&SOURCE_REFERENCE);
    }
}

/// The old field can name a claim or a snapshot; whatever else it names is forgotten.
///
/// Go: EnforceDataSourceBackwardsCompatibility
fn drop_unknown_source(claim: &mut Object) {
    if claim.get(&SOURCE_REFERENCE).is_some_and(|reference| !reference.is_null()) {
        return;
    }
    let of = |field: &str| claim.str(&["spec", "dataSource", field]);
    let known = matches!(
        (of("apiGroup"), of("kind")),
        ("", "PersistentVolumeClaim") | ("snapshot.storage.k8s.io", "VolumeSnapshot")
    );
    if !known {
        claim.remove(&["spec", "dataSource"]);
    }
}

/// Where data comes from is said in an old and in a new field; each is filled from the other.
///
/// Go: pkg/api/persistentvolumeclaim/util.go NormalizeDataSources
fn same_source(claim: &mut Object) {
    let Some(spec) = claim.0.get_mut("spec") else { return };
    let get = |spec: &Value, field: &str| spec.get(field).filter(|value| !value.is_null()).cloned();
    match (get(spec, "dataSource"), get(spec, "dataSourceRef")) {
        (Some(source), None) => spec["dataSourceRef"] = source,
        (None, Some(reference)) if reference.get("namespace").is_none_or(|namespace| namespace == "") => {
            spec["dataSource"] = reference;
        }
        _ => {}
    }
}

/// The annotation that named a class before there was a field for it.
pub const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

/// Go: pkg/api/persistentvolumeclaim/util.go GetWarningsForPersistentVolumeClaim
fn warnings(claim: &Object) -> Vec<String> {
    let mut warnings = deprecated_annotation(claim, CLASS_ANNOTATION, "v1.8", "storageClassName");
    warnings_of_spec(&mut warnings, &Node::of(claim, "spec"));
    warnings
}

/// An annotation that has become a field.
pub fn deprecated_annotation(object: &Object, key: &str, since: &str, field: &str) -> Vec<String> {
    let is_set = object.annotations().contains_key(key);
    let text = format!("{}: deprecated since {since}; use \"{field}\" attribute instead", annotation_path(key));
    is_set.then_some(text).into_iter().collect()
}

/// Go: GetWarningsForPersistentVolumeClaimSpec
pub fn warnings_of_spec(warnings: &mut Vec<String>, spec: &Node<'_>) {
    for kind in ["requests", "limits"] {
        fraction(warnings, &spec.child("resources").child(kind).key("storage"));
    }
}

/// Checks what a pod says of the claim that is made for it.
///
/// Go: ValidatePersistentVolumeClaimTemplate
pub fn validate_template(errors: &mut ErrorList, template: &Node<'_>) {
    template_metadata(errors, &template.child("metadata"));
    validate_spec(errors, &template.child("spec"));
}

/// Go: ValidatePersistentVolumeClaimSpec
pub fn validate_spec(errors: &mut ErrorList, spec: &Node<'_>) {
    if spec.len("accessModes") == 0 {
        errors.push(spec.child("accessModes").required("at least 1 access mode is required"));
    }
    label_selector(errors, &spec.child("selector"));
    access_modes(errors, spec);
    let storage = spec.child("resources.requests").key("storage").at(spec.path.child("resources").key("storage"));
    if storage.is_set() {
        quantity_positive(errors, &storage);
    } else {
        errors.push(storage.required(""));
    }
    for field in ["storageClassName", "volumeAttributesClassName"] {
        let class = spec.child(field);
        if !class.as_str().is_empty() {
            dns_subdomain(errors, &class);
        }
    }
    let mode = spec.child("volumeMode");
    if mode.is_set() {
        supported(errors, &mode, &VOLUME_MODES);
    }
    data_sources(errors, spec);
}

/// Modes must be known, and one of them goes with no other.
pub fn access_modes(errors: &mut ErrorList, spec: &Node<'_>) {
    let list = spec.child("accessModes");
    let (mut single, mut others) = (false, false);
    for mode in list.items_here() {
        let mode = mode.at(list.path.clone());
        supported(errors, &mode, &ACCESS_MODES);
        match mode.as_str() {
            "ReadWriteOncePod" => single = true,
            known if ACCESS_MODES.contains(&known) => others = true,
            _ => {}
        }
    }
    if single && others {
        errors.push(list.forbidden("may not use ReadWriteOncePod with other access modes"));
    }
}

fn data_sources(errors: &mut ErrorList, spec: &Node<'_>) {
    let (source, reference) = (spec.child("dataSource"), spec.child("dataSourceRef"));
    for node in [&source, &reference] {
        if !node.is_set() {
            continue;
        }
        required_text(errors, &node.child("name"));
        required_text(errors, &node.child("kind"));
        let group = node.text("apiGroup");
        if group.is_empty() && node.text("kind") != "PersistentVolumeClaim" {
            let text = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
            errors.push(Error::invalid(&node.path, node.text("kind"), text));
        }
        if !group.is_empty() {
            dns_subdomain(errors, &node.child("apiGroup"));
        }
    }
    let namespace = reference.child("namespace");
    let crosses = !namespace.as_str().is_empty();
    if crosses {
        dns_label(errors, &namespace);
    }
    let key = |node: &Node<'_>| {
        let [kind, name] = ["kind", "name"].map(|field| node.text(field).to_owned());
        (node.get("apiGroup").cloned(), kind, name)
    };
    let text = match source.is_set() && reference.is_set() {
        true if crosses => "may not be specified when dataSourceRef.namespace is specified",
        true if key(&source) != key(&reference) => "must match dataSourceRef",
        _ => return,
    };
    // Go shows the path, which has no fields that JSON would show.
    errors.push(Error::invalid(&spec.path, json!({}), text));
}

/// Go: ValidatePersistentVolumeClaimUpdate
fn validate_update(object: &Object, old: &Object) -> ErrorList {
    const TEXT: &str =
        "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
    let mut errors = ErrorList::new();
    validate_spec(&mut errors, &Node::of(object, "spec"));
    let (mut new, mut before) = (object.clone(), old.clone());
    if old.str(&["spec", "volumeName"]).is_empty() {
        crate::rules::keep(&mut before, object, &["spec", "volumeName"]);
    }
    storage_class(&mut errors, &mut new, old);
    if object.str(&["status", "phase"]) == "Bound" {
        if new.get(&["spec", "resources", "requests"]).is_some() {
            crate::rules::keep(&mut new, old, &["spec", "resources", "requests", "storage"]);
        }
        crate::rules::keep(&mut new, old, &["spec", "volumeAttributesClassName"]);
    }
    if !same(new.get(&["spec"]), before.get(&["spec"])) {
        let difference = diff(before.get(&["spec"]), new.get(&["spec"]));
        errors.push(Error::forbidden(&Path::new("spec"), format!("{TEXT}\n{difference}")));
    }
    let size = |object: &Object, path: &[&str]| {
        object
            .get(path)
            .and_then(|value| Quantity::from_value(value).ok())
            .unwrap_or(Quantity::new(0, Format::BinarySI))
    };
    let storage = ["spec", "resources", "requests", "storage"];
    let (new_size, old_size) = (size(object, &storage), size(old, &storage));
    let held = size(old, &["status", "capacity", "storage"]);
    if less(new_size, old_size) && !less(held, new_size) {
        let path = Path::new("spec").child("resources").child("requests").child("storage");
        errors.push(Error::forbidden(&path, "field can not be less than status.capacity"));
    }
    let mode = |object| Node::of(object, "spec.volumeMode").at(Path::new("volumeMode"));
    immutable(&mut errors, &mode(object), &mode(old));
    errors
}

/// The class of a claim may move from its annotation to its field, and may be filled in later.
///
/// Go: validateStorageClassUpgradeFromAnnotation, validateStorageClassUpgradeFromNil
fn storage_class(errors: &mut ErrorList, new: &mut Object, old: &Object) {
    const CLASS: [&str; 2] = ["spec", "storageClassName"];
    let named = |object: &Object| object.annotations().get(CLASS_ANNOTATION).cloned().unwrap_or_default();
    let (was, is) = (named(old), named(new));
    let (old_class, new_class) = (old.get(&CLASS).cloned(), new.get(&CLASS).cloned());
    let appears = old_class.is_none() && new_class.is_some();
    if appears && !was.is_empty() && new_class == Some(json!(was)) && (is.is_empty() || is == was) {
        new.remove(&CLASS);
        return new.set(&["metadata", "annotations", CLASS_ANNOTATION], was);
    }
    if is != was {
        errors.push(Error::invalid(&annotation_path(CLASS_ANNOTATION), is, FIELD_IMMUTABLE));
    }
    if appears && was.is_empty() {
        new.remove(&CLASS);
    }
}

/// Go: persistentvolumeclaimStatusStrategy.PrepareForUpdate
fn prepare_status(_: &Request, object: &mut Object, old: &Object) {
    crate::rules::keep(object, old, &["spec"]);
}

/// Go: ValidatePersistentVolumeClaimStatusUpdate
fn validate_status(object: &Object, _: &Object) -> ErrorList {
    const STATUSES: [&str; 5] = [
        "ControllerResizeInProgress",
        "ControllerResizeInfeasible",
        "NodeResizeInProgress",
        "NodeResizeInfeasible",
        "NodeResizePending",
    ];
    let mut errors = ErrorList::new();
    let status = Node::of(object, "status");
    for (_, entry) in status.entries("capacity") {
        if let Some(quantity) = entry.as_quantity().filter(|quantity| quantity.sign() < 0) {
            errors.push(Error::invalid(&entry.path, quantity.value(), "must be a valid resource quantity"));
        }
    }
    let statuses = status.child("allocatedResourceStatuses");
    for (name, entry) in statuses.entries_here() {
        if name != "storage" && !name.contains('/') {
            errors.push(Error::not_supported(&statuses.path, name, &["storage"]));
        } else if !STATUSES.contains(&entry.as_str()) {
            errors.push(Error::not_supported(&statuses.path, name, &STATUSES));
        }
    }
    let class = status.child("currentVolumeAttributesClassName");
    if !class.as_str().is_empty() {
        named(&mut errors, &class, name_is_dns_subdomain);
    }
    errors
}
