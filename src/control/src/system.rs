//! Whose traffic it is: a person's, or the system's own.
//!
//! Leases expire, nodes go stale and controllers lose their election when their requests are held. So the
//! system's traffic passes, unless someone asks for it to be held. Part of it the server knows itself (its
//! loopback client, probes); the rest is told by who asks, and before that is known, by the program.

use phase::record::TraceKind;

use crate::condition::Facts;

/// Programs that are part of a cluster; their names are what their User-Agent begins with.
const PROGRAMS: &[&str] = &[
    "kubelet/",
    "kube-controller-manager/",
    "kube-scheduler/",
    "kube-proxy/",
    "cloud-controller-manager/",
    "kubestep-controllers",
];

/// Says whether a request is the system's own, by what is known of it so far.
pub fn is_system(kind: TraceKind, facts: &Facts) -> bool {
    let fact = |name: &str| facts.get(name).map(String::as_str);
    match kind {
        TraceKind::System => true,
        TraceKind::Startup | TraceKind::Shutdown => false,
        TraceKind::Request => asked_by_system(fact("user"), fact("userAgent")),
    }
}

/// The same by user and program.
pub fn asked_by_system(user: Option<&str>, agent: Option<&str>) -> bool {
    if agent.is_some_and(|agent| PROGRAMS.iter().any(|program| agent.starts_with(program))) {
        return true;
    }
    // Anonymous is a stranger, and a service account outside kube-system is somebody's workload.
    user.and_then(|user| user.strip_prefix("system:")).is_some_and(|rest| {
        rest != "anonymous" && (!rest.starts_with("serviceaccount:") || rest.starts_with("serviceaccount:kube-system:"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_workloads_are_no_system() {
        let by = |user, agent| asked_by_system(user, agent);
        assert!(by(Some("system:kube-scheduler"), None) && by(Some("system:node:a"), None));
        assert!(by(None, Some("kubelet/v1.36.2 (linux/amd64)")), "known before authentication");
        assert!(by(Some("system:serviceaccount:kube-system:gc"), None));
        assert!(!by(Some("system:serviceaccount:shop:default"), None));
        assert!(!by(Some("system:anonymous"), None) && !by(Some("alice"), Some("kubectl/v1.36.2")) && !by(None, None));
    }
}
