//! What a pod and its containers may do on their node.
//!
//! Go: pkg/apis/core/validation/validation.go ValidateSecurityContext, validatePodSpecSecurityContext

use apimachinery::{
    util::validation,
    validation::field::{BadValue, Error, ErrorList},
};
use serde_json::Value;

use super::{containers::Pod, spec::all_containers};
use crate::{
    capabilities,
    core::volumes::descending_path,
    gostruct,
    node::Node,
    validation::{each, go_struct, supported},
};

pub(super) fn container(errors: &mut ErrorList, pod: &Pod<'_>, context: &Node<'_>) {
    if !context.is_set() {
        return;
    }
    if context.flag("privileged") && !capabilities::allow_privileged() {
        errors.push(context.child("privileged").forbidden("disallowed by cluster policy"));
    }
    ids(errors, context);
    let mount = context.child("procMount");
    if mount.is_set() {
        supported(errors, &mount, &["Default", "Unmasked"]);
        if pod.host_users() && mount.as_str() == "Unmasked" {
            errors.push(mount.invalid("`hostUsers` must be false to use `Unmasked`"));
        }
    }
    seccomp(errors, &context.child("seccompProfile"));
    if context.opt_flag("allowPrivilegeEscalation") == Some(false) {
        let mut refuse = |what: &str| {
            let text = format!("cannot set `allowPrivilegeEscalation` to false and {what}");
            errors.push(Error::invalid(&context.path, shown(context), text));
        };
        if context.flag("privileged") {
            refuse("`privileged` to true");
        }
        if context.texts("capabilities.add").contains(&"CAP_SYS_ADMIN") {
            refuse("`capabilities.Add` CAP_SYS_ADMIN");
        }
    }
    windows_options(errors, &context.child("windowsOptions"));
    app_armor(errors, &context.child("appArmorProfile"));
}

fn shown(context: &Node<'_>) -> BadValue {
    gostruct::shown(context.value, "io.k8s.api.core.v1.SecurityContext")
}

fn ids(errors: &mut ErrorList, context: &Node<'_>) {
    for (name, rule) in [
        ("runAsUser", validation::is_valid_user_id as fn(i64) -> Vec<String>),
        ("runAsGroup", validation::is_valid_group_id),
        ("fsGroup", validation::is_valid_group_id),
    ] {
        let id = context.child(name);
        if id.is_set() {
            each(errors, &id, rule(id.as_int()));
        }
    }
}

const PROFILES: [&str; 3] = ["Localhost", "RuntimeDefault", "Unconfined"];

/// Go: validateSeccompProfileField
fn seccomp(errors: &mut ErrorList, profile: &Node<'_>) {
    if !profile.is_set() {
        return;
    }
    let (kind, local) = (profile.child("type"), profile.child("localhostProfile"));
    if kind.as_str().is_empty() {
        errors.push(kind.required("type is required when seccompProfile is set"));
    } else {
        supported(errors, &kind, &PROFILES);
    }
    match (kind.as_str() == "Localhost", local.is_set()) {
        (true, false) => errors.push(local.required("must be set when seccomp type is Localhost")),
        (true, true) => descending_path(errors, &local),
        (false, true) => {
            let value = go_struct(profile.value, "Type LocalhostProfile?");
            errors.push(Error::invalid(&local.path, value, "can only be set when seccomp type is Localhost"));
        }
        (false, false) => {}
    }
}

/// Go: ValidateAppArmorProfileField
fn app_armor(errors: &mut ErrorList, profile: &Node<'_>) {
    if !profile.is_set() {
        return;
    }
    let (kind, local) = (profile.child("type"), profile.child("localhostProfile"));
    match kind.as_str() {
        "Localhost" => {
            let text = local.as_str();
            if text.trim().is_empty() {
                errors.push(local.required("must be set when AppArmor type is Localhost"));
            } else if text.trim() != text {
                errors.push(local.invalid("must not be padded with whitespace"));
            } else if text.len() > 4095 {
                errors.push(Error::too_long(&local.path, 4095));
            }
        }
        "RuntimeDefault" | "Unconfined" => {
            if local.is_set() {
                errors.push(local.invalid("can only be set when AppArmor type is Localhost"));
            }
        }
        "" => errors.push(kind.required("type is required when appArmorProfile is set")),
        _ => errors.push(kind.not_supported(&PROFILES)),
    }
}

/// Go: validateWindowsSecurityContextOptions
fn windows_options(errors: &mut ErrorList, options: &Node<'_>) {
    let name = options.child("gmsaCredentialSpecName");
    if name.is_set() {
        each(errors, &name, validation::is_dns1123_subdomain(name.as_str()));
    }
    let spec = options.child("gmsaCredentialSpec");
    if spec.is_set() && spec.as_str().is_empty() {
        errors.push(spec.invalid("gmsaCredentialSpec cannot be an empty string"));
    } else if spec.as_str().len() > 64 * 1024 {
        errors.push(spec.invalid("gmsaCredentialSpec size must be under 64 KiB"));
    }
    let user = options.child("runAsUserName");
    if user.is_set() {
        windows_user(errors, &user);
    }
}

fn windows_user(errors: &mut ErrorList, user: &Node<'_>) {
    let text = user.as_str();
    if text.is_empty() {
        return errors.push(user.invalid("runAsUserName cannot be an empty string"));
    }
    if text.chars().any(char::is_control) {
        return errors.push(user.invalid("runAsUserName cannot contain control characters"));
    }
    let parts: Vec<&str> = text.split('\\').collect();
    let (domain, name) = match parts[..] {
        [name] => (None, name),
        [domain, name] => (Some(domain), name),
        _ => return errors.push(user.invalid("runAsUserName cannot contain more than one backslash")),
    };
    if let Some(domain) = domain {
        let dns = |text: &str| {
            text.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                    && !label.starts_with('-')
                    && !label.ends_with('-')
            })
        };
        let netbios = |text: &str| {
            (1..=15).contains(&text.len())
                && !text.contains(|char: char| "\\/:*?\"<>|".contains(char))
                && !text.starts_with('.')
        };
        if domain.len() >= 256 {
            errors.push(user.invalid("runAsUserName's Domain length must be under 256 characters"));
        }
        if !netbios(domain) && !dns(domain) {
            errors.push(user.invalid("runAsUserName's Domain doesn't match the NetBios nor the DNS format"));
        }
    }
    const REFUSED: &str = "\"/\\:;|=,+*?<>@[]";
    if name.is_empty() {
        errors.push(user.invalid("runAsUserName's User cannot be empty"));
    } else if name.len() > 104 {
        errors.push(user.invalid("runAsUserName's User length must not be longer than 104 characters"));
    }
    if !name.is_empty() && name.chars().all(|char| matches!(char, '.' | ' ')) {
        errors.push(user.invalid("runAsUserName's User cannot contain only periods or spaces"));
    }
    if name.contains(|char: char| REFUSED.contains(char)) {
        errors.push(user.invalid(format!("runAsUserName's User cannot contain the following characters: {REFUSED}")));
    }
}

/// Checks the context of the pod itself. Go: validatePodSpecSecurityContext
pub(super) fn pod(errors: &mut ErrorList, spec: &Node<'_>) {
    let context = spec.child("securityContext");
    ids(errors, &context);
    for group in context.items("supplementalGroups") {
        each(errors, &group, validation::is_valid_group_id(group.as_int()));
    }
    if spec.flag("hostPID") && spec.flag("shareProcessNamespace") {
        let share = Node::new(spec.get("shareProcessNamespace"), context.path.child("shareProcessNamespace"));
        errors.push(share.invalid("ShareProcessNamespace and HostPID cannot both be enabled"));
    }
    sysctls(errors, spec, &context);
    for (name, values) in [
        ("fsGroupChangePolicy", &["Always", "OnRootMismatch"][..]),
        ("supplementalGroupsPolicy", &["Merge", "Strict"]),
        ("seLinuxChangePolicy", &["Recursive"]),
    ] {
        let policy = context.child(name);
        if policy.is_set() {
            supported(errors, &policy, values);
        }
    }
    seccomp(errors, &context.child("seccompProfile"));
    windows_options(errors, &context.child("windowsOptions"));
    app_armor(errors, &context.child("appArmorProfile"));
}

/// Go: validateSysctls
fn sysctls(errors: &mut ErrorList, spec: &Node<'_>, context: &Node<'_>) {
    let mut names = Vec::new();
    for sysctl in context.items("sysctls") {
        let name = sysctl.child("name");
        let text = name.as_str();
        if text.is_empty() {
            errors.push(name.required(""));
        } else if !is_sysctl(text) {
            let rule = r"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
            errors.push(name.invalid(format!("must have at most 253 characters and match regex {rule}")));
        } else if names.contains(&text) {
            errors.push(name.duplicate());
        }
        names.push(text);
        let dotted = text.replace('/', ".");
        let ipc = ["kernel.shm", "kernel.msg", "fs.mqueue."].iter().any(|prefix| dotted.starts_with(prefix))
            || dotted == "kernel.sem";
        if spec.flag("hostNetwork") && dotted.starts_with("net.") {
            errors.push(name.invalid("may not be specified when 'hostNetwork' is true"));
        }
        if spec.flag("hostIPC") && ipc {
            errors.push(name.invalid("may not be specified when 'hostIPC' is true"));
        }
    }
}

fn is_sysctl(name: &str) -> bool {
    let part = |part: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        let end = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        part.bytes().all(inner) && end(part.as_bytes().first()) && end(part.as_bytes().last())
    };
    name.len() <= 253 && name.split(['.', '/']).all(part)
}

/// Containers that are processes of a Windows node: all of them or none. Go: validateWindowsHostProcessPod
pub(super) fn host_process(errors: &mut ErrorList, spec: &Node<'_>) {
    const FIELD: &str = "securityContext.windowsOptions.hostProcess";
    let of_pod = spec.opt_flag(FIELD);
    let containers = all_containers(spec);
    for container in &containers {
        if let (Some(pod), Some(own)) = (of_pod, container.opt_flag(FIELD))
            && pod != own
        {
            let text = format!("pod hostProcess value must be identical if both are specified, was {pod}");
            errors.push(container.child(FIELD).invalid(text));
        }
    }
    let count = containers.iter().filter(|container| container.opt_flag(FIELD).or(of_pod) == Some(true)).count();
    if count == 0 {
        return;
    }
    if count != containers.len() {
        let text = "If pod contains any hostProcess containers then all containers must be HostProcess containers";
        errors.push(Error::invalid(&spec.path, "", text));
    }
    if !spec.flag("hostNetwork") {
        let text = "hostNetwork must be true if pod contains any hostProcess containers";
        errors.push(Error::invalid(&spec.path.child("hostNetwork"), false, text));
    }
    if !capabilities::allow_privileged() {
        errors.push(spec.forbidden("hostProcess containers are disallowed by cluster policy"));
    }
}

/// What is refused where users of the pod are no users of the node. Go: validateHostUsers
pub(super) fn host_users(errors: &mut ErrorList, spec: &Node<'_>) {
    const REFUSED: &str = "when `hostUsers` is false";
    if spec.opt_flag("hostUsers") != Some(false) {
        return;
    }
    for (field, shown) in [("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")] {
        if spec.flag(field) {
            errors.push(Error::forbidden(&spec.path.child(shown), REFUSED));
        }
    }
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in spec.items(list) {
            if container.len("volumeDevices") > 0 {
                errors.push(container.child("volumeDevices").forbidden(REFUSED));
            }
        }
    }
}

/// What a pod may not say of itself on the system it names. Go: validateLinux, validateWindows
pub(super) fn system(errors: &mut ErrorList, spec: &Node<'_>) {
    let os = spec.child("os");
    if !os.is_set() {
        return;
    }
    let name = os.text("name");
    if name.is_empty() {
        errors.push(os.child("name").required(""));
    } else if !matches!(name, "linux" | "windows") {
        errors.push(Error::not_supported(&os.path, name, &["linux", "windows"]));
    }
    let refuse = |errors: &mut ErrorList, node: &Node<'_>, fields: &[&str], text: &str| {
        for field in fields {
            // An empty list of sysctls is none; of other lists it is one.
            if node.has(field) && (*field != "sysctls" || node.len(field) > 0) {
                errors.push(node.child(field).forbidden(text));
            }
        }
    };
    let context = spec.child("securityContext");
    let containers = all_containers(spec);
    let contexts = containers.iter().map(|container| container.child("securityContext"));
    if name == "linux" {
        const TEXT: &str = "windows options cannot be set for a linux pod";
        refuse(errors, &context, &["windowsOptions"], TEXT);
        contexts.for_each(|context| refuse(errors, &context, &["windowsOptions"], TEXT));
    } else if name == "windows" {
        const TEXT: &str = "cannot be set for a windows pod";
        const POD: [&str; 11] = [
            "appArmorProfile",
            "seLinuxOptions",
            "seccompProfile",
            "fsGroup",
            "fsGroupChangePolicy",
            "sysctls",
            "runAsUser",
            "runAsGroup",
            "supplementalGroups",
            "supplementalGroupsPolicy",
            "seLinuxChangePolicy",
        ];
        const CONTAINER: [&str; 10] = [
            "capabilities",
            "readOnlyRootFilesystem",
            "privileged",
            "allowPrivilegeEscalation",
            "procMount",
            "runAsUser",
            "runAsGroup",
            "seLinuxOptions",
            "seccompProfile",
            "appArmorProfile",
        ];
        refuse(errors, &context, &POD, TEXT);
        refuse(errors, spec, &["hostUsers", "shareProcessNamespace"], TEXT);
        for field in ["hostPID", "hostIPC"] {
            if spec.flag(field) {
                errors.push(spec.child(field).forbidden(TEXT));
            }
        }
        contexts.for_each(|context| refuse(errors, &context, &CONTAINER, TEXT));
    }
}

/// Whether a pod is one of Windows.
pub(super) fn is_windows(spec: &Value) -> bool {
    crate::node::at(Some(spec), "os.name").is_some_and(|name| name == "windows")
}
