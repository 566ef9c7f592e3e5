//! What the author of a pod, or of a template, should know.
//!
//! Nothing here refuses anything: what is deprecated, without effect or ambiguous is told in `Warning` headers. Volumes
//! have a file of their own, `volume_warnings`.
//!
//! Go: pkg/api/pod/warnings.go

use std::collections::BTreeMap;

use apimachinery::{
    runtime::object::Object,
    util::{ip, strconv::quote, validation},
};
use serde_json::Value;

use super::volume_warnings;
use crate::node::Node;

/// Annotations that nothing reads any more.
const DEPRECATED_ANNOTATIONS: [(&str, &str); 3] = [
    (
        "scheduler.alpha.kubernetes.io/critical-pod",
        "non-functional in v1.16+; use the \"priorityClassName\" field instead",
    ),
    ("security.alpha.kubernetes.io/sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
    ("security.alpha.kubernetes.io/unsafe-sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
];
/// Labels of nodes that have another name now. Go: pkg/api/node/util.go deprecatedNodeLabels
const DEPRECATED_NODE_LABELS: [(&str, &str); 8] = [
    ("beta.kubernetes.io/arch", "deprecated since v1.14; use \"kubernetes.io/arch\" instead"),
    ("beta.kubernetes.io/os", "deprecated since v1.14; use \"kubernetes.io/os\" instead"),
    (
        "failure-domain.beta.kubernetes.io/region",
        "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
    ),
    ("failure-domain.beta.kubernetes.io/zone", "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"),
    ("beta.kubernetes.io/instance-type", "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead"),
    ("app.kubernetes.io/created-by", "deprecated since v1.9"),
    ("scheduler.alpha.kubernetes.io/preferAvoidPods", "deprecated since v1.22; use Taints and Tolerations instead"),
    ("node-role.kubernetes.io/master", "use \"node-role.kubernetes.io/control-plane\" instead"),
];
/// Where seccomp profiles were named before they had a field.
pub(super) const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
pub(super) const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
/// Where AppArmor profiles were named before they had a field; the name of the container follows.
pub(super) const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

/// Go: podStrategy.WarningsOnCreate
pub(super) fn of_pod(object: &Object) -> Vec<String> {
    let mut warnings = of_name(object, "the Pod's hostname");
    warnings.extend(of_spec(&Node::of(object, "metadata"), &Node::of(object, "spec"), Whole::Pod));
    warnings
}

/// Only a change of the spec, which the generation tells, warns again.
pub(super) fn of_pod_update(object: &Object, old: &Object) -> Vec<String> {
    if object.generation() == old.generation() {
        return Vec::new();
    }
    of_spec(&Node::of(object, "metadata"), &Node::of(object, "spec"), Whole::Pod)
}

/// The warnings about `spec.template`. Go: GetWarningsForPodTemplate
pub fn of_workload(object: &Object) -> Vec<String> {
    of_template_at(object, "spec.template")
}

/// As [`of_workload`], for the kinds whose pods are named after them.
pub fn of_named_workload(object: &Object) -> Vec<String> {
    let mut warnings = of_name(object, "Pod names and hostnames");
    warnings.extend(of_workload(object));
    warnings
}

/// The same of a change.
pub fn of_workload_update(object: &Object, old: &Object) -> Vec<String> {
    if object.generation() == old.generation() { Vec::new() } else { of_workload(object) }
}

/// The warnings about a template somewhere in an object.
pub fn of_template_at(object: &Object, names: &str) -> Vec<String> {
    let template = Node::of(object, names);
    of_spec(&template.child("metadata"), &template.child("spec"), Whole::Template)
}

/// A name that makes no good host name.
pub fn of_name(object: &Object, used_in: &str) -> Vec<String> {
    let sentences = validation::is_dns1123_label(object.name());
    if sentences.is_empty() {
        return Vec::new();
    }
    let rest = "which can result in surprising behavior; a DNS label is recommended";
    vec![format!("metadata.name: this is used in {used_in}, {rest}: [{}]", sentences.join(" "))]
}

/// What a spec belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    Pod,
    Template,
}

/// Go: warningsForPodSpecAndMeta
fn of_spec(meta: &Node<'_>, spec: &Node<'_>, whole: Whole) -> Vec<String> {
    let mut warnings = Vec::new();
    placement(&mut warnings, spec);
    let annotations = meta.child("annotations");
    for (key, text) in DEPRECATED_ANNOTATIONS {
        if annotations.has_key(key) {
            warnings.push(format!("{}: {text}", annotations.path.key(key)));
        }
    }
    volume_warnings::all(&mut warnings, spec);
    addresses(&mut warnings, spec);
    pull_secrets(&mut warnings, spec);
    for name in ["memory", "ephemeral-storage"] {
        fraction(&mut warnings, &spec.child("overhead").key(name));
    }
    if !spec.has("securityContext.seccompProfile") {
        seccomp(&mut warnings, &annotations, SECCOMP_POD);
    }
    let containers = ["initContainers", "containers", "ephemeralContainers"].map(|list| spec.items(list)).concat();
    for container in &containers {
        of_container(&mut warnings, spec, container, &annotations, whole);
    }
    ports(&mut warnings, &containers);
    let grace = spec.child("terminationGracePeriodSeconds");
    if grace.as_int() < 0 {
        warnings.push(format!("{}: must be >= 0; negative values are invalid and will be treated as 1", grace.path));
    }
    no_selectors(&mut warnings, spec);
    warnings
}

/// What is wrong with selecting by this label of a node.
fn deprecated_label(key: &str) -> Option<&'static str> {
    DEPRECATED_NODE_LABELS.iter().find(|(label, _)| *label == key).map(|(_, text)| *text)
}

/// Labels of nodes that are named by names of old, and constraints that select nothing.
fn placement(warnings: &mut Vec<String>, spec: &Node<'_>) {
    for (key, entry) in spec.entries("nodeSelector") {
        warnings.extend(deprecated_label(key).map(|text| format!("{}: {text}", entry.path)));
    }
    let affinity = spec.child("affinity.nodeAffinity");
    for term in affinity.items("requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms") {
        of_node_selector_term(warnings, &term);
    }
    for term in affinity.items("preferredDuringSchedulingIgnoredDuringExecution") {
        of_node_selector_term(warnings, &term.child("preference"));
    }
    for constraint in spec.items("topologySpreadConstraints") {
        of_key(warnings, &constraint.child("topologyKey"));
        no_selector(warnings, &constraint);
    }
}

fn of_key(warnings: &mut Vec<String>, key: &Node<'_>) {
    warnings.extend(deprecated_label(key.as_str()).map(|text| format!("{}: {} is {text}", key.path, key.as_str())));
}

/// Go: pkg/api/node/util.go GetWarningsForNodeSelectorTerm
pub fn of_node_selector_term(warnings: &mut Vec<String>, term: &Node<'_>) {
    for expression in term.items("matchExpressions") {
        of_key(warnings, &expression.child("key"));
    }
}

fn no_selector(warnings: &mut Vec<String>, holder: &Node<'_>) {
    let selector = holder.child("labelSelector");
    if !selector.is_set() {
        warnings.push(format!("{}: a null labelSelector results in matching no pod", selector.path));
    }
}

/// Go: warningsForPodAffinityTerms, warningsForWeightedPodAffinityTerms
fn no_selectors(warnings: &mut Vec<String>, spec: &Node<'_>) {
    for kind in ["affinity.podAffinity", "affinity.podAntiAffinity"] {
        let affinity = spec.child(kind);
        for term in affinity.items("requiredDuringSchedulingIgnoredDuringExecution") {
            no_selector(warnings, &term);
        }
        for term in affinity.items("preferredDuringSchedulingIgnoredDuringExecution") {
            no_selector(warnings, &term.child("podAffinityTerm"));
        }
    }
}

fn addresses(warnings: &mut Vec<String>, spec: &Node<'_>) {
    repeated(warnings, &spec.items("hostAliases"), "ip");
    for alias in spec.items("hostAliases") {
        warnings.extend(ip::warnings_for_ip(&alias.path.child("ip"), alias.text("ip")));
    }
    for server in spec.items("dnsConfig.nameservers") {
        warnings.extend(ip::warnings_for_ip(&server.path, server.as_str()));
    }
}

fn pull_secrets(warnings: &mut Vec<String>, spec: &Node<'_>) {
    let secrets = spec.items("imagePullSecrets");
    repeated(warnings, &secrets, "name");
    for secret in secrets.iter().filter(|secret| secret.text("name").is_empty()) {
        warnings.push(format!("{}: invalid empty name \"\"", secret.path.child("name")));
    }
}

/// The second of two items whose field says the same.
fn repeated(warnings: &mut Vec<String>, items: &[Node<'_>], field: &str) {
    for (index, item) in items.iter().enumerate() {
        let text = item.text(field);
        if items[..index].iter().any(|other| other.text(field) == text) {
            warnings.push(format!("{}: duplicate {field} {}", item.path.child(field), quote(text)));
        }
    }
}

/// An amount of bytes that is no whole number.
pub fn fraction(warnings: &mut Vec<String>, entry: &Node<'_>) {
    if let Some(quantity) = entry.as_quantity().filter(|quantity| quantity.milli_value() % 1000 != 0) {
        let shown = quote(&quantity.to_string());
        warnings.push(format!("{}: fractional byte value {shown} is invalid, must be an integer", entry.path));
    }
}

fn seccomp(warnings: &mut Vec<String>, annotations: &Node<'_>, key: &str) {
    if annotations.has_key(key) {
        let text = "non-functional in v1.27+; use the \"seccompProfile\" field instead";
        warnings.push(format!("{}: {text}", annotations.path.key(key)));
    }
}

fn of_container(
    warnings: &mut Vec<String>,
    spec: &Node<'_>,
    container: &Node<'_>,
    annotations: &Node<'_>,
    whole: Whole,
) {
    let name = container.text("name");
    if !container.has("securityContext.seccompProfile") {
        seccomp(warnings, annotations, &format!("{SECCOMP_CONTAINER}{name}"));
    }
    const PROFILE: &str = "securityContext.appArmorProfile";
    let key = format!("{APP_ARMOR}{name}");
    // A pod takes such annotations over, and is told then.
    if whole == Whole::Template && !spec.has(PROFILE) && !container.has(PROFILE) && annotations.has_key(&key) {
        warnings.push(app_armor(&annotations.path.key(&key).to_string()));
    }
    for resource in ["memory", "ephemeral-storage"] {
        for kind in ["limits", "requests"] {
            fraction(warnings, &container.child("resources").child(kind).key(resource));
        }
    }
    let variables = container.items("env");
    for (index, variable) in variables.iter().enumerate() {
        let name = variable.text("name");
        let is_defined = variables[..index].iter().any(|other| other.text("name") == name);
        let (value, reference) = (variable.text("value"), format!("$({name})"));
        // `X=$(X)123` after `X=abc` makes use of it.
        let extends = !variable.has("valueFrom") && value != reference && value.contains(&reference);
        if is_defined && !extends {
            let text = format!("hides previous definition of {}, which may be dropped when using apply", quote(name));
            warnings.push(format!("{}: {text}", variable.path));
        }
    }
}

/// What is said of an annotation about AppArmor.
pub(super) fn app_armor(at: &str) -> String {
    format!("{at}: deprecated since v1.30; use the \"appArmorProfile\" field instead")
}

/// Ports that are the same, or may be.
fn ports(warnings: &mut Vec<String>, containers: &[Node<'_>]) {
    let mut known: BTreeMap<(i64, &str), Vec<Node<'_>>> = BTreeMap::new();
    for port in containers.iter().flat_map(|container| container.items("ports")) {
        let (ip, host) = (port.text("hostIP"), port.int("hostPort"));
        if !ip.is_empty() && host == 0 {
            warnings.push(format!("{}: hostIP set without hostPort: {}", port.path, shown(&port)));
        }
        let others = known.entry((port.int("containerPort"), port.text("protocol"))).or_default();
        for other in &*others {
            let (other_ip, other_host) = (other.text("hostIP"), other.int("hostPort"));
            let how = if ip == other_ip && host == other_host {
                "duplicate"
            } else if host == 0 || other_host == 0 {
                "overlapping"
            } else if host == other_host && ip.is_empty() != other_ip.is_empty() {
                "dangerously ambiguous"
            } else {
                continue;
            };
            warnings.push(format!("{}: {how} port definition with {}", port.path, other.path));
        }
        others.push(port);
    }
}

/// A port as Go's `%+v` shows it.
fn shown(port: &Node<'_>) -> String {
    let text = |name: &str| port.get(name).and_then(Value::as_str).unwrap_or_default();
    format!(
        "{{Name:{} HostPort:{} ContainerPort:{} Protocol:{} HostIP:{}}}",
        text("name"),
        port.int("hostPort"),
        port.int("containerPort"),
        text("protocol"),
        text("hostIP")
    )
}
