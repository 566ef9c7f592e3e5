//! The spec of a pod, in a pod or in a template.
//!
//! Go: pkg/apis/core/validation/validation.go ValidatePodSpec, ValidatePodTemplateSpec

use apimachinery::{
    api::validation::{name::name_is_dns_subdomain, object_meta},
    meta::object_meta::ObjectMeta,
    util::{
        ip::{self, Strictness},
        validation,
    },
    validation::field::{Error, ErrorList, Path},
};

use super::{
    containers::{self, Pod},
    match_annotations, resources, scheduling, security, volumes,
};
use crate::{
    node::Node,
    validation::{dns_label, dns_subdomain, go_struct, labels, named, one_of},
};

/// Checks a template: its labels and annotations, and its spec.
///
/// Go: ValidatePodTemplateSpec
pub fn validate_template(errors: &mut ErrorList, template: &Node<'_>) {
    validate_template_metadata(errors, template);
    let spec = template.child("spec");
    let annotations = ObjectMeta::new(template.get("metadata"));
    validate(errors, &spec, "");
    match_annotations::check(errors, annotations, &spec);
    if spec.len("ephemeralContainers") > 0 {
        errors.push(spec.child("ephemeralContainers").forbidden("ephemeral containers not allowed in pod template"));
    }
}

/// Checks the labels and annotations of a template; errors leave `metadata` out.
pub fn validate_template_metadata(errors: &mut ErrorList, template: &Node<'_>) {
    labels(errors, &template.child("metadata.labels").at(template.path.child("labels")));
    let annotations = ObjectMeta::new(template.get("metadata"));
    errors.extend(object_meta::validate_annotations(annotations.annotations(), &template.path.child("annotations")));
    annotations_of_pod(errors, annotations, &template.child("spec"), &template.path.child("annotations"));
}

/// Checks a spec. `name` is the name of the pod, if it is one and has one.
pub(super) fn validate(errors: &mut ErrorList, spec: &Node<'_>, name: &str) {
    let volumes = volumes::volumes(errors, spec, name);
    let claims = resource_claims(errors, spec);
    let pod = Pod { spec: spec.clone(), volumes, claims };
    containers::all(errors, &pod);
    resources::pod(errors, spec, &pod.claims);
    one_of(errors, &spec.child("restartPolicy"), &["Always", "OnFailure", "Never"]);
    one_of(errors, &spec.child("dnsPolicy"), &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]);
    labels(errors, &spec.child("nodeSelector"));
    host_network(errors, spec, name);
    security::pod(errors, spec);
    scheduling::affinity(errors, &spec.child("affinity"));
    dns_config(errors, spec);
    scheduling::gates(errors, spec);
    scheduling::spread(errors, &spec.child("topologySpreadConstraints"));
    security::host_process(errors, spec);
    security::host_users(errors, spec);
    names(errors, spec);
    let deadline = spec.child("activeDeadlineSeconds");
    if deadline.is_set() && !(1..=i64::from(i32::MAX)).contains(&deadline.as_int()) {
        errors.push(deadline.invalid("must be between 1 and 2147483647, inclusive"));
    }
    scheduling::tolerations(errors, &spec.child("tolerations"));
    host_aliases(errors, spec);
    let preemption = spec.child("preemptionPolicy");
    if preemption.is_set() {
        one_of(errors, &preemption, &["PreemptLowerPriority", "Never"]);
    }
    resources::overhead(errors, &spec.child("overhead"));
    security::system(errors, spec);
    file_volumes(errors, spec);
}

/// The containers of all lists, in the order in which Go visits them.
pub(super) fn all_containers<'a>(spec: &Node<'a>) -> Vec<Node<'a>> {
    ["initContainers", "containers", "ephemeralContainers"].map(|list| spec.items(list)).concat()
}

/// A file that a variable is read from stands in an empty directory. Go: validateFileKeyRefVolumes
fn file_volumes(errors: &mut ErrorList, spec: &Node<'_>) {
    let volumes = spec.items("volumes");
    for variable in all_containers(spec).iter().flat_map(|container| container.items("env")) {
        let reference = variable.child("valueFrom.fileKeyRef");
        if !reference.is_set() {
            continue;
        }
        let name = reference.child("volumeName").or_empty();
        match volumes.iter().rfind(|volume| volume.text("name") == name.as_str()) {
            None => errors.push(name.not_found()),
            Some(volume) if volume.has("emptyDir") => {}
            Some(_) => errors.push(name.invalid("referenced volume must be of type emptyDir")),
        }
    }
}

/// Names of other objects, and the names under which the pod is known.
fn names(errors: &mut ErrorList, spec: &Node<'_>) {
    for field in ["serviceAccountName", "nodeName", "priorityClassName"] {
        let name = spec.child(field);
        if !name.as_str().is_empty() {
            named(errors, &name, name_is_dns_subdomain);
        }
    }
    for field in ["hostname", "subdomain"] {
        let name = spec.child(field);
        if !name.as_str().is_empty() {
            dns_label(errors, &name);
        }
    }
    let class = spec.child("runtimeClassName");
    if class.is_set() {
        dns_subdomain(errors, &class);
    }
    let name = spec.child("hostnameOverride");
    if name.is_set() {
        for (field, text) in [
            ("setHostnameAsFQDN", "may not be specified when setHostnameAsFQDN is true"),
            ("hostNetwork", "may not be specified when hostNetwork is true"),
        ] {
            if spec.flag(field) {
                errors.push(name.forbidden(text));
            }
        }
        if name.as_str().len() > 64 {
            errors.push(Error::too_long(&name.path, 64));
        }
        dns_subdomain(errors, &name);
    }
}

/// Where the pod is on the node's network, a port is the same inside and outside; in a template the outside one may be
/// left to the pod that is made of it.
///
/// Go: validatePodHostNetworkDeps
fn host_network(errors: &mut ErrorList, spec: &Node<'_>, name: &str) {
    if !spec.flag("hostNetwork") {
        return;
    }
    for container in spec.items("containers") {
        for port in container.items("ports") {
            let is_open = name.is_empty() && port.int("hostPort") == 0;
            if !is_open && port.int("hostPort") != port.int("containerPort") {
                let path = port.path.child("hostPort");
                let text = "must match `containerPort` when `hostNetwork` is true";
                errors.push(Error::invalid(&path, port.int("hostPort"), text));
            }
        }
    }
}

/// Go: validatePodResourceClaims
fn resource_claims<'a>(errors: &mut ErrorList, spec: &Node<'a>) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for claim in spec.items("resourceClaims") {
        let name = claim.child("name");
        if name.as_str().is_empty() {
            errors.push(name.required(""));
        } else if names.contains(&name.as_str()) {
            errors.push(name.duplicate());
        } else {
            dns_label(errors, &name);
            names.push(name.as_str());
        }
        let (by_name, by_template) = (claim.child("resourceClaimName"), claim.child("resourceClaimTemplateName"));
        let shown = || go_struct(claim.value, "Name ResourceClaimName? ResourceClaimTemplateName?");
        match (by_name.is_set(), by_template.is_set()) {
            (true, true) => {
                let text = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified";
                errors.push(Error::invalid(&claim.path, shown(), text));
            }
            (false, false) => {
                let text = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`";
                errors.push(Error::invalid(&claim.path, shown(), text));
            }
            _ => {}
        }
        for reference in [by_name, by_template] {
            if reference.is_set() {
                named(errors, &reference, name_is_dns_subdomain);
            }
        }
    }
    names.sort_unstable();
    names
}

/// Go: validatePodDNSConfig
fn dns_config(errors: &mut ErrorList, spec: &Node<'_>) {
    let config = spec.child("dnsConfig");
    if spec.text("dnsPolicy") == "None" {
        if !config.is_set() {
            return errors.push(config.required("must provide `dnsConfig` when `dnsPolicy` is None"));
        }
        if config.len("nameservers") == 0 {
            let text = "must provide at least one DNS nameserver when `dnsPolicy` is None";
            return errors.push(config.child("nameservers").required(text));
        }
    }
    if config.len("nameservers") > 3 {
        errors.push(config.child("nameservers").invalid("must not have more than 3 nameservers"));
    }
    for server in config.items("nameservers") {
        errors.extend(ip::is_valid_ip_for_legacy_field(&server.path, server.as_str(), Strictness::Strict, &[]));
    }
    if config.len("searches") > 32 {
        errors.push(config.child("searches").invalid("must not have more than 32 search paths"));
    }
    if config.texts("searches").join(" ").len() > 2048 {
        let text = "must not have more than 2048 characters (including spaces) in the search list";
        errors.push(config.child("searches").invalid(text));
    }
    for search in config.items("searches") {
        let name = search.as_str().strip_suffix('.').unwrap_or(search.as_str());
        if search.as_str() != "." {
            let sentences = validation::is_dns1123_subdomain_with_underscore(name);
            errors.extend(sentences.into_iter().map(|text| Error::invalid(&search.path, name, text)));
        }
    }
    for option in config.items("options") {
        if option.text("name").is_empty() {
            errors.push(option.required("must not be empty"));
        }
    }
}

fn host_aliases(errors: &mut ErrorList, spec: &Node<'_>) {
    for alias in spec.items("hostAliases") {
        let address = alias.child("ip");
        errors.extend(ip::is_valid_ip_for_legacy_field(&address.path, address.as_str(), Strictness::Strict, &[]));
        for name in alias.items("hostnames") {
            dns_subdomain(errors, &name.or_empty());
        }
    }
}

/// Go: ValidatePodSpecificAnnotations
pub(super) fn annotations_of_pod(errors: &mut ErrorList, meta: ObjectMeta<'_>, spec: &Node<'_>, path: &Path) {
    const MIRROR: &str = "kubernetes.io/config.mirror";
    const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
    for (key, value) in meta.annotations() {
        let entry = path.key(key);
        if key == MIRROR && spec.text("nodeName").is_empty() {
            let text = "must set spec.nodeName if mirror pod annotation is set";
            errors.push(Error::invalid(&entry, value, text));
        }
        if key == DELETION_COST && value.parse::<i32>().is_err() {
            errors.push(Error::invalid(&entry, value, "must be a 32bit integer"));
        }
    }
}
