//! How pods are counted: by number, and by what they request and are limited to.
//!
//! Go: pkg/quota/v1/evaluator/core/pods.go

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use apimachinery::{meta::time, runtime::object::Object};
use serde_json::Value;

use crate::admission::{
    pod_resources::{self, Part, ResourceList},
    pods::is_extended,
    resource_quota::{
        check::Scope,
        evaluator::{number, selects},
    },
};

/// Resources that every node has.
const COMPUTE: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

/// Names that containers must speak of as soon as a quota does.
const CONSTRAINED: [&str; 6] = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

/// Says whether a name in a quota is about pods.
pub(super) fn counts(name: &str) -> bool {
    let bare = name.strip_prefix("requests.");
    let limited = name.strip_prefix("limits.");
    name == "pods"
        || COMPUTE.contains(&name)
        || limited.is_some_and(|name| COMPUTE.contains(&name))
        || bare.is_some_and(|name| COMPUTE.contains(&name) || is_extended(name))
        || bare.unwrap_or(name).starts_with("hugepages-")
}

/// Adds what a pod uses to `usage`. One that has ended, or should have, uses nothing but its place in the store.
///
/// Go: pkg/quota/v1/evaluator/core/pods.go PodUsageFunc
pub(super) fn usage(pod: &Object, wall: Duration, usage: &mut ResourceList) {
    if !is_alive(pod, wall) {
        return;
    }
    let nothing = Value::Null;
    let spec = pod.get(&["spec"]).unwrap_or(&nothing);
    compute(&pod_resources::of_pod(spec, Part::Requests), &pod_resources::of_pod(spec, Part::Limits), usage);
}

/// Go: pkg/quota/v1/evaluator/core/pods.go QuotaV1Pod
fn is_alive(pod: &Object, wall: Duration) -> bool {
    if ["Failed", "Succeeded"].contains(&pod.str(&["status", "phase"])) {
        return false;
    }
    let grace = pod.get(&["metadata", "deletionGracePeriodSeconds"]).and_then(Value::as_u64);
    let deleted = pod.deletion_timestamp().and_then(time::parse);
    match (deleted, grace) {
        (Some(deleted), Some(grace)) => wall <= deleted + Duration::from_secs(grace),
        _ => true,
    }
}

/// Names requests and limits as quotas do.
///
/// Go: pkg/quota/v1/evaluator/core/pods.go podComputeUsageHelper
fn compute(requests: &ResourceList, limits: &ResourceList, usage: &mut ResourceList) {
    usage.insert("pods".to_owned(), number(1));
    for (name, quantity) in requests {
        if COMPUTE.contains(&name.as_str()) || name.starts_with("hugepages-") {
            usage.insert(name.clone(), *quantity);
            usage.insert(format!("requests.{name}"), *quantity);
        } else if is_extended(name) {
            usage.insert(format!("requests.{name}"), *quantity);
        }
    }
    for (name, quantity) in limits.iter().filter(|(name, _)| COMPUTE.contains(&name.as_str())) {
        usage.insert(format!("limits.{name}"), *quantity);
    }
}

/// Refuses pods with a container that does not say how much processor or memory it wants, where that is counted.
///
/// Go: pkg/quota/v1/evaluator/core/pods.go Constraints
pub(super) fn check_constraints(required: &[String], pod: &Object) -> Result<(), String> {
    let required: Vec<_> = required.iter().filter(|name| CONSTRAINED.contains(&name.as_str())).collect();
    let mut missing: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let nothing = Value::Null;
    let spec = pod.get(&["spec"]).unwrap_or(&nothing);
    // What is said of the pod as a whole is said of its containers.
    let whole = |part: Part| pod_resources::read(&spec["resources"][part.field()]);
    for container in
        ["containers", "initContainers"].iter().flat_map(|list| spec[*list].as_array().into_iter().flatten())
    {
        let of = |part: Part| {
            let mut list = whole(part);
            list.extend(pod_resources::read(&container["resources"][part.field()]));
            list
        };
        let mut said = ResourceList::new();
        compute(&of(Part::Requests), &of(Part::Limits), &mut said);
        for name in required.iter().filter(|name| !said.contains_key(**name)) {
            let container = container["name"].as_str().unwrap_or_default().to_owned();
            missing.entry(name).or_default().insert(container);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let shown = missing
        .into_iter()
        .map(|(name, containers)| format!("{name} for: {}", containers.into_iter().collect::<Vec<_>>().join(",")));
    Err(format!("must specify {}", shown.collect::<Vec<_>>().join("; ")))
}

/// Go: pkg/quota/v1/evaluator/core/pods.go podMatchesScopeFunc
pub(super) fn in_scope(scope: &Scope, pod: &Object) -> bool {
    let terminating =
        pod.get(&["spec", "activeDeadlineSeconds"]).and_then(Value::as_i64).is_some_and(|seconds| seconds >= 0);
    match scope.name.as_str() {
        "Terminating" => terminating,
        "NotTerminating" => !terminating,
        "BestEffort" => is_best_effort(pod),
        "NotBestEffort" => !is_best_effort(pod),
        "PriorityClass" => selects(scope, pod.str(&["spec", "priorityClassName"])),
        "CrossNamespacePodAffinity" => uses_cross_namespace_affinity(pod),
        _ => false,
    }
}

/// Says whether no container asks for processor or memory.
fn is_best_effort(pod: &Object) -> bool {
    let nothing = Value::Null;
    let spec = pod.get(&["spec"]).unwrap_or(&nothing);
    let asks = |part: Part| {
        let list = pod_resources::of_containers(spec, part);
        ["cpu", "memory"].iter().any(|name| list.get(*name).is_some_and(|quantity| !quantity.is_zero()))
    };
    !asks(Part::Requests) && !asks(Part::Limits)
}

/// Go: pkg/quota/v1/evaluator/core/pods.go usesCrossNamespacePodAffinity
fn uses_cross_namespace_affinity(pod: &Object) -> bool {
    let affinities =
        ["podAffinity", "podAntiAffinity"].into_iter().filter_map(|kind| pod.get(&["spec", "affinity", kind]));
    let mut terms = affinities.flat_map(|affinity| {
        let list = |field: &str| affinity[field].as_array().into_iter().flatten();
        let preferred =
            list("preferredDuringSchedulingIgnoredDuringExecution").map(|weighted| &weighted["podAffinityTerm"]);
        list("requiredDuringSchedulingIgnoredDuringExecution").chain(preferred)
    });
    terms.any(|term| {
        term["namespaces"].as_array().is_some_and(|names| !names.is_empty()) || term["namespaceSelector"].is_object()
    })
}
