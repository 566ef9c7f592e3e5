//! What a pod, or the template of one, is taken to mean.
//!
//! Go: pkg/apis/core/v1/defaults.go

use apimachinery::runtime::object::Object;
use serde_json::{Value, json};

use crate::defaults::{absent, at, field, items, made, zero};

/// Modes of files that volumes project.
const FILE_MODE: i64 = 0o644;

/// Go: SetObjectDefaults_Pod
pub(super) fn pod(object: &mut Object) {
    let spec = made(&mut object.0, "spec");
    pod_spec(spec);
    for list in ["containers", "initContainers"] {
        for container in items(spec, list) {
            requests_from_limits(container);
        }
    }
    pod_requests(spec);
    absent(spec, "enableServiceLinks", true);
    if spec.get("hostNetwork") == Some(&json!(true)) {
        host_ports(spec);
    }
    // The older field of a status is the first of the newer one.
    let addresses = |status: &mut Value, one: &str, many: &str, key: &str| {
        let first = status.get(many).and_then(|list| list.get(0)).and_then(|first| first.get(key)).cloned();
        match (first, status.get(one).cloned()) {
            (None, Some(single)) if single != "" => status[many] = json!([{ key: single }]),
            (Some(first), _) => status[one] = first,
            _ => {}
        }
    };
    if let Some(status) = object.0.get_mut("status").filter(|status| status.is_object()) {
        addresses(status, "podIP", "podIPs", "ip");
    }
}

/// Go: SetDefaults_PodSpec and those of everything below it
pub fn pod_spec(spec: &mut Value) {
    zero(spec, "dnsPolicy", "ClusterFirst");
    zero(spec, "restartPolicy", "Always");
    absent(spec, "securityContext", json!({}));
    absent(spec, "terminationGracePeriodSeconds", 30);
    zero(spec, "schedulerName", "default-scheduler");
    // An alias of old; the newer field wins.
    if let Some(account) = spec.get("serviceAccount").cloned() {
        zero(spec, "serviceAccountName", account);
    }
    match spec.get("serviceAccountName").cloned() {
        Some(name) if name != "" => spec["serviceAccount"] = name,
        _ => {}
    }
    for item in items(spec, "volumes") {
        volume(item);
    }
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for item in items(spec, list) {
            container(item);
        }
    }
}

/// Go: SetDefaults_Container
fn container(container: &mut Value) {
    let policy = pull_policy(container.get("image").and_then(Value::as_str).unwrap_or_default());
    zero(container, "imagePullPolicy", policy);
    zero(container, "terminationMessagePath", "/dev/termination-log");
    zero(container, "terminationMessagePolicy", "File");
    for port in items(container, "ports") {
        zero(port, "protocol", "TCP");
    }
    for variable in items(container, "env") {
        if let Some(reference) = at(variable, "valueFrom.fieldRef") {
            zero(reference, "apiVersion", "v1");
        }
        if let Some(reference) = at(variable, "valueFrom.fileKeyRef") {
            absent(reference, "optional", false);
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = field(container, name) {
            zero(probe, "timeoutSeconds", 1);
            zero(probe, "periodSeconds", 10);
            zero(probe, "successThreshold", 1);
            zero(probe, "failureThreshold", 3);
            handler(probe);
        }
    }
    for name in ["lifecycle.postStart", "lifecycle.preStop"] {
        if let Some(hook) = at(container, name) {
            handler(hook);
        }
    }
}

/// Go: SetDefaults_HTTPGetAction
fn handler(handler: &mut Value) {
    if let Some(get) = field(handler, "httpGet") {
        zero(get, "path", "/");
        zero(get, "scheme", "HTTP");
    }
    if let Some(grpc) = field(handler, "grpc") {
        absent(grpc, "service", "");
    }
}

/// An image whose tag may move is pulled always; a name that is none at all has no tag that could.
fn pull_policy(image: &str) -> &'static str {
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let last = name.rsplit('/').next().unwrap_or_default();
    let (path, tag) = match last.rsplit_once(':') {
        Some((_, tag)) => (&name[..name.len() - tag.len() - 1], Some(tag)),
        None => (name, None),
    };
    match tag {
        _ if !is_image_name(path) => "IfNotPresent",
        Some("latest") => "Always",
        None if digest.is_none() => "Always",
        _ => "IfNotPresent",
    }
}

/// Says whether this is `host:port/path/name`: the host, if there is one, may have capital letters.
///
/// Go: distribution/reference/regexp.go
fn is_image_name(name: &str) -> bool {
    let parts: Vec<&str> = name.split('/').collect();
    if name.len() > 255 {
        return false;
    }
    let has_host = parts.len() > 1
        && (parts[0].contains(['.', ':'])
            || parts[0] == "localhost"
            || parts[0].contains(|char: char| char.is_ascii_uppercase()));
    let path = &parts[usize::from(has_host)..];
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_part = |part: &&str| {
        let ends = part.bytes().next().is_some_and(alphanumeric) && part.bytes().last().is_some_and(alphanumeric);
        ends && part.bytes().all(|byte| alphanumeric(byte) || matches!(byte, b'.' | b'_' | b'-'))
    };
    let is_host =
        |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':'));
    (!has_host || is_host(parts[0])) && !path.is_empty() && path.iter().all(is_part)
}

/// Limits without requests are requests, too. Only in pods: a template stays as it was written.
///
/// Go: SetDefaults_Pod
fn requests_from_limits(container: &mut Value) {
    let Some(resources) = field(container, "resources") else { return };
    let Some(limits) = resources.get("limits").and_then(Value::as_object).cloned() else { return };
    if limits.is_empty() {
        return;
    }
    absent(resources, "requests", json!({}));
    if let Some(requests) = resources["requests"].as_object_mut() {
        for (name, quantity) in limits {
            requests.entry(name).or_insert(quantity);
        }
    }
}

/// A pod that has limits of its own requests what its containers do, or else its limits.
///
/// Go: defaultPodRequests
fn pod_requests(spec: &mut Value) {
    let Some(limits) = spec.get("resources").and_then(|resources| resources.get("limits")) else { return };
    let Some(limits) = limits.as_object().filter(|limits| !limits.is_empty()).cloned() else { return };
    let sums = super::resources::aggregate_requests(spec);
    let resources = &mut spec["resources"];
    absent(resources, "requests", json!({}));
    let Some(requests) = resources["requests"].as_object_mut() else { return };
    for (name, quantity) in &sums {
        if super::resources::is_pod_level_resource(name) && limits.contains_key(name) {
            requests.entry(name.clone()).or_insert_with(|| json!(quantity.to_string()));
        }
    }
    for (name, quantity) in limits {
        if super::resources::is_pod_level_resource(&name) {
            requests.entry(name).or_insert(quantity);
        }
    }
}

/// Go: defaultHostNetworkPorts
fn host_ports(spec: &mut Value) {
    for list in ["containers", "initContainers"] {
        for container in items(spec, list) {
            for port in items(container, "ports") {
                if let Some(number) = port.get("containerPort").cloned() {
                    zero(port, "hostPort", number);
                }
            }
        }
    }
}

/// Go: SetDefaults_Volume and those of its sources
fn volume(volume: &mut Value) {
    let Some(fields) = volume.as_object_mut() else { return };
    if !fields.iter().any(|(name, value)| name != "name" && !value.is_null()) {
        fields.insert("emptyDir".to_owned(), json!({}));
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(source) = field(volume, source) {
            absent(source, "defaultMode", FILE_MODE);
        }
    }
    for item in items(volume, "downwardAPI.items") {
        field_version(item);
    }
    for source in items(volume, "projected.sources") {
        for item in items(source, "downwardAPI.items") {
            field_version(item);
        }
        if let Some(token) = field(source, "serviceAccountToken") {
            absent(token, "expirationSeconds", 3600);
        }
    }
    if let Some(claim) = at(volume, "ephemeral.volumeClaimTemplate.spec") {
        absent(claim, "volumeMode", "Filesystem");
    }
    if let Some(image) = field(volume, "image") {
        let policy = pull_policy(image.get("reference").and_then(Value::as_str).unwrap_or_default());
        zero(image, "pullPolicy", policy);
    }
    volume_source(volume);
}

fn field_version(item: &mut Value) {
    if let Some(reference) = field(item, "fieldRef") {
        zero(reference, "apiVersion", "v1");
    }
}

/// The defaults of sources that pods and persistent volumes have in common.
pub fn volume_source(source: &mut Value) {
    const DEFAULTS: [(&str, &[(&str, &str)]); 4] = [
        ("iscsi", &[("iscsiInterface", "default")]),
        ("rbd", &[("pool", "rbd"), ("user", "admin"), ("keyring", "/etc/ceph/keyring")]),
        ("scaleIO", &[("storageMode", "ThinProvisioned"), ("fsType", "xfs")]),
        ("azureDisk", &[]),
    ];
    for (name, fields) in DEFAULTS {
        if let Some(source) = field(source, name) {
            for (name, value) in fields {
                zero(source, name, *value);
            }
        }
    }
    if let Some(disk) = field(source, "azureDisk") {
        absent(disk, "cachingMode", "ReadWrite");
        absent(disk, "kind", "Shared");
        absent(disk, "fsType", "ext4");
        absent(disk, "readOnly", false);
    }
    if let Some(path) = field(source, "hostPath") {
        absent(path, "type", "");
    }
}
