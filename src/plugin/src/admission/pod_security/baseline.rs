//! The rules of the baseline: no known ways out of the container.
//!
//! Go: pod-security-admission/policy/check_*.go

use std::collections::BTreeSet;

use serde_json::Value;

use crate::admission::pod_security::{
    checks::{Check, Pod, Setters, Violation, by_containers, containers, join_quote, name, pluralize},
    policy::Level,
};

const fn check(id: &'static str, versions: (u32, Option<u32>), run: fn(Pod<'_>) -> Option<Violation>) -> Check {
    Check { id, level: Level::Baseline, versions, replaces: None, run }
}

/// All rules, by name.
pub const CHECKS: &[Check] = &[
    check("appArmorProfile", (0, None), app_armor_profile),
    check("capabilities_baseline", (0, None), capabilities),
    check("hostNamespaces", (0, None), host_namespaces),
    check("hostPathVolumes", (0, None), host_path_volumes),
    check("hostPorts", (0, None), host_ports),
    check("hostProbesAndHostLifecycle", (34, None), host_probes),
    check("privileged", (0, None), privileged),
    check("procMount", (0, Some(35)), proc_mount),
    check("procMount", (35, None), |pod| if pod.spec["hostUsers"] == false { None } else { proc_mount(pod) }),
    check("seLinuxOptions", (0, None), se_linux_options),
    check("seccompProfile_baseline", (0, Some(19)), seccomp_annotations),
    check("seccompProfile_baseline", (19, None), seccomp_profile),
    check("sysctls", (0, None), sysctls),
    check("windowsHostProcess", (0, None), windows_host_process),
];

fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}

/// Go: check_appArmorProfile.go
fn app_armor_profile(pod: Pod<'_>) -> Option<Violation> {
    const PREFIX: &str = "container.apparmor.security.beta.kubernetes.io/";
    let bad = |context: &Value| {
        text(&context["appArmorProfile"]["type"])
            .filter(|kind| !["RuntimeDefault", "Localhost"].contains(kind))
            .map(str::to_owned)
    };
    let setters = Setters::of(pod, bad);
    let allowed = |value: &str| value.is_empty() || value == "runtime/default" || value.starts_with("localhost/");
    let annotations = pod.annotations.as_object().into_iter().flatten();
    let annotations = annotations.filter_map(|(key, value)| Some((key, value.as_str()?)));
    let annotations: Vec<_> = annotations
        .filter(|(key, value)| key.starts_with(PREFIX) && !allowed(value))
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    let count = setters.values.len() + annotations.len();
    let reason = pluralize("forbidden AppArmor profile", "forbidden AppArmor profiles", count);
    let mut parts: Vec<String> = setters
        .violation(reason, "must not set AppArmor profile type to")
        .into_iter()
        .map(|violation| violation.detail)
        .collect();
    if !annotations.is_empty() {
        parts.push(format!("{} {}", pluralize("annotation", "annotations", annotations.len()), annotations.join(", ")));
    }
    (count > 0).then(|| Violation { reason: reason.to_owned(), detail: parts.join("; ") })
}

/// Go: check_capabilities_baseline.go
fn capabilities(pod: Pod<'_>) -> Option<Violation> {
    const ALLOWED: [&str; 13] = [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ];
    let (names, added) = adding(pod, &ALLOWED);
    let rest = format!("must not include {} in securityContext.capabilities.add", join_quote(added));
    by_containers(&names, "non-default capabilities", &rest)
}

/// Returns the containers that add capabilities beyond `allowed`, and these capabilities.
pub(super) fn adding<'a>(pod: Pod<'a>, allowed: &[&str]) -> (Vec<&'a str>, BTreeSet<&'a str>) {
    let (mut names, mut added) = (Vec::new(), BTreeSet::new());
    for container in pod.containers() {
        let list = container["securityContext"]["capabilities"]["add"].as_array().into_iter().flatten();
        let forbidden: Vec<_> =
            list.filter_map(Value::as_str).filter(|capability| !allowed.contains(capability)).collect();
        if !forbidden.is_empty() {
            names.push(name(container));
            added.extend(forbidden);
        }
    }
    (names, added)
}

/// Go: check_hostNamespaces.go
fn host_namespaces(pod: Pod<'_>) -> Option<Violation> {
    let shared = ["hostNetwork", "hostPID", "hostIPC"].into_iter().filter(|field| pod.spec[*field] == true);
    let shared: Vec<_> = shared.map(|field| format!("{field}=true")).collect();
    (!shared.is_empty()).then(|| Violation { reason: "host namespaces".to_owned(), detail: shared.join(", ") })
}

/// Go: check_hostPathVolumes.go
fn host_path_volumes(pod: Pod<'_>) -> Option<Violation> {
    let volumes = pod.spec["volumes"].as_array().into_iter().flatten();
    let names: Vec<_> = volumes.filter(|volume| volume["hostPath"].is_object()).map(name).collect();
    let detail = format!("{} {}", pluralize("volume", "volumes", names.len()), join_quote(names.iter().copied()));
    (!names.is_empty()).then(|| Violation { reason: "hostPath volumes".to_owned(), detail })
}

/// Go: check_hostPorts.go
fn host_ports(pod: Pod<'_>) -> Option<Violation> {
    let ports_of = |container: &Value| -> Vec<String> {
        let ports = container["ports"].as_array().into_iter().flatten();
        let used = ports.filter_map(|port| port["hostPort"].as_i64()).filter(|port| *port != 0);
        used.map(|port| port.to_string()).collect()
    };
    let names = pod.names(|container| !ports_of(container).is_empty());
    // Sorted as texts, as Go's set of strings is.
    let ports: BTreeSet<String> = pod.containers().flat_map(ports_of).collect();
    let detail = format!(
        "{} {} {} {}",
        containers(&names),
        pluralize("uses", "use", names.len()),
        pluralize("hostPort", "hostPorts", ports.len()),
        ports.into_iter().collect::<Vec<_>>().join(", ")
    );
    let reason = pluralize("hostPort", "hostPorts", names.len()).to_owned();
    (!names.is_empty()).then_some(Violation { reason, detail })
}

/// Go: check_hostProbesAndHostLifecycle.go
fn host_probes(pod: Pod<'_>) -> Option<Violation> {
    let hosts_of = |container: &Value| -> Vec<String> {
        let probes = ["livenessProbe", "readinessProbe", "startupProbe"].map(|probe| &container[probe]);
        let hooks = ["postStart", "preStop"].map(|hook| &container["lifecycle"][hook]);
        let handlers = probes.into_iter().chain(hooks);
        let hosts = handlers.flat_map(|handler| [&handler["httpGet"]["host"], &handler["tcpSocket"]["host"]]);
        hosts.filter_map(text).map(str::to_owned).collect()
    };
    let names = pod.names(|container| !hosts_of(container).is_empty());
    let hosts: BTreeSet<String> = pod.containers().flat_map(hosts_of).collect();
    let what = pluralize("probe or lifecycle host", "probe or lifecycle hosts", hosts.len());
    let detail = format!(
        "{} {} {what} {}",
        containers(&names),
        pluralize("uses", "use", names.len()),
        join_quote(hosts.iter().map(String::as_str))
    );
    (!names.is_empty()).then(|| Violation { reason: what.to_owned(), detail })
}

/// Go: check_privileged.go
fn privileged(pod: Pod<'_>) -> Option<Violation> {
    let names = pod.names(|container| container["securityContext"]["privileged"] == true);
    by_containers(&names, "privileged", "must not set securityContext.privileged=true")
}

/// Go: check_procMount.go
pub(super) fn proc_mount(pod: Pod<'_>) -> Option<Violation> {
    let kind = |container: &Value| {
        text(&container["securityContext"]["procMount"]).filter(|kind| *kind != "Default").map(str::to_owned)
    };
    let names = pod.names(|container| kind(container).is_some());
    let kinds: BTreeSet<String> = pod.containers().filter_map(kind).collect();
    let rest = format!("must not set securityContext.procMount to {}", join_quote(kinds.iter().map(String::as_str)));
    by_containers(&names, "procMount", &rest)
}

/// Go: check_seLinuxOptions.go
fn se_linux_options(pod: Pod<'_>) -> Option<Violation> {
    const ALLOWED: [&str; 4] = ["container_t", "container_init_t", "container_kvm_t", "container_engine_t"];
    let bad_type = |context: &Value| {
        text(&context["seLinuxOptions"]["type"]).filter(|kind| !ALLOWED.contains(kind)).map(str::to_owned)
    };
    let sets = |context: &Value, field: &str| text(&context["seLinuxOptions"][field]).is_some();
    let bad = |context: &Value| bad_type(context).is_some() || sets(context, "user") || sets(context, "role");
    let setters = Setters::of(pod, |context| bad(context).then(|| bad_type(context).unwrap_or_default()));
    let contexts = || {
        std::iter::once(&pod.spec["securityContext"])
            .chain(pod.containers().map(|container| &container["securityContext"]))
    };
    let types: BTreeSet<String> = contexts().filter_map(bad_type).collect();
    let mut data = Vec::new();
    if !types.is_empty() {
        data.push(format!(
            "{} {}",
            pluralize("type", "types", types.len()),
            join_quote(types.iter().map(String::as_str))
        ));
    }
    for field in ["user", "role"] {
        if contexts().any(|context| sets(context, field)) {
            data.push(format!("{field} may not be set"));
        }
    }
    setters.plain("seLinuxOptions", &format!("set forbidden securityContext.seLinuxOptions: {}", data.join("; ")))
}

/// Go: check_seccompProfile_baseline.go seccompProfileBaseline_1_0
fn seccomp_annotations(pod: Pod<'_>) -> Option<Violation> {
    let profiled = |key: &str| {
        key == "seccomp.security.alpha.kubernetes.io/pod"
            || key.starts_with("container.seccomp.security.alpha.kubernetes.io/")
    };
    let allowed =
        |value: &str| ["runtime/default", "docker/default"].contains(&value) || value.starts_with("localhost/");
    let annotations = pod.annotations.as_object().into_iter().flatten();
    let annotations = annotations.filter_map(|(key, value)| Some((key, value.as_str()?)));
    let bad: Vec<_> = annotations
        .filter(|(key, value)| profiled(key) && !allowed(value))
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    let detail = format!("forbidden {} {}", pluralize("annotation", "annotations", bad.len()), bad.join(", "));
    (!bad.is_empty()).then(|| Violation { reason: "seccompProfile".to_owned(), detail })
}

/// Go: check_seccompProfile_baseline.go seccompProfileBaseline_1_19
fn seccomp_profile(pod: Pod<'_>) -> Option<Violation> {
    let bad = |context: &Value| {
        text(&context["seccompProfile"]["type"]).filter(|kind| *kind == "Unconfined").map(str::to_owned)
    };
    Setters::of(pod, bad).violation("seccompProfile", "must not set securityContext.seccompProfile.type to")
}

/// Go: check_sysctls.go
///
/// Simplified: the list of harmless settings is today's for every version.
fn sysctls(pod: Pod<'_>) -> Option<Violation> {
    const ALLOWED: [&str; 12] = [
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_wmem",
    ];
    let list = pod.spec["securityContext"]["sysctls"].as_array().into_iter().flatten();
    let forbidden: Vec<_> = list.map(name).filter(|name| !ALLOWED.contains(name)).collect();
    (!forbidden.is_empty()).then(|| Violation { reason: "forbidden sysctls".to_owned(), detail: forbidden.join(", ") })
}

/// Go: check_windowsHostProcess.go
fn windows_host_process(pod: Pod<'_>) -> Option<Violation> {
    let bad = |context: &Value| (context["windowsOptions"]["hostProcess"] == true).then(String::new);
    Setters::of(pod, bad).plain("hostProcess", "must not set securityContext.windowsOptions.hostProcess=true")
}
