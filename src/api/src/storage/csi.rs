//! CSIDriver, CSINode and CSIStorageCapacity: what drivers can do, where they run, and how much they have left.
//!
//! Go: pkg/apis/storage/validation/validation.go ValidateCSIDriver, ValidateCSINode, ValidateCSIStorageCapacity

use std::collections::BTreeSet;

use apimachinery::{
    runtime::object::Object,
    util::validation::is_qualified_name,
    validation::field::{Error, ErrorList, Path},
};
use serde_json::{Value, json};

use crate::{
    core::volumes::csi_driver,
    defaults::{absent, made},
    gostruct,
    node::Node,
    rules::{Generation, Rules, differs, same},
    validation::{
        FIELD_IMMUTABLE, SUBDOMAIN, immutable, label_selector, named, node_label_deprecation, not_negative,
        quantity_not_negative, supported,
    },
};

/// Longest name that a driver gives a node.
const NODE_ID_LENGTH: usize = 256;

pub(super) const DRIVER: Rules = Rules {
    default: default_driver,
    prepare_for_create: |_, driver| drop_prevention(driver, None),
    prepare_for_update: |_, driver, old| drop_prevention(driver, Some(old)),
    generation: Generation::FieldsLater(&["spec"]),
    validate: validate_driver,
    validate_update: |driver, old| {
        let mut errors = validate_driver(driver);
        // The path has been misspelt for so long that it stays so.
        let attach = |object| Node::of(object, "spec.attachRequired").at(Path::new("spec.attachedRequired"));
        immutable(&mut errors, &attach(driver), &attach(old));
        let modes = |object| Node::of(object, "spec.volumeLifecycleModes");
        immutable(&mut errors, &modes(driver), &modes(old));
        errors
    },
    warnings_on_create: driver_warnings,
    warnings_on_update: |driver, old| {
        if differs(driver, old, "spec.tokenRequests") { driver_warnings(driver) } else { Vec::new() }
    },
    ..Rules::PLAIN
};

/// A field whose feature gate is off by default is forgotten, unless it was there.
///
/// Go: pkg/registry/storage/csidriver/strategy.go
fn drop_prevention(driver: &mut Object, old: Option<&Object>) {
    const FIELD: [&str; 2] = ["spec", "preventPodSchedulingIfMissing"];
    if old.and_then(|old| old.get(&FIELD)).is_none() {
        driver.remove(&FIELD);
    }
}

pub(super) const NODE: Rules = Rules { validate: validate_node, validate_update: validate_node_update, ..Rules::PLAIN };

pub(super) const CAPACITY: Rules = Rules {
    validate: validate_capacity,
    validate_update: |capacity, old| {
        let mut errors = validate_capacity(capacity);
        if !same(capacity.get(&["nodeTopology"]), old.get(&["nodeTopology"])) {
            let shown = Node::of(capacity, "nodeTopology").selector_here().shown();
            errors.push(Error::invalid(&Path::new("nodeTopology"), shown, FIELD_IMMUTABLE));
        }
        let class = |object| Node::of(object, "storageClassName").or_empty();
        immutable(&mut errors, &class(capacity), &class(old));
        errors
    },
    warnings_on_create: capacity_warnings,
    warnings_on_update: |capacity, _| capacity_warnings(capacity),
    ..Rules::PLAIN
};

/// Go: SetDefaults_CSIDriver
fn default_driver(object: &mut Object) {
    let spec = made(&mut object.0, "spec");
    for (field, value) in [
        ("attachRequired", true),
        ("podInfoOnMount", false),
        ("storageCapacity", false),
        ("requiresRepublish", false),
        ("seLinuxMount", false),
    ] {
        absent(spec, field, value);
    }
    absent(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType");
    if spec.get("volumeLifecycleModes").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        spec["volumeLifecycleModes"] = json!(["Persistent"]);
    }
}

fn driver_warnings(driver: &Object) -> Vec<String> {
    let spec = Node::of(driver, "spec");
    if spec.len("tokenRequests") == 0 || spec.has("serviceAccountTokenInSecrets") {
        return Vec::new();
    }
    let text = "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent \
                possible logging of tokens in volume attributes";
    vec![text.to_owned()]
}

/// Go: pkg/api/storage/util.go GetWarningsForCSIStorageCapacity
fn capacity_warnings(capacity: &Object) -> Vec<String> {
    let topology = Node::of(capacity, "nodeTopology");
    let keys = topology.items("matchExpressions").into_iter().map(|item| item.child("key"));
    let mut warnings: Vec<String> = keys.filter_map(|key| node_label_deprecation(&key.path, key.as_str())).collect();
    let labels = topology.child("matchLabels");
    let entries = labels.entries_here();
    warnings.extend(entries.iter().filter_map(|(label, _)| node_label_deprecation(&labels.path.child(label), label)));
    warnings
}

/// Go: validateCSIDriverSpec
fn validate_driver(driver: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let spec = Node::of(driver, "spec");
    for field in ["attachRequired", "podInfoOnMount", "storageCapacity", "seLinuxMount", "fsGroupPolicy"] {
        if !spec.has(field) {
            errors.push(spec.child(field).required(""));
        }
    }
    let policy = spec.child("fsGroupPolicy");
    if policy.is_set() {
        supported(&mut errors, &policy, &["File", "None", "ReadWriteOnceWithFSType"]);
    }
    token_requests(&mut errors, &spec);
    let modes = spec.child("volumeLifecycleModes");
    for mode in modes.items_here() {
        supported(&mut errors, &mode.at(modes.path.clone()), &["Persistent", "Ephemeral"]);
    }
    let period = spec.child("nodeAllocatableUpdatePeriodSeconds");
    if period.is_set() && period.as_int() < 10 {
        errors.push(period.invalid("must be greater than or equal to 10 seconds"));
    }
    errors
}

/// Go: validateTokenRequests, validateServiceAccountTokenInSecrets
fn token_requests(errors: &mut ErrorList, spec: &Node<'_>) {
    let mut audiences = BTreeSet::new();
    for request in spec.items("tokenRequests") {
        if !audiences.insert(request.text("audience")) {
            errors.push(request.child("audience").or_empty().duplicate());
            continue;
        }
        let seconds = request.child("expirationSeconds");
        if seconds.is_set() && seconds.as_int() < 10 * 60 {
            errors.push(seconds.invalid("may not specify a duration less than 10 minutes"));
        }
        if seconds.as_int() > 1 << 32 {
            errors.push(seconds.invalid("may not specify a duration larger than 2^32 seconds"));
        }
    }
    let in_secrets = spec.child("serviceAccountTokenInSecrets");
    if in_secrets.is_set() && audiences.is_empty() {
        let text = "serviceAccountTokenInSecrets is set but no tokenRequests are specified";
        errors.push(in_secrets.invalid(text));
    }
}

/// Go: validateCSINodeDrivers
fn validate_node(node: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let mut names = BTreeSet::new();
    for driver in Node::of(node, "spec").items("drivers") {
        let (name, id) = (driver.child("name"), driver.child("nodeID"));
        csi_driver(&mut errors, &name);
        if id.as_str().is_empty() {
            errors.push(id.required(""));
        } else if id.as_str().len() > NODE_ID_LENGTH {
            errors.push(id.invalid(format!("must be {NODE_ID_LENGTH} characters or less")));
        }
        not_negative(&mut errors, &driver.child("allocatable.count"));
        if !names.insert(name.as_str()) {
            errors.push(name.duplicate());
        }
        topology_keys(&mut errors, &driver);
    }
    errors
}

/// Errors about a key stand at the driver.
fn topology_keys(errors: &mut ErrorList, driver: &Node<'_>) {
    let mut seen = BTreeSet::new();
    for key in driver.texts("topologyKeys") {
        if key.is_empty() {
            errors.push(driver.required(""));
        }
        if !seen.insert(key) {
            errors.push(Error::duplicate(&driver.path, key));
        }
        errors.extend(is_qualified_name(key).into_iter().map(|text| Error::invalid(&driver.path, key, text)));
    }
}

/// A driver may come and go, but not change, except in how many volumes it can attach.
///
/// Go: ValidateCSINodeUpdate
fn validate_node_update(node: &Object, old: &Object) -> ErrorList {
    let mut errors = validate_node(node);
    let drivers = |node: &Object| -> Vec<Value> {
        let mut drivers = node.get(&["spec", "drivers"]).and_then(Value::as_array).cloned().unwrap_or_default();
        for driver in drivers.iter_mut().filter_map(Value::as_object_mut) {
            driver.remove("allocatable");
        }
        drivers
    };
    let new = drivers(node);
    for before in drivers(old) {
        for driver in new.iter().filter(|driver| driver["name"] == before["name"]) {
            if !same(Some(driver), Some(&before)) {
                let shown = gostruct::shown(Some(driver), "io.k8s.api.storage.v1.CSINodeDriver");
                errors.push(Error::invalid(&Path::new("spec").child("drivers"), shown, FIELD_IMMUTABLE));
            }
        }
    }
    errors
}

fn validate_capacity(capacity: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    label_selector(&mut errors, &Node::of(capacity, "nodeTopology"));
    named(&mut errors, &Node::of(capacity, "storageClassName").or_empty(), SUBDOMAIN);
    quantity_not_negative(&mut errors, &Node::of(capacity, "capacity"));
    errors
}
