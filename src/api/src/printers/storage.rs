//! Volumes, claims, classes and drivers.
//!
//! Go: pkg/printers/internalversion/printers.go printPersistentVolume, printStorageClass, printCSIDriver...

use std::time::Duration;

use apimachinery::runtime::object::Object;
use serde_json::{Value, json};

use super::{
    Printer,
    cells::{UNSET, age, or, spec, status},
};
use crate::node::Node;

pub(super) const PRINTERS: &[(&str, &str, Printer)] = &[
    (
        "",
        "PersistentVolume",
        Printer::new(
            "Capacity Access_Modes Reclaim_Policy Status Claim StorageClass VolumeAttributesClass Reason Age VolumeMode*",
            volume,
        ),
    ),
    (
        "",
        "PersistentVolumeClaim",
        Printer::new("Status Volume Capacity Access_Modes StorageClass VolumeAttributesClass Age VolumeMode*", claim),
    ),
    (
        "storage.k8s.io",
        "StorageClass",
        Printer {
            columns: "Name Provisioner ReclaimPolicy VolumeBindingMode AllowVolumeExpansion Age",
            name_first: false,
            cells: storage_class,
        },
    ),
    (
        "storage.k8s.io",
        "VolumeAttributesClass",
        Printer {
            columns: "Name DriverName Age",
            name_first: false,
            cells: |object, now| {
                let name = with_default(object, "storageclass.kubernetes.io/is-default-class");
                vec![name.into(), object.str(&["driverName"]).into(), age(object, now)]
            },
        },
    ),
    ("storage.k8s.io", "VolumeAttachment", Printer::new("Attacher@name PV Node Attached:boolean Age", attachment)),
    (
        "storage.k8s.io",
        "CSINode",
        Printer::new("Drivers:integer Age", |object, now| vec![json!(spec(object).len("drivers")), age(object, now)]),
    ),
    (
        "storage.k8s.io",
        "CSIDriver",
        Printer::new(
            "AttachRequired:boolean PodInfoOnMount:boolean StorageCapacity:boolean TokenRequests \
             RequiresRepublish:boolean Modes Age",
            driver,
        ),
    ),
];

fn with_default(object: &Object, annotation: &str) -> String {
    let annotations = object.annotations();
    let is_true = |key: &str| annotations.get(key).is_some_and(|value| value == "true");
    let is_default = is_true(annotation) || is_true("storageclass.beta.kubernetes.io/is-default-class");
    if is_default { format!("{} (default)", object.name()) } else { object.name().to_owned() }
}

/// `RWO,ROX`: each once, in a fixed order.
fn modes(node: &Node<'_>) -> String {
    const SHORT: [(&str, &str); 4] =
        [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")];
    let modes = node.texts("accessModes");
    SHORT.iter().filter(|(long, _)| modes.contains(long)).map(|(_, short)| *short).collect::<Vec<_>>().join(",")
}

fn volume(object: &Object, now: Duration) -> Vec<Value> {
    let (spec, status) = (spec(object), status(object));
    let claim = match (spec.text("claimRef.namespace"), spec.text("claimRef.name")) {
        (_, "") if !spec.has("claimRef") => String::new(),
        (namespace, name) => format!("{namespace}/{name}"),
    };
    let class = object.str(&["metadata", "annotations", "volume.beta.kubernetes.io/storage-class"]);
    let phase = if object.deletion_timestamp().is_some() { "Terminating" } else { status.text("phase") };
    vec![
        spec.text("capacity.storage").into(),
        modes(&spec).into(),
        spec.text("persistentVolumeReclaimPolicy").into(),
        phase.into(),
        claim.into(),
        if class.is_empty() { spec.text("storageClassName") } else { class }.into(),
        or(spec.text("volumeAttributesClassName"), UNSET),
        status.text("reason").into(),
        age(object, now),
        or(spec.text("volumeMode"), UNSET),
    ]
}

fn claim(object: &Object, now: Duration) -> Vec<Value> {
    let (spec, status) = (spec(object), status(object));
    let phase = if object.deletion_timestamp().is_some() { "Terminating" } else { status.text("phase") };
    let (capacity, modes) = match spec.text("volumeName") {
        "" => (String::new(), String::new()),
        _ => (status.text("capacity.storage").to_owned(), modes(&status)),
    };
    let capacity = if spec.text("volumeName").is_empty() || !capacity.is_empty() { capacity } else { "0".to_owned() };
    let class = object.str(&["metadata", "annotations", "volume.beta.kubernetes.io/storage-class"]);
    vec![
        phase.into(),
        spec.text("volumeName").into(),
        capacity.into(),
        modes.into(),
        if class.is_empty() { spec.text("storageClassName") } else { class }.into(),
        or(spec.text("volumeAttributesClassName"), UNSET),
        age(object, now),
        or(spec.text("volumeMode"), UNSET),
    ]
}

fn storage_class(object: &Object, now: Duration) -> Vec<Value> {
    vec![
        with_default(object, "storageclass.kubernetes.io/is-default-class").into(),
        object.str(&["provisioner"]).into(),
        or(object.str(&["reclaimPolicy"]), "Delete"),
        or(object.str(&["volumeBindingMode"]), "Immediate"),
        json!(object.get(&["allowVolumeExpansion"]).and_then(Value::as_bool).unwrap_or_default()),
        age(object, now),
    ]
}

fn attachment(object: &Object, now: Duration) -> Vec<Value> {
    let spec = spec(object);
    vec![
        spec.text("attacher").into(),
        spec.text("source.persistentVolumeName").into(),
        spec.text("nodeName").into(),
        json!(status(object).flag("attached")),
        age(object, now),
    ]
}

fn driver(object: &Object, now: Duration) -> Vec<Value> {
    let spec = spec(object);
    let tokens = spec.items("tokenRequests");
    let tokens: Vec<&str> = tokens.iter().map(|token| token.text("audience")).collect();
    let flag = |field: &str, default: bool| json!(spec.opt_flag(field).unwrap_or(default));
    vec![
        flag("attachRequired", true),
        flag("podInfoOnMount", false),
        flag("storageCapacity", false),
        or(&tokens.join(","), UNSET),
        flag("requiresRepublish", false),
        or(&spec.texts("volumeLifecycleModes").join(","), "<none>"),
        age(object, now),
    ]
}
