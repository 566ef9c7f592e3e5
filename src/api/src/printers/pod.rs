//! Pods: a state in one word, made of the states of all containers.
//!
//! Go: pkg/printers/internalversion/printers.go printPod

use std::time::Duration;

use apimachinery::runtime::object::Object;
use serde_json::{Value, json};

use super::cells::{NONE, age, or, since, spec, status};
use crate::node::Node;

/// What is counted on the way through the containers.
struct Summary {
    reason: String,
    ready: usize,
    restarts: i64,
    sidecar_restarts: i64,
    last_restart: String,
    last_sidecar_restart: String,
}

pub(super) fn cells(object: &Object, now: Duration) -> Vec<Value> {
    let (spec, status) = (spec(object), status(object));
    let sidecars: Vec<&str> = spec
        .items("initContainers")
        .iter()
        .filter(|container| container.text("restartPolicy") == "Always")
        .map(|container| container.text("name"))
        .collect();
    let total = spec.items("containers").len() + sidecars.len();
    let summary = summarise(object, &spec, &status, &sidecars);
    let mut restarts = summary.restarts.to_string();
    if summary.restarts != 0 && !summary.last_restart.is_empty() {
        restarts = format!("{restarts} ({} ago)", since(&summary.last_restart, now));
    }
    let address = status.items("podIPs").first().map(|address| address.text("ip")).unwrap_or_default();
    vec![
        format!("{}/{total}", summary.ready).into(),
        summary.reason.into(),
        restarts.into(),
        age(object, now),
        or(address, NONE),
        or(spec.text("nodeName"), NONE),
        or(status.text("nominatedNodeName"), NONE),
        readiness_gates(&spec, &status),
    ]
}

fn readiness_gates(spec: &Node<'_>, status: &Node<'_>) -> Value {
    let gates = spec.items("readinessGates");
    if gates.is_empty() {
        return NONE.into();
    }
    let is_true = |gate: &&Node<'_>| {
        let kind = gate.text("conditionType");
        status.items("conditions").iter().any(|found| found.text("type") == kind && found.text("status") == "True")
    };
    json!(format!("{}/{}", gates.iter().filter(is_true).count(), gates.len()))
}

fn summarise(object: &Object, spec: &Node<'_>, status: &Node<'_>, sidecars: &[&str]) -> Summary {
    let phase = status.text("phase");
    let conditions = status.items("conditions");
    let has = |kind: &str, status: &str| {
        conditions.iter().any(|found| found.text("type") == kind && found.text("status") == status)
    };
    let mut summary = Summary {
        reason: if status.text("reason").is_empty() { phase } else { status.text("reason") }.to_owned(),
        ready: 0,
        restarts: 0,
        sidecar_restarts: 0,
        last_restart: String::new(),
        last_sidecar_restart: String::new(),
    };
    let gated = |found: &Node<'_>| found.text("type") == "PodScheduled" && found.text("reason") == "SchedulingGated";
    if conditions.iter().any(gated) {
        "SchedulingGated".clone_into(&mut summary.reason);
    }
    let initializing = initial(&mut summary, spec, status, sidecars);
    if !initializing || has("Initialized", "True") {
        main(&mut summary, status, has("Ready", "True"));
    }
    if object.deletion_timestamp().is_some() {
        if status.text("reason") == "NodeLost" {
            "Unknown".clone_into(&mut summary.reason);
        } else if !matches!(phase, "Succeeded" | "Failed") {
            "Terminating".clone_into(&mut summary.reason);
        }
    }
    summary
}

/// Goes through the initial containers up to the first that is not done. Says whether there is one.
fn initial(summary: &mut Summary, spec: &Node<'_>, status: &Node<'_>, sidecars: &[&str]) -> bool {
    let count = spec.len("initContainers");
    for (index, container) in status.items("initContainerStatuses").iter().enumerate() {
        let is_sidecar = sidecars.contains(&container.text("name"));
        let restarts = container.int("restartCount");
        let last = container.text("lastState.terminated.finishedAt");
        summary.restarts += restarts;
        later(&mut summary.last_restart, last);
        if is_sidecar {
            summary.sidecar_restarts += restarts;
            later(&mut summary.last_sidecar_restart, last);
        }
        let (terminated, waiting) = (container.child("state.terminated"), container.text("state.waiting.reason"));
        if terminated.is_set() && terminated.int("exitCode") == 0 {
            continue;
        }
        if is_sidecar && container.flag("started") {
            summary.ready += usize::from(container.flag("ready"));
            continue;
        }
        summary.reason = if terminated.is_set() {
            format!("Init:{}", ended(&terminated))
        } else if !waiting.is_empty() && waiting != "PodInitializing" {
            format!("Init:{waiting}")
        } else {
            format!("Init:{index}/{count}")
        };
        return true;
    }
    false
}

fn ended(terminated: &Node<'_>) -> String {
    match (terminated.text("reason"), terminated.int("signal")) {
        ("", 0) => format!("ExitCode:{}", terminated.int("exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

fn main(summary: &mut Summary, status: &Node<'_>, is_ready: bool) {
    summary.restarts = summary.sidecar_restarts;
    summary.last_restart.clone_from(&summary.last_sidecar_restart);
    let mut running = false;
    for container in status.items("containerStatuses").iter().rev() {
        summary.restarts += container.int("restartCount");
        later(&mut summary.last_restart, container.text("lastState.terminated.finishedAt"));
        let (terminated, waiting) = (container.child("state.terminated"), container.text("state.waiting.reason"));
        if !waiting.is_empty() {
            waiting.clone_into(&mut summary.reason);
        } else if terminated.is_set() {
            summary.reason = ended(&terminated);
        } else if container.flag("ready") && container.has("state.running") {
            running = true;
            summary.ready += 1;
        }
    }
    if summary.reason == "Completed" && running {
        (if is_ready { "Running" } else { "NotReady" }).clone_into(&mut summary.reason);
    }
}

/// Keeps the later of two times.
fn later(kept: &mut String, time: &str) {
    if time > kept.as_str() {
        time.clone_into(kept);
    }
}
