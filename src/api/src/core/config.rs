//! ConfigMap and Secret.
//!
//! Go: pkg/apis/core/validation/validation.go ValidateConfigMap, ValidateSecret

use apimachinery::{
    runtime::object::Object,
    util::validation,
    validation::field::{Error, ErrorList, Path},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::tls;
use crate::{
    gojson,
    node::Node,
    rules::{Rules, differs},
    validation::{annotation_path, each_key, immutable},
};

/// Go: MaxSecretSize
const MAX_SIZE: usize = 1024 * 1024;
const IMMUTABLE: &str = "field is immutable when `immutable` is set";

pub(super) const CONFIG_MAP: Rules =
    Rules { validate: validate_config_map, validate_update: validate_config_map_update, ..Rules::PLAIN };

pub(super) const SECRET: Rules = Rules {
    default: default_secret,
    validate: validate_secret,
    validate_update: validate_secret_update,
    warnings_on_create: secret_warnings,
    warnings_on_update: |secret, _| secret_warnings(secret),
    fields: |secret| vec![("type", secret.str(&["type"]).to_owned())],
    ..Rules::PLAIN
};

fn validate_config_map(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let (data, binary) = (Node::of(object, "data"), Node::of(object, "binaryData"));
    let mut size = 0;
    for (key, entry) in data.entries_here() {
        each_key(&mut errors, &entry, key, validation::is_config_map_key(key));
        if binary.has_key(key) {
            errors.push(Error::invalid(&entry.path, key, "duplicate of key present in binaryData"));
        }
        size += entry.as_str().len();
    }
    for (key, entry) in binary.entries_here() {
        each_key(&mut errors, &entry, key, validation::is_config_map_key(key));
        size += decoded_len(entry.as_str());
    }
    if size > MAX_SIZE {
        // Go makes a path of an empty name here, which is shown as an index of nothing.
        errors.push(Error::too_long(&Path::default().key(""), MAX_SIZE));
    }
    errors
}

fn validate_config_map_update(object: &Object, old: &Object) -> ErrorList {
    let mut errors = frozen(object, old, &["data", "binaryData"]);
    errors.extend(validate_config_map(object));
    errors
}

/// Holds what was once declared immutable.
fn frozen(object: &Object, old: &Object, fields: &[&str]) -> ErrorList {
    let mut errors = ErrorList::new();
    let is_immutable = |object: &Object| object.get(&["immutable"]) == Some(&Value::Bool(true));
    if !is_immutable(old) {
        return errors;
    }
    if !is_immutable(object) {
        errors.push(Error::forbidden(&Path::new("immutable"), IMMUTABLE));
    }
    for field in fields {
        if differs(object, old, field) {
            errors.push(Error::forbidden(&Path::new(field), IMMUTABLE));
        }
    }
    errors
}

/// Merges `stringData` over `data` and gives a secret its type.
///
/// Go: SetDefaults_Secret, Convert_v1_Secret_To_core_Secret
fn default_secret(object: &mut Object) {
    if object.str(&["type"]).is_empty() {
        object.set(&["type"], "Opaque");
    }
    if let Some(Value::Object(entries)) = object.remove(&["stringData"]) {
        for (key, value) in entries {
            let encoded = BASE64_STANDARD.encode(value.as_str().unwrap_or_default());
            object.set(&["data", &key], encoded);
        }
    }
}

fn validate_secret(object: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    let data = Node::of(object, "data");
    let mut size = 0;
    for (key, entry) in data.entries_here() {
        each_key(&mut errors, &entry, key, validation::is_config_map_key(key));
        size += decoded_len(entry.as_str());
    }
    if size > MAX_SIZE {
        errors.push(Error::too_long(&data.path, MAX_SIZE));
    }
    let mut require = |key: &str| {
        if !data.has_key(key) {
            errors.push(Error::required(&data.path.key(key), ""));
        }
    };
    match object.str(&["type"]) {
        "kubernetes.io/service-account-token" => {
            const NAME: &str = "kubernetes.io/service-account.name";
            if object.str(&["metadata", "annotations", NAME]).is_empty() {
                errors.push(Error::required(&annotation_path(NAME), ""));
            }
        }
        "kubernetes.io/dockercfg" => docker_config(&mut errors, &data.key(".dockercfg")),
        "kubernetes.io/dockerconfigjson" => docker_config(&mut errors, &data.key(".dockerconfigjson")),
        "kubernetes.io/basic-auth" if !data.has_key("username") && !data.has_key("password") => {
            require("username");
            require("password");
        }
        "kubernetes.io/ssh-auth" if data.key("ssh-privatekey").as_str().is_empty() => {
            errors.push(Error::required(&data.path.key("ssh-privatekey"), ""));
        }
        "kubernetes.io/tls" => {
            require("tls.crt");
            require("tls.key");
        }
        _ => {}
    }
    errors
}

fn secret_warnings(secret: &Object) -> Vec<String> {
    if secret.str(&["type"]) != "kubernetes.io/tls" {
        return Vec::new();
    }
    let of = |key: &str| BASE64_STANDARD.decode(secret.str(&["data", key])).unwrap_or_default();
    tls::warning(&of("tls.crt"), &of("tls.key")).into_iter().collect()
}

/// Requires a JSON object; its text is never shown.
fn docker_config(errors: &mut ErrorList, entry: &Node<'_>) {
    if !entry.is_set() {
        return errors.push(entry.required(""));
    }
    let text = BASE64_STANDARD.decode(entry.as_str()).unwrap_or_default();
    if let Err(error) = gojson::unmarshal_object(&text) {
        errors.push(Error::invalid(&entry.path, "<secret contents redacted>", error));
    }
}

fn validate_secret_update(object: &Object, old: &Object) -> ErrorList {
    let mut errors = ErrorList::new();
    immutable(&mut errors, &Node::of(object, "type"), &Node::of(old, "type"));
    errors.extend(frozen(object, old, &["data"]));
    errors.extend(validate_secret(object));
    errors
}

/// How many bytes a base64 text stands for.
fn decoded_len(text: &str) -> usize {
    let padding = text.bytes().rev().take_while(|byte| *byte == b'=').count();
    (text.len() / 4 * 3).saturating_sub(padding)
}
