//! Where a container sees the volumes of its pod.
//!
//! Go: pkg/apis/core/validation/validation.go ValidateVolumeMounts, ValidateVolumeDevices

use apimachinery::validation::field::{Error, ErrorList};
use serde_json::Value;

use super::containers::Pod;
use crate::{core::volumes::descending_path, node::Node, validation::supported};

pub(super) fn mounts(errors: &mut ErrorList, pod: &Pod<'_>, container: &Node<'_>) {
    let list = container.child("volumeMounts");
    let mut paths = Vec::new();
    for mount in list.items_here() {
        let (name, path) = (mount.child("name").or_empty(), mount.child("mountPath"));
        if name.as_str().is_empty() {
            errors.push(name.required(""));
        }
        if !pod.volumes.contains_key(name.as_str()) {
            errors.push(name.not_found());
        }
        if path.as_str().is_empty() {
            errors.push(path.required(""));
        }
        if paths.contains(&path.as_str()) {
            errors.push(Error::invalid(&path.path, path.as_str(), "must be unique"));
        }
        paths.push(path.as_str());
        for device in container.items("volumeDevices") {
            if device.text("name") == name.as_str() {
                errors.push(name.invalid("must not already exist in volumeDevices"));
            }
            if device.text("devicePath") == path.as_str() {
                errors.push(path.invalid("must not already exist as a path in volumeDevices"));
            }
        }
        // From here on errors name the list, not its item, as in Go.
        mount_options(errors, container, &mount, &list);
    }
}

fn mount_options(errors: &mut ErrorList, container: &Node<'_>, mount: &Node<'_>, list: &Node<'_>) {
    let at_list = |name: &str| mount.child(name).at(list.path.child(name));
    if !mount.text("subPath").is_empty() {
        descending_path(errors, &at_list("subPath"));
    }
    if !mount.text("subPathExpr").is_empty() {
        if !mount.text("subPath").is_empty() {
            errors.push(mount.child("subPathExpr").invalid("subPathExpr and subPath are mutually exclusive"));
        }
        descending_path(errors, &at_list("subPathExpr"));
    }
    let propagation = at_list("mountPropagation");
    if propagation.is_set() {
        supported(errors, &propagation, &["Bidirectional", "HostToContainer", "None"]);
        if propagation.as_str() == "Bidirectional" && !container.flag("securityContext.privileged") {
            let text = "Bidirectional mount propagation is available only to privileged containers";
            errors.push(propagation.forbidden(text));
        }
    }
    let recursive = at_list("recursiveReadOnly");
    if recursive.is_set() && recursive.as_str() != "Disabled" {
        if !matches!(recursive.as_str(), "Enabled" | "IfPossible") {
            return errors.push(recursive.not_supported(&["Disabled", "Enabled", "IfPossible"]));
        }
        if !mount.flag("readOnly") {
            errors.push(recursive.forbidden("may only be specified when readOnly is true"));
        }
        if mount.has("mountPropagation") && mount.text("mountPropagation") != "None" {
            let text = "may only be specified when mountPropagation is None or not specified";
            errors.push(recursive.forbidden(text));
        }
    }
}

pub(super) fn devices(errors: &mut ErrorList, pod: &Pod<'_>, container: &Node<'_>) {
    let (mut names, mut paths) = (Vec::new(), Vec::new());
    for device in container.items("volumeDevices") {
        let (name, path) = (device.child("name").or_empty(), device.child("devicePath"));
        if name.as_str().is_empty() {
            errors.push(name.required(""));
        }
        if names.contains(&name.as_str()) {
            errors.push(name.invalid("must be unique"));
        }
        match pod.volumes.get(name.as_str()) {
            None => errors.push(name.not_found()),
            Some(volume) if is_claim(volume) => {}
            Some(_) => {
                let text = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
                errors.push(name.invalid(text));
            }
        }
        if path.as_str().is_empty() {
            errors.push(path.required(""));
        }
        if paths.contains(&path.as_str()) {
            errors.push(Error::invalid(&path.path, path.as_str(), "must be unique"));
        }
        if path.as_str().split('/').any(|part| part == "..") {
            errors.push(path.invalid("can not contain backsteps ('..')"));
        } else {
            paths.push(path.as_str());
        }
        for mount in container.items("volumeMounts") {
            if mount.text("name") == name.as_str() {
                errors.push(name.invalid("must not already exist in volumeMounts"));
            }
            if mount.text("mountPath") == path.as_str() {
                errors.push(path.invalid("must not already exist as a path in volumeMounts"));
            }
        }
        if !name.as_str().is_empty() {
            names.push(name.as_str());
        }
    }
}

fn is_claim(volume: &Value) -> bool {
    ["persistentVolumeClaim", "ephemeral"].iter().any(|source| volume.get(source).is_some_and(|value| !value.is_null()))
}
