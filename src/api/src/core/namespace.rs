//! Namespace and ServiceAccount.
//!
//! Go: pkg/registry/core/{namespace,serviceaccount}/strategy.go

use apimachinery::{
    api::validation::name::name_is_dns_label,
    runtime::object::Object,
    validation::field::{Error, ErrorList, Path},
};
use serde_json::{Value, json};

use super::finalizer_names;
use crate::{
    node::Node,
    rules::{Part, Request, Rules, keep},
};

const NAME_LABEL: [&str; 3] = ["metadata", "labels", "kubernetes.io/metadata.name"];

pub(super) const NAMESPACE: Rules = Rules {
    validate_name: name_is_dns_label,
    default: label_with_name,
    has_status: true,
    prepare_for_create: begin,
    prepare_for_update: |_, object, old| keep(object, old, &["spec", "finalizers"]),
    validate: validate_namespace,
    // The name label is put back rather than its removal refused.
    canonicalize: label_with_name,
    status: Part { validate_update: validate_namespace_status, ..Part::PLAIN },
    fields: |namespace| vec![("status.phase", namespace.str(&["status", "phase"]).to_owned())],
    ..Rules::PLAIN
};

/// `namespaces/finalize`: only finalizers change.
pub const NAMESPACE_FINALIZE: Part = Part {
    prepare_for_update: |_, object, old| keep(object, old, &["status"]),
    validate_update: |object, _| validate_namespace(object),
    reset_fields: &[&["status"]],
    ..Part::PLAIN
};

pub(super) const SERVICE_ACCOUNT: Rules = Rules {
    prepare_for_create: |_, object| keep_secret_names(object),
    prepare_for_update: |_, object, _| keep_secret_names(object),
    ..Rules::PLAIN
};

/// Go: SetDefaults_Namespace, namespaceStrategy.Canonicalize
fn label_with_name(object: &mut Object) {
    let name = object.name().to_owned();
    if !name.is_empty() {
        object.set(&NAME_LABEL, name);
    }
}

fn begin(_: &Request, object: &mut Object) {
    object.set(&["status"], json!({"phase": "Active"}));
    let mut finalizers = object.get(&["spec", "finalizers"]).and_then(Value::as_array).cloned().unwrap_or_default();
    if !finalizers.iter().any(|finalizer| finalizer == "kubernetes") {
        finalizers.push(json!("kubernetes"));
    }
    object.set(&["spec", "finalizers"], finalizers);
}

fn validate_namespace(object: &Object) -> ErrorList {
    finalizer_names(&Node::of(object, "spec.finalizers"))
}

fn validate_namespace_status(object: &Object, _: &Object) -> ErrorList {
    let phase = object.str(&["status", "phase"]);
    let path = Path::new("status").child("Phase");
    let refused = match (object.deletion_timestamp().is_some(), phase) {
        (false, "Active") | (true, "Terminating") => return ErrorList::new(),
        (false, _) => "may only be 'Active' if `deletionTimestamp` is empty",
        (true, _) => "may only be 'Terminating' if `deletionTimestamp` is not empty",
    };
    vec![Error::invalid(&path, phase, refused)].into()
}

/// Go: serviceaccount strategy cleanSecretReferences
fn keep_secret_names(object: &mut Object) {
    if let Some(Value::Array(secrets)) = object.0.get_mut("secrets") {
        for secret in secrets {
            *secret = secret.get("name").map_or_else(|| json!({}), |name| json!({"name": name}));
        }
    }
}
