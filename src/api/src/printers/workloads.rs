//! What runs pods.
//!
//! Go: pkg/printers/internalversion/printers.go printDeployment, printReplicaSet, printDaemonSet, printJob...

use std::time::Duration;

use apimachinery::{meta::time, runtime::object::Object};
use serde_json::{Value, json};

use super::{
    Printer,
    cells::{NONE, UNKNOWN, age, between, containers, labels, number, or, selector, since, spec, status},
};
use crate::node::Node;

const REPLICAS: &str = "Desired:integer Current:integer Ready:integer Age Containers* Images* Selector*";

pub(super) const PRINTERS: &[(&str, &str, Printer)] = &[
    ("apps", "Deployment", Printer::new("Ready Up-to-date Available Age Containers* Images* Selector*", deployment)),
    (
        "apps",
        "ReplicaSet",
        Printer::new(REPLICAS, |object, now| replicas(object, now, selector(spec(object).get("selector")))),
    ),
    (
        "",
        "ReplicationController",
        Printer::new(REPLICAS, |object, now| replicas(object, now, labels(spec(object).get("selector")))),
    ),
    ("apps", "StatefulSet", Printer::new("Ready Age Containers* Images*", stateful_set)),
    (
        "apps",
        "DaemonSet",
        Printer::new(
            "Desired:integer Current:integer Ready:integer Up-to-date:integer Available:integer Node_Selector Age \
             Containers* Images* Selector*",
            daemon_set,
        ),
    ),
    ("batch", "Job", Printer::new("Status Completions Duration Age Containers* Images* Selector*", job)),
    (
        "batch",
        "CronJob",
        Printer::new(
            "Schedule Timezone Suspend:boolean Active:integer Last_Schedule Age Containers* Images* Selector*",
            cron_job,
        ),
    ),
    ("", "PodTemplate", Printer::new("Containers Images Pod_Labels", pod_template)),
    ("apps", "ControllerRevision", Printer::new("Controller Revision Age", controller_revision)),
    ("autoscaling", "Scale", Printer::new("Desired:integer Available:integer Age", scale)),
    (
        "autoscaling",
        "HorizontalPodAutoscaler",
        Printer::new("Reference Targets MinPods MaxPods Replicas Age", autoscaler),
    ),
    (
        "policy",
        "PodDisruptionBudget",
        Printer::new("Min_Available Max_Unavailable Allowed_Disruptions:integer Age", budget),
    ),
];

fn template(object: &Object) -> Node<'_> {
    Node::of(object, "spec.template")
}

fn deployment(object: &Object, now: Duration) -> Vec<Value> {
    let (spec, status) = (spec(object), status(object));
    let [names, images] = containers(&template(object));
    vec![
        format!("{}/{}", status.int("readyReplicas"), spec.int("replicas")).into(),
        number(status.int("updatedReplicas")),
        number(status.int("availableReplicas")),
        age(object, now),
        names,
        images,
        selector(spec.get("selector")),
    ]
}

fn replicas(object: &Object, now: Duration, selector: Value) -> Vec<Value> {
    let status = status(object);
    let [names, images] = containers(&template(object));
    vec![
        number(spec(object).int("replicas")),
        number(status.int("replicas")),
        number(status.int("readyReplicas")),
        age(object, now),
        names,
        images,
        selector,
    ]
}

fn stateful_set(object: &Object, now: Duration) -> Vec<Value> {
    let [names, images] = containers(&template(object));
    let ready = format!("{}/{}", status(object).int("readyReplicas"), spec(object).int("replicas"));
    vec![ready.into(), age(object, now), names, images]
}

fn daemon_set(object: &Object, now: Duration) -> Vec<Value> {
    let status = status(object);
    let [names, images] = containers(&template(object));
    vec![
        number(status.int("desiredNumberScheduled")),
        number(status.int("currentNumberScheduled")),
        number(status.int("numberReady")),
        number(status.int("updatedNumberScheduled")),
        number(status.int("numberAvailable")),
        labels(template(object).get("spec.nodeSelector")),
        age(object, now),
        names,
        images,
        selector(spec(object).get("selector")),
    ]
}

fn job(object: &Object, now: Duration) -> Vec<Value> {
    let (spec, status) = (spec(object), status(object));
    let succeeded = status.int("succeeded");
    let completions = match (spec.opt_int("completions"), spec.int("parallelism")) {
        (Some(all), _) => format!("{succeeded}/{all}"),
        (None, parallel) if parallel > 1 => format!("{succeeded}/1 of {parallel}"),
        (None, _) => format!("{succeeded}/1"),
    };
    let started = time::parse(status.text("startTime"));
    let duration = match (started, time::parse(status.text("completionTime"))) {
        (None, _) => String::new(),
        (Some(started), None) => between(started, now),
        (Some(started), Some(completed)) => between(started, completed),
    };
    let [names, images] = containers(&template(object));
    vec![
        job_status(object, &status).into(),
        completions.into(),
        duration.into(),
        age(object, now),
        names,
        images,
        selector(spec.get("selector")),
    ]
}

fn job_status(object: &Object, status: &Node<'_>) -> &'static str {
    let conditions = status.items("conditions");
    let has = |kind: &str| conditions.iter().any(|found| found.text("type") == kind && found.text("status") == "True");
    if has("Complete") {
        "Complete"
    } else if has("Failed") {
        "Failed"
    } else if object.deletion_timestamp().is_some() {
        "Terminating"
    } else if has("Suspended") {
        "Suspended"
    } else if has("FailureTarget") {
        "FailureTarget"
    } else if has("SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    }
}

fn cron_job(object: &Object, now: Duration) -> Vec<Value> {
    let (spec, status) = (spec(object), status(object));
    let last = match status.text("lastScheduleTime") {
        "" => NONE.to_owned(),
        time => since(time, now),
    };
    let suspended =
        spec.opt_flag("suspend").map_or_else(|| UNKNOWN.to_owned(), |is| if is { "True" } else { "False" }.to_owned());
    let [names, images] = containers(&spec.child("jobTemplate.spec.template"));
    vec![
        spec.text("schedule").into(),
        or(spec.text("timeZone"), NONE),
        suspended.into(),
        json!(status.len("active")),
        last.into(),
        age(object, now),
        names,
        images,
        selector(spec.get("jobTemplate.spec.selector")),
    ]
}

fn pod_template(object: &Object, _: Duration) -> Vec<Value> {
    let template = Node::of(object, "template");
    let [names, images] = containers(&template);
    vec![names, images, labels(template.get("metadata.labels"))]
}

fn controller_revision(object: &Object, now: Duration) -> Vec<Value> {
    let owner = apimachinery::meta::object_meta::ObjectMeta::of(object).controller();
    let owner = owner.map_or_else(
        || NONE.to_owned(),
        |owner| {
            let group = owner.api_version().split_once('/').map_or("", |(group, _)| group);
            let dot = if group.is_empty() { "" } else { "." };
            format!("{}{dot}{group}/{}", owner.kind().to_ascii_lowercase(), owner.name())
        },
    );
    vec![owner.into(), number(Node::of(object, "revision").as_int()), age(object, now)]
}

fn scale(object: &Object, now: Duration) -> Vec<Value> {
    vec![number(spec(object).int("replicas")), number(status(object).int("replicas")), age(object, now)]
}

fn budget(object: &Object, now: Duration) -> Vec<Value> {
    let spec = spec(object);
    let share = |field: &str| match spec.get(field) {
        Some(Value::String(text)) => json!(text),
        Some(number) => json!(number.to_string()),
        None => json!("N/A"),
    };
    vec![
        share("minAvailable"),
        share("maxUnavailable"),
        number(status(object).int("disruptionsAllowed")),
        age(object, now),
    ]
}

fn autoscaler(object: &Object, now: Duration) -> Vec<Value> {
    let (spec, status) = (spec(object), status(object));
    let target = spec.child("scaleTargetRef");
    let minimum = spec.opt_int("minReplicas").map_or("<unset>".to_owned(), |least| least.to_string());
    vec![
        format!("{}/{}", target.text("kind"), target.text("name")).into(),
        metrics(&spec, &status).into(),
        minimum.into(),
        number(spec.int("maxReplicas")),
        number(status.int("currentReplicas")),
        age(object, now),
    ]
}

/// Go: formatHPAMetrics
fn metrics(spec: &Node<'_>, status: &Node<'_>) -> String {
    let metrics = spec.items("metrics");
    if metrics.is_empty() {
        return NONE.to_owned();
    }
    let current = status.items("currentMetrics");
    let shown: Vec<String> =
        metrics.iter().enumerate().take(2).map(|(index, metric)| metric_text(metric, current.get(index))).collect();
    let text = shown.join(", ");
    if metrics.len() > 2 { format!("{text} + {} more...", metrics.len() - 2) } else { text }
}

fn metric_text(metric: &Node<'_>, current: Option<&Node<'_>>) -> String {
    let kind = metric.text("type");
    let source = match kind {
        "ContainerResource" => "containerResource".to_owned(),
        other => other.to_ascii_lowercase(),
    };
    let (target, now) =
        (metric.child(&source).child("target"), current.map(|current| current.child(&source).child("current")));
    let now = |field: &str| {
        let value = now.as_ref()?.get(field)?;
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let unknown = || UNKNOWN.to_owned();
    let pair = match kind {
        "Pods" => format!("{}/{}", now("averageValue").unwrap_or_else(unknown), target.text("averageValue")),
        "Object" | "External" if target.has("averageValue") => {
            format!("{}/{} (avg)", now("averageValue").unwrap_or_else(unknown), target.text("averageValue"))
        }
        "Object" | "External" => format!("{}/{}", now("value").unwrap_or_else(unknown), target.text("value")),
        "Resource" | "ContainerResource" if target.has("averageValue") => {
            format!("{}/{}", now("averageValue").unwrap_or_else(unknown), target.text("averageValue"))
        }
        "Resource" | "ContainerResource" => {
            let share = now("averageUtilization").map_or_else(unknown, |share| format!("{share}%"));
            format!("{share}/{}%", target.int("averageUtilization"))
        }
        _ => return "<unknown type>".to_owned(),
    };
    match kind {
        "Resource" | "ContainerResource" => format!("{}: {pair}", metric.text(&format!("{source}.name"))),
        _ => pair,
    }
}
