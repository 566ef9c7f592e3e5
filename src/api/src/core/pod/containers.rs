//! The containers of a pod: main, initial and ephemeral ones.
//!
//! Go: pkg/apis/core/validation/validation.go validateContainers, validateInitContainers, validateEphemeralContainers

use apimachinery::validation::field::{Error, ErrorList};

use super::{mounts, parts, probes, resources, security, volumes::Volumes};
use crate::{
    node::Node,
    validation::{dns_label, one_of, required_text, supported},
};

/// What containers have to fit into.
pub(super) struct Pod<'a> {
    /// The `spec`.
    pub(super) spec: Node<'a>,
    /// Its valid volumes.
    pub(super) volumes: Volumes<'a>,
    /// The names of its resource claims, sorted.
    pub(super) claims: Vec<&'a str>,
}

impl Pod<'_> {
    /// Seconds that its containers have to stop.
    pub(super) fn grace_period(&self) -> i64 {
        self.spec.int("terminationGracePeriodSeconds")
    }

    /// Whether users in the pod are users of the node, too.
    pub(super) fn host_users(&self) -> bool {
        self.spec.opt_flag("hostUsers").unwrap_or(true)
    }
}

pub(super) fn all(errors: &mut ErrorList, pod: &Pod<'_>) {
    main(errors, pod);
    initial(errors, pod);
    ephemeral(errors, pod);
}

fn main(errors: &mut ErrorList, pod: &Pod<'_>) {
    let containers = pod.spec.items("containers");
    if containers.is_empty() {
        errors.push(pod.spec.child("containers").required(""));
    }
    let mut names = Vec::new();
    for container in &containers {
        common(errors, pod, container);
        unique_name(errors, &mut names, container);
        probes::all(errors, pod, container);
        restart_policy(errors, container);
    }
    host_port_conflicts(errors, &containers);
}

fn initial(errors: &mut ErrorList, pod: &Pod<'_>) {
    let main = pod.spec.items("containers");
    let mut names: Vec<&str> = main.iter().map(|container| container.text("name")).collect();
    for container in pod.spec.items("initContainers") {
        common(errors, pod, &container);
        initial_restart_policy(errors, &container);
        unique_name(errors, &mut names, &container);
        // They run one by one; errors name the first of them, whichever it is.
        let path = pod.spec.path.child("initContainers").index(0);
        host_port_conflicts(errors, &[container.clone().at(path)]);
        if container.text("restartPolicy") == "Always" {
            probes::all(errors, pod, &container);
            continue;
        }
        for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
            if container.has(field) {
                let text = "may not be set for init containers without restartPolicy=Always";
                errors.push(container.child(field).forbidden(text));
            }
        }
        for policy in container.items("resizePolicy") {
            if policy.text("restartPolicy") == "RestartContainer" {
                let text = "must not be set to 'RestartContainer' for non-sidecar initContainers";
                errors.push(policy.child("restartPolicy").invalid(text));
            }
        }
    }
}

fn ephemeral(errors: &mut ErrorList, pod: &Pod<'_>) {
    const ALLOWED: [&str; 17] = [
        "name",
        "image",
        "command",
        "args",
        "workingDir",
        "envFrom",
        "env",
        "volumeMounts",
        "volumeDevices",
        "terminationMessagePath",
        "terminationMessagePolicy",
        "imagePullPolicy",
        "securityContext",
        "stdin",
        "stdinOnce",
        "tty",
        "targetContainerName",
    ];
    const REFUSED: &str = "cannot be set for an Ephemeral Container";
    let others = [pod.spec.items("containers"), pod.spec.items("initContainers")].concat();
    let others: Vec<&str> = others.iter().map(|container| container.text("name")).collect();
    let mut names = others.clone();
    for container in pod.spec.items("ephemeralContainers") {
        common(errors, pod, &container);
        unique_name(errors, &mut names, &container);
        let target = container.child("targetContainerName");
        if !target.as_str().is_empty() && !others.contains(&target.as_str()) {
            errors.push(target.not_found());
        }
        for (field, _) in container.value.and_then(|value| value.as_object()).into_iter().flatten() {
            // Resources are a struct by value: empty ones are no resources.
            let is_empty = field == "resources" && container.len("resources") == 0;
            if !ALLOWED.contains(&field.as_str()) && container.has(field) && !is_empty {
                errors.push(container.child(field).forbidden(REFUSED));
            }
        }
        for mount in container.items("volumeMounts") {
            for field in ["subPath", "subPathExpr"] {
                if !mount.text(field).is_empty() {
                    errors.push(mount.child(field).forbidden(REFUSED));
                }
            }
        }
    }
}

/// Go: validateContainerCommon
fn common(errors: &mut ErrorList, pod: &Pod<'_>, container: &Node<'_>) {
    let name = container.child("name");
    if name.as_str().is_empty() {
        errors.push(name.required(""));
    } else {
        dns_label(errors, &name);
    }
    required_text(errors, &container.child("image"));
    one_of(errors, &container.child("terminationMessagePolicy"), &["File", "FallbackToLogsOnError"]);
    parts::ports(errors, container);
    parts::variables(errors, container);
    parts::variable_sources(errors, container);
    mounts::mounts(errors, pod, container);
    mounts::devices(errors, pod, container);
    one_of(errors, &container.child("imagePullPolicy"), &["Always", "IfNotPresent", "Never"]);
    resources::container(errors, &container.child("resources"), &pod.claims);
    parts::resize_policy(errors, pod, container);
    security::container(errors, pod, &container.child("securityContext"));
}

fn unique_name<'a>(errors: &mut ErrorList, names: &mut Vec<&'a str>, container: &Node<'a>) {
    let name = container.text("name");
    if names.contains(&name) {
        errors.push(Error::duplicate(&container.path.child("name"), name));
    } else if !name.is_empty() {
        names.push(name);
    }
}

/// Go: validateContainerRestartPolicy
fn restart_policy(errors: &mut ErrorList, container: &Node<'_>) {
    let policy = container.child("restartPolicy");
    let rules = container.items("restartPolicyRules");
    if policy.is_set() {
        supported(errors, &policy, &["Always", "Never", "OnFailure"]);
    } else if !rules.is_empty() {
        errors.push(policy.required("must specify restartPolicy when restart rules are used"));
    }
    if rules.len() > 20 {
        errors.push(Error::too_many(&container.path.child("restartPolicyRules"), rules.len(), 20));
    }
    for rule in rules {
        supported(errors, &rule.child("action"), &["Restart", "RestartAllContainers"]);
        let codes = rule.child("exitCodes");
        if !codes.is_set() {
            errors.push(codes.required("must be specified"));
            continue;
        }
        supported(errors, &codes.child("operator"), &["In", "NotIn"]);
        if codes.len("values") > 255 {
            errors.push(Error::too_many(&codes.path.child("values"), codes.len("values"), 255));
        }
    }
}

/// Go: validateInitContainerRestartPolicy
fn initial_restart_policy(errors: &mut ErrorList, container: &Node<'_>) {
    let policy = container.child("restartPolicy");
    let has_rules = container.len("restartPolicyRules") > 0;
    match policy.as_str() {
        _ if policy.is_set() => restart_policy(errors, container),
        _ if has_rules => errors.push(policy.required("must specify restartPolicy when restart rules are used")),
        _ => {}
    }
}

/// Two ports of the node cannot be the same.
///
/// Go: checkHostPortConflicts
fn host_port_conflicts(errors: &mut ErrorList, containers: &[Node<'_>]) {
    let mut taken = Vec::new();
    for container in containers {
        for port in container.items("ports").iter().filter(|port| port.int("hostPort") != 0) {
            let key = format!("{}/{}/{}", port.text("protocol"), port.text("hostIP"), port.int("hostPort"));
            if taken.contains(&key) {
                errors.push(Error::duplicate(&port.path.child("hostPort"), key));
            } else {
                taken.push(key);
            }
        }
    }
}
