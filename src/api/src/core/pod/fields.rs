//! References to fields of the pod and to resources of its containers.
//!
//! Go: pkg/apis/core/validation/validation.go validateObjectFieldSelector, validateContainerResourceFieldSelector

use apimachinery::{
    util::validation,
    validation::field::{Error, ErrorList},
};

use crate::{node::Node, validation::required_text};

/// What environment variables can show.
pub(super) const OF_VARIABLES: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
/// What files can show.
pub(super) const OF_VOLUMES: [&str; 5] =
    ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];
/// What can be named at all.
const KNOWN: [&str; 14] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.serviceAccountName",
    "spec.schedulerName",
    "status.phase",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

pub(super) fn of_object(errors: &mut ErrorList, reference: &Node<'_>, supported: &[&str]) {
    let (version, path) = (reference.child("apiVersion"), reference.child("fieldPath"));
    if version.as_str().is_empty() {
        return errors.push(version.required(""));
    }
    if path.as_str().is_empty() {
        return errors.push(path.required(""));
    }
    if version.as_str() != "v1" {
        let text = format!("error converting fieldPath: unsupported pod version: {}", version.as_str());
        return errors.push(path.invalid(text));
    }
    let subscripted = path.as_str().strip_suffix("']").and_then(|rest| rest.split_once("['"));
    // The name of old.
    let whole = if path.as_str() == "spec.host" { "spec.nodeName" } else { path.as_str() };
    match subscripted {
        Some((list @ ("metadata.annotations" | "metadata.labels"), key)) => {
            let name = if list == "metadata.annotations" { key.to_lowercase() } else { key.to_owned() };
            let sentences = validation::is_qualified_name(&name);
            errors.extend(sentences.into_iter().map(|text| Error::invalid(&reference.path, name.as_str(), text)));
        }
        Some(_) => {
            let text = format!("error converting fieldPath: field label does not support subscript: {whole}");
            errors.push(path.invalid(text));
        }
        None if supported.contains(&whole) => {}
        None if KNOWN.contains(&whole) => errors.push(Error::not_supported(&path.path, whole, supported)),
        None => {
            let text = format!("error converting fieldPath: field label not supported: {whole}");
            errors.push(path.invalid(text));
        }
    }
}

pub(super) fn of_container(errors: &mut ErrorList, reference: &Node<'_>, in_volume: bool) {
    let resource = reference.child("resource");
    if in_volume && reference.text("containerName").is_empty() {
        required_text(errors, &reference.child("containerName"));
    } else if resource.as_str().is_empty() {
        errors.push(resource.required(""));
    } else if !RESOURCES.contains(&resource.as_str()) && !huge_pages(resource.as_str()) {
        errors.push(resource.not_supported(&RESOURCES));
    }
    divisor(errors, reference);
}

fn huge_pages(resource: &str) -> bool {
    resource.starts_with("limits.hugepages-") || resource.starts_with("requests.hugepages-")
}

/// Go: validateContainerResourceDivisor
fn divisor(errors: &mut ErrorList, reference: &Node<'_>) {
    const SIZES: [&str; 13] = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];
    let Some(divisor) = reference.quantity("divisor").filter(|divisor| !divisor.is_zero()) else { return };
    let resource = reference.text("resource");
    let (allowed, words): (&[&str], _) = match resource.split_once('.').map_or("", |(_, name)| name) {
        "cpu" => (&["1m", "1"], "cpu resource"),
        "memory" => (&SIZES, "memory resource"),
        "ephemeral-storage" => (&SIZES, "local ephemeral storage resource"),
        name if name.starts_with("hugepages-") => (&SIZES, "hugepages resource"),
        _ => return,
    };
    if !allowed.contains(&divisor.to_string().as_str()) {
        let values = match allowed {
            ["1m", "1"] => "1m and 1".to_owned(),
            sizes => sizes.join(", "),
        };
        let text = format!("only divisor's values {values} are supported with the {words}");
        errors.push(Error::invalid(&reference.path.child("divisor"), resource, text));
    }
}
