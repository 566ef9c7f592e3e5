//! The sources of volumes: what pods mount and persistent volumes stand for.
//!
//! Go: pkg/apis/core/validation/validation.go validateVolumeSource, validatePersistentVolumeSource

use apimachinery::{
    api::validation::name::name_is_dns_subdomain,
    util::validation::is_dns1123_subdomain,
    validation::field::{Error, ErrorList},
};

use crate::{
    node::Node,
    validation::{dns_label, dns_subdomain, named, required_text, supported},
};

const ONE_TYPE: &str = "may not specify more than 1 volume type";
const FILE_MODE: &str = "must be a number between 0 and 0777 (octal), both inclusive";
const PARTITION: &str = "must be between 1 and 255, inclusive";

/// Checks one kind of source.
pub type Check = fn(&mut ErrorList, &Node<'_>);

/// Checks the one source that must be there, and refuses others. Returns how many were found.
///
/// `checks` are JSON names in the order in which they are looked at; `never_refused` is checked in any case.
pub fn one_source(errors: &mut ErrorList, volume: &Node<'_>, checks: &[(&str, Check)], never_refused: &str) -> usize {
    let mut count = 0;
    for (name, check) in checks {
        let Some(value) = volume.get(name) else { continue };
        let (refused, checked) = names_in_errors(name);
        if count > 0 && *name != never_refused {
            errors.push(Error::forbidden(&volume.path.child(refused), ONE_TYPE));
        } else {
            check(errors, &Node::new(Some(value), volume.path.child(checked)));
        }
        count += 1;
    }
    count
}

/// What errors call a source: where it is one too many, and where something is wrong with it.
fn names_in_errors(name: &str) -> (&str, &str) {
    match name {
        "gcePersistentDisk" => (name, "persistentDisk"),
        "cephfs" => ("cephFS", name),
        "downwardAPI" => ("downwarAPI", name),
        name => (name, name),
    }
}

/// Requires fields to be there.
pub fn require(errors: &mut ErrorList, source: &Node<'_>, fields: &[&str]) {
    for field in fields {
        required_text(errors, &source.child(field));
    }
}

/// Go: validatePathNoBacksteps
pub fn no_backsteps(errors: &mut ErrorList, path: &Node<'_>) {
    if path.as_str().split('/').any(|part| part == "..") {
        errors.push(path.invalid("must not contain '..'"));
    }
}

/// Go: validateLocalDescendingPath
pub fn descending_path(errors: &mut ErrorList, path: &Node<'_>) {
    if path.as_str().starts_with('/') {
        errors.push(path.invalid("must be a relative path"));
    }
    no_backsteps(errors, path);
}

/// Go: validateLocalNonReservedPath
pub fn file_path(errors: &mut ErrorList, path: &Node<'_>) {
    descending_path(errors, path);
    if path.as_str().starts_with("..") && !path.as_str().starts_with("../") {
        errors.push(path.invalid("must not start with '..'"));
    }
}

/// The mode of a projected file.
pub fn file_mode(errors: &mut ErrorList, mode: &Node<'_>) {
    if mode.is_set() && !(0..=0o777).contains(&mode.as_int()) {
        errors.push(mode.invalid(FILE_MODE));
    }
}

/// Go: validateKeyToPath
pub fn key_to_path(errors: &mut ErrorList, item: &Node<'_>) {
    require(errors, item, &["key", "path"]);
    file_path(errors, &item.child("path"));
    file_mode(errors, &item.child("mode"));
}

/// Checks a path of the node.
pub fn host_path(errors: &mut ErrorList, source: &Node<'_>) {
    const TYPES: [&str; 8] =
        ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];
    let path = source.child("path");
    if path.as_str().is_empty() {
        return errors.push(path.required(""));
    }
    no_backsteps(errors, &path);
    if source.has("type") {
        supported(errors, &source.child("type"), &TYPES);
    }
}

fn partition(errors: &mut ErrorList, source: &Node<'_>) {
    if !(0..=255).contains(&source.int("partition")) {
        errors.push(source.child("partition").invalid(PARTITION));
    }
}

/// Checks a disk of GCE.
pub fn gce(errors: &mut ErrorList, source: &Node<'_>) {
    require(errors, source, &["pdName"]);
    partition(errors, source);
}

/// Checks a disk of AWS.
pub fn aws(errors: &mut ErrorList, source: &Node<'_>) {
    require(errors, source, &["volumeID"]);
    partition(errors, source);
}

/// Checks a share of NFS.
pub fn nfs(errors: &mut ErrorList, source: &Node<'_>) {
    require(errors, source, &["server", "path"]);
    if !source.text("path").starts_with('/') {
        errors.push(source.child("path").invalid("must be an absolute path"));
    }
}

/// Checks a disk of iSCSI, as a pod has it.
pub fn iscsi(errors: &mut ErrorList, source: &Node<'_>) {
    iscsi_source(errors, source, "must be valid format starting with iqn, eui, or naa");
}

/// Checks a disk of iSCSI, as a persistent volume has it: errors about names are less explicit.
pub fn iscsi_persistent(errors: &mut ErrorList, source: &Node<'_>) {
    iscsi_source(errors, source, "must be valid format");
    if source.has("secretRef") {
        require(errors, source, &["secretRef.name"]);
    }
}

fn iscsi_source(errors: &mut ErrorList, source: &Node<'_>, wrong_prefix: &str) {
    require(errors, source, &["targetPortal"]);
    let name = source.child("iqn");
    if name.as_str().is_empty() {
        errors.push(name.required(""));
    } else {
        initiator(errors, &name, wrong_prefix);
    }
    if !(0..=255).contains(&source.int("lun")) {
        errors.push(source.child("lun").invalid("must be between 0 and 255, inclusive"));
    }
    if (source.flag("chapAuthDiscovery") || source.flag("chapAuthSession")) && !source.has("secretRef") {
        errors.push(source.child("secretRef").required(""));
    }
    if source.has("initiatorName") {
        // The path is written without a capital, in Go, too.
        let path = source.path.child("initiatorname");
        initiator(errors, &source.child("initiatorName").at(path), wrong_prefix);
    }
}

/// Says whether the names of a volume and of its portal are too long together for the initiator that is named.
pub fn iscsi_names_too_long(volume: &str, source: &Node<'_>) -> bool {
    source.has("initiatorName") && volume.len() + 1 + source.text("targetPortal").len() > 64
}

/// What is said of such names.
pub const ISCSI_NAMES_TOO_LONG: &str = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";

/// The three forms of an iSCSI name.
fn initiator(errors: &mut ErrorList, name: &Node<'_>, wrong_prefix: &str) {
    let text = name.as_str();
    let rest = |prefix: &str| text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.'));
    let is_hex = |text: &str, lengths: &[usize]| {
        lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let detail = if !["iqn", "eui", "naa"].iter().any(|prefix| text.starts_with(prefix)) {
        wrong_prefix
    } else if rest("iqn").is_some_and(is_iqn)
        || rest("eui").is_some_and(|rest| is_hex(rest, &[16]))
        || rest("naa").is_some_and(|rest| is_hex(rest, &[16, 32]))
    {
        return;
    } else {
        "must be valid format"
    };
    errors.push(name.invalid(detail));
}

/// `2004-04.com.example:disk`
fn is_iqn(rest: &str) -> bool {
    let (date, authority) = rest.split_once('.').unwrap_or_default();
    let date: Vec<&str> = date.split('-').collect();
    let digits = |part: &&str, length: usize| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
    matches!(&date[..], [year, month] if digits(year, 4) && digits(month, 2))
        && !authority.is_empty()
        && authority.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Checks a dataset of Flocker.
pub fn flocker(errors: &mut ErrorList, source: &Node<'_>) {
    let (name, uid) = (source.text("datasetName"), source.text("datasetUUID"));
    if name.is_empty() && uid.is_empty() {
        errors.push(source.required("one of datasetName and datasetUUID is required"));
    }
    if !name.is_empty() && !uid.is_empty() {
        let text = "datasetName and datasetUUID can not be specified simultaneously";
        errors.push(Error::invalid(&source.path, "resource", text));
    }
    if name.contains('/') {
        errors.push(source.child("datasetName").invalid("must not contain '/'"));
    }
}

/// Checks an image of Ceph.
pub fn rbd(errors: &mut ErrorList, source: &Node<'_>) {
    cephfs(errors, source);
    require(errors, source, &["image"]);
}

/// Checks a file system of Ceph.
pub fn cephfs(errors: &mut ErrorList, source: &Node<'_>) {
    if source.len("monitors") == 0 {
        errors.push(source.child("monitors").required(""));
    }
}

/// Checks a volume of Quobyte.
pub fn quobyte(errors: &mut ErrorList, source: &Node<'_>) {
    const PAIRS: &str = "must be a host:port pair or multiple pairs separated by commas";
    let registry = source.child("registry");
    if registry.as_str().is_empty() {
        errors.push(registry.required(PAIRS));
    } else if source.text("tenant").len() >= 65 {
        let text = "must be a UUID and may not exceed a length of 64 characters";
        errors.push(source.child("tenant").required(text));
    } else {
        let pairs = registry.as_str().split(',').filter(|pair| !is_host_port(pair));
        pairs.for_each(|_| errors.push(registry.invalid(PAIRS)));
    }
    require(errors, source, &["volume"]);
}

/// Go: net.SplitHostPort
fn is_host_port(text: &str) -> bool {
    let Some((host, _)) = text.rsplit_once(':') else { return false };
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(inner) => !inner.contains(['[', ']']),
        None => !host.contains([':', '[', ']']),
    }
}

/// Checks a disk behind Fibre Channel.
pub fn fibre_channel(errors: &mut ErrorList, source: &Node<'_>) {
    let names = source.child("targetWWNs");
    match (source.len("targetWWNs"), source.len("wwids")) {
        (0, 0) => errors.push(names.required("must specify either targetWWNs or wwids, but not both")),
        (1.., 1..) => errors.push(names.invalid("targetWWNs and wwids can not be specified simultaneously")),
        _ => {}
    }
    match source.opt_int("lun") {
        _ if source.len("targetWWNs") == 0 => {}
        None => errors.push(source.child("lun").required("lun is required if targetWWNs is specified")),
        Some(0..=255) => {}
        Some(_) => errors.push(source.child("lun").invalid("must be between 0 and 255, inclusive")),
    }
}

/// Checks a volume of a flexible driver.
pub fn flex(errors: &mut ErrorList, source: &Node<'_>) {
    require(errors, source, &["driver"]);
    for (key, entry) in source.entries("options") {
        let namespace = key.split('/').next().unwrap_or_default();
        let normalized = format!(".{}", namespace.to_lowercase());
        if normalized.ends_with(".kubernetes.io") || normalized.ends_with(".k8s.io") {
            let text = "kubernetes.io and k8s.io namespaces are reserved";
            errors.push(Error::invalid(&entry.path, key, text));
        }
    }
}

/// Checks a disk of Azure.
pub fn azure_disk(errors: &mut ErrorList, source: &Node<'_>) {
    const MANAGED: &str =
        "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}";
    const BLOB: &str = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd";
    require(errors, source, &["diskName", "diskURI"]);
    if source.has("cachingMode") {
        supported(errors, &source.child("cachingMode"), &["None", "ReadOnly", "ReadWrite"]);
    }
    if source.has("kind") {
        supported(errors, &source.child("kind"), &["Dedicated", "Managed", "Shared"]);
    }
    let uri = source.child("diskURI");
    let (prefix, form) = match source.text("kind") {
        "Managed" => ("/subscriptions/", MANAGED),
        _ => ("https://", BLOB),
    };
    if source.has("kind") && !uri.as_str().starts_with(prefix) {
        errors.push(Error::not_supported(&uri.path, uri.as_str(), &[form]));
    }
}

/// Go: ValidateCSIDriverName
pub fn csi_driver(errors: &mut ErrorList, driver: &Node<'_>) {
    if driver.as_str().is_empty() {
        return errors.push(driver.required(""));
    }
    if driver.as_str().len() > 63 {
        errors.push(Error::too_long(&driver.path, 63));
    }
    for text in is_dns1123_subdomain(&driver.as_str().to_lowercase()) {
        errors.push(driver.invalid(text));
    }
}

/// Checks a secret's name, and its namespace, where both have to be valid. Go: validatePVSecretReference
pub fn secret_reference(errors: &mut ErrorList, reference: &Node<'_>) {
    if reference.is_set() {
        let (name, namespace) = (reference.child("name"), reference.child("namespace"));
        match name.as_str() {
            "" => errors.push(name.required("")),
            _ => dns_subdomain(errors, &name),
        }
        match namespace.as_str() {
            "" => errors.push(namespace.required("")),
            _ => dns_label(errors, &namespace),
        }
    }
}

/// Checks a volume of a driver that speaks CSI, as a pod has it.
pub fn csi_inline(errors: &mut ErrorList, source: &Node<'_>) {
    csi_driver(errors, &source.child("driver"));
    let secret = source.child("nodePublishSecretRef");
    if secret.is_set() {
        let name = secret.child("name");
        if name.as_str().is_empty() {
            errors.push(name.required(""));
        } else {
            // The path leaves out where the name stands, in Go, too.
            named(errors, &name.at(source.path.child("name")), name_is_dns_subdomain);
        }
    }
}

/// Checks a volume of Cinder, with what else must be said of its secret.
pub fn cinder(errors: &mut ErrorList, source: &Node<'_>) {
    require(errors, source, &["volumeID"]);
    if source.has("secretRef") {
        require(errors, source, &["secretRef.name"]);
    }
}

/// Checks a volume of StorageOS.
pub fn storageos(errors: &mut ErrorList, source: &Node<'_>) {
    let name = source.child("volumeName");
    if name.as_str().is_empty() {
        errors.push(name.required(""));
    } else {
        dns_label(errors, &name);
    }
    if !source.text("volumeNamespace").is_empty() {
        dns_label(errors, &source.child("volumeNamespace"));
    }
    if source.has("secretRef") {
        require(errors, source, &["secretRef.name"]);
    }
}

/// As a check, what persistent volumes have to say beside: the namespace of a secret.
pub fn with_secret_namespace(errors: &mut ErrorList, source: &Node<'_>) {
    if source.has("secretRef") {
        require(errors, source, &["secretRef.namespace"]);
    }
}
