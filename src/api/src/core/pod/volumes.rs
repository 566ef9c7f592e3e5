//! The volumes of a pod.
//!
//! Go: pkg/apis/core/validation/validation.go ValidateVolumes

use std::collections::BTreeMap;

use apimachinery::{
    api::validation::name::{NameUsage, name_is_dns_subdomain},
    validation::field::{Error, ErrorList},
};
use serde_json::Value;

use super::fields;
use crate::{
    core::{
        claim,
        volumes::{self as sources, Check, descending_path, file_mode, file_path, key_to_path, one_source, require},
    },
    node::Node,
    validation::{dns_label, one_of_or_empty, required_text},
};

/// The valid volumes of a pod, by name: what containers can mount.
pub(super) type Volumes<'a> = BTreeMap<&'a str, &'a Value>;

/// The sources, in the order in which Go looks at all of them.
const SOURCES: [(&str, Check); 30] = [
    ("emptyDir", empty_dir),
    ("hostPath", sources::host_path),
    ("gitRepo", git_repo),
    ("gcePersistentDisk", sources::gce),
    ("awsElasticBlockStore", sources::aws),
    ("secret", secret),
    ("nfs", sources::nfs),
    ("iscsi", sources::iscsi),
    ("glusterfs", |errors, source| require(errors, source, &["endpoints", "path"])),
    ("flocker", sources::flocker),
    ("persistentVolumeClaim", |errors, source| require(errors, source, &["claimName"])),
    ("rbd", sources::rbd),
    ("cinder", sources::cinder),
    ("cephfs", sources::cephfs),
    ("quobyte", sources::quobyte),
    ("downwardAPI", downward_api),
    ("fc", sources::fibre_channel),
    ("flexVolume", sources::flex),
    ("configMap", config_map),
    ("azureFile", |errors, source| require(errors, source, &["secretName", "shareName"])),
    ("vsphereVolume", |errors, source| require(errors, source, &["volumePath"])),
    ("photonPersistentDisk", |errors, source| require(errors, source, &["pdID"])),
    ("portworxVolume", |errors, source| require(errors, source, &["volumeID"])),
    ("azureDisk", sources::azure_disk),
    ("storageos", sources::storageos),
    ("projected", projected),
    ("scaleIO", |errors, source| require(errors, source, &["gateway", "system", "volumeName"])),
    ("csi", sources::csi_inline),
    ("ephemeral", ephemeral),
    ("image", image),
];

/// Checks the volumes. `pod` is the name of the pod, if it has one: claims are named after it.
pub(super) fn volumes<'a>(errors: &mut ErrorList, spec: &Node<'a>, pod: &str) -> Volumes<'a> {
    let mut valid = Volumes::new();
    let items = spec.items("volumes");
    let made: Vec<String> = items
        .iter()
        .filter(|volume| volume.has("ephemeral") && !pod.is_empty())
        .map(|volume| format!("{pod}-{}", volume.text("name")))
        .collect();
    for volume in items {
        let mut found = ErrorList::new();
        source(&mut found, &volume);
        let name = volume.child("name");
        if volume.has("ephemeral") && !pod.is_empty() && !name.as_str().is_empty() {
            let claim = format!("{pod}-{}", name.as_str());
            for text in name_is_dns_subdomain(&claim, NameUsage::Whole) {
                found.push(Error::invalid(&name.path, name.as_str(), format!("PVC name {claim:?}: {text}")));
            }
        }
        if name.as_str().is_empty() {
            found.push(name.required(""));
        } else {
            dns_label(&mut found, &name);
        }
        if valid.contains_key(name.as_str()) {
            found.push(name.duplicate());
        }
        if let (true, Some(value)) = (found.is_empty(), volume.value) {
            valid.insert(name.as_str(), value);
        }
        errors.extend(found);
        let claim = volume.child("persistentVolumeClaim.claimName");
        if made.iter().any(|made| made == claim.as_str()) {
            errors.push(claim.invalid("must not reference a PVC that gets created for an ephemeral volume"));
        }
    }
    valid
}

fn source(errors: &mut ErrorList, volume: &Node<'_>) {
    if one_source(errors, volume, &SOURCES, "") == 0 {
        errors.push(volume.required("must specify a volume type"));
    }
    if sources::iscsi_names_too_long(volume.text("name"), &volume.child("iscsi")) {
        errors.push(volume.child("name").or_empty().invalid(sources::ISCSI_NAMES_TOO_LONG));
    }
}

fn empty_dir(errors: &mut ErrorList, source: &Node<'_>) {
    let limit = source.child("sizeLimit");
    if limit.as_quantity().is_some_and(|limit| limit.sign() < 0) {
        errors.push(limit.forbidden("SizeLimit field must be a valid resource quantity"));
    }
}

fn git_repo(errors: &mut ErrorList, source: &Node<'_>) {
    require(errors, source, &["repository"]);
    descending_path(errors, &source.child("directory"));
}

fn secret(errors: &mut ErrorList, source: &Node<'_>) {
    require(errors, source, &["secretName"]);
    files(errors, source);
}

fn config_map(errors: &mut ErrorList, source: &Node<'_>) {
    require(errors, source, &["name"]);
    files(errors, source);
}

fn files(errors: &mut ErrorList, source: &Node<'_>) {
    file_mode(errors, &source.child("defaultMode"));
    for item in source.items("items") {
        key_to_path(errors, &item);
    }
}

fn downward_api(errors: &mut ErrorList, source: &Node<'_>) {
    file_mode(errors, &source.child("defaultMode"));
    for item in source.items("items") {
        downward_api_file(errors, &item.at(source.path.clone()));
    }
}

/// All errors name the source, not its item. Go: validateDownwardAPIVolumeFile
fn downward_api_file(errors: &mut ErrorList, item: &Node<'_>) {
    required_text(errors, &item.child("path"));
    file_path(errors, &item.child("path"));
    let (field, resource) = (item.child("fieldRef"), item.child("resourceFieldRef"));
    if field.is_set() {
        fields::of_object(errors, &field, &fields::OF_VOLUMES);
        if resource.is_set() {
            let text = "fieldRef and resourceFieldRef can not be specified simultaneously";
            errors.push(Error::invalid(&item.path, "resource", text));
        }
    } else if resource.is_set() {
        fields::of_container(errors, &resource, true);
    } else {
        errors.push(item.required("one of fieldRef and resourceFieldRef is required"));
    }
    file_mode(errors, &item.child("mode"));
}

/// Go: validateProjectedVolumeSource
fn projected(errors: &mut ErrorList, source: &Node<'_>) {
    file_mode(errors, &source.child("defaultMode"));
    let mut paths: Vec<&str> = Vec::new();
    for projection in source.items("sources") {
        for kind in ["secret", "configMap"] {
            let files = projection.child(kind);
            if files.is_set() {
                require(errors, &files, &["name"]);
                for item in files.items("items") {
                    key_to_path(errors, &item);
                    unique_path(errors, &mut paths, source, item.text("path"), files.text("name"));
                }
            }
        }
        let files = projection.child("downwardAPI");
        for item in files.items("items") {
            let path = item.text("path");
            downward_api_file(errors, &item.at(files.path.clone()));
            unique_path(errors, &mut paths, source, path, path);
        }
        let token = projection.child("serviceAccountToken");
        if token.is_set() {
            service_account_token(errors, &token, source);
        }
        let bundle = projection.child("clusterTrustBundle");
        if bundle.is_set() {
            unique_path(errors, &mut paths, source, bundle.text("path"), bundle.text("path"));
        }
        let kinds =
            ["secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle", "podCertificate"];
        if kinds.iter().filter(|kind| projection.has(kind)).count() > 1 {
            errors.push(projection.forbidden("may not specify more than 1 volume type per source"));
        }
    }
}

/// Two files cannot have the same path. `shown` is what the error shows.
fn unique_path<'a>(errors: &mut ErrorList, paths: &mut Vec<&'a str>, source: &Node<'_>, path: &'a str, shown: &str) {
    if path.is_empty() {
        return;
    }
    if paths.contains(&path) {
        errors.push(Error::invalid(&source.path, shown, "conflicting duplicate paths"));
    }
    paths.push(path);
}

fn service_account_token(errors: &mut ErrorList, token: &Node<'_>, source: &Node<'_>) {
    let seconds = token.child("expirationSeconds");
    if seconds.as_int() < 600 {
        errors.push(seconds.invalid("may not specify a duration less than 10 minutes"));
    }
    if seconds.as_int() > 1 << 32 {
        errors.push(seconds.invalid("may not specify a duration larger than 2^32 seconds"));
    }
    // The path in errors leaves out where the token stands, in Go, too.
    let path = token.child("path").at(source.path.child("path"));
    if path.as_str().is_empty() {
        errors.push(path.required(""));
    } else {
        file_path(errors, &path);
    }
}

fn ephemeral(errors: &mut ErrorList, source: &Node<'_>) {
    let template = source.child("volumeClaimTemplate");
    if template.is_set() {
        claim::validate_template(errors, &template);
    } else {
        errors.push(template.required(""));
    }
}

fn image(errors: &mut ErrorList, source: &Node<'_>) {
    require(errors, source, &["reference"]);
    one_of_or_empty(errors, &source.child("pullPolicy"), &["Always", "IfNotPresent", "Never"]);
}
