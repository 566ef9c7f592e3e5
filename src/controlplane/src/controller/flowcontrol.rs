//! The flow schemas and priority levels that a server needs to be fair.
//!
//! Go: apiserver/pkg/apis/flowcontrol/bootstrap/default.go, pkg/registry/flowcontrol/rest/storage_flowcontrol.go

use std::time::Duration;

use apimachinery::runtime::{object::Object, schema::GroupVersionResource};
use apiserver::server::hooks::{PostStartHookContext, PostStartHookFunc, post_start_hook};
use client::rest::{Client, Error};
use serde_json::{Value, json};

use crate::controller::ensure;

const GROUP: &str = "flowcontrol.apiserver.k8s.io";

/// Says that the server keeps the object's spec.
const AUTOUPDATE: &str = "apf.kubernetes.io/autoupdate-spec";

/// How often the objects are looked after.
const PERIOD: Duration = Duration::from_mins(1);

/// Levels with queues: name, shares, lendable percent, queues, hand size.
const QUEUING: [(&str, u32, u32, u32, u32); 6] = [
    ("system", 30, 33, 64, 6),
    ("node-high", 40, 25, 64, 6),
    ("leader-election", 10, 0, 16, 4),
    ("workload-high", 40, 50, 128, 6),
    ("workload-low", 100, 90, 128, 6),
    ("global-default", 20, 50, 128, 6),
];

/// Hook `priority-and-fairness-config-producer`.
pub fn hook() -> PostStartHookFunc {
    post_start_hook(|context: PostStartHookContext| async move {
        ensure::retry(300, &context.stop, || sync(context.clone())).await?;
        tokio::spawn(async move {
            while ensure::pause(PERIOD, &context.stop).await.is_ok() {
                if let Err(error) = sync(context.clone()).await {
                    tracing::warn!(%error, "cannot keep the flow schemas");
                }
            }
        });
        Ok(())
    })
}

async fn sync(context: PostStartHookContext) -> Result<(), Error> {
    let client = ensure::client(&context);
    for (resource, objects) in [("prioritylevelconfigurations", priority_levels()), ("flowschemas", flow_schemas())] {
        for object in objects {
            maintain(&client, resource, &object).await?;
        }
    }
    Ok(())
}

/// Creates the object, or brings its spec back unless its owner has said that it is theirs.
async fn maintain(client: &Client, resource: &str, wanted: &Object) -> Result<(), Error> {
    let resource = client.resource(&GroupVersionResource::new(GROUP, "v1", resource));
    let mut present = ensure::exists(&resource, wanted).await?;
    let kept = match present.annotations().get(AUTOUPDATE).map(String::as_str) {
        Some("true") => true,
        Some(_) => false,
        None => present.generation() == 1,
    };
    let mandatory = matches!(wanted.name(), "exempt" | "catch-all");
    if (kept || mandatory) && present.get(&["spec"]) != wanted.get(&["spec"]) {
        present.set(&["spec"], wanted.get(&["spec"]).cloned().unwrap_or_default());
        resource.update(&present, "").await?;
    }
    Ok(())
}

fn priority_levels() -> Vec<Object> {
    let mut levels = vec![
        level("exempt", &json!({"type": "Exempt", "exempt": {"nominalConcurrencyShares": 0, "lendablePercent": 0}})),
        level(
            "catch-all",
            &json!({"type": "Limited", "limited": {
                "nominalConcurrencyShares": 5, "lendablePercent": 0, "limitResponse": {"type": "Reject"},
            }}),
        ),
    ];
    levels.extend(QUEUING.iter().map(|(name, shares, lendable, queues, hand)| {
        let queuing = json!({"queues": queues, "handSize": hand, "queueLengthLimit": 50});
        level(
            name,
            &json!({"type": "Limited", "limited": {
                "nominalConcurrencyShares": shares,
                "lendablePercent": lendable,
                "limitResponse": {"type": "Queue", "queuing": queuing},
            }}),
        )
    }));
    levels
}

fn level(name: &str, spec: &Value) -> Object {
    ensure::object(json!({
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "PriorityLevelConfiguration",
        "metadata": {"name": name, "annotations": {AUTOUPDATE: "true"}},
        "spec": spec,
    }))
}

/// Everyone's requests, in order of precedence.
fn flow_schemas() -> Vec<Object> {
    let everyone = || vec![group("system:unauthenticated"), group("system:authenticated")];
    let leases = |verbs: &[&str]| resources(verbs, &["coordination.k8s.io"], &["leases"], false);
    let elections = json!({"resourceRules": [leases(&["get", "create", "update"])]});
    let node_status = resources(&["*"], &[""], &["nodes", "nodes/status"], true);
    let probes =
        json!({"nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/healthz", "/readyz", "/livez"]}]});
    let controllers = ["system:kube-controller-manager", "system:kube-scheduler"];
    vec![
        schema("exempt", "exempt", 1, None, vec![group("system:masters")], everything()),
        schema("probes", "exempt", 2, None, everyone(), probes),
        schema(
            "system-leader-election",
            "leader-election",
            100,
            Some("ByUser"),
            vec![user(controllers[0]), user(controllers[1]), service_accounts()],
            elections,
        ),
        schema(
            "system-node-high",
            "node-high",
            400,
            Some("ByUser"),
            vec![group("system:nodes")],
            json!({"resourceRules": [node_status, leases(&["*"])]}),
        ),
        schema("system-nodes", "system", 500, Some("ByUser"), vec![group("system:nodes")], everything()),
        schema(
            "kube-controller-manager",
            "workload-high",
            800,
            Some("ByNamespace"),
            vec![user(controllers[0])],
            everything(),
        ),
        schema("kube-scheduler", "workload-high", 800, Some("ByNamespace"), vec![user(controllers[1])], everything()),
        schema(
            "kube-system-service-accounts",
            "workload-high",
            900,
            Some("ByNamespace"),
            vec![service_accounts()],
            everything(),
        ),
        schema(
            "service-accounts",
            "workload-low",
            9000,
            Some("ByUser"),
            vec![group("system:serviceaccounts")],
            everything(),
        ),
        schema("global-default", "global-default", 9900, Some("ByUser"), everyone(), everything()),
        schema("catch-all", "catch-all", 10000, Some("ByUser"), everyone(), everything()),
    ]
}

fn schema(
    name: &str,
    level: &str,
    precedence: u32,
    distinguisher: Option<&str>,
    subjects: Vec<Value>,
    rules: Value,
) -> Object {
    let mut rule = rules;
    rule["subjects"] = Value::Array(subjects);
    let mut spec = json!({
        "priorityLevelConfiguration": {"name": level},
        "matchingPrecedence": precedence,
        "rules": [rule],
    });
    if let Some(distinguisher) = distinguisher {
        spec["distinguisherMethod"] = json!({"type": distinguisher});
    }
    ensure::object(json!({
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "FlowSchema",
        "metadata": {"name": name, "annotations": {AUTOUPDATE: "true"}},
        "spec": spec,
    }))
}

fn everything() -> Value {
    json!({
        "resourceRules": [resources(&["*"], &["*"], &["*"], true)],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    })
}

fn resources(verbs: &[&str], groups: &[&str], resources: &[&str], cluster_scope: bool) -> Value {
    let mut rule = json!({"verbs": verbs, "apiGroups": groups, "resources": resources, "namespaces": ["*"]});
    if cluster_scope {
        rule["clusterScope"] = true.into();
    }
    rule
}

fn group(name: &str) -> Value {
    json!({"kind": "Group", "group": {"name": name}})
}

fn user(name: &str) -> Value {
    json!({"kind": "User", "user": {"name": name}})
}

/// All service accounts of `kube-system`.
fn service_accounts() -> Value {
    json!({"kind": "ServiceAccount", "serviceAccount": {"namespace": "kube-system", "name": "*"}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_names_a_level_that_exists() {
        let levels: Vec<String> = priority_levels().iter().map(|level| level.name().to_owned()).collect();
        for schema in flow_schemas() {
            let level = schema.str(&["spec", "priorityLevelConfiguration", "name"]);
            assert!(levels.iter().any(|name| name == level), "{}: {level}", schema.name());
        }
    }
}
