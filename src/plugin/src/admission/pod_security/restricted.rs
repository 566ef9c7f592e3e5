//! The rules that the restricted level adds.
//!
//! Go: pod-security-admission/policy/check_*.go

use std::collections::BTreeSet;

use serde_json::Value;

use crate::admission::pod_security::{
    baseline,
    checks::{Check, Pod, Setters, Violation, by_containers, containers, join_quote, name, pluralize},
    policy::Level,
};

const fn check(
    id: &'static str,
    versions: (u32, Option<u32>),
    replaces: Option<&'static str>,
    run: fn(Pod<'_>) -> Option<Violation>,
) -> Check {
    Check { id, level: Level::Restricted, versions, replaces, run }
}

/// All rules, by name.
pub const CHECKS: &[Check] = &[
    check("allowPrivilegeEscalation", (8, Some(25)), None, privilege_escalation),
    check("allowPrivilegeEscalation", (25, None), None, |pod| unless_windows(pod, privilege_escalation)),
    check("capabilities_restricted", (22, Some(25)), Some("capabilities_baseline"), capabilities),
    check("capabilities_restricted", (25, None), Some("capabilities_baseline"), |pod| {
        unless_windows(pod, capabilities)
    }),
    check("procMount_restricted", (35, None), Some("procMount"), baseline::proc_mount),
    check("restrictedVolumes", (0, None), Some("hostPathVolumes"), volumes),
    check("runAsNonRoot", (0, None), None, run_as_non_root),
    check("runAsUser", (23, None), None, run_as_user),
    check("seccompProfile_restricted", (19, Some(25)), Some("seccompProfile_baseline"), seccomp_profile),
    check("seccompProfile_restricted", (25, None), Some("seccompProfile_baseline"), |pod| {
        unless_windows(pod, seccomp_profile)
    }),
];

/// Skips a rule for Windows, where it means nothing.
fn unless_windows(pod: Pod<'_>, run: fn(Pod<'_>) -> Option<Violation>) -> Option<Violation> {
    if pod.is_windows() { None } else { run(pod) }
}

/// Go: check_allowPrivilegeEscalation.go
fn privilege_escalation(pod: Pod<'_>) -> Option<Violation> {
    let names = pod.names(|container| container["securityContext"]["allowPrivilegeEscalation"] != false);
    by_containers(
        &names,
        "allowPrivilegeEscalation != false",
        "must set securityContext.allowPrivilegeEscalation=false",
    )
}

/// Go: check_capabilities_restricted.go
fn capabilities(pod: Pod<'_>) -> Option<Violation> {
    let drops_all = |container: &Value| {
        let list = container["securityContext"]["capabilities"]["drop"].as_array();
        list.is_some_and(|list| list.iter().any(|capability| capability == "ALL"))
    };
    let missing = pod.names(|container| !drops_all(container));
    let (names, added) = baseline::adding(pod, &["NET_BIND_SERVICE"]);
    let mut details = Vec::new();
    if !missing.is_empty() {
        details.push(format!("{} must set securityContext.capabilities.drop=[\"ALL\"]", containers(&missing)));
    }
    if !names.is_empty() {
        let added = join_quote(added);
        details.push(format!("{} must not include {added} in securityContext.capabilities.add", containers(&names)));
    }
    (!details.is_empty())
        .then(|| Violation { reason: "unrestricted capabilities".to_owned(), detail: details.join("; ") })
}

/// Go: check_restrictedVolumes.go
fn volumes(pod: Pod<'_>) -> Option<Violation> {
    const ALLOWED: [&str; 8] =
        ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"];
    let kind = |volume: &Value| {
        let sources = volume.as_object().into_iter().flatten();
        let mut sources =
            sources.filter(|(field, source)| *field != "name" && source.is_object()).map(|(field, _)| field.clone());
        sources.next()
    };
    let list = || pod.spec["volumes"].as_array().into_iter().flatten();
    let bad = |volume: &&Value| kind(volume).is_some_and(|kind| !ALLOWED.contains(&kind.as_str()));
    let names: Vec<_> = list().filter(bad).map(name).collect();
    let kinds: BTreeSet<String> = list().filter(bad).filter_map(kind).collect();
    let detail = format!(
        "{} {} {} restricted volume {} {}",
        pluralize("volume", "volumes", names.len()),
        join_quote(names.iter().copied()),
        pluralize("uses", "use", names.len()),
        pluralize("type", "types", kinds.len()),
        join_quote(kinds.iter().map(String::as_str))
    );
    (!names.is_empty()).then(|| Violation { reason: "restricted volume types".to_owned(), detail })
}

/// Go: check_runAsNonRoot.go
fn run_as_non_root(pod: Pod<'_>) -> Option<Violation> {
    const REASON: &str = "runAsNonRoot != true";
    let bad = |context: &Value| (context["runAsNonRoot"] == false).then(String::new);
    if let Some(explicit) = Setters::of(pod, bad).plain(REASON, "must not set securityContext.runAsNonRoot=false") {
        return Some(explicit);
    }
    if pod.spec["securityContext"]["runAsNonRoot"] == true {
        return None;
    }
    let names = pod.names(|container| container["securityContext"]["runAsNonRoot"] != true);
    let detail = format!("pod or {} must set securityContext.runAsNonRoot=true", containers(&names));
    (!names.is_empty()).then(|| Violation { reason: REASON.to_owned(), detail })
}

/// Go: check_runAsUser.go
fn run_as_user(pod: Pod<'_>) -> Option<Violation> {
    let bad = |context: &Value| (context["runAsUser"] == 0).then(String::new);
    Setters::of(pod, bad).plain("runAsUser=0", "must not set runAsUser=0")
}

/// Go: check_seccompProfile_restricted.go
fn seccomp_profile(pod: Pod<'_>) -> Option<Violation> {
    const REASON: &str = "seccompProfile";
    let kind = |context: &Value| context["seccompProfile"]["type"].as_str().map(str::to_owned);
    let good = |kind: &String| kind == "RuntimeDefault" || kind == "Localhost";
    let bad = |context: &Value| kind(context).filter(|kind| !good(kind));
    let explicit = Setters::of(pod, bad).violation(REASON, "must not set securityContext.seccompProfile.type to");
    if explicit.is_some() || kind(&pod.spec["securityContext"]).is_some() {
        return explicit;
    }
    let names = pod.names(|container| kind(&container["securityContext"]).is_none());
    let rest = "must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"";
    let detail = format!("pod or {} {rest}", containers(&names));
    (!names.is_empty()).then(|| Violation { reason: REASON.to_owned(), detail })
}
