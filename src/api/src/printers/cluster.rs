//! What governs a cluster: roles, leases, classes, certificates, fairness, devices.
//!
//! Go: pkg/printers/internalversion/printers.go printRoleBinding, printLease, printFlowSchema...

use std::time::Duration;

use apimachinery::runtime::object::Object;
use component_base::duration::{self, human_duration};
use serde_json::{Value, json};

use super::{
    Printer,
    cells::{NONE, age, or, spec, status},
};
use crate::node::Node;

const BINDING: Printer = Printer::new("Role Age Users* Groups* ServiceAccounts*", binding);
const ONLY_AGE: Printer = Printer::new("Age", |object, now| vec![age(object, now)]);

pub(super) const PRINTERS: &[(&str, &str, Printer)] = &[
    ("rbac.authorization.k8s.io", "RoleBinding", BINDING),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding", BINDING),
    (
        "coordination.k8s.io",
        "Lease",
        Printer::new("Holder Age", |object, now| vec![spec(object).text("holderIdentity").into(), age(object, now)]),
    ),
    (
        "certificates.k8s.io",
        "CertificateSigningRequest",
        Printer::new("Age SignerName Requestor RequestedDuration Condition", signing_request),
    ),
    (
        "scheduling.k8s.io",
        "PriorityClass",
        Printer::new("Value:integer Global-Default:boolean Age PreemptionPolicy", priority_class),
    ),
    (
        "node.k8s.io",
        "RuntimeClass",
        Printer::new("Handler Age", |object, now| vec![object.str(&["handler"]).into(), age(object, now)]),
    ),
    (
        "flowcontrol.apiserver.k8s.io",
        "FlowSchema",
        Printer::new("PriorityLevel MatchingPrecedence DistinguisherMethod Age MissingPL", flow_schema),
    ),
    (
        "flowcontrol.apiserver.k8s.io",
        "PriorityLevelConfiguration",
        Printer::new("Type NominalConcurrencyShares Queues HandSize QueueLengthLimit Age", priority_level),
    ),
    ("resource.k8s.io", "DeviceClass", ONLY_AGE),
    ("resource.k8s.io", "ResourceClaimTemplate", ONLY_AGE),
    (
        "resource.k8s.io",
        "ResourceClaim",
        Printer::new("State Age", |object, now| vec![claim_state(object).into(), age(object, now)]),
    ),
    (
        "resource.k8s.io",
        "ResourceSlice",
        Printer::new("Node Driver Pool Age", |object, now| {
            let spec = spec(object);
            let node = or(spec.text("nodeName"), "<unset>");
            vec![node, spec.text("driver").into(), spec.text("pool.name").into(), age(object, now)]
        }),
    ),
    ("apiregistration.k8s.io", "APIService", Printer::new("Service Available Age", api_service)),
];

fn binding(object: &Object, now: Duration) -> Vec<Value> {
    let role = Node::of(object, "roleRef");
    let subjects = Node::of(object, "subjects").items_here();
    let of = |kind: &str| {
        let found = subjects.iter().filter(|subject| subject.text("kind") == kind);
        let names = found.map(|subject| match kind {
            "ServiceAccount" => format!("{}/{}", subject.text("namespace"), subject.text("name")),
            _ => subject.text("name").to_owned(),
        });
        Value::from(names.collect::<Vec<_>>().join(", "))
    };
    vec![
        format!("{}/{}", role.text("kind"), role.text("name")).into(),
        age(object, now),
        of("User"),
        of("Group"),
        of("ServiceAccount"),
    ]
}

fn signing_request(object: &Object, now: Duration) -> Vec<Value> {
    let (spec, status) = (spec(object), status(object));
    let conditions = status.items("conditions");
    let has = |kind: &str| conditions.iter().any(|condition| condition.text("type") == kind);
    let mut words: Vec<&str> = Vec::new();
    // Denied wins over approved.
    if has("Denied") {
        words.push("Denied");
    } else if has("Approved") {
        words.push("Approved");
    } else {
        words.push("Pending");
    }
    if has("Failed") {
        words.push("Failed");
    }
    if !status.text("certificate").is_empty() {
        words.push("Issued");
    }
    let seconds = spec.opt_int("expirationSeconds");
    let requested = seconds.map_or_else(
        || NONE.to_owned(),
        |seconds| human_duration(duration::Duration { nanos: seconds * 1_000_000_000 }),
    );
    vec![
        age(object, now),
        or(spec.text("signerName"), NONE),
        spec.text("username").into(),
        requested.into(),
        words.join(",").into(),
    ]
}

fn priority_class(object: &Object, now: Duration) -> Vec<Value> {
    vec![
        json!(Node::of(object, "value").as_int()),
        json!(object.get(&["globalDefault"]).and_then(Value::as_bool).unwrap_or_default()),
        age(object, now),
        or(object.str(&["preemptionPolicy"]), "PreemptLowerPriority"),
    ]
}

fn flow_schema(object: &Object, now: Duration) -> Vec<Value> {
    let spec = spec(object);
    let dangling = status(object).items("conditions");
    let dangling = dangling.iter().find(|condition| condition.text("type") == "Dangling");
    vec![
        spec.text("priorityLevelConfiguration.name").into(),
        json!(spec.int("matchingPrecedence")),
        or(spec.text("distinguisherMethod.type"), NONE),
        age(object, now),
        dangling.map_or("?", |condition| condition.text("status")).into(),
    ]
}

fn priority_level(object: &Object, now: Duration) -> Vec<Value> {
    let spec = spec(object);
    let limited = spec.child("limited");
    let queuing = limited.child("limitResponse.queuing");
    let number = |value: Option<i64>| value.map_or(json!(NONE), |value| json!(value));
    vec![
        spec.text("type").into(),
        number(limited.opt_int("nominalConcurrencyShares")),
        number(queuing.opt_int("queues")),
        number(queuing.opt_int("handSize")),
        number(queuing.opt_int("queueLengthLimit")),
        age(object, now),
    ]
}

/// Go: resourceClaimState
fn claim_state(object: &Object) -> String {
    let status = status(object);
    let mut states = Vec::new();
    if object.deletion_timestamp().is_some() {
        states.push("deleted");
    }
    if !status.has("allocation") {
        if object.deletion_timestamp().is_none() {
            states.push("pending");
        }
        return states.join(",");
    }
    states.push("allocated");
    if status.len("reservedFor") > 0 {
        states.push("reserved");
    }
    states.join(",")
}

/// Go: kube-aggregator/pkg/registry/apiservice/strategy.go ConvertToTable
fn api_service(object: &Object, now: Duration) -> Vec<Value> {
    let (spec, status) = (spec(object), status(object));
    let service = spec.child("service");
    let shown = if service.is_set() {
        format!("{}/{}", service.text("namespace"), service.text("name"))
    } else {
        "Local".to_owned()
    };
    let conditions = status.items("conditions");
    let available = conditions.iter().find(|condition| condition.text("type") == "Available");
    let available = match available.map(|condition| (condition.text("status"), condition.text("reason"))) {
        None => "Unknown".to_owned(),
        Some(("True", _)) => "True".to_owned(),
        Some((status, reason)) => format!("{status} ({reason})"),
    };
    vec![shown.into(), available.into(), age(object, now)]
}
